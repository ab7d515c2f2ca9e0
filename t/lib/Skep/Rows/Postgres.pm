package Skep::Rows::Postgres;

# The fault matrix: what may become of PostgreSQL, and of the way to it.  Rows
# that need a network or a file system of their own are in PostgresNetwork.pm.

use v5.36;

use IO::Socket::UNIX;
use Skep::File qw(slurp);
use Skep::Nginx;
use Skep::Postgres;
use Skep::Process qw(children fork_child stop tempdir wait_until);
use Skep::Proxy;
use Skep::Standby;
use Test::More;
use Time::HiRes qw(sleep time);

# statements of writes, and the fan-out, as they stand in a Bind message
use constant WRITES => '\0(?:task_create(?:_keyed)?|task_update|fan_out)\0';


sub rows ($class) {
    return [ _ends(), _hangs(), _refuses(), _wire(), _takeover() ];
}


# It is gone, and comes back.

sub _ends () {
    return ({
        name   => 'killed',
        made   => '`kill -9` of the postmaster; started after 0 to 1 s',
        holds  => 'reads in flight are asked again, writes are 503',
        bar    => 2,
        hold   => [0, 1],
        away   => 1,
        short  => 1,
        inject => sub ($m) { $m->pg->kill_server },
        end    => sub ($m) { $m->pg->start },
    }, {
        name   => 'restarted at once',
        made   => 'immediate shutdown and start',
        holds  => 'the same',
        bar    => 2,
        hold   => 0,
        inject => sub ($m) { $m->pg->stop_server('QUIT') },
        end    => sub ($m) { $m->pg->start },
    }, {
        name   => 'a backend killed',
        made   => '`kill -9` of one backend of nginx or of the worker: '
                  . 'PostgreSQL ends all others and recovers',
        holds  => 'the same',
        bar    => 2,
        hold   => 0,
        inject => sub ($m) { $m->faults->kill_backend },
        end    => sub ($m) {
            sleep 0.02;                 # it is noticed by then
            wait_until(30, sub { $m->pg->ready }, 0.005);
        },
    }, {
        name   => 'backends terminated',
        made   => '`pg_terminate_backend()` of all of nginx and the worker',
        holds  => 'the same',
        bar    => 2,
        hold   => 0,
        short  => 1,
        inject => sub ($m) { $m->pg->terminate },
    }, {
        name   => 'long recovery',
        made   => '`kill -9`; then "the database system is starting up" for '
                  . '1 to 4 s',
        holds  => '503 at once, `/readyz` says so',
        bar    => 2,
        hold   => [1, 4],
        away   => 1,
        inject => \&_recover,
        during => sub ($m) {
            my $res = $m->skep->get('/readyz', plain => 1);
            is($res->status, 503, 'not ready');
        },
        end    => sub ($m) {
            kill 'CONT', delete $m->{startup};
            wait_until(30, sub { $m->pg->ready }, 0.005);
        },
        check  => sub ($m) {
            like($m->skep->nginx->log, qr/the database system is starting up/,
                 'the log has its words');
        },
    });
}


# Killed and started, with the process that recovers stopped in the middle.

sub _recover ($m) {
    my $pg = $m->pg;

    for (1 .. 20) {
        $pg->kill_server;
        sleep 0.05;
        $pg->launch;

        my $startup = wait_until(5, sub {
            my ($pid) = grep {
                slurp("/proc/$_/cmdline", absent => '') =~ /startup/
            } children($pg->pid);
            return $pid;
        }, 0.001);

        next if !$startup;
        kill 'STOP', $startup;
        sleep 0.02;
        return $m->{startup} = $startup if -d "/proc/$startup" && !$pg->ready;
        kill 'CONT', $startup;
    }

    die 'it recovers too quickly';
}


# It is there, and answers nothing.

sub _hangs () {
    return ({
        name   => 'stopped',
        made   => 'SIGSTOP of all its processes for 0.5 to 4 s',
        holds  => '504 in time, then 503 at once',
        bar    => 2,
        hold   => [0.5, 4],
        short  => 1,
        inject => sub ($m) { $m->pg->freeze },
        end    => sub ($m) { $m->pg->thaw },
    }, {
        name   => 'a table locked',
        made   => '`LOCK TABLE task.tasks` by somebody else for 1 to 4 s',
        holds  => '504 in time, reads of other tables behind it, too; '
                  . '`/livez` goes on',
        bar    => 2,
        hold   => [1, 4],
        inject => sub ($m) {
            $m->{session} = $m->pg->session->hold(
                'LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');
        },
        during => sub ($m) {
            is($m->skep->get('/livez')->status, 200, '/livez goes on');
        },
        end    => sub ($m) { $m->{session}->close },
    }, {
        name   => 'the outbox locked',
        made   => '`LOCK TABLE notify.outbox, notify.position` for 1 to 4 s',
        holds  => 'reads go on; writes are 504; events wait',
        bar    => 2,
        hold   => [1, 4],
        inject => sub ($m) {
            $m->{session} = $m->pg->session->hold(<<~'SQL');
                LOCK TABLE notify.outbox, notify.position
                IN ACCESS EXCLUSIVE MODE
                SQL
        },
        during => sub ($m) {
            my $user = $m->faults->owner;

            is($user->get('/v1/tasks')->status, 200, 'reads go on');
        },
        end    => sub ($m) { $m->{session}->close },
    });
}


