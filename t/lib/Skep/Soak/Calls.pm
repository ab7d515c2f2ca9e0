package Skep::Soak::Calls;

# A client that makes all calls of the API, and some that are none, for as long
# as it is let: a process of its own with two users, who share a project.
#
# Each request carries a nonce as its X-Request-ID, and the answer has to be
# its own: one of those that may be, or 503, 504 or 429, which say that it is
# to come again.  What is wrong goes into a file, a line for each.

use v5.36;

use Skep::Client;
use Skep::Process qw(fork_child);
use Skep::Stream;
use Time::HiRes qw(sleep time);

use constant HUNG => 8;         # seconds that an answer may take
use constant KEPT => 30;        # things of a kind that a client has at most

# how often each is done, of all
my %weights = (
    get => 12, list => 8, search => 3, sync => 3, create => 8, create_key => 4,
    patch => 8, put => 3, turn => 4, delete => 4, bulk_create => 1,
    bulk_patch => 1, comment => 4, comments => 3, comment_change => 2,
    projects => 3, project => 1, members => 1, notifications => 4,
    notification => 3, settings => 1, webhook => 1, webhook_use => 2, me => 4,
    sessions => 1, login => 1, refresh => 2, account => 1, mails => 1, keys => 1,
    health => 2, stream => 2, wrong_one => 6, hostile => 3, abort => 3, pipeline => 2,
);
my @mix = map { ($_) x $weights{$_} } sort keys %weights;


# Starts one; its pid.
#     port    of the server
#     name    of its own
#     wrong   the file for what is wrong
#     rate    calls a second
#     hooks   [URLs of receivers]
#     lossy   1: the server's workers are killed, so connections may be lost

sub start ($class, %o) {
    my $self = bless {
        %o, n => 0, streams => [],
        map { $_ => [] } qw(tasks comments notifications webhooks),
    }, $class;

    return fork_child(sub { $self->_run }, "calls $o{name}");
}


