#!/usr/bin/env perl

# Every call of docs/openapi.yaml while PostgreSQL is away, hangs, refuses each
# statement, keeps rows locked, or loses its connections half-way: an answer
# that says which it is, in time, and nothing left of it.

use v5.36;

use JSON::PP ();
use Skep::OpenAPI;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(time);

# all wait at once, and some for longer than for one time-out: behind others
use constant { TIMEOUT => 1, LONGEST => 20 };

my $openapi = Skep::OpenAPI->load;
my %set = (api_pg_connect_timeout => '1s', api_pg_queue => 1000,
           notify_stream => 'skep', notify_webhook_http => 'on');

# time enough for all at once, at first
my $skep = skep(
    redis => 1, metrics => 1, threads => 'threads=2 max_queue=512',
    set => { %set, api_pg_timeout => '10s' },
);
my $pg = $skep->pg;
my $before = $skep->resources;


# what does not ask PostgreSQL, or says how it is; a stream has no end
my %left_out = map { $_ => 1 } qw(getKeys live ready streamNotifications);


# A world of its own for each turn: what calls are about is there.

sub world () {
    my $user = $skep->user;
    my $other = $skep->user;
    my $project = $user->project(name => 'A project');
    my $task = $user->task(project_id => $project->{id}, title => 'A task');
    my $comment = $user->post("/v1/tasks/$task->{id}/comments",
                              { body => 'A comment' })->json;
    my $webhook = $user->post('/v1/webhooks', {
        url => 'https://hooks.example/x', events => ['*'] })->json;
    my ($session) = $user->get('/v1/sessions')->json->{data}[0];

    $user->share($project, $other, 'editor');

    return { user => $user, other => $other, project => $project->{id},
             task => $task->{id}, comment => $comment->{id},
             webhook => $webhook->{id}, session => $session->{id} };
}


# The id that a path's parameter wants.

sub id ($w, $path, $name) {
    return $w->{other}->id if $name eq 'user_id';
    return new_id() if $name eq 'delivery_id';

    for my $noun (qw(project task comment webhook session)) {
        return $w->{$noun} if $path =~ m{/${noun}s/\{$name\}};
    }

    return $path =~ m{/users/} ? $w->{other}->id : new_id();
}

sub new_id () {
    state $n = 0;

    return sprintf '01890000-0000-7000-8000-00000002%04x', $n++;
}


# A body of the schema's examples, about this world.