# It takes no more connections.

sub _refuses () {
    return ({
        name   => 'at max_connections',
        made   => 'strangers take every connection that is free, and those '
                  . 'of nginx and the worker, which are terminated',
        holds  => 'nginx serves by what connections it gets; without any, 503',
        bar    => 2,
        hold   => [0.5, 2],
        server => { pg_conf => ['max_connections = 40'] },
        inject => sub ($m) {
            $m->{session} = $m->pg->session->hold('SELECT 1');
            $m->{crowd} = fork_child(sub { _crowd($m->pg) }, 'crowd');
            sleep 0.3;                  # by then there is no room
            $m->{session}->send(Skep::Postgres::TERMINATE);
        },
        end    => sub ($m) {
            stop($m->{crowd}, 'KILL');
            $m->{session}->close;
        },
        check  => sub ($m) {
            like($m->skep->nginx->log, qr/too many clients already/,
                 'nginx was refused');
        },
    });
}


# Connections that never say who they are: each takes the place of a client.

sub _crowd ($pg) {
    my $hello = pack 'N n2 (Z*)*', 0, 3, 0, 'user', 'skep_nginx', 'database',
                'skep', '';
    my @crowd;

    substr $hello, 0, 4, pack 'N', length $hello;

    while (1) {
        my $socket = IO::Socket::UNIX->new(
            Peer => "$pg->{dir}/.s.PGSQL.$pg->{port}");
        my $answer = '';

        if ($socket && syswrite($socket, $hello)
            && sysread($socket, $answer, 1) && $answer eq 'R')
        {
            push @crowd, $socket;
            next;
        }

        sleep 0.001;
    }
}


# A server before which a proxy stands.

sub _proxied ($m) {
    my $port = Skep::Nginx::free_port();

    $m->{proxy} = Skep::Proxy->new(to => $port);

    return (pg => {
        tcp => $port, at => 'host=127.0.0.1 port=' . $m->{proxy}->port,
    });
}


sub _wire () {
    my %through = (
        server => \&_proxied,
        bar    => 2,
        end    => sub ($m) { $m->{proxy}->mode('pass') },
    );

    return ({
        %through,
        name   => 'connections reset',
        made   => 'a proxy resets all connections',
        holds  => 'reads are asked again, writes are 503',
        hold   => 0,
        short  => 1,
        inject => sub ($m) { $m->{proxy}->reset },
        end    => sub ($m) { },
    }, {
        %through,
        name   => 'connections refused',
        made   => 'a proxy resets all connections, and each new one for 0.5 '
                  . 'to 2 s',
        holds  => '503 at once',
        hold   => [0.5, 2],
        away   => 1,
        inject => sub ($m) {
            $m->{proxy}->mode('refuse');
            $m->{proxy}->reset;
        },
    }, {
        %through,
        name   => 'answers lost after COMMIT',
        made   => 'a proxy passes writes on, takes the answer and resets the '
                  . 'connection, for 0.3 to 1 s; the fan-out\'s, too',
        holds  => 'the write has happened, and is 503; the repetition with '
                  . 'its Idempotency-Key is answered what the first would '
                  . 'have been',
        hold   => [0.3, 1],
        away   => 1,
        short  => 1,
        inject => sub ($m) { $m->{proxy}->mode('lose', WRITES) },
        check  => sub ($m) {
            cmp_ok($m->{proxy}->lost, '>', 0, 'answers were lost');
            like(slurp($m->skep->dir . '/attempts'), qr/\treplayed$/m,
                 'and given again');
        },
    }, {
        %through,
        name   => 'bytes one at a time',
        made   => 'a proxy sends each byte for itself, both ways, for 1 s',
        holds  => 'all is served, and nothing fails',
        hold   => 1,
        calm   => 1,
        inject => sub ($m) { $m->{proxy}->mode('bytes') },
    }, {
        %through,
        name   => 'a silent proxy',
        made   => 'a proxy takes connections and forwards nothing for 0.5 '
                  . 'to 4 s',
        holds  => '504 in time, then 503 at once',
        hold   => [0.5, 4],
        inject => sub ($m) { $m->{proxy}->mode('hang') },
    });
}


# A standby takes over.

sub _takeover () {
    return ({
        name   => 'failover',
        made   => '`kill -9` of the primary; `pg_promote()` of its synchronous '
                  . 'standby; the next time the other way round. Both are '
                  . 'named in the connection string',
        holds  => 'nothing acknowledged is lost; nothing is configured or '
                  . 'reloaded',
        bar    => 2,
        hold   => [0, 1],
        away   => 1,
        server => sub ($m) {
            my @port = map { Skep::Nginx::free_port() } 1 .. 2;
            my %at = (at => "host=127.0.0.1,127.0.0.1 port=$port[0],$port[1]");

            $m->{standby} = Skep::Postgres->new(dir => tempdir(),
                                                tcp => $port[1], %at);
            return (pg => { tcp => $port[0], %at });
        },
        setup  => sub ($m) {
            $m->{pair} = Skep::Standby->new($m->pg, $m->{standby});
        },
        inject => sub ($m) { $m->pg->kill_server },
        end    => sub ($m) { $m->skep->use_pg($m->{pair}->take_over) },
        after  => sub ($m) { $m->{pair}->follow },
        check  => sub ($m) { $m->{pair}->other->stop_server },
    });
}


1;