sub _run ($self) {
    local $SIG{TERM} = sub { $self->{stopping} = 1 };
    srand(unpack '%32C*', $self->{name} . ($self->{seed} // ''));

    open $self->{out}, '>>', $self->{wrong} or die "$self->{wrong}: $!";
    $self->{client} = $self->_client;

    until ($self->{stopping} || $self->_begin) { sleep 0.5 }

    my $next = time;

    while (!$self->{stopping}) {
        my $call = '_' . $mix[rand @mix];

        $self->$call;
        $next += 1 / $self->{rate};

        my $wait = $next - time;

        $next = time if $wait < -1;
        sleep $wait if $wait > 0;
    }

    $self->_leave($_) for $self->{streams}->@*;
}


sub _client ($self) {
    return Skep::Client->new(port => $self->{port}, timeout => HUNG);
}


# Two users and their project; false: it is to be tried again.

sub _begin ($self) {
    for my $name (qw(owner other)) {
        $self->{$name} //= $self->_register($name) // return 0;
    }

    return 1 if $self->{project};

    my $project = $self->_ask(POST => '/v1/projects', 201,
                              json => { name => $self->{name} }) // return 0;

    $self->_ask(POST => "/v1/projects/$project->{id}/members", '201 409',
                taken => 1, json => { user_id => $self->{other}{id}, role => 'editor' })
        // return 0;
    $self->_ask(PATCH => '/v1/me/notification-settings', 200,
                json => { own_actions => \1,
                          email => { 'task.completed' => \1 } });
    $self->{project} = $project->{id};

    return 1;
}


# An account that may be there already, if the answer was lost.

sub _register ($self, $name) {
    my %account = (email => "$self->{name}-$name\@example.com",
                   password => 'correct horse');

    $self->_ask(POST => '/v1/auth/register', '201 409', token => undef,
                taken => 1, json => { %account, name => $name }) // return undef;
    return $self->_log_in(\%account);
}


sub _log_in ($self, $account) {
    my $answer = $self->_ask(POST => '/v1/auth/login', 200, token => undef,
        json => { map { $_ => $account->{$_} } qw(email password) })
        // return undef;

    return { %$account, id => $answer->{user}{id},
             access => $answer->{access_token},
             refresh => $answer->{refresh_token} };
}


# One request: the JSON of its answer ({} if it has none), or undef if it is to
# come again, or was refused in a way that was to be expected.
#     $good   the statuses that may be, "200 404"
#     token   by default that of the owner
#     taken   1: an error of those is a success, too, such as 409 for what is
#             there already
#     the rest is Skep::Client's

sub _ask ($self, $method, $target, $good, %o) {
    # the last one has expired, and there was no other
    if (!exists $o{token} && !defined $self->{owner}{access}) {
        $self->_login;
        return undef if !defined $self->{owner}{access};
    }

    my $nonce = "$self->{name}-" . ++$self->{n};
    my @good = split ' ', $good;
    my @headers = ($o{headers} // [])->@*;
    my $token = exists $o{token} ? $o{token} : $self->{owner}{access};
    my $began = time;
    my $res = eval {
        $self->{client}->request($method, $target, %o, token => $token,
                                 headers => [@headers, 'X-Request-ID', $nonce]);
    };

    if (!$res) {
        $self->{client}->close;
        $self->_wrong("$method $target", $@ =~ s/\n.*//sr)
            if !$self->{lossy} || time - $began >= HUNG;
        return undef;
    }

    my ($status, $id) = ($res->status, $res->header('X-Request-ID') // 'none');
    my $json = length $res->body
               && $res->header('Content-Type') =~ /json/
               ? eval { $res->json } // { } : {};

    return $self->_wrong("$method $target", "X-Request-ID $id, not $nonce")
        if $id ne $nonce;
    return $self->_wrong("$method $target", "the problem of $json->{request_id}")
        if $status >= 400 && ($json->{request_id} // '') ne $nonce;

    return $self->_again($status, $token)
        if $status =~ /\A(?:429|50[34])\z/ || $status == 401 && defined $token;
    return $self->_wrong("$method $target", "$status, not $good: " . $res->body)
        if !grep { $status == $_ } @good;
    return $status < 400 || $o{taken} ? $json : undef;
}


# Comes again later.  A token may have expired; then there are others.

sub _again ($self, $status, $token) {
    if ($status != 401) {
        sleep 0.05;

    } elsif (defined $token && $self->{owner}
             && $token eq ($self->{owner}{access} // ''))
    {
        $self->{owner}{access} = undef;
        $self->_refresh;
        $self->_login if !$self->{owner}{access};
    }

    return undef;
}


sub _wrong ($self, $what, $why) {
    syswrite $self->{out}, sprintf "%.3f %s %s: %s\n", time, $self->{name},
                           $what, substr $why =~ s/\s+/ /gr, 0, 300;
    return undef;
}


sub _any ($self, $kind) {
    my $list = $self->{$kind};

    return @$list ? $list->[rand @$list] : undef;
}


sub _keep ($self, $kind, @things) {
    my $list = $self->{$kind};

    for my $thing (grep { $_ } @things) {
        @$list < KEPT ? push(@$list, $thing)
                      : splice(@$list, rand @$list, 1, $thing);
    }
}


sub _drop ($self, $kind, $thing) {
    $self->{$kind} = [grep { $_ ne $thing } $self->{$kind}->@*];
}


sub _key ($self) { return ['Idempotency-Key', "$self->{name}-key-$self->{n}"] }

sub _title ($self) { return "$self->{name} feeds bee " . int rand 1000 }


# Tasks.  Others may have deleted what is asked for, or the answer that told of
# it was lost: 404 may always be, and 412 and 409 where somebody was faster.

sub _get ($self) {
    my $id = $self->_any('tasks') // return;
    my @known = rand 2 < 1 ? ('If-None-Match', '"1"') : ();
    my $task = $self->_ask(GET => "/v1/tasks/$id", '200 304 404',
                           headers => \@known) // return;

    $self->_wrong("GET $id", "task $task->{id}")
        if defined $task->{id} && $task->{id} ne $id;
}


sub _list ($self) {
    my @filters = (
        '', '?limit=5', '?sort=-priority&limit=20', '?status=todo,done',
        '?due=none', '?priority=high', "?project=$self->{project}",
        "?assignee=$self->{owner}{id}", '?sort=due_at', '?label=garden',
    );
    my $page = $self->_ask(GET => "/v1/tasks$filters[rand @filters]", 200)
               // return;
    my $next = $page->{next_cursor} // return;

    # of the filters that the page had
    $self->_ask(GET => "/v1/tasks?cursor=$next", '200 400');
    $self->_ask(GET => "/v1/projects/$self->{project}/tasks?limit=3", 200);
}


sub _search ($self) {
    $self->_ask(GET => '/v1/tasks?q=feeds+' . int(rand 1000) . '&limit=10', 200);
    $self->_ask(GET => '/v1/tasks?q=bee&sort=-created_at&limit=5', 200);
}


sub _sync ($self) {
    my $since = $self->{sync_token} // '2026-01-01T00:00:00Z';
    my $page = $self->_ask(GET => "/v1/tasks?updated_since=$since&limit=100",
                           '200 400') // return delete $self->{sync_token};

    $self->{sync_token} = $page->{sync_token} // $self->{sync_token};
}


sub _create ($self, %o) {
    my $task = $self->_ask(POST => '/v1/tasks', '201 409', %o, json => {
        title => $self->_title, project_id => $self->{project},
        description => 'x' x int(rand(10) < 1 ? rand 8000 : rand 80),
        labels => ['garden', 'l' . int rand 20], priority => 'high',
        due_at => '2030-06-01T08:00:00+02:00',
        assignee_id => $self->{other}{id},
    }) // return;

    $self->_trim if $self->{tasks}->@* >= KEPT;
    $self->_keep('tasks', $task->{id});
    return $task;
}

# what makes room is deleted

sub _trim ($self) { $self->_delete }


sub _create_key ($self) {
    my $key = $self->_key;
    my $first = $self->_create(headers => $key) // return;
    my %same = (title => "again $self->{n}");

    # of another request
    $self->_ask(POST => '/v1/tasks', '422 409', headers => $key, json => \%same);

    # the same twice
    $key = $self->_key;
    $first = $self->_ask(POST => '/v1/tasks', '201 409', headers => $key,
                         json => \%same) // return;
    my $again = $self->_ask(POST => '/v1/tasks', '201 409', headers => $key,
                            json => \%same) // return;

    $self->_wrong("POST of $key->[1]", "$first->{id} and $again->{id}")
        if $first->{id} ne $again->{id};
    $self->_ask(DELETE => "/v1/tasks/$first->{id}", '204 404');
}


sub _patch ($self) {
    my $id = $self->_any('tasks') // return;
    my $title = $self->_title;
    my $task = $self->_ask(PATCH => "/v1/tasks/$id", '200 404',
                           json => { title => $title }) // return;

    $self->_wrong("PATCH $id", "title \"$task->{title}\"")
        if $task->{title} ne $title;
}


sub _put ($self) {
    my $id = $self->_any('tasks') // return;
    my $task = $self->_ask(GET => "/v1/tasks/$id", '200 404') // return;

    $self->_ask(PUT => "/v1/tasks/$id", '200 404 412',
                headers => ['If-Match', qq("$task->{version}")],
                json => { title => $self->_title,
                          project_id => $self->{project} });
}


sub _turn ($self) {
    my $id = $self->_any('tasks') // return;
    my $turn = rand 2 < 1 ? 'complete' : 'reopen';

    $self->_ask(POST => "/v1/tasks/$id/$turn", '200 404');
}


sub _delete ($self) {
    my $id = $self->_any('tasks') // return;

    $self->_ask(DELETE => "/v1/tasks/$id", '204 404') // return;
    $self->_drop('tasks', $id);
}


sub _bulk_create ($self) {
    my $list = $self->_ask(POST => '/v1/tasks/bulk', '201 409', json => {
        tasks => [map { +{ title => $self->_title,
                           project_id => $self->{project} } } 1 .. 20],
    }, headers => $self->_key) // return;
    my @ids = map { $_->{id} } $list->{data}->@*;

    $self->_wrong('POST /v1/tasks/bulk', @ids . ' tasks') if @ids != 20;
    $self->_ask(PATCH => '/v1/tasks/bulk', 200, json => {
        ids => \@ids, patch => { status => 'done' } });
    $self->_ask(DELETE => "/v1/tasks/$_", '204 404') for @ids;
}


sub _bulk_patch ($self) {
    my @ids = $self->{tasks}->@*;

    $self->_ask(PATCH => '/v1/tasks/bulk', '200 422', json => {
        ids => [@ids[0 .. ($#ids > 9 ? 9 : $#ids)]],
        patch => { priority => (qw(low high))[rand 2] } }) if @ids;
}


# Comments

sub _comment ($self) {
    my $id = $self->_any('tasks') // return;
    my $comment = $self->_ask(POST => "/v1/tasks/$id/comments", '201 404',
                              json => { body => 'The hive needs sugar.' });

    $self->_keep('comments', $comment->{id}) if $comment;
}


sub _comments ($self) {
    my $id = $self->_any('tasks') // return;

    $self->_ask(GET => "/v1/tasks/$id/comments", '200 404');
}


sub _comment_change ($self) {
    my $id = $self->_any('comments') // return;

    $self->_ask(GET => "/v1/comments/$id", '200 404');
    $self->_ask(PATCH => "/v1/comments/$id", '200 404',
                json => { body => $self->_title });
    return if rand 2 < 1;
    $self->_ask(DELETE => "/v1/comments/$id", '204 404');
    $self->_drop('comments', $id);
}


# Projects and members

sub _projects ($self) {
    $self->_ask(GET => '/v1/projects?limit=10', 200);
    $self->_ask(GET => "/v1/projects/$self->{project}", 200);
    $self->_ask(GET => "/v1/projects/$self->{project}/members", 200);
}


sub _project ($self) {
    my $project = $self->_ask(POST => '/v1/projects', '201 409',
                              headers => $self->_key,
                              json => { name => $self->_title }) // return;
    my $path = "/v1/projects/$project->{id}";

    $self->_ask(PATCH => $path, 200, json => { description => 'Beds' });
    $self->_ask(POST => '/v1/tasks', 201,
                json => { title => 'Weed', project_id => $project->{id} });
    $self->_ask(PUT => $path, 200, json => { name => 'Beds and bees' });
    $self->_ask(DELETE => $path, '204 404');
}


# somebody goes, with all that is assigned to them, and comes back

sub _members ($self) {
    my $path = "/v1/projects/$self->{project}/members";
    my $id = $self->{other}{id};

    $self->_ask(PATCH => "$path/$id", '200 404', json => { role => 'viewer' });
    $self->_ask(DELETE => "$path/$id", '204 404');

    until ($self->{stopping}
           || $self->_ask(POST => $path, '201 409', taken => 1,
                          json => { user_id => $id, role => 'editor' }))
    {
        sleep 0.1;
    }
}


# Notifications

sub _notifications ($self) {
    my $page = $self->_ask(GET => '/v1/notifications?limit=20', 200) // return;

    $self->{notifications} = [map { $_->{id} } $page->{data}->@*];
    $self->_ask(GET => '/v1/notifications?unread=true', 200);
}


sub _notification ($self) {
    my $id = $self->_any('notifications') // return;

    $self->_ask(GET => "/v1/notifications/$id", '200 404');
    $self->_ask(POST => "/v1/notifications/$id/read", '200 404');
    $self->_ask(DELETE => "/v1/notifications/$id", '204 404') if rand 2 < 1;
    $self->_ask(POST => '/v1/notifications/read-all', 204) if rand 10 < 1;
}


sub _settings ($self) {
    $self->_ask(GET => '/v1/me/notification-settings', 200);
    $self->_ask(PATCH => '/v1/me/notification-settings', 200,
                json => { email => { 'comment.created' =>
                                     rand 2 < 1 ? \1 : \0 } });
}


# Webhooks: to who takes them, who takes them late, and who does not.

sub _webhook ($self) {
    my @hooks = $self->{hooks}->@*;
    my $webhook = $self->_ask(POST => '/v1/webhooks', '201 409',
        headers => $self->_key,
        json    => { url => $hooks[rand @hooks],
                     events => ['task.completed', 'comment.created'] });

    push $self->{webhooks}->@*, $webhook->{id} if $webhook;
    return if $self->{webhooks}->@* <= 3;

    my $id = shift $self->{webhooks}->@*;

    $self->_ask(DELETE => "/v1/webhooks/$id", '204 404');
}


sub _webhook_use ($self) {
    $self->_ask(GET => '/v1/webhooks', 200);

    my $path = '/v1/webhooks/' . ($self->_any('webhooks') // return);

    $self->_ask(GET => $path, '200 404');
    $self->_ask(POST => "$path/test", '202 404 409');
    $self->_ask(GET => "$path/deliveries?limit=10", '200 404');
    $self->_ask(POST => "$path/rotate-secret", '200 404 409');
}


# Accounts

sub _me ($self) {
    my $me = $self->_ask(GET => '/v1/me', 200) // return;

    $self->_wrong('GET /v1/me', "user $me->{id}")
        if $me->{id} ne $self->{owner}{id};
    $self->_ask(PATCH => '/v1/me', 200, json => { name => $self->_title });
}


sub _sessions ($self) {
    my $page = $self->_ask(GET => '/v1/sessions', 200) // return;
    my @others = grep { !$_->{current} } $page->{data}->@*;

    $self->_ask(DELETE => "/v1/sessions/$others[0]{id}", '204 404') if @others;
}


sub _login ($self) {
    $self->_ask(POST => '/v1/auth/login', '401', token => undef, json => {
        email => $self->{owner}{email}, password => 'wrong horse' });

    my $owner = $self->_log_in($self->{owner}) // return;
    my $old = $self->{owner}{access};

    $self->{owner} = $owner;
    return if !defined $old || rand 2 < 1;

    # the token is refused from then on
    $self->_ask(POST => '/v1/auth/logout', '204 401', token => $old) // return;
    $self->_ask(GET => '/v1/me', '401 503', token => $old);
}


sub _refresh ($self) {
    my $refresh = delete $self->{owner}{refresh} // return;
    my $answer = $self->_ask(POST => '/v1/auth/refresh', '200 401',
                             token => undef,
                             json => { refresh_token => $refresh }) // return;

    @{$self->{owner}}{qw(access refresh)}
        = @$answer{qw(access_token refresh_token)};
}


# of somebody who comes and goes

sub _account ($self) {
    my $somebody = $self->_register("guest-$self->{n}") // return;

    $self->_ask(POST => '/v1/tasks', 201, json => { title => 'My first' },
                token => $somebody->{access});
    $self->_ask(PUT => '/v1/me/password', '200 204 401',
                token => $somebody->{access},
                json => { current_password => 'correct horse',
                          new_password => 'battery staple' }) // return;
    $somebody = $self->_log_in({ %$somebody, password => 'battery staple' })
        // return;
    $self->_ask(DELETE => '/v1/me', '204 401', token => $somebody->{access},
                json => { password => 'battery staple' });
}


sub _mails ($self) {
    $self->_ask(POST => '/v1/auth/password-reset', '202 204', token => undef,
                json => { email => $self->{owner}{email} });
    $self->_ask(POST => '/v1/auth/verify-email/resend', '202 204 409');
    $self->_ask(POST => '/v1/auth/verify-email', '400 401 422', token => undef,
                json => { token => 'a' x 43 });
}


sub _keys ($self) {
    $self->_ask(GET => '/.well-known/jwks.json', 200, token => undef);
}


sub _health ($self) {
    $self->_ask(GET => '/livez', 200, token => undef);

    # it says no while PostgreSQL is away, without being a problem
    my $client = $self->{client};
    eval { $client->request('GET', '/readyz') } or $client->close;
}


# Streams: up to four, which are not always read, and end in any way.

sub _stream ($self) {
    my $streams = $self->{streams};

    if (@$streams < 4) {
        my $stream = eval {
            Skep::Stream->open({ }, client => $self->_client,
                               token => $self->{owner}{access} // return);
        };

        push @$streams, $stream if $stream && !$stream->response;
        return;
    }

    my $stream = splice @$streams, rand @$streams, 1;

    eval { $stream->comments } if rand 2 < 1;
    $self->_leave($stream);
}

sub _leave ($self, $stream) {
    rand 2 < 1 ? $stream->abort : $stream->close;
}


# What is no call: each has its answer.

sub _wrong_ones ($self) {
    my $id = '01890000-0000-7000-8000-000000000000';
    state @wrong = (
        [GET => '/v1/nothing', 404], [GET => '/v1/tasks/no-id', '404 400'],
        [GET => "/v1/tasks/$id", 404], [DELETE => "/v1/tasks/$id", 404],
        [GET => '/v1/tasks?limit=0', 400], [GET => '/v1/tasks?cursor=x', 400],
        [GET => '/v1/tasks?nothing=1', 400], [PUT => '/v1/tasks', 405],
        [POST => '/v1/tasks', 422, json => { title => '', nothing => 1 }],
        [POST => '/v1/tasks', 400, body => '{"title":', type => 'application/json'],
        [POST => '/v1/tasks', 415, body => 'title', type => 'text/plain'],
        [POST => '/v1/tasks', 413, type => 'application/json', body => ' ' x 70_000],
        [POST => '/v1/tasks', 400, body => '[' x 5000, type => 'application/json'],
        [GET => '/v1/tasks', 401, token => undef],
        [GET => '/v1/tasks', 401, token => 'a.b.c'],
        [GET => '/v1/tasks', 401, token => 'x' x 3000],
        [GET => '/v1/users', 403],
        [GET => '/v1/me', '200 412', headers => ['If-Match', '"999"']],
    );

    return @wrong;
}

sub _wrong_one ($self) {
    my @wrong = $self->_wrong_ones;
    my ($method, $target, $status, %o) = $wrong[rand @wrong]->@*;

    $self->_ask($method, $target, $status, %o);
    # nginx ends the connection of a body that it has not read
    $self->{client}->close if $status eq '413';
}


# Bytes that are no request, or not yet, and then nobody.

sub _hostile ($self) {
    state @bytes = (
        "GET / HTTP/1.1\r\n", "\0\1\2\3\r\n\r\n", "GET /%00 HTTP/1.1\r\n\r\n",
        "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            . "Content-Type: application/json\r\n\r\n{\"title\":",
        "GET /v1/tasks HTTP/1.1\r\nHost: x\r\n" . "X-A: b\r\n" x 3000,
        'GET /' . 'a' x 20_000 . " HTTP/1.1\r\n\r\n",
        "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            . "Content-Length: 5\r\n\r\nzz\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    );
    my $client = $self->_client;

    eval {
        $client->send($bytes[rand @bytes]);
        sleep rand 0.05;
    };
    rand 2 < 1 ? $client->abort : $client->close;
}


# A request that nobody waits for.

sub _abort ($self) {
    my $client = $self->_client;
    my @calls = (
        [GET => '/v1/tasks?limit=50'],
        [GET => '/v1/tasks?q=feeds'],
        [PATCH => '/v1/tasks/' . ($self->_any('tasks') // 'none'),
         json => { description => 'gone' }],
        [POST => '/v1/auth/login', json => {
            email => $self->{owner}{email}, password => 'wrong horse' }],
    );
    my ($method, $target, %o) = $calls[rand @calls]->@*;
    my $text = $client->format_request($method, $target, %o,
                                       token => $self->{owner}{access});

    eval {
        $client->send(rand 4 < 1 ? substr $text, 0, rand length $text : $text);
        sleep rand 0.01;
    };
    $client->abort;
}


# Several requests at once, and the answers in their order.

sub _pipeline ($self) {
    my $client = $self->_client;
    my @nonces = map { "$self->{name}-" . ++$self->{n} } 1 .. 8;
    my $text = join '', map {
        $client->format_request('GET', '/v1/tasks?limit=2',
                                token => $self->{owner}{access},
                                headers => ['X-Request-ID', $_])
    } @nonces;

    eval { $client->send($text) } or return;

    for my $nonce (@nonces) {
        my $res = eval { $client->response(eof => 1) } // last;
        my $id = $res->header('X-Request-ID');

        $self->_wrong('pipelined', "X-Request-ID $id, not $nonce")
            if $id ne $nonce;
    }

    $client->close;
}


1;
