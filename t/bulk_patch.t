#!/usr/bin/env perl

# PATCH /v1/tasks/bulk: one merge patch for up to 100 tasks, each as a PATCH of
# its own would have changed it.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::Test;

my $skep = skep(pg_conf => ['log_statement = all']);
my $user = $skep->user;
my $other = $skep->user;
my ($p1, $p2) = map { "01890000-0000-7000-8000-00000000000$_" } 1, 2;
my $last = '00000000-0000-0000-0000-000000000000';

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.projects (id, owner_id, name)
    SELECT id, '@{[$other->id]}', 'Shared'
    FROM unnest('{$p1,$p2}'::uuid[]) id;
    INSERT INTO task.members (project_id, user_id, role)
    SELECT id, '@{[$other->id]}', 'owner'
    FROM unnest('{$p1,$p2}'::uuid[]) id;
    INSERT INTO task.members (project_id, user_id, role)
    SELECT id, '@{[$user->id]}', 'editor'
    FROM unnest('{$p1,$p2}'::uuid[]) id;
    SQL


# The events since the last call: [task, type, data]

sub events () {
    my $rows = $skep->pg->query(<<~"SQL");
        SELECT id, task_id, type, data FROM notify.outbox
        WHERE id > '$last' AND task_id IS NOT NULL ORDER BY id
        SQL

    $last = $rows->[-1][0] if @$rows;
    return map { [ $_->@[1, 2], JSON::PP::decode_json($_->[3]) ] } @$rows;
}

sub make (@tasks) {
    my $res = $user->post('/v1/tasks/bulk', { tasks => \@tasks });

    die $res->body if $res->status != 201;
    events();
    return $res->json->{data}->@*;
}

sub bulk ($tasks, $patch, %o) {
    return $user->patch('/v1/tasks/bulk',
                        { ids => [ map { $_->{id} } @$tasks ],
                          patch => $patch }, %o);
}


# Applies a patch that must work: the tasks as they were, with these changes
# in those that @$changed holds the indices of.

sub patches ($name, $tasks, $patch, $changed, %changes) {
    my $res = bulk($tasks, $patch);

    status_is($res, 200, $name) or return @$tasks;

    my @new = $res->json->{data}->@*;
    my %changed = map { $_ => 1 } @$changed;

    is(scalar @new, scalar @$tasks, "$name: as many as asked for");

    for my $i (0 .. $#new) {
        my ($old, $new) = ($tasks->[$i], $new[$i]);

        same_json($user->get("/v1/tasks/$old->{id}"), 200, $new,
                  "$name: task $i was stored");

        if (!$changed{$i}) {
            is_deeply($new, $old, "$name: task $i stays as it is");
            next;
        }

        is_deeply($new, { %$old, %changes, updated_at => $new->{updated_at},
                          completed_at => $new->{completed_at},
                          version => $old->{version} + 1 },
                  "$name: task $i changed in that alone");
        cmp_ok(sortable($new->{updated_at}), 'gt',
               sortable($old->{updated_at}), "$name: task $i: updated_at");
    }

    return @new;
}

sub wrote ($name, @want) {
    my @events = events();

    is_deeply([ map { [ $_->@[0, 1] ] } @events ], \@want,
              "$name: these events");
    return @events;
}


my @tasks = make(map { { title => "Task $_" } } 0 .. 3);
my @ids = map { $_->{id} } @tasks;

@tasks = @tasks[2, 0, 3, 1];
@ids = @ids[2, 0, 3, 1];

# The transactions that wrote the tasks last.

sub writers (@tasks) {
    my $ids = join ',', map { $_->{id} } @tasks;

    return map { $_->[0] } $skep->pg->query(<<~"SQL")->@*;
        SELECT DISTINCT changed FROM task.tasks
        WHERE id = ANY ('{$ids}') ORDER BY changed
        SQL
}

my @writers = writers(@tasks);

is(scalar @writers, 1, 'one transaction made them');

# in the order asked for, which is not that of the ids

@tasks = patches('two fields', \@tasks,
                 { title => 'One', labels => ['a', '"b"'] }, [0 .. 3],
                 title => 'One', labels => ['a', '"b"']);
my @events = wrote('two fields', map { [ $_, 'task.updated' ] } @ids);

is_deeply($events[0][2]{changes}, { title => ['Task 2', 'One'],
                                    labels => [[], ['a', '"b"']] },
          'an event says what changed');
is($events[0][2]{task}{title}, 'One', 'and how the task is now');
is($events[0][2]{task}{version}, 2, 'its version, too');

my @later = writers(@tasks);

is(scalar @later, 1, 'one transaction changed them');
cmp_ok($later[0], '>', $writers[0], 'which their rows know');

# what changes nothing

