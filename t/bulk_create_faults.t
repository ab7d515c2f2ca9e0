#!/usr/bin/env perl

# POST /v1/tasks/bulk: every fault of every task is told at once, by its
# pointer, and then nothing is written.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $other = $skep->user;
my $stranger = $skep->user;
my %project = map { $_ => sprintf '01890000-0000-7000-8000-00000000000%d', $_ }
              1 .. 3;

# the user edits 1, views 2, and knows nothing of 3; the other is in all
$skep->pg->execute(<<~"SQL");
    INSERT INTO task.projects (id, owner_id, name)
    SELECT id, '@{[$other->id]}', 'Shared'
    FROM unnest('{@{[join ',', values %project]}}'::uuid[]) id;
    INSERT INTO task.members (project_id, user_id, role)
    SELECT id, '@{[$other->id]}', 'owner'
    FROM unnest('{@{[join ',', values %project]}}'::uuid[]) id;
    INSERT INTO task.members (project_id, user_id, role) VALUES
        ('$project{1}', '@{[$user->id]}', 'editor'),
        ('$project{2}', '@{[$user->id]}', 'viewer');
    SQL

my $counts = 'SELECT (SELECT count(*) FROM task.tasks),
                     (SELECT count(*) FROM notify.outbox)';
my $before = $skep->pg->query($counts);


sub bulk (@tasks) {
    return $user->post('/v1/tasks/bulk', { tasks => \@tasks });
}

sub in_order ($res, $want, $name) {
    is_deeply([ map { $_->{pointer} } $res->json->{errors}->@* ], $want, $name);
}


# the body as a whole

for my $body ({}, { tasks => undef }, { tasks => [] }, { tasks => {} },
              { tasks => 'x' }, { tasks => [{ title => 'x' }], more => 1 })
{
    my $res = $user->post('/v1/tasks/bulk', $body);
    my $code = !exists $body->{tasks} ? 'required'
               : !defined $body->{tasks} ? 'not_nullable'
               : ref $body->{tasks} ne 'ARRAY' ? 'invalid_type'
               : !$body->{tasks}->@* ? 'too_short' : undef;

    problem($res, 422, 'validation_failed',
            $code ? ['/tasks', $code] : ['/more', 'unknown_field'],
            'body: ' . Skep::Response::encode($body));
}

problem($user->post('/v1/tasks/bulk', [{ title => 'x' }]), 422,
        'validation_failed', ['', 'invalid_type'], 'a bare array');
problem(bulk(map { { title => 'x' } } 1 .. 101), 422, 'validation_failed',
        ['/tasks', 'too_many'], '101 tasks');
problem(bulk({ title => 'x' }, 'x', undef, [], { title => 'x' }), 422,
        'validation_failed', map({ ["/tasks/$_", 'invalid_type'] } 1 .. 3),
        'what is no task');


# the fields

my $res = bulk(
    { title => '' },
    { title => 'x' },
    { description => 5, labels => ['ok', '', 7], id => nobody },
    { title => 'x' x 501, status => 'x', colour => 'red' },
    { title => 'x', due_at => 'soon', assignee_id => 'me', created_by => 1 },
);

problem($res, 422, 'validation_failed',
        ['/tasks/0/title', 'too_short'], ['/tasks/2/title', 'required'],
        ['/tasks/2/description', 'invalid_type'],
        ['/tasks/2/labels/1', 'too_short'],
        ['/tasks/2/labels/2', 'invalid_type'],
        ['/tasks/2/id', 'read_only'], ['/tasks/3/title', 'too_long'],
        ['/tasks/3/status', 'invalid_value'],
        ['/tasks/3/colour', 'unknown_field'],
        ['/tasks/4/due_at', 'invalid_format'],
        ['/tasks/4/assignee_id', 'invalid_format'],
        ['/tasks/4/created_by', 'read_only'],
        'all faults of all tasks');

for my $field (qw(id created_by completed_at created_at updated_at version)) {
    problem(bulk({ title => 'x' }, { title => 'x', $field => undef }), 422,
            'validation_failed', ["/tasks/1/$field", 'read_only'],
            "$field is not for a client to set");
}

