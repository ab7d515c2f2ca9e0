#!/usr/bin/env perl

# GET /livez and /readyz, with PostgreSQL up, down, and up again.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(set => { api_pg_timeout => '1s' });
my $user = $skep->user;


sub alive ($name) {
    same_json($skep->get('/livez'), 200, { status => 'ok' }, "$name: /livez");
}

sub not_ready ($name, $why) {
    my $res = $skep->get('/readyz', plain => 1);

    status_is($res, 503, "$name: /readyz");
    is_deeply($res->json, { status => 'unavailable',
                            checks => { database => $why, sessions => 'ok' } },
              "$name: it says which");
    unlike($res->body, qr/socket|host|refused|libpq/i,
           "$name: but no internals");
}


my $res = $skep->get('/readyz');

same_json($res, 200, { status => 'ok', checks => { database => 'ok',
                                                   sessions => 'ok' } },
          'up: /readyz');
is($res->header('Cache-Control'), 'no-store', 'it is not to be stored');
status_is($skep->head('/readyz'), 200, 'HEAD');
alive('up');


# stopped

$skep->pg->stop_server;
alive('down');
not_ready('down', 'unavailable');

my $start = time;
problem($user->get('/v1/tasks'), 503, 'database_unavailable', 'down: GET');
problem($user->post('/v1/tasks', { title => 'x' }), 503,
        'database_unavailable', 'down: POST');
problem($skep->post('/v1/auth/login', { email => 'a@example.com',
                                        password => 'x' x 8 }), 503,
        'database_unavailable', 'down: login');
cmp_ok(time - $start, '<', 2, 'at once');

$res = $user->get('/v1/tasks');
unlike($res->body, qr/socket|pg|postgres|refused|connect/i,
       'no internals are told');


# again there

sleep 4;                                # so that it is in its back-off
$start = time;
status_is($user->get('/v1/tasks'), 503, 'down for long: GET') for 1 .. 5;
cmp_ok(time - $start, '<', 1, 'at once');
$skep->pg->start;
$start = time;

ok($skep->wait_ready(5), 'up again: /readyz');
cmp_ok(time - $start, '<=', 2.2, 'within 2 s');
status_is($user->get('/v1/tasks'), 200, 'up again: GET');

# writes have connections of their own
sleep 0.05 while time - $start < 2
                 && $user->post('/v1/tasks', { title => 'x' })->status == 503;
status_is($user->post('/v1/tasks', { title => 'x' }), 201, 'up again: POST');


# it does not answer

$skep->pg->freeze;
$start = time;
alive('frozen');
not_ready('frozen', 'timeout');
cmp_ok(time - $start, '<', 3, 'that is known within its time-out');
$skep->pg->thaw;
ok($skep->wait_ready(5), 'thawed: /readyz');

finish();
