#!/usr/bin/env perl

# nginx starts and serves while PostgreSQL is not there yet, and finds it when
# it comes.

use v5.36;

use Skep::Server;
use Skep::Test;
use Time::HiRes qw(time);

my $skep = Skep::Server->new;
my $took;

# again, if it was late: what else the machine does adds to it
for my $n (1 .. 3) {
    if ($n > 1) {
        $skep->client->close;
        $skep->nginx->quit;
        $skep->pg->stop_server;
    }

    $skep->nginx->start;
    status_is($skep->get('/livez'), 200, 'nginx starts without PostgreSQL');
    status_is($skep->get('/readyz', plain => 1), 503, 'but is not ready');
    problem($skep->post('/v1/auth/register', {
                email => 'a@example.com', password => 'x' x 8, name => 'A' }),
            503, 'database_unavailable', 'register');

    $skep->pg->start;

    my $start = time;

    ok($skep->wait_ready(10), 'ready when PostgreSQL is there');
    $took = time - $start;
    last if $took <= 2.2;
}

cmp_ok($took, '<=', 2.2, 'within 2 s');
$skep->connected;                       # for writes, too
status_is($skep->user->get('/v1/me'), 200, 'and serves');

finish($skep);
