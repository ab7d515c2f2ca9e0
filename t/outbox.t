#!/usr/bin/env perl

# Every change writes its event, in the same statement; what changes nothing
# and what fails write none.

use v5.36;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $last = '00000000-0000-0000-0000-000000000000';


# The events since the last call: [type, actor, project, task, data]

sub events () {
    my $rows = $skep->pg->query(<<~"SQL");
        SELECT id, type, actor_id, project_id, task_id, data,
               now() - created_at < interval '1 minute'
        FROM notify.outbox
        WHERE id > '$last' AND task_id IS NOT NULL ORDER BY id
        SQL

    $last = $rows->[-1][0] if @$rows;
    return map { [ $_->@[1 .. 4], JSON::PP::decode_json($_->[5]), $_->[6] ] }
           @$rows;
}

# changes: the fields that differ, as { field => [old, new] }

sub wrote ($type, $name, $task, $changes = undef) {
    my @events = events();

    is(scalar @events, 1, "$name: one event") or return;

    my ($got, $actor, $project, $id, $data, $fresh) = $events[0]->@*;

    is($got, $type, "$name: $type");
    is($actor, $user->id, "$name: by whom");
    is($project, $task->{project_id}, "$name: the project");
    is($id, $task->{id}, "$name: the task");
    is($fresh, 't', "$name: when");
    is_deeply($data->{changes}, $changes, "$name: what changed");
    delete $data->{changes};
    is_deeply([sort keys %$data], ['task'], "$name: the data is the task");
    is_deeply($data->{task}, $task, "$name: as it is now");
}

sub silent ($name) {
    is(scalar(my @none = events()), 0, "$name: no event");
}


silent('a registration');

# a text that looks like a time of PostgreSQL's stays as it is

my $task = $user->task(title => 'Observed', labels => ['a'],
                       description => '2030-01-01T00:00:00+00:00',
                       due_at => '2030-01-01T02:00:00+02:00');
my $path = "/v1/tasks/$task->{id}";

wrote('task.created', 'POST', $task);

$task = $user->patch($path, { title => 'Patched' })->json;
wrote('task.updated', 'PATCH', $task, { title => ['Observed', 'Patched'] });

$task = $user->put($path, { title => 'Put' })->json;
wrote('task.updated', 'PUT', $task, {
    title => ['Patched', 'Put'], labels => [['a'], []],
    description => ['2030-01-01T00:00:00+00:00', ''],
    due_at => ['2030-01-01T00:00:00Z', undef],
});

$task = $user->post("$path/complete")->json;
wrote('task.completed', 'complete', $task, { status => ['todo', 'done'] });

$user->post("$path/complete");
silent('complete again');

$task = $user->post("$path/reopen")->json;
wrote('task.reopened', 'reopen', $task, { status => ['done', 'todo'] });

$user->post("$path/reopen");
silent('reopen again');

$task = $user->patch($path, { status => 'done', title => 'Both' })->json;
wrote('task.completed', 'PATCH to done', $task, {
    status => ['todo', 'done'], title => ['Put', 'Both'],
});

$task = $user->patch($path, { status => 'in_progress' })->json;
wrote('task.reopened', 'PATCH from done', $task,
      { status => ['done', 'in_progress'] });

$task = $user->patch($path, { status => 'cancelled' })->json;
wrote('task.updated', 'PATCH to cancelled', $task,
      { status => ['in_progress', 'cancelled'] });

# whose task it is

my $id = $user->id;

$task = $user->patch($path, { assignee_id => $id })->json;
wrote('task.assigned', 'PATCH of the assignee', $task,
      { assignee_id => [undef, $id] });

$user->patch($path, { assignee_id => $id });
silent('the same assignee');

$task = $user->patch($path, { assignee_id => undef })->json;
wrote('task.updated', 'PATCH to no assignee', $task,
      { assignee_id => [$id, undef] });

$task = $user->patch($path, { assignee_id => $id, status => 'todo' })->json;
wrote('task.reopened', 'the status goes first', $task, {
    assignee_id => [undef, $id], status => ['cancelled', 'todo'],
});

my $other = $user->task(title => 'Assigned at once', assignee_id => $id);
wrote('task.created', 'POST with an assignee', $other);

$task = $user->patch($path, { status => 'cancelled' })->json;
events();

$user->patch($path, {});
silent('an empty PATCH');
$user->patch($path, { status => 'cancelled' });
silent('a PATCH to what it is');
is($user->get($path)->json->{version}, $task->{version},
   'which makes no new version, either');

$user->get($path);
$user->get('/v1/tasks');
silent('a GET');

$user->patch($path, { title => '' });
silent('an invalid PATCH');
$user->patch($path, { title => 'x' }, headers => ['If-Match', '"1"']);
silent('a stale PATCH');
$user->patch($path, { title => 'x', assignee_id => nobody });
silent('a PATCH that the database refused');
$user->post('/v1/tasks', { title => 'x', project_id => nobody });
silent('a POST that the database refused');
$user->delete('/v1/tasks/' . nobody);
silent('a DELETE of nothing');

is($user->delete($path)->status, 204, 'DELETE');
my @events = events();
is(scalar @events, 1, 'DELETE: one event');
is($events[0][0], 'task.deleted', 'DELETE: task.deleted');
is($events[0][3], $task->{id}, 'DELETE: of the task');


# the event and the change are one: without the one there is no other

$skep->pg->execute(<<~'SQL');
    ALTER TABLE notify.outbox ADD CONSTRAINT none CHECK (false) NOT VALID
    SQL

my $before = $skep->pg->value('SELECT count(*) FROM task.tasks');

problem($user->post('/v1/tasks', { title => 'x' }), 500, 'internal_error',
        'no event, no task');

is($skep->pg->value('SELECT count(*) FROM task.tasks'), $before,
   'none was written');

$skep->pg->execute('ALTER TABLE notify.outbox DROP CONSTRAINT none');

$task = $user->task(title => 'After the fault');
wrote('task.created', 'after the fault', $task);

$skep->pg->execute(<<~'SQL');
    ALTER TABLE task.tasks ADD CONSTRAINT none CHECK (title <> 'odd')
    SQL

my $res = $user->patch("/v1/tasks/$task->{id}", { title => 'odd' });

problem($res, 500, 'internal_error', 'no change, no event');
unlike($res->body, qr/constraint|postgres|23514|none/i,
       'the answer names no internals');
silent('a change that failed');

finish();
