package Skep::Rows::Redis;

# The fault matrix: what may become of Redis.  Without it no request fails, and
# no event is lost.

use v5.36;

use Skep::Nginx;
use Skep::Process qw(tempdir wait_until);
use Skep::Proxy;
use Skep::Sentinel;
use Test::More;
use Time::HiRes qw(sleep);

use constant FLOWS => 'no request fails; what no stream told of is found in the '
                      . 'outbox; each event is told once';


sub rows ($class) {
    return [ map({ { bar => 2, calm => 1, holds => FLOWS, %$_ } }
                 _ends(), _refuses(), _hangs()),
             _sentinel() ];
}


# It is gone, and comes back.

sub _ends () {
    my $killed = sub ($aof) {
        return (
            hold   => [0, 1],
            inject => sub ($m) {
                $m->redis->{settings}{appendonly} = $aof;
                $m->redis->kill_server;
            },
            end    => sub ($m) { $m->redis->start },
        );
    };

    return ({
        name   => 'killed, comes back empty',
        made   => '`kill -9`, started again after 0 to 1 s',
        short  => 1,
        $killed->('no'),
    }, {
        name   => 'killed, comes back with its data',
        made   => 'the same, with `appendonly yes`',
        $killed->('yes'),
    }, {
        name   => 'connections reset',
        made   => '`CLIENT KILL` of all of them',
        hold   => 0,
        inject => sub ($m) {
            $m->redis->command('CLIENT', 'KILL', 'TYPE', $_)
                for qw(normal pubsub);
        },
    });
}


# It is there, but not as it was.

sub _refuses () {
    my @set = ('CONFIG', 'SET');

    return ({
        name   => 'flushed',
        made   => '`FLUSHALL`: stream, group and limits are gone',
        short  => 1,
        hold   => 0,
        inject => sub ($m) { $m->redis->command('FLUSHALL') },
    }, {
        name   => 'out of memory',
        made   => '`maxmemory 1`, `noeviction` for 0.5 to 1.5 s',
        hold   => [0.5, 1.5],
        inject => sub ($m) {
            $m->redis->command(@set, 'maxmemory-policy', 'noeviction');
            $m->redis->command(@set, 'maxmemory', 1);
        },
        end    => sub ($m) { $m->redis->command(@set, 'maxmemory', 0) },
    }, {
        name   => 'demoted',
        made   => '`REPLICAOF` of a server that is not there, then of `NO ONE`, '
                  . 'without a word to anybody',
        hold   => [0.5, 1.5],
        inject => sub ($m) {
            $m->redis->command('REPLICAOF', '127.0.0.1', '1');
        },
        end    => sub ($m) { $m->redis->command('REPLICAOF', 'NO', 'ONE') },
    });
}


# It is there, and answers nothing.

sub _hangs () {
    return ({
        name   => 'stopped',
        made   => 'SIGSTOP for 0.5 to 4 s',
        short  => 1,
        hold   => [0.5, 4],
        inject => sub ($m) { $m->redis->freeze },
        end    => sub ($m) { $m->redis->thaw },
    }, {
        name   => 'network silent',
        made   => 'a proxy before it forwards nothing for 0.5 to 4 s, on all '
                  . 'connections and new ones',
        hold   => [0.5, 4],
        server => \&_proxied,
        inject => sub ($m) { $m->{proxy}->mode('hang') },
        end    => sub ($m) { $m->{proxy}->mode('pass') },
        check  => sub ($m) { $m->{proxy}->finish },
    }, {
        name   => 'network silent, and reset',
        made   => 'the same, and then the connections are reset',
        hold   => [0.5, 4],
        server => \&_proxied,
        inject => sub ($m) { $m->{proxy}->mode('hang') },
        end    => sub ($m) {
            $m->{proxy}->reset;
            $m->{proxy}->mode('pass');
        },
        check  => sub ($m) { $m->{proxy}->finish },
    });
}


# nginx and the worker get there by a proxy.

sub _proxied ($m) {
    my $port = Skep::Nginx::free_port();
    my $proxy = $m->{proxy} = Skep::Proxy->new(to => $port);
    my $address = '127.0.0.1:' . $proxy->port;

    return (redis => { port => $port }, set => { api_redis => $address },
            worker_conf => { redis => $address });
}


# A replica and three Sentinels.  The clock starts when the replica was promoted:
# how long they take for that is a matter of their configuration.

sub _sentinel () {
    my %row = (
        bar    => 2,
        calm   => 1,
        holds  => 'the same; the new master is found by itself',
        hold   => 0,
        server => sub ($m) {
            my $sentinel = $m->{sentinel}
                         = Skep::Sentinel->new(dir => tempdir())->start;

            return (redis => 0, set => { api_redis => $sentinel->conf_nginx },
                    worker_conf => { $sentinel->conf_worker });
        },
        end    => sub ($m) {
            $m->{sentinel}->promoted or die 'nobody was promoted';
        },
        after  => sub ($m) {
            $m->{sentinel}->restore or die 'the old master does not follow';
        },
        check  => sub ($m) { $m->{sentinel}->stop_server },
    );

    return ({
        %row,
        name   => 'failover, the master is killed',
        made   => '`kill -9`; Sentinels promote a replica',
        inject => sub ($m) { $m->{sentinel}->master->kill_server },
    }, {
        %row,
        name   => 'failover, the master is stopped',
        made   => 'SIGSTOP; Sentinels promote a replica; SIGCONT',
        inject => sub ($m) { $m->{sentinel}->master->freeze },
        after  => sub ($m) {
            $m->{sentinel}->replica->thaw;
            $row{after}->($m);
        },
    });
}


1;
