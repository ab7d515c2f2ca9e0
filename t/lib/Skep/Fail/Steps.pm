package Skep::Fail::Steps;

# The calls of the API as steps whose parts can be made to fail: a step makes
# what it needs, then its request, as often as it is asked to.

use v5.36;

use Carp qw(croak);
use JSON::PP ();
use List::Util qw(pairs);


# new(server => a Skep::Server) registers who takes part.

sub new ($class, %o) {
    my $server = $o{server};
    my $self = bless { server => $server, n => 0 }, $class;

    $self->{user} = $server->user(name => 'Ada');
    $self->{other} = $server->user(name => 'Grace');
    $self->{admin} = $server->admin(name => 'Root');
    $self->{project} = $server->project($self->{user},
                                        editor => $self->{other});
    $self->{user}->task(title => "Feed the bees $_", labels => ['garden'],
                        due_at => "2030-06-0${_}T08:00:00Z") for 1 .. 3;
    $self->{kept} = $self->{user}->task(title => 'A task that is kept');
    $self->{comment} = $self->_made("/v1/tasks/$self->{kept}{id}/comments",
                                    { body => 'It is kept, too.' });
    $self->{sync} = $self->{user}->get(
        '/v1/tasks?updated_since=2020-01-01T00:00:00Z')->json->{sync_token};

    return $self;
}


sub server ($self) { return $self->{server} }
sub user ($self) { return $self->{user} }


# What a POST made.

sub _made ($self, $path, $json) {
    my $res = $self->{user}->post($path, $json);

    croak "$path: " . $res->status . ' ' . $res->body if $res->status != 201;
    return $res->json;
}


sub task ($self) { return $self->{user}->task(title => 'A task') }

sub path ($self) { return '/v1/tasks/' . $self->task->{id} }

sub hook ($self) {
    # there are but so many of a user's
    $self->{server}->pg->execute('DELETE FROM notify.webhooks')
        if ++$self->{n} % 8 == 0;

    return $self->_made('/v1/webhooks', { url => 'https://example.com/hook',
                                          events => ['*'] });
}


# A text that no other one is like.

sub once ($self) {
    state $n = 0;

    return "once-$$-" . $n++;
}


# The steps by name, in their order: a function that makes ready and returns
#     [METHOD, target, %o of a request], good statuses, and what must hold
#     of a good answer.
# Without a "token" it is that of the user.

my @task = (title => 'A task', description => 'What it is about.',
            labels => ['garden', 'bees'], priority => 'low',
            due_at => '2030-06-01T08:00:00+02:00');

sub _keyed ($self) {
    return (headers => ['Idempotency-Key' => $self->once]);
}

