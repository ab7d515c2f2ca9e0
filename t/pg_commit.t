#!/usr/bin/env perl

# A commit that happens while its answer is lost, or is late: the client is told
# that it is not known, and the write is not done a second time.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(set => { api_pg_timeout => '1s' });
my $user = $skep->user;
my $task = $user->task(title => 'One');
my $client = $skep->new_client;


sub waiting () {
    return $skep->pg->value(<<~'SQL');
        SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'
        SQL
}

sub terminate () {
    $skep->pg->execute(<<~'SQL');
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE wait_event = 'SyncRep'
        SQL
}

sub begin ($method, $target, $json) {
    $client->send($client->format_request($method, $target, json => $json,
                                          token => $user->token));
    Skep::Process::wait_until(1, \&waiting) or fail('the commit does not wait');
}

sub stored ($sql) { return $skep->pg->value("SELECT $sql") }


$skep->pg->hold_commits(1);

begin('POST', '/v1/tasks', { title => 'Two' });
terminate();
my $res = $client->response;

problem($res, 503, 'database_unavailable', 'POST, the answer is lost');
is(stored("count(*) FROM task.tasks WHERE title = 'Two'"), 1,
   'it has happened, once');

begin('PATCH', "/v1/tasks/$task->{id}", { title => 'Patched' });
terminate();
problem($client->response, 503, 'database_unavailable',
        'PATCH, the answer is lost');
is(stored("version FROM task.tasks WHERE id = '$task->{id}'"), 2,
   'it has happened, once');
is(stored('count(*) FROM notify.outbox WHERE task_id IS NOT NULL'), 3,
   'with one event each');


# the answer is late

my $start = time;

begin('POST', '/v1/tasks', { title => 'Three' });
problem($client->response, 504, 'database_timeout', 'POST, the answer is late');
cmp_ok(time - $start, '<', 2, 'that is told within the time-out');
is($user->get("/v1/tasks/$task->{id}")->json->{title}, 'Patched',
   'reads go on');

$skep->pg->hold_commits(0);
sleep 1.5;
is(stored("count(*) FROM task.tasks WHERE title = 'Three'"), 1,
   'it has happened, once');
status_is($user->post('/v1/tasks', { title => 'Four' }), 201,
          'and writes go on');

finish();
