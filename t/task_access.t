#!/usr/bin/env perl

# Who may do what: owner and editor write, viewer reads, a stranger finds
# nothing; by project, and in the ids that a body names.

use v5.36;

use Skep::Test;

my $skep = skep();
my %user = map { $_ => $skep->user(name => $_) }
           qw(owner editor viewer stranger);
my $owner = $user{owner};
my $project = $owner->project(
    name    => 'Shared',
    members => [map { [$user{$_}, $_] } qw(editor viewer)],
)->{id};

my $task = $owner->task(title => 'Shared', project_id => $project);
my $path = "/v1/tasks/$task->{id}";
my $counts = 'SELECT (SELECT count(*) FROM task.tasks),
                     (SELECT count(*) FROM notify.outbox)';

is($task->{project_id}, $project, 'a task in a named project');


# every call on a task, and how it changes one

my @writes = (
    ['PUT', $path, { title => 'x', project_id => $project }],
    ['PATCH', $path, { title => 'x' }],
    ['POST', "$path/complete"],
    ['POST', "$path/reopen"],
    ['DELETE', $path],
);

sub call ($user, $call) {
    my ($method, $target, $json) = @$call;

    return $user->request($method, $target, $json ? (json => $json) : ());
}


# a stranger finds nothing, and is not told that there is something

my $before = $skep->pg->query($counts);

for my $call (['GET', $path], @writes) {
    my $res = call($user{stranger}, $call);
    my $none = call($user{stranger},
                    [$call->[0], $call->[1] =~ s/\Q$task->{id}/${\nobody}/r,
                     $call->[2]]);

    problem($res, 404, 'not_found', "stranger: $call->[0] $call->[1]");

    my ($a, $b) = map { my %body = $_->json->%*;
                        delete $body{request_id};
                        \%body } $res, $none;
    is_deeply($a, $b, 'exactly as if there were none');
}

is($user{stranger}->head($path)->status, 404, 'stranger: HEAD');
is_deeply($user{stranger}->get('/v1/tasks')->json->{data}, [],
          'nor is it in their list');


# a viewer reads

same_json($user{viewer}->get($path), 200, $task, 'viewer: GET');
is_deeply($user{viewer}->get('/v1/tasks')->json->{data}, [$task],
          'viewer: list');
problem(call($user{viewer}, $_), 403, 'forbidden', "viewer: $_->[0] $_->[1]")
    for @writes;
problem($user{viewer}->post('/v1/tasks', { title => 'x',
                                           project_id => $project }),
        403, 'forbidden', 'viewer: POST into the project');
problem($user{viewer}->patch($path, { title => 'x' },
                             headers => ['If-Match', '"99"']),
        403, 'forbidden', 'viewer: forbidden before a stale version');


# a project that is not there for the caller

for my $id (nobody, $owner->inbox) {
    problem($user{editor}->post('/v1/tasks', { title => 'x',
                                               project_id => $id }),
            422, 'validation_failed', ['/project_id', 'not_found'],
            'POST into a project of another');
    problem($user{editor}->patch($path, { project_id => $id }),
            422, 'validation_failed', ['/project_id', 'not_found'],
            'PATCH into a project of another');
    problem($user{editor}->put($path, { title => 'x', project_id => $id }),
            422, 'validation_failed', ['/project_id', 'not_found'],
            'PUT into a project of another');
}


# an assignee who is not a member

for my $id (nobody, $user{stranger}->id) {
    my @fault = ('/assignee_id', 'not_a_member');

    problem($owner->post('/v1/tasks', { title => 'x', assignee_id => $id,
                                        project_id => $project }),
            422, 'validation_failed', \@fault, 'POST for a stranger');
    problem($owner->patch($path, { assignee_id => $id }),
            422, 'validation_failed', \@fault, 'PATCH to a stranger');
    problem($owner->put($path, { title => 'x', project_id => $project,
                                 assignee_id => $id }),
            422, 'validation_failed', \@fault, 'PUT to a stranger');
}

problem($owner->post('/v1/tasks', { title => 'x',
                                    assignee_id => $user{editor}->id }),
        422, 'validation_failed', ['/assignee_id', 'not_a_member'],
        'a member of another project is not one of this');

is_deeply($skep->pg->query($counts), $before, 'nothing of that was written');
same_json($owner->get($path), 200, $task, 'nor changed');


# an editor writes

my $res = $user{editor}->patch($path, { title => 'Edited' });
status_is($res, 200, 'editor: PATCH');
is($res->json->{created_by}, $owner->id, 'created_by stays');

$res = $user{editor}->post('/v1/tasks', {
    title => 'By the editor', project_id => $project,
    assignee_id => $user{viewer}->id,
});
status_is($res, 201, 'editor: POST, for a viewer');
is($res->json->{created_by}, $user{editor}->id, 'created_by is the editor');

status_is($user{editor}->post("$path/complete"), 200, 'editor: complete');
status_is($user{editor}->post("$path/reopen"), 200, 'editor: reopen');
status_is($user{editor}->put($path, { title => 'Put',
                                      project_id => $project }), 200,
          'editor: PUT');


# moving needs editor in both

my $own = $user{viewer}->task(title => 'To be moved');

problem($user{viewer}->patch("/v1/tasks/$own->{id}",
                             { project_id => $project }),
        403, 'forbidden', 'viewer: move into the project');
status_is($user{viewer}->get("/v1/tasks/$own->{id}"), 200, 'it stayed');

$own = $user{editor}->task(title => 'To be moved');
$res = $user{editor}->patch("/v1/tasks/$own->{id}",
                            { project_id => $project });
status_is($res, 200, 'editor: move into the project');
is($res->json->{project_id}, $project, 'it moved');
status_is($owner->get("/v1/tasks/$own->{id}"), 200, 'the owner sees it now');

# an assignee must be a member of where it goes
$owner->patch($path, { assignee_id => $user{editor}->id });
problem($owner->patch($path, { project_id => $owner->inbox }),
        422, 'validation_failed', ['/assignee_id', 'not_a_member'],
        'a move that would leave the assignee behind');
$res = $owner->patch($path, { project_id => $owner->inbox,
                              assignee_id => undef });
status_is($res, 200, 'a move without the assignee');
problem($user{editor}->get($path), 404, 'not_found',
        'the editor does not see it any more');


# who leaves the project has no way in any more

my $left = $owner->task(title => 'Stays', project_id => $project);

status_is($user{editor}->delete("/v1/projects/$project/members/"
                                . $user{editor}->id), 204, 'editor: leave');
problem($user{editor}->get("/v1/tasks/$left->{id}"), 404, 'not_found',
        'a member no more: GET');
problem($user{editor}->patch("/v1/tasks/$left->{id}", { title => 'x' }), 404,
        'not_found', 'a member no more: PATCH');


# an admin has no way into the projects of others

$skep->pg->execute(<<~"SQL");
    UPDATE auth.users SET role = 'admin' WHERE id = '@{[$user{stranger}->id]}'
    SQL

my $admin = $skep->token($user{stranger}, { role => 'admin' });

problem($skep->get("/v1/tasks/$left->{id}", token => $admin), 404,
        'not_found', 'an admin is a stranger here');


finish();