in_order(bulk(map { { title => 'x', status => 'x' } } 1 .. 100),
         [ map { "/tasks/$_/status" } 0 .. 99 ],
         'a fault of each of a hundred, in their order');


# there is a bound to all, which lets no task hide behind another

my $all = join ',', map { qq("$_":1) } 'a' .. 'z', 'A' .. 'Z';
my $bad = join ',', ("{$all}") x 100;

for my $body (qq({"tasks":[$bad],"more":1}), qq({"more":1,"tasks":[$bad]})) {
    $res = $user->request('POST', '/v1/tasks/bulk', body => $body,
                          type => 'application/json');
    status_is($res, 422);

    my (@of, $more);

    for my $where (map { $_->{pointer} } $res->json->{errors}->@*) {
        $where =~ m{\A/tasks/(\d+)/} ? $of[$1]++ : $more++;
    }

    cmp_ok($res->json->{errors}->@*, '<=', 500, 'at most 500 faults are told');
    is($of[0], 50, 'at most 50 of one task');
    is(scalar(grep { $_ } @of), 100, 'and at least one of each');
    is($more, 1, 'beside that of the body itself');
}


# what only the database knows

problem(bulk({ title => 'a' },
             { title => 'b', project_id => nobody },
             { title => 'c', project_id => $project{3} },
             { title => 'd', project_id => $project{1} },
             { title => 'e', assignee_id => $other->id },
             { title => 'f', project_id => $project{1},
               assignee_id => $stranger->id },
             { title => 'g', project_id => $project{1},
               assignee_id => $other->id },
             { title => 'h', project_id => $project{2} },
             { title => 'i', project_id => $project{3},
               assignee_id => $stranger->id }),
        422, 'validation_failed',
        ['/tasks/1/project_id', 'not_found'],
        ['/tasks/2/project_id', 'not_found'],
        ['/tasks/4/assignee_id', 'not_a_member'],
        ['/tasks/5/assignee_id', 'not_a_member'],
        ['/tasks/7/project_id', 'forbidden'],
        ['/tasks/8/project_id', 'not_found'],
        'projects and assignees, all at once');

in_order(bulk(map { { title => 'x', project_id => nobody } } 1 .. 100),
         [ map { "/tasks/$_/project_id" } 0 .. 99 ],
         'of each of a hundred, in their order');

# a POST of one task says 403, and so does a bulk if that is all

problem($user->post('/v1/tasks', { title => 'x', project_id => $project{2} }),
        403, 'forbidden', 'a viewer makes no task');
problem(bulk({ title => 'a', project_id => $project{2} }, { title => 'b' },
             { title => 'c', project_id => $project{2} }),
        403, 'forbidden', ['/tasks/0/project_id', 'forbidden'],
        ['/tasks/2/project_id', 'forbidden'], 'nor several');


# one of a hundred is enough

for my $bad ([51, { title => '' }, '/title', 'too_short'],
             [99, { title => 'x', project_id => nobody }, '/project_id',
              'not_found'],
             [0, { title => 'x', assignee_id => nobody }, '/assignee_id',
              'not_a_member'])
{
    my ($i, $task, $where, $code) = @$bad;
    my @tasks = map { { title => "Task $_" } } 0 .. 99;

    $tasks[$i] = $task;
    problem(bulk(@tasks), 422, 'validation_failed', ["/tasks/$i$where", $code],
            "task $i is at fault");
}

# nor is there a task without its event

$skep->pg->execute(<<~'SQL');
    ALTER TABLE notify.outbox ADD CONSTRAINT none
    CHECK (data #>> '{task,title}' <> 'Task 50') NOT VALID
    SQL
problem(bulk(map { { title => "Task $_" } } 0 .. 99), 500, 'internal_error',
        'an event that can not be written');
$skep->pg->execute('ALTER TABLE notify.outbox DROP CONSTRAINT none');

is_deeply($skep->pg->query($counts), $before,
          'none of all those wrote a task or an event');

status_is(bulk({ title => 'x' }), 201, 'what is right is still taken');

$skep->{allow_log} = qr/violates check constraint/;
finish();
