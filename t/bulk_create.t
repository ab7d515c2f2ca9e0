#!/usr/bin/env perl

# POST /v1/tasks/bulk: up to 100 tasks in the order given, each as a POST of its
# own would have made it, and each with its event.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::Test;

my $skep = skep(pg_conf => ['log_statement = all']);
my $user = $skep->user;
my $other = $skep->user;
my $project = '01890000-0000-7000-8000-00000000aaaa';

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.projects (id, owner_id, name)
    VALUES ('$project', '@{[$other->id]}', 'Shared');
    INSERT INTO task.members (project_id, user_id, role) VALUES
        ('$project', '@{[$other->id]}', 'owner'),
        ('$project', '@{[$user->id]}', 'editor');
    SQL


# each field, given and not

my $res = $user->post('/v1/tasks/bulk', { tasks => [
    { title => 'Plain' },
    { title => 'All of it', project_id => uc $project,
      description => qq("quoted" \\ {a,b} NULL \n \x{1F41D}),
      status => 'in_progress', priority => 'urgent',
      labels => ['a,b', '"x"', '\\', '{}', 'NULL', 'a,b'],
      due_at => '2030-01-01T12:00:00+02:00', assignee_id => $other->id },
    { title => 'NULL', status => 'done', due_at => undef,
      assignee_id => undef, labels => [] },
] });

status_is($res, 201, 'three tasks');
is($res->header('ETag'), undef, 'many things have no ETag');
is($res->header('Location'), undef, 'nor one place');
is_deeply([sort keys $res->json->%*], ['data'], 'the answer is their list');

my @tasks = $res->json->{data}->@*;

is(scalar @tasks, 3, 'as many as were given');

for my $task (@tasks) {
    same_json($user->get("/v1/tasks/$task->{id}"), 200, $task,
              "$task->{title}: it was stored");
}

my %plain = (
    project_id => $user->inbox, description => '', status => 'todo',
    priority => 'none', labels => [], due_at => undef, assignee_id => undef,
    created_by => $user->id, completed_at => undef, version => 1,
);

sub made ($task) {
    my %made = map { $_ => $task->{$_} } qw(id created_at);
    return (%made, updated_at => $task->{created_at});
}

is_deeply($tasks[0], { %plain, made($tasks[0]), title => 'Plain' },
          'what is omitted has its preset');
is_deeply($tasks[1], {
    %plain, made($tasks[1]), title => 'All of it', project_id => $project,
    description => qq("quoted" \\ {a,b} NULL \n \x{1F41D}),
    status => 'in_progress', priority => 'urgent',
    labels => ['a,b', '"x"', '\\', '{}', 'NULL'],
    due_at => '2030-01-01T10:00:00Z', assignee_id => $other->id,
}, 'what is given is as given');
is_deeply($tasks[2], {
    %plain, made($tasks[2]), title => 'NULL', status => 'done',
    completed_at => $tasks[2]{created_at},
}, 'a task that is done was completed when it was made');


# the order of ids is the order given, and their millisecond the time

sub millisecond ($task) {
    return substr $task->{id} =~ tr/-//dr, 0, 12;
}

sub created ($task) {
    return $skep->pg->value(<<~"SQL");
        SELECT lpad(to_hex((extract(epoch FROM '$task->{created_at}'::timestamptz)
                            * 1000)::bigint), 12, '0')
        SQL
}

my $log = -s $skep->pg->{log};

$res = $user->post('/v1/tasks/bulk', {
    tasks => [ map { { title => "Task $_" } } 1 .. 100 ],
});
status_is($res, 201, 'a hundred tasks');
@tasks = $res->json->{data}->@*;

# nginx asks now and then, whatever happens, which sessions were revoked
my @statements = grep { /LOG: +(?:execute|statement)/
                        && !/execute sessions_revoked/ }
                 split /\n/, substr slurp($skep->pg->log_file), $log;

is(scalar @statements, 1, 'they took one statement');
like($statements[0], qr/task_bulk_create/, 'which is that of the bulk');

is_deeply([ map { $_->{title} } @tasks ], [ map { "Task $_" } 1 .. 100 ],
          'the answer has them in the order given');
is_deeply([ map { $_->{id} } @tasks ], [ sort map { $_->{id} } @tasks ],
          'so have their ids');
is(created($tasks[0]), millisecond($tasks[0]),
   'the time is the millisecond in the id');
is(scalar(grep { $_->{created_at} ne $tasks[0]{created_at}
                 || millisecond($_) ne millisecond($tasks[0]) } @tasks), 0,
   'of all of them');


# one event each

my $events = $skep->pg->query(<<~'SQL');
    SELECT task_id, type, actor_id, project_id, data
    FROM notify.outbox WHERE task_id IS NOT NULL ORDER BY id
    SQL

is(scalar @$events, 103, 'an event for each task');
is_deeply([ map { $_->[0] } $events->@[3 .. 102] ],
          [ map { $_->{id} } @tasks ], 'in the order given');
is_deeply([ map { [ $_->@[1 .. 3] ] } $events->@[0 .. 2] ],
          [ map { [ 'task.created', $user->id, $_ ] }
            $user->inbox, $project, $user->inbox ],
          'by whom and where');

my $data = JSON::PP::decode_json($events->[102][4]);

is_deeply([sort keys %$data], ['task'], 'the data is the task');
is($data->{task}{title}, 'Task 100', 'as it was made');


# it stands beside /v1/tasks/{id}

for my $method (qw(GET PUT DELETE)) {
    $res = $user->request($method, '/v1/tasks/bulk',
                          $method eq 'PUT' ? (json => {}) : ());
    problem($res, 405, 'method_not_allowed', "$method has no bulk");
    is($res->header('Allow'), 'POST, PATCH, OPTIONS', 'those there are');
}

problem($user->get('/v1/tasks/bulks'), 404, 'not_found', 'another word');
problem($user->post('/v1/tasks/bulk/complete'), 404, 'not_found',
        'bulk is no task');
problem($skep->post('/v1/tasks/bulk', { tasks => [{ title => 'x' }] }), 401,
        'token_missing', 'it takes a token');


# the bound on bodies holds for it

my $large = 'x' x 700;

problem($user->post('/v1/tasks/bulk', { tasks =>
            [ map { { title => 'x', description => $large } } 1 .. 100 ] }),
        413, 'payload_too_large', 'a body over 64 KiB');

$large = 'x' x 600;

$res = $user->post('/v1/tasks/bulk', { tasks =>
    [ map { { title => 'x', description => $large } } 1 .. 100 ] });
status_is($res, 201, 'one below');
is($res->json->{data}[99]{description}, $large, 'is stored whole');

finish();
