package Skep::Faults;

# Writes by several processes, each of which writes down what was acknowledged;
# faults meanwhile; and, when all has settled, whether everybody was told of
# every write.
#
#     my $faults = Skep::Faults->new(skep => skep(Skep::Faults->server));
#
#     $faults->start;
#     ...
#     $faults->stop;
#     $faults->check;
#     $faults->finish;
#
# Two users share a project, so that each event has two rows of inboxes and one
# delivery; one of them follows the stream, and comes back whenever it ends.
#
# Each writer also reads what it wrote, and notes of each request when it began,
# when it ended, and how: see attempts().  Skep::Matrix measures by that.

use v5.36;

use Carp qw(croak);
use IO::Handle;
use Skep::File qw(slurp);
use Skep::Process qw(fork_child reap wait_until);
use Skep::Receiver;
use Skep::Response;
use Skep::Stream;
use Test::More;
use Time::HiRes qw(sleep time);

use constant WRITERS => 8;
use constant PATIENCE => 60;            # seconds until all must have settled


# What a server of such a test is started with.

sub server ($class, %o) {
    return (
        workers => 2,
        worker  => 2,
        set     => {
            api_pg_timeout               => '2s',
            notify_webhook_http          => 'on',
            notify_webhook_allow_address => '127.0.0.1',
        },
        # a lease is for what a killed worker had in hand
        worker_conf => {
            pg_timeout            => '2s',
            redis_timeout         => '1s',
            claim_idle            => '1s',
            sweep_after           => '500ms',
            webhook_allow_http    => 'on',
            webhook_allow_address => '127.0.0.1',
            webhook_timeout       => '2s',
            webhook_lease         => '3s',
            webhook_schedule      => '200ms 500ms 1s 1s 1s 1s',
            webhook_per_endpoint  => 32,
        },
        allow_log => qr/exited on signal 9|shared memory zone/,
        %o,
    );
}


# new(skep => server, rate => writes per second at most, of all processes,
#     hung => seconds that no request may take (5),
#     refused => pattern of errors that PostgreSQL may log,
#     logins => 1: who is refused for a token logs in again)

sub new ($class, %o) {
    my $skep = $o{skep};
    my $self = bless {
        skep     => $skep,
        rate     => $o{rate} // 400,
        hung     => $o{hung} // 5,
        refused  => $o{refused},
        logins   => $o{logins},
        read     => {},
        receiver => Skep::Receiver->new(dir => $skep->dir),
        users    => [map { $skep->user } 1 .. 2],
    }, $class;
    my ($owner, $other) = $self->{users}->@*;

    $self->{project} = $skep->project($owner, viewer => $other);
    $self->_settle or die 'it never settles';

    my $res = $owner->post('/v1/webhooks', {
        url => $self->{receiver}->url('/hook'), events => ['*'],
    });
    die 'no webhook: ' . $res->body if $res->status != 201;

    return $self;
}


sub skep ($self) { return $self->{skep} }
sub owner ($self) { return $self->{users}[0] }


# The processes that write, and the one that follows.

sub start ($self) {
    my $run = ++$self->{runs};

    $self->{follower} = $self->_follow;
    $self->{writers} = [map { $self->_write("$run-$_") } 1 .. WRITERS];
}


# Their end, with everything up and settled.

sub stop ($self) {
    my @writers = $self->{writers}->@*;

    kill 'TERM', @writers;
    $_ = reap($_, PATIENCE) for @writers;
    is_deeply(\@writers, [(0) x @writers],
              'each write that was begun is acknowledged');

    my $redis = $self->skep->redis;

    $redis->start if $redis && !defined $redis->pid;
    ok($self->_settle, 'it settles');

    # it may have to come back for the last ones
    my $shown = $self->_inbox;
    wait_until(20, sub { $self->_lines('followed') >= $shown }, 0.2);
    kill 'TERM', $self->{follower};
    is(reap($self->{follower}, 20), 0, 'the follower ends');
}


sub writers ($self) { return $self->{writers}->@* }


# What the writers did since this was asked for last, in order:
#     { who, kind => POST, PATCH or GET, tries => how often so far,
#       began, ended, task => id of what was written,
#       how => ok, replayed, a status, closed, hung, or what is wrong with it }

sub attempts ($self) {
    return map {
        my %attempt;
        @attempt{qw(began ended who kind tries task how)} = split /\t/;
        \%attempt;
    } $self->_new_lines('attempts');
}


# What the follower was told since then, in order: { id, task, at }.

sub told ($self) {
    return map {
        my %told;
        @told{qw(id task at)} = split /\t/;
        \%told;
    } $self->_new_lines('followed');
}


