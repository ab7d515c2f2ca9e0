#!/usr/bin/env perl

# PATCH /v1/tasks/bulk: all faults are told at once, those of the ids by the id
# and those of the patch by the field, and then nothing is changed.

use v5.36;

use Skep::Test;

my $skep = skep(allow_log => qr/violates check constraint/);
my $user = $skep->user;
my $other = $skep->user;
my $stranger = $skep->user;
my %project = map { $_ => sprintf '01890000-0000-7000-8000-00000000000%d', $_ }
              1 .. 4;

# the user edits 1 and 4, views 2, and knows nothing of 3; the other owns all,
# but isn't in 4
$skep->pg->execute(<<~"SQL");
    INSERT INTO task.projects (id, owner_id, name)
    SELECT id, '@{[$other->id]}', 'Shared'
    FROM unnest('{@{[join ',', values %project]}}'::uuid[]) id;
    INSERT INTO task.members (project_id, user_id, role) VALUES
        ('$project{1}', '@{[$other->id]}', 'owner'),
        ('$project{2}', '@{[$other->id]}', 'owner'),
        ('$project{3}', '@{[$other->id]}', 'owner'),
        ('$project{1}', '@{[$user->id]}', 'editor'),
        ('$project{2}', '@{[$user->id]}', 'viewer'),
        ('$project{4}', '@{[$user->id]}', 'editor');
    SQL

my $mine = $user->task(title => 'Mine');
my %of = map { $_ => $other->task(title => "Of $_",
                                  project_id => $project{$_})->{id} } 1 .. 3;
my $assigned = $other->task(title => 'Assigned', project_id => $project{1},
                            assignee_id => $other->id)->{id};
my $private = $other->task(title => 'Private')->{id};
my $deleted = $user->task(title => 'Deleted')->{id};

$user->delete("/v1/tasks/$deleted");
$mine = $mine->{id};

my $state = 'SELECT id, version, title FROM task.tasks
             UNION ALL SELECT id, 0, type FROM notify.outbox ORDER BY 1';
my $before = $skep->pg->query($state);

sub bulk ($ids, $patch, %o) {
    return $user->patch('/v1/tasks/bulk', { ids => $ids, patch => $patch }, %o);
}


# the body

problem($user->patch('/v1/tasks/bulk', {}), 422, 'validation_failed',
        ['/ids', 'required'], ['/patch', 'required'], 'an empty body');
problem(bulk([], {}), 422, 'validation_failed', ['/ids', 'too_short'],
        'no ids');
problem(bulk($mine, []), 422, 'validation_failed', ['/ids', 'invalid_type'],
        ['/patch', 'invalid_type'], 'other types');
problem(bulk(undef, undef), 422, 'validation_failed', ['/ids', 'not_nullable'],
        ['/patch', 'not_nullable'], 'null');
problem($user->patch('/v1/tasks/bulk', { title => 'x' }), 422,
        'validation_failed', ['/title', 'unknown_field'], ['/ids', 'required'],
        ['/patch', 'required'], 'the patch of a single task');
problem(bulk([ map { sprintf '01890000-0000-7000-8000-%012x', $_ } 0 .. 100 ],
             {}), 422, 'validation_failed', ['/ids', 'too_many'], '101 ids');
problem(bulk([$mine, 'x', 5, uc $mine, nobody, $mine],
             { title => undef, status => 'x', version => 1, zz => 1,
               labels => [1] }),
        422, 'validation_failed',
        ['/ids/1', 'invalid_format'], ['/ids/2', 'invalid_type'],
        ['/ids/3', 'duplicate'], ['/ids/5', 'duplicate'],
        ['/patch/title', 'not_nullable'], ['/patch/status', 'invalid_value'],
        ['/patch/version', 'read_only'], ['/patch/zz', 'unknown_field'],
        ['/patch/labels/0', 'invalid_type'],
        'ids and fields, all at once');


# what only the database knows

problem(bulk([$mine, nobody, $of{1}, $of{3}, $private, $deleted],
             { title => 'x' }),
        422, 'validation_failed', map({ ["/ids/$_", 'not_found'] } 1, 3, 4, 5),
        'tasks that are not there, or not for the caller');
problem(bulk([$mine, $of{2}, nobody], { title => 'x' }), 422,
        'validation_failed', ['/ids/1', 'forbidden'], ['/ids/2', 'not_found'],
        'one to be seen only');
