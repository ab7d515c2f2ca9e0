#!/usr/bin/env perl

# GET /livez and /readyz, with PostgreSQL up, down, and up again; with a schema
# of before; with Redis there and away.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(redis => 1, set => { api_pg_timeout => '3s',
                                     api_redis_timeout => '200ms' });
my $user = $skep->user;
my %well = (database => 'ok', schema => 'ok', sessions => 'ok',
            redis => 'ok');


sub alive ($name) {
    same_json($skep->get('/livez'), 200, { status => 'ok' }, "$name: /livez");
}

# all is well but for that

sub ready_is ($name, $code, $status, %checks) {
    my $res = $skep->get('/readyz', plain => 1);

    same_json($res, $code, { status => $status, checks => { %well, %checks } },
              "$name: /readyz");
    unlike($res->body, qr/socket|host|refused|libpq|42883/i,
           "$name: no internals are told");

    return $res;
}


my $res = ready_is('up', 200, 'ok');

is($res->header('Cache-Control'), 'no-store', 'it is not to be stored');
status_is($skep->head('/readyz'), 200, 'HEAD');
alive('up');


# stopped

$skep->pg->stop_server;
alive('down');
ready_is('down', 503, 'unavailable', database => 'unavailable',
         schema => 'unknown');

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

my $took;

for my $n (1 .. 3) {
    $skep->pg->stop_server if $n > 1;   # what else the machine does adds to it
    sleep 4;                            # so that it is in its back-off
    $start = time;
    status_is($user->get('/v1/tasks'), 503, 'down for long: GET') for 1 .. 5;
    cmp_ok(time - $start, '<', 1, 'at once');
    $skep->pg->start;
    $start = time;

    ok($skep->wait_ready(5), 'up again: /readyz');
    $took = time - $start;
    last if $took <= 2.2;
}

cmp_ok($took, '<=', 2.2, 'within 2 s');
status_is($user->get('/v1/tasks'), 200, 'up again: GET');
status_is($user->post('/v1/tasks', { title => 'x' }), 201,
          'up again: POST, for ready is who can write');


# it does not answer: that is known before a request would know

$skep->pg->freeze;
alive('frozen');
$start = time;
ready_is('frozen', 503, 'unavailable', database => 'timeout',
         schema => 'unknown');
cmp_ok(time - $start, '<', 2.5, 'within api_health_timeout');
cmp_ok(time - $start, '>', 0.9, 'and not before');
$skep->pg->thaw;
ok($skep->wait_ready(5), 'thawed: /readyz');


# a client that does not wait for the answer

$skep->pg->freeze;

for (1 .. 20) {
    my $client = $skep->new_client;
    $client->send($client->format_request('GET', '/readyz'));
    sleep 0.01;
    $client->close;
}

alive('clients that left');
$skep->pg->thaw;
ok($skep->wait_ready(5), 'clients that left: /readyz');


# what only writes need is not there

$skep->pg->execute(<<~'SQL');
    ALTER ROLE skep_nginx CONNECTION LIMIT 0;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'skep_nginx'
          AND query !~ 'read_only|is_deployed|sessions';
    SQL
ok(wait_until(3, sub {
       $skep->get('/readyz', plain => 1)->status == 503;
   }), 'who can read alone is not ready');
$skep->pg->execute('ALTER ROLE skep_nginx CONNECTION LIMIT -1');
ok($skep->wait_ready(5), 'who can write again is');


# a schema that lacks a change, as when a new build comes before its migrations

my $last = $skep->pg->query(<<~'SQL')->[0];
    DELETE FROM sqitch.changes WHERE change_id = (
        SELECT change_id FROM sqitch.changes
        ORDER BY planned_at DESC LIMIT 1)
    RETURNING change, to_jsonb(changes);
    SQL

ready_is('an old schema', 503, 'unavailable', schema => 'outdated');
$skep->pg->execute(<<~"SQL");
    INSERT INTO sqitch.changes
    SELECT (jsonb_populate_record(NULL::sqitch.changes, \$j\$$last->[1]\$j\$)).*
    SQL
ready_is("with \"$last->[0]\"", 200, 'ok');

# one whose statements can't even be prepared
$skep->pg->execute(<<~'SQL');
    ALTER FUNCTION api.is_deployed(text) RENAME TO was_deployed;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'skep_nginx';
    SQL
ok(wait_until(5, sub {
       $skep->get('/readyz', plain => 1)->json->{checks}{schema} eq 'outdated';
   }), 'a statement is refused');
ready_is('refused', 503, 'unavailable', database => 'error',
         schema => 'outdated');
like($skep->nginx->log, qr/refused to prepare a statement: 42883/,
     'the log has more');
$skep->pg->execute(
    'ALTER FUNCTION api.was_deployed(text) RENAME TO is_deployed');
ok($skep->wait_ready(5), 'migrated: ready by itself');


# Redis: something works without

$skep->redis->freeze;
ready_is('Redis hangs', 200, 'degraded', redis => 'timeout');
$skep->redis->thaw;
ok(wait_until(5, sub { $skep->get('/readyz')->json->{status} eq 'ok' }),
   'Redis is back');
$skep->redis->stop_server;
ok(wait_until(5, sub {
       $skep->get('/readyz')->json->{checks}{redis} eq 'unavailable';
   }), 'Redis is away');
ready_is('no Redis', 200, 'degraded', redis => 'unavailable');
status_is($user->get('/v1/tasks'), 200, 'and it is served');

# a gateway, which has no database

my $gateway = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        auth_key HS256 %%DIR%%/../key;
        api_drain_file %%DIR%%/drain;

        server {
            listen 127.0.0.1:%%PORT%%;
            location / { api_health on; auth_token required; }
        }
    }
    EOT

same_json($gateway->get('/readyz'), 200, { status => 'ok', checks => {} },
          'without a database there is nothing to ask');

finish();
