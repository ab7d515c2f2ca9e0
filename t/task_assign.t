#!/usr/bin/env perl

# Tasks are assigned to members alone, also while a member is being removed.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep(set => { api_pg_timeout => '3s' });
my $pg = $skep->pg;
my $user = $skep->user;
my $other = $skep->user;
my $project = $user->inbox;
my $client = $skep->new_client;

sub add_member () {
    $pg->execute(<<~"SQL");
        INSERT INTO task.members (project_id, user_id, role)
        VALUES ('$project', '@{[$other->id]}', 'viewer')
        SQL
}

my $remove = <<~"SQL";
    DELETE FROM task.members
    WHERE project_id = '$project' AND user_id = '@{[$other->id]}';
    SQL

my $unassign = <<~"SQL";
    UPDATE task.tasks SET assignee_id = NULL, version = version + 1
    WHERE project_id = '$project' AND assignee_id = '@{[$other->id]}';
    SQL

my $assignee = $other->id;
my $refused = ['/assignee_id', 'not_a_member'];
my $task = $user->task(title => 'Whose?');
my $path = "/v1/tasks/$task->{id}";


# who is none, and who is one

problem($user->post('/v1/tasks', { title => 'x', assignee_id => $assignee }),
        422, 'validation_failed', $refused, 'POST: not a member');
problem($user->patch($path, { assignee_id => $assignee }),
        422, 'validation_failed', $refused, 'PATCH: not a member');
problem($user->put($path, { title => 'x', assignee_id => nobody }),
        422, 'validation_failed', $refused, 'PUT: no user at all');

add_member();

is($user->task(assignee_id => $assignee)->{assignee_id}, $assignee,
   'POST: a member');
$task = $user->patch($path, { assignee_id => $assignee })->json;
is($task->{assignee_id}, $assignee, 'PATCH: a member');

# another project has other members
$pg->execute(<<~"SQL");
    INSERT INTO task.members (project_id, user_id, role)
    VALUES ('@{[$other->inbox]}', '@{[$user->id]}', 'editor');
    DELETE FROM task.members
    WHERE project_id = '@{[$other->inbox]}' AND user_id = '$assignee'
    SQL
problem($user->patch($path, { project_id => $other->inbox }),
        422, 'validation_failed', $refused,
        'a move to where the assignee is no member');
status_is($user->patch($path, { project_id => $other->inbox,
                                assignee_id => undef }), 200,
          'unassigned, it moves');
status_is($user->patch($path, { project_id => $project }), 200, 'and back');


# A member who is being removed counts as gone, and nobody waits.

my $session = $pg->session;

sub waiting ($where) {
    return $pg->value("SELECT count(*) FROM pg_stat_activity WHERE $where");
}

$session->hold($remove);

problem($user->patch($path, { assignee_id => $assignee }),
        422, 'validation_failed', $refused, 'PATCH: about to leave');
problem($user->post('/v1/tasks', { title => 'x', assignee_id => $assignee }),
        422, 'validation_failed', $refused, 'POST: about to leave');

$session->send('ROLLBACK;');
wait_until(5, sub { !waiting("state = 'idle in transaction'") });
status_is($user->patch($path, { assignee_id => $assignee }), 200,
          'who stays after all is assigned');


# Who removes a member waits for those that assign, and sees their tasks.

for my $method ('POST', 'PATCH') {
    my $free = $user->task(title => "Free for $method");
    my $target = $method eq 'POST' ? '/v1/tasks' : "/v1/tasks/$free->{id}";

    $pg->hold_commits(1);
    $client->send($client->format_request($method, $target,
        token => $user->token,
        json => { title => "By $method", assignee_id => $assignee }));
    wait_until(2, sub { waiting("wait_event = 'SyncRep'") })
        or fail("$method does not wait for its commit");

    $session->send("SET synchronous_commit = off; BEGIN; $remove $unassign "
                   . 'COMMIT;');
    ok(wait_until(2, sub { waiting("wait_event_type = 'Lock'") }),
       "$method is under way: the removal waits");
    $pg->hold_commits(0);

    my $res = $client->response;

    is($res->json->{assignee_id}, $assignee, "$method: assigned");
    ok(wait_until(5, sub {
        !defined $user->get('/v1/tasks/' . $res->json->{id})
                      ->json->{assignee_id};
    }), "$method: and unassigned by the removal");
    is($pg->value(<<~"SQL"), 0, "$method: no task is left to who is no member");
        SELECT count(*) FROM task.tasks t
        WHERE t.assignee_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM task.members m
                          WHERE m.project_id = t.project_id
                            AND m.user_id = t.assignee_id)
        SQL

    add_member();
}

$session->close;

finish();
