#!/usr/bin/env perl

# Until the revoked sessions were read, no token with a session passes: it waits,
# unless there is nothing to wait for.  A full zone refuses more, not less.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Server;
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = Skep::Server->new(workers => 2);
my $nobody = Skep::User->new($skep, { user => { id => nobody } }, {});
my $token = $skep->token($nobody);


# PostgreSQL is not there yet

$skep->nginx->start;

my $res = $skep->get('/v1/tasks', token => $token);
problem($res, 503, 'database_unavailable', 'not known yet');

status_is($skep->get('/readyz', plain => 1), 503, 'and not ready');
is($skep->get('/readyz', plain => 1)->json->{checks}{sessions}, 'unavailable',
   'which says so');
problem($skep->get('/v1/tasks', token => 'x'), 401, 'token_invalid',
        'a bad token is refused as ever');

$skep->pg->start;
ok($skep->wait_ready(10), 'ready with PostgreSQL');
is($skep->get('/readyz')->json->{checks}{sessions}, 'ok', 'the set is read');


# what was read once is good while PostgreSQL is away, over a reload, too

my $user = $skep->user;

$skep->pg->stop_server;
sleep 0.3;
$skep->reload;
problem($skep->get('/v1/tasks', token => $user->token), 503,
        'database_unavailable', 'the statement fails');
is($skep->get('/readyz', plain => 1)->json->{checks}{sessions}, 'ok',
   'not the session');
$skep->pg->start;
ok($skep->wait_ready(5), 'again there');
$skep->connected;                       # of all workers


# who comes before the first reading has ended waits for it, as after an upgrade
# on the fly, which begins with an empty set

$skep->client->close;
$skep->nginx->quit;
$skep->pg->freeze;
$skep->nginx->start;

my @clients = map { $skep->new_client } 1 .. 8;

for my $client (@clients) {
    $client->send($client->format_request('GET', '/v1/me',
                                          token => $user->token));
}

sleep 0.1;
$clients[7]->close;                     # it does not wait
sleep 0.4;
$skep->pg->thaw;
is_deeply([map { $_->response->status } @clients[0 .. 6]], [(200) x 7],
          'a token that comes first is waited with, and passes');
$_->close for @clients;
ok($skep->wait_ready(5), 'ready');


# a zone that has no room

$skep->reconfigure(set => { auth_revocations => '32k poll=50ms' });
$skep->reload;
ok($skep->wait_ready(5), 'another size: read anew');
$skep->connected;                       # of all workers
status_is($user->get('/v1/me'), 200, 'a token passes');

my $long = $skep->token($user, { exp => 3600 + int time });

status_is($skep->get('/v1/me', token => $long), 200, 'and one that is newer');

$skep->pg->execute(<<~"SQL");
    INSERT INTO auth.sessions (id, user_id, expires_at, revoked_at)
    SELECT gen_random_uuid(), '@{[$user->id]}', now() + interval '1 day', now()
    FROM generate_series(1, 3000) n;
    SQL

ok(wait_until(3, sub { $user->get('/v1/me')->status == 401 }),
   'more are revoked than it can hold');
problem($user->get('/v1/me'), 401, 'token_expired',
        'tokens of before are refused, of any session');
status_is($skep->get('/v1/me', token => $long), 200,
          'one issued afterwards is not');
like($skep->nginx->log, qr/\[error\].* no room in "auth_revocations"/,
     'the log says so');

my $gone = $skep->pg->value('SELECT id FROM auth.sessions
                             WHERE revoked_at IS NOT NULL LIMIT 1');

ok($skep->get('/v1/me', token => $skep->token($user, { sid => $gone }))
        ->status == 401, 'a revoked one is refused');

# a login or refresh gives a token that passes, though the zone is as full

ok(wait_until(10, sub {
       my $res = $skep->post('/v1/auth/login', {
           email => $user->email, password => $user->password });
       return $skep->get('/v1/me', token => $res->json->{access_token})
                   ->status == 200;
   }, 0.5), 'a new token passes soon');
problem($user->get('/v1/me'), 401, 'token_expired', 'the old one does not');

$skep->client->close;
ok(defined $skep->nginx->quit, 'nginx quits in time');
is(scalar(my @faults = $skep->nginx->log_faults), 0,
   'nothing alarming in the error log');
done_testing();
