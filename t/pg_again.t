#!/usr/bin/env perl

# A read that is sent again, since its connection was lost, has no more time
# than before: its deadline counts, not those of the connection that it goes to.

use v5.36;

use Skep::Client;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(set => { api_pg_timeout => '4s', api_pg_read_connections => 2,
                         auth_revocations => '1m poll=1h' },
                allow_log => qr/connection lost|terminating connection/);
my $user = $skep->user;
my $task = $user->task;
my $session = $skep->pg->session;

$skep->connected;
$session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');

# until no connection has a timer of a request of before
sleep 4.5;

my $client = $skep->new_client;
my $start = time;

$client->send($client->format_request('GET', "/v1/tasks/$task->{id}",
                                      token => $user->token));
$skep->pg->blocked or die 'it does not wait';
sleep 2.5 - (time - $start);

# the other connection has just served somebody, whose deadline is later
status_is($user->get('/v1/me'), 200, 'one that has not to wait');
$skep->pg->execute(<<~'SQL');
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND usename = 'skep_nginx'
    SQL

my $res = $client->response(method => 'GET');
my $took = time - $start;

$skep->check($res, 'GET');
problem($res, 504, 'database_timeout', 'a read that was sent again');
cmp_ok($took, '>', 3.5, 'has the time it had');
cmp_ok($took, '<', 5.5, 'and no more');

$session->send('COMMIT;');
$session->close;
status_is($user->get("/v1/tasks/$task->{id}"), 200, 'afterwards all is well');

finish();
