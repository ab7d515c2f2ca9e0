package Skep::Rows::PostgresNetwork;

# The fault matrix: PostgreSQL on another machine, or with a disk of its own.
# These rows want Skep::Namespace.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Namespace;
use Skep::Postgres;
use Skep::Process qw(alive run tempdir wait_until);
use Skep::Standby;
use Test::More;
use Time::HiRes qw(sleep time);


sub rows ($class) {
    return [ _silence(), _addresses(), _takeover(), _disk() ];
}


# A peer of that number: the same one for all rows.

sub _peer ($n) {
    state @peers;

    return $peers[$n] //= Skep::Namespace->peer($n);
}


sub _remote ($m) {
    $m->{far} = _peer(1);

    return (pg => { tcp => 5432, network => $m->{far} });
}


# The network drops what it is given, and tells nobody.

sub _silence () {
    my %silent = (
        server => \&_remote,
        bar    => 5,
        holds  => '504 in time, then 503 at once',
        end    => sub ($m) { $m->{far}->mend },
    );

    return ({
        %silent,
        name   => 'network silently gone for a moment',
        made   => 'every packet is dropped for 0.3 to 1.5 s, less than '
                  . '`api_pg_timeout`',
        holds  => 'what TCP sends again in time is served',
        hold   => [0.3, 1.5],
        inject => sub ($m) { $m->{far}->cut },
    }, {
        %silent,
        name   => 'network silently gone',
        made   => 'every packet is dropped for 4 to 5 s',
        hold   => [4, 5],
        away   => 1,
        inject => sub ($m) { $m->{far}->cut },
    }, {
        %silent,
        name   => 'network silently gone, one way there',
        made   => 'every packet to PostgreSQL is dropped for 1 to 4 s',
        hold   => [1, 4],
        inject => sub ($m) { $m->{far}->cut(1, 0) },
    }, {
        %silent,
        name   => 'network silently gone, one way back',
        made   => 'every packet from PostgreSQL is dropped for 1 to 4 s',
        hold   => [1, 4],
        inject => sub ($m) { $m->{far}->cut(0, 1) },
    }, {
        %silent,
        name   => 'network gone until TCP gives up',
        made   => 'every packet is dropped until PostgreSQL has given its '
                  . 'connections up (`tcp_user_timeout = 1s`), 3 to 4 s',
        hold   => [3, 4],
        away   => 1,
        server => sub ($m) {
            my %server = _remote($m);

            return (%server, pg_conf => ["tcp_user_timeout = '1s'"]);
        },
        inject => sub ($m) { $m->{far}->cut },
        check  => sub ($m) {
            like($m->pg->log_tail(1e6), qr/Connection timed out/,
                 'PostgreSQL gave up');
        },
    });
}


# Where it was, nobody is.

sub _addresses () {
    return ({
        name   => 'its address gone',
        made   => 'the interface that leads there is down for 1 to 4 s',
        holds  => '504 in time, then 503 at once',
        bar    => 5,
        hold   => [1, 4],
        server => \&_remote,
        inject => sub ($m) { $m->{far}->down },
        end    => sub ($m) { $m->{far}->up },
    }, {
        name   => 'its name gone',
        made   => 'nobody resolves its host name for 0.5 to 1 s, all '
                  . 'connections are terminated, and nginx is told to reload',
        holds  => 'nginx keeps the addresses that it has, and the '
                  . 'configuration; the worker waits for the name',
        bar    => 2,
        hold   => [0.5, 1],
        server => sub ($m) {
            my %server = _remote($m);

            $m->{hosts} = tempdir() . '/hosts';
            _name($m, 1);
            run(['mount', '--bind', $m->{hosts}, '/etc/hosts']);
            $server{pg}{at} = 'host=database.example port=5432';
            return %server;
        },
        allow_log => qr/host not found in "api_pg"/,
        inject => sub ($m) {
            _name($m, 0);
            $m->pg->terminate;
            kill 'HUP', $m->skep->nginx->pid;
        },
        end    => sub ($m) { _name($m, 1) },
        check  => sub ($m) {
            like($m->skep->nginx->log, qr/host not found in "api_pg"/,
                 'nginx could not reload');
            like($m->skep->worker->log, qr/could not translate host name/,
                 'nor the worker connect');
            run(['umount', '/etc/hosts']);
        },
    });
}


# /etc/hosts, with the name of the database or without: written in place, since
# it is mounted.

sub _name ($m, $there) {
    spew($m->{hosts}, "127.0.0.1 localhost\n"
                      . ($there ? $m->{far}->address . " database.example\n"
                                : ''));
}


# The primary is cut off: it runs, and nobody is told that it is lost.

sub _takeover () {
    return ({
        name   => 'failover, the primary cut off',
        made   => 'every packet to and from the primary is dropped; after 0.5 '
                  . 'to 1 s its synchronous standby is promoted; the next time '
                  . 'the other way round',
        holds  => 'nothing acknowledged is lost; the next server is tried '
                  . 'when one does not answer',
        bar    => 5,
        hold   => [0.5, 1],
        away   => 1,
        server => sub ($m) {
            my @far = map { _peer($_) } 1 .. 2;
            my %at = (tcp => 5432, at => 'host='
                      . join(',', map { $_->address } @far) . ' port=5432');

            $m->{standby} = Skep::Postgres->new(
                dir => tempdir(), network => $far[1], %at);
            # its statements may take long: TCP notices that nobody is there
            return (pg => { network => $far[0], %at },
                    worker_conf => { pg_timeout => '30s' });
        },
        setup  => sub ($m) {
            $m->{pair} = Skep::Standby->new($m->pg, $m->{standby});
        },
        inject => sub ($m) { $m->pg->{network}->cut },
        end    => sub ($m) { $m->skep->use_pg($m->{pair}->take_over) },
        after  => sub ($m) {
            my $old = $m->{pair}->other;

            # it may never be the primary again beside the new one
            $old->kill_server;
            $old->{network}->mend;
            $m->{pair}->follow;
        },
        check  => sub ($m) { $m->{pair}->other->stop_server },
    });
}


# The disk is full, of WAL or of data, whichever PostgreSQL needs first.

sub _disk () {
    return ({
        name   => 'disk full',
        made   => 'a file fills its file system for 0.5 to 2 s; PostgreSQL '
                  . 'refuses writes, or ends itself and is started again',
        holds  => 'writes are 503, reads go on as long as it runs',
        bar    => 2,
        hold   => [0.5, 2],
        away   => 1,
        server => { pg => { size => '160m' } },
        refused => qr/No space left on device/,
        inject => sub ($m) {
            run(['dd', 'if=/dev/zero', "of=$m->{skep}{pg}{dir}/ballast",
                 'bs=64k']);
        },
        end    => sub ($m) {
            my $pg = $m->pg;

            unlink "$pg->{dir}/ballast" or die "ballast: $!";
            wait_until(5, sub { $pg->ready || !alive($pg->pid) }, 0.01);
            $pg->start if !alive($pg->pid);
        },
        check  => sub ($m) {
            like($m->skep->nginx->log, qr/53100|connection lost/,
                 'nginx was told');
        },
    });
}


1;
