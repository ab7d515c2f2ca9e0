package Skep::Faults;

# Writes by several processes, each of which writes down what was acknowledged;
# faults meanwhile; and, when all has settled, whether everybody was told of
# every write.
#
#     my $faults = Skep::Faults->new(skep => skep(Skep::Faults->server));
#
#     $faults->run(5, qw(kill_worker flush_redis));
#     $faults->check;
#
# Two users share a project, so that each event has two rows of inboxes and one
# delivery; one of them follows the stream, and comes back whenever it ends.

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


# new(skep => server, rate => writes per second at most, of all processes)

sub new ($class, %o) {
    my $skep = $o{skep};
    my $self = bless {
        skep     => $skep,
        rate     => $o{rate} // 400,
        receiver => Skep::Receiver->new(dir => $skep->dir),
        users    => [map { $skep->user } 1 .. 2],
        done     => {},
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


# Writes for so many seconds, while one of these faults after the other
# happens; then everything is up, and settles.

sub run ($self, $seconds, @faults) {
    my $until = time + $seconds;
    my $follower = $self->_follow;
    my $run = ++$self->{runs};
    my @writers = map { $self->_write("$run-$_") } 1 .. WRITERS;
    my $n = 0;

    while (time < $until) {
        sleep 0.2 + rand 0.6;

        my $fault = $faults[$n++ % @faults];
        $self->$fault;
        $self->{done}{$fault}++;
    }

    kill 'TERM', @writers;
    $_ = reap($_, PATIENCE) for @writers;
    is_deeply(\@writers, [(0) x @writers],
              'each write that was begun is acknowledged');

    my $redis = $self->skep->redis;

    $redis->start if !defined $redis->pid;
    ok($self->_settle, 'it settles');

    # it may have to come back for the last ones
    my $shown = $self->_inbox;
    wait_until(20, sub { $self->_lines('followed') >= $shown }, 0.2);
    kill 'TERM', $follower;
    is(reap($follower, 20), 0, 'the follower ends');

    note('faults: ', join ', ', map { "$_ $self->{done}{$_} times" }
                                sort keys $self->{done}->%*);
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


# The faults

sub _any (@list) { return $list[rand @list] }


sub kill_worker ($self) {
    my $worker = _any($self->skep->workers);

    $worker->kill_process;
    sleep rand 0.3;
    $worker->start;
}


sub _kill_redis ($self, $aof) {
    my $redis = $self->skep->redis;

    $redis->{settings}{appendonly} = $aof;
    $redis->kill_server;
    sleep rand 0.5;
    $redis->start;
}


# it comes back with what it had, or with nothing

sub kill_redis_aof ($self) { $self->_kill_redis('yes') }
sub kill_redis ($self) { $self->_kill_redis('no') }

# it stays away until no task is written any more: the last ones are told of
# by no stream
sub stop_redis ($self) {
    my $redis = $self->skep->redis;

    $redis->kill_server if defined $redis->pid;
}


sub flush_redis ($self) { $self->skep->redis->command('FLUSHALL') }


# It refuses whatever would need memory.

sub fill_redis ($self) {
    my $redis = $self->skep->redis;

    $redis->command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    $redis->command('CONFIG', 'SET', 'maxmemory', 1);
    sleep 0.5 + rand 0.5;
    $redis->command('CONFIG', 'SET', 'maxmemory', 0);
}


sub freeze_redis ($self) {
    $self->skep->redis->freeze;
    sleep 0.5 + rand 1.5;
    $self->skep->redis->thaw;
}


sub kill_nginx ($self) {
    kill 'KILL', _any($self->skep->nginx->workers);
}


sub kill_postgres ($self) {
    $self->skep->pg->kill_server;
    sleep rand 0.3;
    $self->skep->pg->start;
}


# PostgreSQL then ends all the others, too, and recovers.

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
        $self->{journal} = $self->_open("acknowledged-$which");
        $self->{client} = $self->skep->new_client(timeout => 5);
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


# One write: a task, or a change of one of one's own.

sub _one ($self, $name) {
    my $tasks = $self->{tasks} //= [];

    if (@$tasks < 5 || rand 2 < 1) {
        my $task = $self->_request('POST', '/v1/tasks',
            json    => { title => $name, project_id => $self->{project} },
            headers => ['Idempotency-Key', $name]);

        push @$tasks, $task->{id};
        $self->_journal('task.created', $task);

    } else {
        my $task = $self->_request('PATCH', '/v1/tasks/' . _any(@$tasks),
                                   json => { title => $name });

        $self->_journal('task.updated', $task);
    }
}


# Again and again, until it is acknowledged: the same key, or the same change.

sub _request ($self, $method, $target, %o) {
    my $client = $self->{client};
    my $until = time + PATIENCE - 5;
    my $last = '';

    while (time < $until) {
        my $res = eval {
            $client->request($method, $target,
                             token => $self->{users}[0]->token, %o);
        };

        return $res->json if $res && $res->status < 300;

        $last = $res ? $res->status . ' ' . $res->body : $@;
        die "$method $target: $last"
            if $res && $res->status < 500 && $res->status != 409;

        $client->close;
        sleep 0.05;
    }

    die "never acknowledged: $method $target: $last";
}


sub _journal ($self, $type, $task) {
    syswrite $self->{journal}, "$task->{id}\t$type\t$task->{version}\n";
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
        my $last = ($self->_lines('followed'))[-1]
                   // '01890000-0000-7000-8000-000000000001';
        my $stopping = 0;
        local $SIG{TERM} = sub { $stopping = 1 };

        while (!$stopping) {
            while ($stream && (my $event = $stream->event(0.1))) {
                $last = $event->{id};
                syswrite $journal, "$last\n";
            }

            next if $stream && $stream->ended(0) eq '';

            sleep 0.1;
            $stream = eval {
                Skep::Stream->open($user, raw => 1, last => $last)
            };
            undef $stream if $stream && $stream->response;
        }
    }, 'follower');
}


# The ids in the follower's inbox, in order.

sub _inbox ($self) {
    my $user = $self->{users}[1]->id;

    return map { $_->[0] } $self->skep->pg->query(<<~"SQL")->@*;
        SELECT e.id FROM notify.inbox i JOIN notify.events e USING (n)
        WHERE i.user_id = '$user' AND e.task_id IS NOT NULL ORDER BY n
        SQL
}


# What must be true in the end.

sub check ($self) {
    my @acknowledged = $self->_lines('acknowledged-*');
    my $pg = $self->skep->pg;

    cmp_ok(scalar @acknowledged, '>', 100, 'there were writes');
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

    $wrong->('and of each other one: as many as a task has versions', <<~'SQL');
        SELECT t.id, t.version, count(e.n)
        FROM task.tasks t LEFT JOIN notify.events e ON e.task_id = t.id
        GROUP BY t.id, t.version
        HAVING count(e.n) <> t.version
            OR count(DISTINCT e.data -> 'task' ->> 'version') <> t.version
        SQL

    $wrong->('of each task in their order', <<~'SQL');
        SELECT id FROM (
            SELECT id, (data -> 'task' ->> 'version')::bigint AS version,
                   row_number() OVER (PARTITION BY task_id ORDER BY n) AS nth
            FROM notify.events WHERE task_id IS NOT NULL) e
        WHERE nth <> version
        SQL

    $wrong->('exactly one row in the inbox of each recipient', <<~'SQL');
        SELECT e.n, e.id, count(i.user_id)
        FROM notify.events e LEFT JOIN notify.inbox i USING (n)
        GROUP BY e.n
        HAVING count(*) <> 2 OR count(DISTINCT i.user_id) <> 2
        SQL

    $wrong->('no event has died, nor a delivery', <<~'SQL');
        SELECT id, reason FROM notify.dead_events
        UNION ALL
        SELECT id, status || ' ' || coalesce(error, '')
        FROM notify.deliveries WHERE status <> 'delivered'
        SQL

    $self->_check_receiver;
    $self->_check_follower;
    $self->_check_log;
}


# At least one delivery of each, and the same each time.

sub _check_receiver ($self) {
    my %event = map { $_->[0] => 1 } $self->skep->pg->query(<<~'SQL')->@*;
        SELECT id FROM notify.events WHERE task_id IS NOT NULL
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
    my @followed = $self->_lines('followed');
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
    my @faults = grep { /(?:ERROR|PANIC):/ && !/canceling statement due to/ }
                 split /\n/, $self->skep->pg->log_tail(1e6);

    is(scalar @faults, 0, 'PostgreSQL has refused nothing')
        or diag(map { "$_\n" } @faults[0 .. ($#faults > 9 ? 9 : $#faults)]);
}


# Ends what new() began.

sub finish ($self) {
    $self->{receiver}->stop_server;
}


1;