sub body ($w, $operation) {
    my $media = ($operation->{requestBody} // return)->{content}
                ->{'application/json'} // return;
    my ($named) = map { $openapi->resolve($_)->{value} }
                  map { $media->{examples}{$_} }
                  sort keys(($media->{examples} // {})->%*);
    my $body = $media->{example} // $named
               // ($openapi->resolve($media->{schema})->{examples} // [])->[0]
               // { own_actions => JSON::PP::true };
    my %own = (
        email => $w->{user}->email, password => $w->{user}->password,
        current_password => $w->{user}->password,
        new_password => 'a rather long password',
        refresh_token => $w->{user}->refresh_token,
        project_id => $w->{project}, ids => [$w->{task}],
        url => 'https://hooks.example/y',
    );

    return $body if ref $body ne 'HASH';

    return { map {
        $_ => exists $own{$_} && ref $own{$_} eq ref $body->{$_} ? $own{$_}
            : ref $body->{$_} eq 'ARRAY' && ref(($body->{$_}[0])) eq 'HASH'
            ? [map { my %one = %$_; delete @one{qw(project_id assignee_id)};
                     \%one } $body->{$_}->@*]
            : $body->{$_}
    } grep { !/^(?:assignee_id)$/ } keys %$body };
}


# Every call at once, each by a client of its own: operationId => answer.
# "meanwhile" is done when all have been sent.

sub calls ($w, $meanwhile) {
    my @asked;

    for my $call ($openapi->operations) {
        my ($method, $path, $operation) = @$call;
        my $name = $operation->{operationId};

        next if $left_out{$name};

        my $client = $skep->new_client;
        my $body = body($w, $operation);
        my $target = $path =~ s/\{(\w+)\}/id($w, $path, $1)/gre;

        # of an admin, who is the only one that may
        my $token = $path =~ m{^/v1/users} ? $w->{admin}->token
                                           : $w->{user}->token;

        $client->send($client->format_request($method, $target,
            token => $token, defined $body ? (json => $body) : (),
            headers => ['X-Request-ID', $name]));
        push @asked, [$name, $client];
    }

    $meanwhile->() if $meanwhile;

    return { map {
        my ($name, $client) = @$_;
        my $res = eval { $client->response(timeout => LONGEST) };

        $client->close;
        $name => $res;
    } @asked };
}


# What a turn must give: the status and code of each, but for those named.

sub turn ($name, $begin, $end, $expected, %but) {
    my $w = world();

    $w->{admin} = $skep->admin;
    $begin->($w);

    my $start = time;
    my $got = calls($w, delete $but{meanwhile});
    my $took = time - $start;

    $end->($w);

    my @wrong;

    for my $call (sort keys %$got) {
        my $res = $got->{$call};
        my $said = !defined $res ? 'no answer'
                 : $res->status . ($res->status >= 400
                                   ? ' ' . ($res->json->{code} // '') : '');
        my $want = $but{$call} // $expected;

        push @wrong, "$call: $said" if $said !~ /\A$want\z/;
    }

    is(join("\n", @wrong), '', "$name: each is answered as it should be");
    cmp_ok($took, '<', LONGEST, "$name: in time");
    ok($skep->wait_ready(10), "$name: ready again");
    ok(wait_until(5, sub { $skep->user->get('/v1/me')->status == 200 }),
       "$name: and all is well");
}

my $nothing = sub ($w) { };

cmp_ok(scalar(grep { !$left_out{$_->[2]{operationId}} } $openapi->operations),
       '>', 50, 'there are calls');

turn('all is well', $nothing, $nothing, qr/[234]\d\d.*/);
resources_are($skep, $before);

$skep->reconfigure(set => { %set, api_pg_timeout => TIMEOUT . 's' });
$skep->reload;
$skep->wait_ready(10) or die 'never ready';
$before = $skep->resources;

turn('away', sub ($w) {
         $pg->stop_server;
         # each lane has failed to come back: until then what asks it waits
         wait_until(5, sub {
             $skep->get('/readyz', plain => 1)->status == 503
             && $skep->post('/v1/auth/password-reset', {
                    email => $w->{user}->email })->status == 503
         }) or fail('it is not noticed');
     }, sub ($w) { $pg->start }, qr/503 database_unavailable/);

# who asks for a mail does not wait for it
turn('hanging', sub ($w) { $pg->freeze }, sub ($w) { $pg->thaw },
     qr/50[34] database_(?:timeout|unavailable)/,
     requestPasswordReset => 202);

# statements that fail, each for itself
my @tables = map { $_->[0] } $pg->query(<<~'SQL')->@*;
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('api', 'auth', 'task', 'notify')
    SQL

sub renamed ($from, $to) {
    $pg->execute(<<~"SQL");
        DO \$\$
        DECLARE
            t record;
        BEGIN
            FOR t IN SELECT schemaname AS s, tablename AS n FROM pg_tables
                     WHERE schemaname IN ('api', 'auth', 'task', 'notify')
            LOOP
                EXECUTE format('ALTER TABLE %I.%I RENAME TO %I', t.s, t.n,
                               regexp_replace(t.n, '$from', '$to'));
            END LOOP;
        END
        \$\$
        SQL
}

turn('refusing', sub ($w) { renamed('$', '_x') },
     sub ($w) { renamed('_x$', '') }, qr/500 internal_error/,
     requestPasswordReset => 202);

# everything can be read, nothing written

sub locked ($w) {
    $w->{lock} = $pg->session;
    $w->{lock}->hold('LOCK TABLE ' . join(', ', @tables)
                     . ' IN EXCLUSIVE MODE');
}

sub unlocked ($w) {
    $w->{lock}->send('ROLLBACK;');
    $w->{lock}->close;
}

turn('locked', \&locked, \&unlocked,
     qr/2\d\d|504 database_timeout|4\d\d \w+/);

# and those that wait for it lose their connections
turn('cut', \&locked, \&unlocked,
     qr/2\d\d|50[34] database_(?:unavailable|timeout)|4\d\d \w+/,
     meanwhile => sub {
         ok($pg->blocked(2), 'some wait');
         $pg->execute(<<~'SQL');
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE usename = 'skep_nginx'
             SQL
     });

resources_are($skep, $before);
finish();
