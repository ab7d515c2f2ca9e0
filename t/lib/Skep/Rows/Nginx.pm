package Skep::Rows::Nginx;

# The fault matrix: what may become of nginx.

use v5.36;

use Skep::Process qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep);

use constant RELOADS => 8;


sub rows ($class) {
    return [{
        name   => 'a worker killed',
        made   => '`kill -9` of one of two; the clock starts at once',
        holds  => 'its requests get no answer; repeated by the same '
                  . '`Idempotency-Key`, a write is there once',
        bar    => 2,
        hold   => 0,
        short  => 1,
        inject => sub ($m) {
            my @workers = $m->skep->nginx->workers;
            kill 'KILL', $workers[rand @workers];
        },
        # the master starts another one
        after  => sub ($m) { $m->skep->connected },
    }, {
        name   => 'all workers killed',
        made   => '`kill -9` of both',
        holds  => 'the same',
        bar    => 2,
        hold   => 0,
        inject => sub ($m) { kill 'KILL', $m->skep->nginx->workers },
        after  => sub ($m) { $m->skep->connected },
    }, {
        name   => 'a storm of reloads',
        made   => RELOADS . ' reloads within a second, `api_shutdown_delay 3s`',
        holds  => 'no request fails; the workers of before leave, with what '
                  . 'they held',
        bar    => 2,
        calm   => 1,
        hold   => 0,
        short  => 1,
        server => { set => { api_shutdown_delay => '3s' },
                    main => 'worker_shutdown_timeout 10s;',
                    # workers of nine configurations, for a while
                    pg_conf => ['max_connections = 300'] },
        setup  => sub ($m) { $m->{before} = $m->skep->resources },
        inject => \&_reloads,
        after  => \&_left,
    }];
}


sub _reloads ($m) {
    for (1 .. RELOADS) {
        $m->{old}{$_} = 1 for $m->skep->nginx->hup;
        sleep 0.12;
    }
}


sub _left ($m) {
    my $nginx = $m->skep->nginx;

    ok(wait_until(15, sub { $nginx->workers == 2 }), 'two workers are left')
        or diag(scalar $nginx->workers);
    is($m->skep->connected, $m->{before}{connections},
       'with their connections, and no others');
}


1;