patches('an empty patch', \@tasks, {}, []);
patches('the same again', \@tasks, { title => 'One' }, []);
wrote('what changes nothing');

$user->patch("/v1/tasks/$ids[1]", { title => 'Two' });
$tasks[1] = $user->get("/v1/tasks/$ids[1]")->json;
events();

@tasks = patches('what changes one', \@tasks, { title => 'One' }, [1],
                 title => 'One');
wrote('what changes one', [$ids[1], 'task.updated']);

# null empties; a field that is given with others' is another's default no more

@tasks = patches('a time', \@tasks, { due_at => '2030-01-01T00:00:00+01:00' },
                 [0 .. 3], due_at => '2029-12-31T23:00:00Z');
@tasks = patches('null empties it', \@tasks, { due_at => undef }, [0 .. 3],
                 due_at => undef);
events();


# the status takes completed_at along

$tasks[0] = $user->post("/v1/tasks/$ids[0]/complete")->json;
events();

@tasks = patches('done', \@tasks, { status => 'done' }, [1 .. 3],
                 status => 'done');
wrote('done', map { [ $_, 'task.completed' ] } @ids[1 .. 3]);
ok($_->{completed_at}, 'it was completed') for @tasks;

@tasks = patches('another field', \@tasks, { priority => 'low' }, [0 .. 3],
                 priority => 'low');
ok($_->{completed_at}, 'and stays so') for @tasks;
events();

@tasks = patches('in progress', \@tasks, { status => 'in_progress' }, [0 .. 3],
                 status => 'in_progress');
wrote('in progress', map { [ $_, 'task.reopened' ] } @ids);
is($_->{completed_at}, undef, 'it is not, any more') for @tasks;

@tasks = patches('cancelled', \@tasks, { status => 'cancelled' }, [0 .. 3],
                 status => 'cancelled');
wrote('cancelled', map { [ $_, 'task.updated' ] } @ids);


# to another project, and to somebody there

@tasks = patches('a move', \@tasks, { project_id => $p1 }, [0 .. 3],
                 project_id => $p1);
@events = wrote('a move', map { [ $_, 'task.updated' ] } @ids);
is_deeply($events[3][2]{changes}, { project_id => [$user->inbox, $p1] },
          'the event says from where');

# What left a project, and when

sub departures () {
    return $skep->pg->query(<<~"SQL");
        SELECT d.project_id, d.task_id, d.moved_at = t.updated_at,
               d.changed = t.changed
        FROM task.departures d JOIN task.tasks t ON t.id = d.task_id
        WHERE t.id = ANY ('{@{[join ',', @ids]}}')
        ORDER BY d.moved_at, d.task_id
        SQL
}

is_deeply(departures(), [ map { [$user->inbox, $_, 't', 't'] } sort @ids ],
          'it leaves its traces where they were');

@tasks = patches('an assignee', \@tasks, { assignee_id => $other->id },
                 [0 .. 3], assignee_id => $other->id);
wrote('an assignee', map { [ $_, 'task.assigned' ] } @ids);

@tasks = patches('both', \@tasks, { project_id => $p2,
                                    assignee_id => $user->id },
                 [0 .. 3], project_id => $p2, assignee_id => $user->id);
wrote('both', map { [ $_, 'task.assigned' ] } @ids);
is_deeply([ @{departures()}[4 .. 7] ],
          [ map { [$p1, $_, 't', 't'] } sort @ids ], 'traces of that, too');

@tasks = patches('nobody', \@tasks, { assignee_id => undef }, [0 .. 3],
                 assignee_id => undef);
wrote('nobody', map { [ $_, 'task.updated' ] } @ids);


# ids in capitals, and the type of a merge patch

my $res = $user->patch('/v1/tasks/bulk',
                       { ids => [uc $ids[0]], patch => { title => 'Typed' } },
                       type => 'application/merge-patch+json');

status_is($res, 200, 'application/merge-patch+json');
is($res->json->{data}[0]{title}, 'Typed', 'is understood');


# a hundred take one statement

@tasks = make(map { { title => "Task $_" } } 1 .. 100);

my $log = -s $skep->pg->{log};

$res = bulk([ reverse @tasks ], { title => 'Same' });
status_is($res, 200, 'a hundred');

# nginx asks now and then, whatever happens, which sessions were revoked
my @statements = grep { /LOG: +(?:execute|statement)/
                        && !/execute sessions_revoked/ }
                 split /\n/, substr slurp($skep->pg->log_file), $log;

is(scalar @statements, 1, 'they took one statement');
like($statements[0], qr/task_bulk_update/, 'which is that of the bulk');
is_deeply([ map { $_->{id} } $res->json->{data}->@* ],
          [ reverse map { $_->{id} } @tasks ], 'in the order asked for');
wrote('a hundred', map { [ $_->{id}, 'task.updated' ] } reverse @tasks);

finish();
