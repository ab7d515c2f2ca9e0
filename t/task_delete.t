#!/usr/bin/env perl

# DELETE leaves a tombstone: gone for the API, kept for those who synchronise.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $task = $user->task(title => 'Short-lived', description => 'x',
                       status => 'done');
my $path = "/v1/tasks/$task->{id}";

$user->task(title => 'Stays');


# with a condition

problem($user->delete($path, headers => ['If-Match', '"7"']), 412,
        'version_mismatch', 'a stale version');
status_is($user->get($path), 200, 'is not deleted');


# the deletion

my $res = $user->delete($path, headers => ['If-Match', '"1"']);

status_is($res, 204);
is($res->body, '', 'no body');
is($res->header('Content-Type'), undef, 'nor a type of one');
is($res->header('Content-Length') // 0, 0, 'nor a length');


# it is gone

for my $call (['GET', $path], ['HEAD', $path], ['DELETE', $path],
              ['POST', "$path/complete"], ['POST', "$path/reopen"],
              ['PATCH', $path, json => { title => 'x' }],
              ['PUT', $path, json => { title => 'x' }])
{
    status_is($user->request(@$call), 404, "$call->[0] $call->[1] afterwards");
}

is_deeply([map { $_->{title} } $user->get('/v1/tasks')->json->{data}->@*],
          ['Stays'], 'the list is without it');


# the tombstone

is_deeply($skep->pg->query(<<~"SQL"), [['t', 't', '2', 'Short-lived']],
    SELECT deleted_at IS NOT NULL, updated_at >= created_at, version, title
    FROM task.tasks WHERE id = '$task->{id}'
    SQL
    'the row is marked, its version counts on');


# its event

is_deeply($skep->pg->query(<<~"SQL"),
    SELECT type, actor_id, project_id, task_id FROM notify.outbox
    WHERE task_id = '$task->{id}' ORDER BY id
    SQL
    [['task.created', $user->id, $user->inbox, $task->{id}],
     ['task.deleted', $user->id, $user->inbox, $task->{id}]],
    'one event of the deletion');

# * is any version
my $other = $user->task(title => 'Any version');

status_is($user->delete("/v1/tasks/$other->{id}", headers => ['If-Match', '*']),
          204, 'If-Match: *');
problem($user->delete('/v1/tasks/' . nobody), 404, 'not_found',
        'what was never there');

finish();
