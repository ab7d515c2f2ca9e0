package Skep::Rows::Machine;

# The fault matrix: what may become of the machine: its clock is set, its
# descriptors are taken.

use v5.36;

use Skep::Clock;
use Skep::Proc qw(cpu limit_descriptors);
use Skep::Test ();
use Test::More;
use Time::HiRes qw(sleep);

use constant {
    HOUR => 3600,
    BUSY => 0.5,            # of a processor, at which it spins
};


sub rows ($class) {
    return [ _clock(), _descriptors() ];
}


# The clock is set by an hour, ahead and back in turn, and a second later right
# again.

sub _clock () {
    my $row = sub ($of, @who) {
        return {
            name   => "clock of $of",
            made   => 'set by an hour, ahead or back, and after a second right '
                      . 'again (libfaketime)',
            bar    => 5,
            logins => 1,
            hold   => 1,
            setup  => sub ($m) { _own_clock($m, @who) },
            inject => sub ($m) {
                $m->{ended} = _ended_session($m);
                $m->{clock}->step($m->{n}++ % 2 ? -HOUR : HOUR);
            },
            end    => sub ($m) { $m->{clock}->step(0) },
            after  => sub ($m) {
                Skep::Test::problem($m->skep->get('/v1/me', token => $m->{ended}), 401,
                        'token_revoked', 'a session that ended stays so');
            },
        };
    };

    return ({
        $row->('nginx', 'nginx')->%*,
        holds => 'tokens from the future or past are 401, and a new login is '
                 . 'good at once; sessions that ended stay so',
        short => 1,
    }, {
        $row->('the worker', 'worker')->%*,
        holds => 'no request fails; nothing waits for an hour',
        calm  => 1,
    }, {
        $row->('both', 'nginx', 'worker')->%*,
        holds => 'the same as of nginx',
    });
}


sub _own_clock ($m, @who) {
    my $skep = $m->skep;
    my $clock = $m->{clock} = Skep::Clock->new(dir => $skep->dir);

    for my $who (@who) {
        if ($who eq 'nginx') {
            $skep->client->close;
            $skep->nginx->restart_with($clock->env);
            $skep->wait_ready(10) or die 'never ready';
            next;
        }

        for my $worker ($skep->workers) {
            $worker->quit;
            $worker->{env} = $clock->env;
            $worker->start;
        }
    }
}


# The token of a session that has ended.

sub _ended_session ($m) {
    my $user = $m->skep->user;
    my $token = $user->token;

    $user->post('/v1/auth/logout');
    return $token;
}


# A process has as many descriptors as it may have, and connections that it lost
# can't be made anew.

sub _descriptors () {
    my $row = sub ($role, $pids) {
        return (
            hold   => 1,
            inject => sub ($m) {
                $m->{pids} = [$pids->($m)];
                limit_descriptors($_, 3) for $m->{pids}->@*;
                _lose_connections($m, $role);
            },
            during => sub ($m) { _is_idle($m) },
            end    => sub ($m) {
                limit_descriptors($_, 1024) for $m->{pids}->@*;
            },
        );
    };

    return ({
        name  => 'no descriptors for nginx',
        made  => 'no further one can be had (`RLIMIT_NOFILE`); connections to '
                 . 'PostgreSQL and Redis are lost',
        holds => 'what can be served is, the rest is 503; no worker spins or '
                 . 'ends',
        bar   => 2,
        short => 1,
        allow_log => qr/Too many open files/,
        refused   => qr/terminating connection/,
        $row->('skep_nginx', sub ($m) { $m->skep->nginx->workers }),
    }, {
        name  => 'no descriptors for the worker',
        made  => 'the same',
        holds => 'no request fails; no attempt to deliver is counted, no thread '
                 . 'spins',
        bar   => 2,
        calm  => 1,
        allow_log => qr/Too many open files/,
        refused   => qr/terminating connection/,
        $row->('skep_worker', sub ($m) { map { $_->pid } $m->skep->workers }),
    });
}


sub _lose_connections ($m, $role) {
    $m->redis->command('CLIENT', 'KILL', 'TYPE', $_) for qw(normal pubsub);
    $m->pg->execute(<<~"SQL");
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename = '$role'
        SQL
}


# While nobody wants anything, nobody works.

sub _is_idle ($m) {
    my @writers = $m->faults->writers;

    kill 'STOP', @writers;
    sleep 0.3;

    my %before = map { $_ => cpu($_) } $m->{pids}->@*;

    sleep 1;

    for my $pid ($m->{pids}->@*) {
        cmp_ok(cpu($pid) - $before{$pid}, '<', BUSY, "process $pid is idle");
    }

    kill 'CONT', @writers;
}


1;