sub _new_lines ($self, $name) {
    my $file = $self->skep->dir . "/$name";
    my $state = $self->{read}{$name} //= { at => 0 };

    open my $fh, '<', $file or return;
    seek $fh, $state->{at}, 0;

    my $text = do { local $/; <$fh> } // '';

    $text = substr $text, 0, 1 + rindex $text, "\n";
    $state->{at} += length $text;

    return split /\n/, $text;
}


# No event is on its way any more.

sub _settle ($self) {
    return wait_until(PATIENCE, sub {
        return 't' eq (eval { $self->skep->pg->value(<<~'SQL') } // '');
            SELECT NOT EXISTS (SELECT FROM notify.outbox)
                   AND NOT EXISTS (SELECT FROM notify.deliveries
                                   WHERE status = 'pending')
            SQL
    }, 0.1);
}


sub _any (@list) { return $list[rand @list] }


# A fault: PostgreSQL then ends all the others, too, and recovers.

sub kill_backend ($self) {
    my $pg = $self->skep->pg;
    my @pids = eval { map { $_->[0] } $pg->query(<<~'SQL')->@* };
        SELECT pid FROM pg_stat_activity WHERE usename LIKE 'skep\_%'
        SQL

    kill 'KILL', _any(@pids) if @pids;
}


# A process that writes; its pid.

sub _write ($self, $which) {
    return fork_child(sub {
        srand($$);
        $self->{who} = $which;
        $self->{journal} = $self->_open("acknowledged-$which");
        $self->{attempts} = $self->_open('attempts');
        $self->{client} = $self->skep->new_client(timeout => $self->{hung});
        local $SIG{TERM} = sub { $self->{stopping} = 1 };

        my $pause = WRITERS / $self->{rate};
        my $next = time + rand $pause;

        for (my $n = 1; !$self->{stopping}; $n++) {
            my $wait = $next - time;

            sleep $wait if $wait > 0;
            # what was missed is not made up for at once
            $next = ($wait < -1 ? time : $next) + $pause;
            $self->_one("$which-$n");
        }
    }, 'writer');
}


# One write: a task, or a change of one of one's own; and a look at it.

sub _one ($self, $name) {
    my $tasks = $self->{tasks} //= [];
    my $task;

    if (@$tasks < 5 || rand 2 < 1) {
        $task = $self->_request('POST', '/v1/tasks', $name,
            json    => { title => $name, project_id => $self->{project} },
            headers => ['Idempotency-Key', $name]);

        push @$tasks, $task->{id};
        $self->_journal('task.created', $task);

    } else {
        $task = $self->_request('PATCH', '/v1/tasks/' . _any(@$tasks), $name,
                                json => { title => $name });

        $self->_journal('task.updated', $task);
    }

    my $read = $self->_request('GET', "/v1/tasks/$task->{id}", $name);

    # more, if an attempt that was given up has happened after all
    die "version $read->{version}, and $task->{version} was acknowledged"
        if $read->{version} < $task->{version};
}


# Again and again, until it is acknowledged: the same key, or the same change.
# The answer has to be its own: it has the title and the id that were sent.

sub _request ($self, $method, $target, $name, %o) {
    my $client = $self->{client};
    my $until = time + PATIENCE - 5;
    my ($tries, $how) = (0, '');
    my @headers = ($o{headers} // [])->@*;

    while (time < $until) {
        my $nonce = "$name-$method-" . ++$tries;
        my $began = time;
        my $res = eval {
            $client->request($method, $target, %o,
                             headers => [@headers, 'X-Request-ID', $nonce],
                             token => $self->{users}[0]->token);
        };
        my $task;

        $how = $res ? $self->_how($res, $nonce, $name)
                    : $@ =~ /time-out/ ? 'hung' : 'closed';
        $task = $res->json if $how =~ /\A(?:ok|replayed)\z/;

        syswrite $self->{attempts}, join("\t",
            $began, time, $self->{who}, $method, $tries,
            $task ? $task->{id} : '-', $how) . "\n";

        return $task if $task;

        $self->_login($client, $self->{users}[0])
            if $how eq '401' && $self->{logins};

        die "$method $target: $how: " . $res->body
            if $res && $how !~ /\A(?:5\d\d|409)\z/
               && !($how eq '401' && $self->{logins});

        $client->close;
        sleep 0.05;
    }

    die "never acknowledged: $method $target: $how";
}


# Another token, if that is to be had now.

sub _login ($self, $client, $user) {
    my $res = eval {
        $client->request('POST', '/v1/auth/login', json => {
            email => $user->email, password => $user->password,
        });
    };

    $user->{token} = $res->json->{access_token} if $res && $res->status == 200;
}


sub _how ($self, $res, $nonce, $name) {
    my $id = $res->header('X-Request-ID') // 'none';

    return "X-Request-ID is $id, not $nonce" if $id ne $nonce;
    return $res->status if $res->status >= 300;

    my $title = $res->json->{title};

    return "\"$title\" is another's" if $title ne $name;
    return $res->header('Idempotent-Replayed') ? 'replayed' : 'ok';
}


sub _journal ($self, $type, $task) {
    syswrite $self->{journal}, "$task->{id}\t$type\t$task->{version}\n";
    $self->{journal}->sync;
}


sub _open ($self, $name) {
    my $file = $self->skep->dir . "/$name";

    open my $fh, '>>', $file or die "$file: $!";
    return $fh;
}


sub _lines ($self, $pattern) {
    my @lines;

    for my $file (glob $self->skep->dir . "/$pattern") {
        push @lines, split /\n/, slurp($file);
    }

    return @lines;
}


# A process that follows the stream, and writes the ids down; its pid.

sub _follow ($self) {
    my $user = $self->{users}[1];

    # before the writes begin, since it begins with what comes next
    my $stream = Skep::Stream->open($user, raw => 1);

    return fork_child(sub {
        my $journal = $self->_open('followed');
        my $last = ($self->_followed)[-1]
                   // '01890000-0000-7000-8000-000000000001';
        my $stopping = 0;
        local $SIG{TERM} = sub { $stopping = 1 };

        while (!$stopping) {
            while ($stream && (my $event = $stream->event(0.1))) {
                my ($task) = $event->{text} =~ /"task_id":"([^"]+)"/;

                $last = $event->{id};
                syswrite $journal, join("\t", $last, $task // '-', time) . "\n";
            }

            next if $stream && $stream->ended(0) eq '';

            sleep 0.1;
            $stream = eval {
                Skep::Stream->open($user, raw => 1, last => $last)
            };
            $self->_login($self->skep->new_client(timeout => $self->{hung}),
                          $user)
                if $self->{logins} && $stream && $stream->response
                   && $stream->response->status == 401;
            undef $stream if $stream && $stream->response;
        }
    }, 'follower');
}


# The ids that the follower was told, in order.

sub _followed ($self) {
    return map { /\A([^\t]*)/ } $self->_lines('followed');
}


# The ids in the follower's inbox, in order.

sub _inbox ($self) {
    my $user = $self->{users}[1]->id;

    return map { $_->[0] } $self->skep->pg->query(<<~"SQL")->@*;
        SELECT e.id FROM notify.inbox i JOIN notify.events e USING (n)
        WHERE i.user_id = '$user' AND e.task_id IS NOT NULL ORDER BY n
        SQL
}


# What must be true in the end, of the project: others may have done what they
# liked meanwhile.

sub check ($self) {
    my @acknowledged = $self->_lines('acknowledged-*');
    my $pg = $self->skep->pg;
    my $project = $self->{project};

    my @idle = grep { !-s } glob $self->skep->dir . '/acknowledged-*';

    # how many is a matter of the rate, and of how long the fault lasted
    is(scalar @idle, 0, 'each writer has written');
    cmp_ok(scalar @acknowledged, '>=', WRITERS, 'and that is there');
    note(@acknowledged . ' writes');

    my $wrong = sub ($name, $sql) {
        my @rows = map { join ' ', @$_ } $pg->query($sql)->@*;

        is(scalar @rows, 0, $name)
            or diag(map { "$_\n" } @rows[0 .. ($#rows > 9 ? 9 : $#rows)]);
    };

    $pg->execute(join "\n",
        'DROP TABLE IF EXISTS acknowledged;',
        'CREATE TABLE acknowledged (task uuid, type text, version bigint);',
        'COPY acknowledged FROM STDIN;', @acknowledged, "\\.", '');

    $wrong->('exactly one event of each acknowledged write', <<~'SQL');
        SELECT a.*, count(e.n)
        FROM acknowledged a
            LEFT JOIN notify.events e ON e.task_id = a.task AND e.type = a.type
                AND (e.data -> 'task' ->> 'version')::bigint = a.version
        GROUP BY a.task, a.type, a.version
        HAVING count(*) <> 1 OR count(e.n) <> 1
        SQL

    $wrong->('and of each other one: as many as a task has versions', <<~"SQL");
        SELECT t.id, t.version, count(e.n)
        FROM task.tasks t LEFT JOIN notify.events e ON e.task_id = t.id
        WHERE t.project_id = '$project'
        GROUP BY t.id, t.version
        HAVING count(e.n) <> t.version
            OR count(DISTINCT e.data -> 'task' ->> 'version') <> t.version
        SQL

    $wrong->('of each task in their order', <<~"SQL");
        SELECT id FROM (
            SELECT id, (data -> 'task' ->> 'version')::bigint AS version,
                   row_number() OVER (PARTITION BY task_id ORDER BY n) AS nth
            FROM notify.events
            WHERE task_id IS NOT NULL AND project_id = '$project') e
        WHERE nth <> version
        SQL

    $wrong->('exactly one row in the inbox of each recipient', <<~"SQL");
        SELECT e.n, e.id, count(i.user_id)
        FROM notify.events e LEFT JOIN notify.inbox i USING (n)
        WHERE e.project_id = '$project'
        GROUP BY e.n
        HAVING count(*) <> 2 OR count(DISTINCT i.user_id) <> 2
        SQL

    $wrong->('no event has died, nor a delivery', <<~"SQL");
        SELECT id, reason FROM notify.dead_events
        UNION ALL
        SELECT d.id, d.status || ' ' || coalesce(d.error, '')
        FROM notify.deliveries d JOIN notify.events e USING (n)
        WHERE d.status <> 'delivered' AND e.project_id = '$project'
        SQL

    $self->_check_attempts;
    $self->_check_receiver;
    $self->_check_follower;
    $self->_check_log;
}


# Every request was answered in time, and by its own answer.

sub _check_attempts ($self) {
    my $login = $self->{logins} ? '|401' : '';
    my @wrong = grep { !/\t(?:ok|replayed|closed|409|5\d\d$login)\z/ }
                $self->_lines('attempts');

    is(scalar @wrong, 0, 'no request has hung, none got the answer of another')
        or diag(map { "$_\n" } @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);
}


# At least one delivery of each, and the same each time.

sub _check_receiver ($self) {
    my %event = map { $_->[0] => 1 } $self->skep->pg->query(<<~"SQL")->@*;
        SELECT id FROM notify.events
        WHERE task_id IS NOT NULL AND project_id = '$self->{project}'
        SQL

    my (%body, @wrong);
    my $again = 0;

    for my $request ($self->{receiver}->requests('/hook')) {
        my ($id, $body) = ($request->{headers}{'webhook-id'},
                           $request->{body});
        my $known = $body{$id};

        push @wrong, "$id: of no event" if !$event{$id};
        push @wrong, "$id: another id in the body"
            if Skep::Response::decode($body)->{id} ne $id;
        push @wrong, "$id: another body" if defined $known && $known ne $body;

        $again++ if defined $known;
        $body{$id} = $body;
    }

    push @wrong, map { "$_: not delivered" } grep { !$body{$_} } keys %event;

    is(scalar @wrong, 0, 'each is delivered, with its id')
        or diag(map { "$_\n" } @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);
    note(keys(%body) . " delivered, $again of them again");
}


# Each once, and in the order of the inbox.

sub _check_follower ($self) {
    my @followed = $self->_followed;
    my @inbox = $self->_inbox;
    my ($at) = grep { ($followed[$_] // '') ne ($inbox[$_] // '') }
               0 .. ($#followed > $#inbox ? $#followed : $#inbox);

    is($at, undef, 'the stream has shown each once, in order')
        or diag(scalar @followed, ' followed, ', scalar @inbox, ' in the inbox,',
                " the first that differs is number $at: ",
                $followed[$at] // 'none', ' instead of ',
                $inbox[$at] // 'none');
}


# What PostgreSQL has refused: nothing, but for those who came while it was
# starting or stopping.

sub _check_log ($self) {
    my $allowed = $self->{refused} // qr/(?!)/;
    my @faults = grep { /(?:ERROR|PANIC):/ && !/canceling statement due to/
                        && !/$allowed/ }
                 split /\n/, $self->skep->pg->log_tail(1e6);

    is(scalar @faults, 0, 'PostgreSQL has refused nothing')
        or diag(map { "$_\n" } @faults[0 .. ($#faults > 9 ? 9 : $#faults)]);
}


# Ends what one that died has left.

sub give_up ($self) {
    Skep::Process::stop($_, 'KILL')
        for grep { defined } $self->{follower},
                             ($self->{writers} // [])->@*;
    $self->finish;
}


# Ends what new() began.

sub finish ($self) {
    $self->{receiver}->stop_server;
}


1;
