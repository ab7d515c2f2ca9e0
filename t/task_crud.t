#!/usr/bin/env perl

# A task's life: POST, GET, PUT, complete, reopen.

use v5.36;
use utf8;

use JSON::PP ();
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep();
my $user = $skep->user;
my $time = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\z/;
my $v7 = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/;


# the smallest task: every field has its default

my $before = time;
my $res = $user->post('/v1/tasks', { title => 'Buy milk' });

status_is($res, 201);

my $task = $res->json;
my $path = "/v1/tasks/$task->{id}";

is($res->header('Location'), $path, 'Location');
is($res->header('ETag'), '"1"', 'ETag');
is($res->header('Cache-Control'), 'private, no-cache', 'Cache-Control');

like($task->{id}, $v7, 'the id is a UUIDv7');
like($task->{created_at}, $time, 'created_at');
is($task->{updated_at}, $task->{created_at}, 'updated_at is created_at');

my $msec = hex(substr $task->{id}, 0, 8) * 65536
           + hex(substr $task->{id}, 9, 4);

ok(abs($msec / 1000 - $before) < 5, 'the id tells the time');
is($skep->pg->value(<<~"SQL"), $msec, 'created_at is the time of the id');
    SELECT round(extract(epoch FROM created_at) * 1000) FROM task.tasks
    SQL

is_deeply($task, {
    id           => $task->{id},
    project_id   => $user->inbox,
    title        => 'Buy milk',
    description  => '',
    status       => 'todo',
    priority     => 'none',
    labels       => [],
    due_at       => undef,
    assignee_id  => undef,
    created_by   => $user->id,
    completed_at => undef,
    created_at   => $task->{created_at},
    updated_at   => $task->{updated_at},
    version      => 1,
}, 'a new task has these members and no other');

like($res->body, qr/"version":1[,}]/, 'version is a number');


# GET returns the same

$res = $user->get($path);
same_json($res, 200, $task, 'GET returns what POST did');
is($res->header('ETag'), '"1"', 'with the ETag');
is($res->header('Cache-Control'), 'private, no-cache', 'and Cache-Control');

same_json($user->get(uc($path) =~ s{/V1/TASKS}{/v1/tasks}r), 200, $task,
          'an id in upper case is the same id');

$res = $user->head($path);
status_is($res, 200, 'HEAD');
is($res->header('ETag'), '"1"', 'HEAD has the ETag');


# every field set, of every kind of character

my %all = (
    title       => "Zażółć \"gęślą\" \\ jaźń \x{1F41D}\x{7f}\t</script>\x{2028}",
    description => "line 1\nline 2\r\n\x{1}\x{1f}\x{fffd}\x{10ffff}",
    status      => 'in_progress',
    priority    => 'urgent',
    labels      => ['home', 'a,b', '{x}', 'q"uo\\te', 'NULL', "\x{65e5}\x{672c}", ' '],
    due_at      => '2030-02-28T23:30:00.25-01:30',
    assignee_id => $user->id,
    project_id  => $user->inbox,
);

$res = $user->post('/v1/tasks', \%all);
status_is($res, 201, 'POST with every field');

my $full = $res->json;

is_deeply({ map { $_ => $full->{$_} } keys %all },
          { %all, due_at => '2030-03-01T01:00:00.25Z' },
          'comes back as it was, the time in UTC');
same_json($user->get("/v1/tasks/$full->{id}"), 200, $full,
          'and is read like that');


# PUT replaces the whole

my %new = (title => 'Buy oat milk', priority => 'high', labels => ['shop']);

$res = $user->put("/v1/tasks/$full->{id}", \%new);
status_is($res, 200, 'PUT');
is($res->header('ETag'), '"2"', 'ETag counts on');
is($res->header('Location'), undef, 'no Location');

my $put = $res->json;

is_deeply($put, {
    %$full, %new,
    description => '', status => 'todo', due_at => undef,
    assignee_id => undef, updated_at => $put->{updated_at}, version => 2,
}, 'what PUT did not name has its default again');
cmp_ok(sortable($put->{updated_at}), 'gt', sortable($full->{updated_at}),
       'updated_at grows');
same_json($user->get("/v1/tasks/$full->{id}"), 200, $put, 'it was stored');

problem($user->put("/v1/tasks/$full->{id}", { priority => 'low' }),
        422, 'validation_failed', ['/title', 'required'],
        'PUT without what is required');
problem($user->put('/v1/tasks/' . nobody, \%new), 404, 'not_found',
        'PUT creates nothing');


# completed_at follows status

$res = $user->put("/v1/tasks/$full->{id}", { %new, status => 'done' });
my $done = $res->json;

like($done->{completed_at}, $time, 'done by PUT has completed_at');

$res = $user->put("/v1/tasks/$full->{id}", { %new, status => 'done',
                                             title => 'Bought' });
is($res->json->{completed_at}, $done->{completed_at},
   'which stays while it is done');

$res = $user->put("/v1/tasks/$full->{id}", { %new, status => 'cancelled' });
is($res->json->{completed_at}, undef, 'a cancelled one was not completed');

$res = $user->post('/v1/tasks', { title => 'Done before', status => 'done' });
like($res->json->{completed_at}, $time, 'a task may be born done');


# complete and reopen

$res = $user->post("$path/complete");
my $complete = $res->json;

status_is($res, 200, 'complete');
is($res->header('ETag'), '"2"', 'ETag');
is_deeply($complete, {
    %$task, status => 'done', completed_at => $complete->{completed_at},
    updated_at => $complete->{updated_at}, version => 2,
}, 'complete changes the status alone');
like($complete->{completed_at}, $time, 'and completed_at');

same_json($user->post("$path/complete"), 200, $complete,
          'complete again changes nothing');

$res = $user->post("$path/reopen");
my $reopened = $res->json;

status_is($res, 200, 'reopen');
is_deeply($reopened, {
    %$task, updated_at => $reopened->{updated_at}, version => 3,
}, 'reopen makes it "todo" again');

same_json($user->post("$path/reopen"), 200, $reopened,
          'reopen again changes nothing');

problem($user->post('/v1/tasks/' . nobody . "/$_"), 404, 'not_found',
        "$_ of what is not there") for qw(complete reopen);


# the bounds themselves are allowed

my %longest = (
    title       => "\x{1F41D}" x 500,
    description => 'x' x 20000,
    labels      => [map { sprintf '%050d', $_ } 1 .. 20],
);

$res = $user->post('/v1/tasks', \%longest);
status_is($res, 201, 'the longest title, description and labels');
is_deeply({ map { $_ => $res->json->{$_} } keys %longest }, \%longest,
          'come back whole');

$res = $user->post('/v1/tasks', { title => 'x', labels => [qw(b a b a c)] });
is_deeply($res->json->{labels}, [qw(b a c)], 'a label twice is one label');

finish();