my @steps = (
    register => sub ($s) {
        my $email = $s->once . '@example.com';

        # whether it was made before its answer was lost is not told
        return [POST => '/v1/auth/register', token => undef, json => {
            email => $email, password => 'correct horse', name => 'New' }],
            201, 409;
    },
    login => sub ($s) {
        return [POST => '/v1/auth/login', token => undef, json => {
            email => $s->user->email, password => 'correct horse' }], 200;
    },
    login_wrong => sub ($s) {
        return [POST => '/v1/auth/login', token => undef, json => {
            email => $s->user->email, password => 'wrong' }], 401;
    },
    refresh => sub ($s) {
        my $login = $s->server->login($s->user);

        return [POST => '/v1/auth/refresh', token => undef, json => {
            refresh_token => $login->refresh_token }], 200;
    },
    logout => sub ($s) {
        my $login = $s->server->login($s->user);

        return [POST => '/v1/auth/logout', token => $login->token], 204, 401;
    },
    reset => sub ($s) {
        return [POST => '/v1/auth/password-reset', token => undef, json => {
            email => $s->{other}->email }], 202;
    },
    reset_confirm => sub ($s) {
        my $user = $s->server->user;

        $s->server->post('/v1/auth/password-reset', { email => $user->email });
        my ($token) = $s->server->mailed($user, 'password_reset');

        return [POST => '/v1/auth/password-reset/confirm', token => undef,
                json => { token => $token, new_password => 'battery staple' }],
               204, 400, 422;
    },
    verify => sub ($s) {
        my $user = $s->server->user;
        my ($token) = $s->server->mailed($user, 'email_verification');

        return [POST => '/v1/auth/verify-email', token => undef,
                json => { token => $token }], 204, 400, 422;
    },
    resend => sub ($s) {
        return [POST => '/v1/auth/verify-email/resend',
                token => $s->server->user->token], 204;
    },
    token_none => sub ($s) {
        return [GET => '/v1/me', token => undef], 401;
    },
    token_bad => sub ($s) {
        return [GET => '/v1/me', token => 'a.b.c'], 401;
    },
    token_new => sub ($s) {
        return [GET => '/v1/me', token => $s->server->token($s->user, {
            jti => $s->{server}->pg->value('SELECT gen_random_uuid()') })],
            200, 401;
    },
    me => sub ($s) { return [GET => '/v1/me'], 200 },
    me_patch => sub ($s) {
        return [PATCH => '/v1/me', json => { name => 'Ada L.' }], 200;
    },
    me_password => sub ($s) {
        my $user = $s->server->user;

        return [PUT => '/v1/me/password', token => $user->token, json => {
            current_password => $user->password,
            new_password => 'battery staple' }], 204, 200, 401, 403, 422;
    },
    me_delete => sub ($s) {
        my $user = $s->server->user;

        return [DELETE => '/v1/me', token => $user->token,
                json => { password => $user->password }], 204, 401;
    },
    sessions => sub ($s) { return [GET => '/v1/sessions?limit=2'], 200 },
    session_end => sub ($s) {
        my $login = $s->server->login($s->user);
        my ($sid) = map { $_->{id} } grep { !$_->{current} }
                    $s->user->get('/v1/sessions')->json->{data}->@*;

        return [DELETE => "/v1/sessions/$sid"], 204, 404;
    },
    users => sub ($s) {
        return [GET => '/v1/users?limit=2', token => $s->{admin}->token], 200;
    },
    users_forbidden => sub ($s) { return [GET => '/v1/users'], 403 },
    user_get => sub ($s) {
        return [GET => '/v1/users/' . $s->user->id,
                token => $s->{admin}->token], 200;
    },
    user_patch => sub ($s) {
        my $user = $s->server->user;

        return [PATCH => '/v1/users/' . $user->id, json => {
            disabled => JSON::PP::true }, token => $s->{admin}->token], 200;
    },
    jwks => sub ($s) {
        return [GET => '/.well-known/jwks.json', token => undef], 200, 404;
    },
    create => sub ($s) {
        return [POST => '/v1/tasks', json => { @task }, $s->_keyed], 201;
    },
    create_bare => sub ($s) {
        return [POST => '/v1/tasks', json => { @task }], 201;
    },
    create_invalid => sub ($s) {
        return [POST => '/v1/tasks', json => { title => '', priority => 'x',
                                               labels => [1, ''] }], 422;
    },
    create_malformed => sub ($s) {
        return [POST => '/v1/tasks', body => '{"title":', type =>
                'application/json'], 400;
    },
    create_foreign => sub ($s) {
        return [POST => '/v1/tasks', json => { title => 'x', project_id =>
                '01890000-0000-7000-8000-000000000000' }], 422;
    },
    bulk => sub ($s) {
        return [POST => '/v1/tasks/bulk', json => {
            tasks => [map { { @task, title => "Bulk $_" } } 1 .. 3] },
            $s->_keyed], 201;
    },
    bulk_patch => sub ($s) {
        return [PATCH => '/v1/tasks/bulk', json => {
            ids => [map { $s->task->{id} } 1, 2],
            patch => { priority => 'high' } }], 200;
    },
    get => sub ($s) { return [GET => "/v1/tasks/$s->{kept}{id}"], 200 },
    get_again => sub ($s) {
        return [GET => "/v1/tasks/$s->{kept}{id}", headers => [
            'If-None-Match' => '"1"', 'X-Request-ID' => $s->once,
            'Origin' => 'https://app.example',
            'traceparent' => '00-' . '1' x 32 . '-' . '2' x 16 . '-01']], 304;
    },
    get_missing => sub ($s) {
        return [GET => '/v1/tasks/01890000-0000-7000-8000-000000000000'], 404;
    },
    replace => sub ($s) {
        return [PUT => $s->path, json => { @task }], 200;
    },
    patch => sub ($s) {
        return [PATCH => $s->path, json => { priority => 'high' }], 200;
    },
    patch_stale => sub ($s) {
        return [PATCH => $s->path, json => { priority => 'high' },
                headers => ['If-Match' => '"9", "10"']], 412;
    },
    complete => sub ($s) { return [POST => $s->path . '/complete'], 200 },
    reopen => sub ($s) { return [POST => $s->path . '/reopen'], 200 },
    delete => sub ($s) { return [DELETE => $s->path], 204, 404 },
    list => sub ($s) { return [GET => '/v1/tasks?limit=2'], 200 },
    list_next => sub ($s) {
        my $page = $s->user->get('/v1/tasks?limit=1&sort=due_at')->json;

        return [GET => '/v1/tasks?limit=1&sort=due_at&cursor='
                       . $page->{next_cursor}], 200;
    },
    list_filtered => sub ($s) {
        return [GET => '/v1/tasks?status=todo,done&priority=none&label=garden'
                       . '&due_before=2031-01-01T00:00:00Z&sort=-due_at'], 200;
    },
    list_bad => sub ($s) {
        return [GET => '/v1/tasks?status=x&limit=0&what=1'], 400;
    },
    search => sub ($s) { return [GET => '/v1/tasks?q=bees'], 200 },
    sync => sub ($s) {
        return [GET => "/v1/tasks?updated_since=$s->{sync}"], 200;
    },
    comments => sub ($s) {
        return [GET => "/v1/tasks/$s->{kept}{id}/comments?limit=1"], 200;
    },
    comment_create => sub ($s) {
        return [POST => $s->path . '/comments', $s->_keyed,
                json => { body => 'The northern hive needs sugar.' }], 201;
    },
    comment_get => sub ($s) {
        return [GET => "/v1/comments/$s->{comment}{id}"], 200;
    },
    comment_patch => sub ($s) {
        return [PATCH => "/v1/comments/$s->{comment}{id}",
                json => { body => 'It needs more.' }], 200;
    },
    comment_delete => sub ($s) {
        my $comment = $s->_made("/v1/tasks/$s->{kept}{id}/comments",
                                { body => 'x' });

        return [DELETE => "/v1/comments/$comment->{id}"], 204, 404;
    },
    projects => sub ($s) { return [GET => '/v1/projects?limit=1'], 200 },
    project_create => sub ($s) {
        return [POST => '/v1/projects', json => { name => 'P' }, $s->_keyed],
               201;
    },
    project_get => sub ($s) { return [GET => "/v1/projects/$s->{project}"], 200 },
    project_replace => sub ($s) {
        return [PUT => "/v1/projects/$s->{project}", json => {
            name => 'Shared', description => 'x' }], 200;
    },
    project_patch => sub ($s) {
        return [PATCH => "/v1/projects/$s->{project}",
                json => { name => 'Shared' }], 200;
    },
    project_delete => sub ($s) {
        return [DELETE => '/v1/projects/' . $s->user->project->{id}], 204, 404;
    },
    project_tasks => sub ($s) {
        return [GET => "/v1/projects/$s->{project}/tasks"], 200;
    },
    members => sub ($s) {
        return [GET => "/v1/projects/$s->{project}/members"], 200;
    },
    member_add => sub ($s) {
        my $project = $s->user->project;

        return [POST => "/v1/projects/$project->{id}/members", $s->_keyed,
                json => { email => $s->{other}->email, role => 'viewer' }],
               201;
    },
    member_patch => sub ($s) {
        return [PATCH => "/v1/projects/$s->{project}/members/"
                         . $s->{other}->id, json => { role => 'editor' }], 200;
    },
    member_delete => sub ($s) {
        my $project = $s->server->project($s->user, viewer => $s->{other});

        return [DELETE => "/v1/projects/$project/members/" . $s->{other}->id],
               204, 404;
    },
    notifications => sub ($s) {
        return [GET => '/v1/notifications?unread=true&limit=2'], 200;
    },
    notification_none => sub ($s) {
        return [GET => '/v1/notifications/01890000-0000-7000-8000-000000000000'],
               404;
    },
    notifications_read => sub ($s) {
        return [POST => '/v1/notifications/read-all'], 204;
    },
    settings => sub ($s) {
        return [GET => '/v1/me/notification-settings'], 200;
    },
    settings_patch => sub ($s) {
        return [PATCH => '/v1/me/notification-settings', json => {
            email => { 'task.completed' => JSON::PP::true } }], 200;
    },
    webhooks => sub ($s) { return [GET => '/v1/webhooks'], 200 },
    webhook_create => sub ($s) {
        $s->hook;

        return [POST => '/v1/webhooks', $s->_keyed, json => {
            url => 'https://example.com/hook', events => ['task.created'] }],
               201;
    },
    webhook_get => sub ($s) {
        return [GET => '/v1/webhooks/' . $s->hook->{id}], 200;
    },
    webhook_put => sub ($s) {
        return [PUT => '/v1/webhooks/' . $s->hook->{id}, json => {
            url => 'https://example.com/other', events => ['*'] }], 200;
    },
    webhook_patch => sub ($s) {
        return [PATCH => '/v1/webhooks/' . $s->hook->{id}, json => {
            url => 'https://example.com/third' }], 200;
    },
    webhook_bad => sub ($s) {
        return [POST => '/v1/webhooks', json => {
            url => 'http://user@[::1/', events => ['none'] }], 422;
    },
    webhook_delete => sub ($s) {
        return [DELETE => '/v1/webhooks/' . $s->hook->{id}], 204, 404;
    },
    webhook_rotate => sub ($s) {
        return [POST => '/v1/webhooks/' . $s->hook->{id} . '/rotate-secret'],
               200;
    },
    webhook_test => sub ($s) {
        return [POST => '/v1/webhooks/' . $s->hook->{id} . '/test'], 202;
    },
    deliveries => sub ($s) {
        return [GET => '/v1/webhooks/' . $s->hook->{id} . '/deliveries'], 200;
    },
    no_route => sub ($s) { return [GET => '/v1/nothing'], 404 },
    no_method => sub ($s) { return [DELETE => '/v1/tasks'], 405 },
    options => sub ($s) { return [OPTIONS => '/v1/tasks', token => undef], 204 },
    large_body => sub ($s) {
        return [POST => '/v1/tasks', json => {
            @task, description => 'x' x 9000 }, $s->_keyed], 201;
    },
    livez => sub ($s) { return [GET => '/livez', token => undef], 200 },
    readyz => sub ($s) { return [GET => '/readyz', token => undef], 200 },
);


sub names ($self) { return map { $_->[0] } pairs @steps }


# Makes a step ready: ([METHOD, target, %o], its good statuses).

sub ready ($self, $name) {
    my %step = @steps;
    my ($request, @good) = ($step{$name} // croak "no step \"$name\"")->($self);
    my ($method, $target, %o) = @$request;

    $o{token} = $self->user->token if !exists $o{token};
    delete $o{token} if !defined $o{token};

    return ([$method, $target, %o], @good);
}


1;
