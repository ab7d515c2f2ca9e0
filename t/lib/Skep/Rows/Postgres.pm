package Skep::Rows::Postgres;

# The fault matrix: what may become of PostgreSQL.

use v5.36;

use Skep::Process qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

use constant NOTHING_LOST => 'reads in flight are asked again, writes are 503; '
                             . 'nothing acknowledged is lost or done twice';


sub rows ($class) {
    return [ _ends(), _hangs() ];
}


# It is gone, and comes back.

sub _ends () {
    return ({
        name   => 'killed',
        made   => '`kill -9` of the postmaster, started again after 0 to 1 s',
        holds  => NOTHING_LOST,
        bar    => 2,
        hold   => [0, 1],
        away   => 1,
        short  => 1,
        inject => sub ($m) { $m->pg->kill_server },
        end    => sub ($m) { $m->pg->start },
    });
}


# It is there, and answers nothing.

sub _hangs () {
    return ({
        name   => 'stopped',
        made   => 'SIGSTOP of all its processes for 0.5 to 4 s',
        holds  => '504 in time (`api_pg_timeout`), then 503 at once',
        bar    => 2,
        hold   => [0.5, 4],
        short  => 1,
        inject => sub ($m) { $m->pg->freeze },
        end    => sub ($m) { $m->pg->thaw },
    });
}


1;