problem($user->patch("/v1/tasks/$of{2}", { title => 'x' }), 403, 'forbidden',
        'a PATCH of one such is 403');
problem(bulk([$of{2}, $mine], { title => 'x' }), 403, 'forbidden',
        ['/ids/0', 'forbidden'], 'and so is a bulk, if that is all');
problem(bulk([$of{2}], {}), 403, 'forbidden', ['/ids/0', 'forbidden'],
        'even if nothing would change');

problem(bulk([$mine, $of{1}], { project_id => nobody }), 422,
        'validation_failed', ['/patch/project_id', 'not_found'],
        'a move to nowhere, told once');
problem(bulk([$mine, $of{1}], { project_id => $project{3} }), 422,
        'validation_failed', ['/patch/project_id', 'not_found'],
        'or to a project that the caller does not know');
problem(bulk([$mine], { project_id => $project{2} }), 403, 'forbidden',
        ['/patch/project_id', 'forbidden'], 'or only views');
problem(bulk([$of{2}, $of{3}], { project_id => $project{2} }), 422,
        'validation_failed', ['/ids/0', 'forbidden'], ['/ids/1', 'not_found'],
        ['/patch/project_id', 'forbidden'], 'faults of both kinds');
problem(bulk([nobody], { project_id => nobody }), 422,
        'validation_failed', ['/ids/0', 'not_found'],
        ['/patch/project_id', 'not_found'], 'also if no task is there');

problem(bulk([$of{1}, $mine, nobody], { assignee_id => $other->id }), 422,
        'validation_failed', ['/ids/2', 'not_found'],
        ['/patch/assignee_id', 'not_a_member'],
        'an assignee who is in one of the projects only');
problem(bulk([$of{1}, $mine],
             { project_id => $project{1}, assignee_id => $stranger->id }),
        422, 'validation_failed', ['/patch/assignee_id', 'not_a_member'],
        'an assignee who is not where the tasks go');
problem(bulk([$mine],
             { project_id => $project{3}, assignee_id => $stranger->id }),
        422, 'validation_failed', ['/patch/project_id', 'not_found'],
        'who is in a project that one does not know is not told');
problem(bulk([$of{1}, $assigned], { project_id => $project{4} }), 422,
        'validation_failed', ['/ids/1', 'not_a_member'],
        'a move away from its assignee');

is_deeply($skep->pg->query($state), $before, 'nothing of that was done');

status_is(bulk([$assigned, $of{1}],
               { project_id => $project{4}, assignee_id => undef }), 200,
          'a move that leaves nobody assigned');


# one of a hundred is enough

my @ids = map { $_->{id} } $user->post('/v1/tasks/bulk', {
    tasks => [ map { { title => "Task $_" } } 0 .. 99 ] })->json->{data}->@*;

$before = $skep->pg->query($state);

problem(bulk([ @ids[0 .. 41], nobody, @ids[43 .. 99] ], { title => 'x' }), 422,
        'validation_failed', ['/ids/42', 'not_found'], 'one is not there');

# nor is there a change without its event

$skep->pg->execute(<<~"SQL");
    ALTER TABLE notify.outbox ADD CONSTRAINT none
    CHECK (task_id <> '$ids[60]') NOT VALID
    SQL
problem(bulk(\@ids, { title => 'x' }), 500, 'internal_error',
        'an event that can not be written');
$skep->pg->execute('ALTER TABLE notify.outbox DROP CONSTRAINT none');

is_deeply($skep->pg->query($state), $before, 'nothing of that was done, too');


# a version can't be asked for

for my $if ('"1"', '*', 'W/"1"') {
    problem(bulk([$mine], { title => 'x' }, headers => ['If-Match', $if]), 400,
            'invalid_parameter', "If-Match: $if");
}

is_deeply($skep->pg->query($state), $before, 'it is refused');

$skep->reconfigure(http => 'task_require_if_match on;');
$skep->reload;

problem($user->patch("/v1/tasks/$mine", { title => 'x' }), 428,
        'precondition_required', 'where a PATCH wants If-Match');
status_is(bulk([$mine], { title => 'x' }), 200, 'a bulk does not');

problem($skep->patch('/v1/tasks/bulk', { ids => [$mine], patch => {} }), 401,
        'token_missing', 'it takes a token');

finish();
