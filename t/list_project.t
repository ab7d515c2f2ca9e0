#!/usr/bin/env perl

# GET /v1/projects/{id}/tasks: the list of one project, and who may have it.

use v5.36;

use Skep::Test;

my $skep = skep();
my ($owner, $viewer, $stranger) = map { $skep->user } 1 .. 3;
my $project = $owner->project(members => [[$viewer, 'viewer']]);
my $path = "/v1/projects/$project->{id}/tasks";
my $empty = { data => [], next_cursor => undef };

my @queries = ('', 'limit=3', 'sort=due_at', 'status=todo', 'q=task', 'label=x',
               'q=task&sort=priority', 'updated_since=1970-01-01T00:00:00Z');

for my $query (@queries) {
    my $target = "$path?$query";
    my $res = $owner->get($target);

    status_is($res, 200, "empty: $query");
    is_deeply($res->json->{data}, [], 'no tasks');
    status_is($viewer->get($target), 200, 'a viewer');
    problem($stranger->get($target), 404, 'not_found', 'a stranger');
    problem($owner->get("/v1/projects/@{[nobody]}/tasks?$query"), 404,
            'not_found', 'no such project');
    problem($owner->get("/v1/projects/1/tasks?$query"), 404, 'not_found',
            'no id');
    status_is($skep->get($target), 401, 'nobody');
}

same_json($owner->get($path), 200, $empty, 'an empty page');

my @ids = map { $owner->task(title => "Task $_", project_id => $project->{id},
                             status => $_ % 2 ? 'todo' : 'done',
                             labels => ['x'],
                             due_at => $_ % 3 ? "2030-01-0${_}T00:00:00Z"
                                              : undef)->{id} } 1 .. 7;
$owner->task(title => 'Task elsewhere', labels => ['x']);
$owner->delete('/v1/tasks/' . $owner->task(project_id => $project->{id})->{id});

sub walk ($query) {
    my ($cursor, @got) = ('');

    for (1 .. 20) {
        my $res = $viewer->get("$path?$query$cursor");

        status_is($res, 200, $query) if $res->status != 200;
        push @got, map { $_->{id} } $res->json->{data}->@*;

        if (defined $res->json->{next_cursor}) {
            $cursor = "&cursor=$res->{json}{next_cursor}";
            like($res->header('Link'),
                 qr{\A<\Q$path\E\?[^>]*cursor=[\w-]+>; rel="next"\z}, 'Link');
            next;
        }

        return \@got;
    }
}

is_deeply(walk('limit=2'), [reverse @ids], 'the newest first');
is_deeply(walk('limit=3&sort=created_at'), \@ids, 'the oldest first');
is_deeply(walk('limit=2&sort=due_at'), [@ids[0, 1, 3, 4, 6, 2, 5]], 'by due date');
is_deeply(walk('limit=2&sort=-due_at'), [@ids[6, 4, 3, 1, 0, 5, 2]], 'and back');
is_deeply(walk('limit=1&status=todo'), [reverse @ids[0, 2, 4, 6]], 'a filter');
is_deeply(walk('limit=2&label=x&sort=created_at'), \@ids, 'a label');
is_deeply([sort { $a cmp $b } walk('limit=2&q=task')->@*], [sort @ids], 'words');
is_deeply(walk('limit=2&sort=due_at&due_after=2030-01-02T00:00:00Z'),
          [@ids[3, 4, 6]], 'from a due date on');
is_deeply($owner->get("$path?limit=1")->json->{data}[0],
          $owner->get("/v1/tasks/$ids[6]")->json, 'an item is a whole task');
is($owner->head($path)->status, 200, 'HEAD');

problem($owner->get("$path?project=$project->{id}"), 400, 'invalid_parameter',
        ['project', 'unknown_parameter'], 'project is no parameter here');

# a cursor belongs to its list

my $cursor = $owner->get("$path?limit=2")->json->{next_cursor};
my $second = $owner->project->{id};

sub bad ($user, $target) {
    problem($user->get("$target&cursor=$cursor"), 400, 'invalid_parameter',
            ['cursor', 'invalid_value'], $target);
}

status_is($owner->get("$path?limit=5&cursor=$cursor"), 200,
          'another limit is no other list');
status_is($viewer->get("$path?cursor=$cursor"), 200, 'nor another reader');
bad($owner, "$path?sort=created_at");
bad($owner, "$path?status=todo");
bad($owner, "$path?status=todo,done");
bad($owner, "$path?q=task");
bad($owner, "$path?due=none");
bad($owner, "/v1/projects/$second/tasks?limit=2");
bad($owner, '/v1/tasks?limit=2');
bad($owner, "/v1/tasks?project=$project->{id}");

$cursor = $owner->get('/v1/tasks?status=todo&limit=1')->json->{next_cursor};
bad($owner, '/v1/tasks?limit=1');
bad($owner, '/v1/tasks?status=done&limit=1');
bad($owner, '/v1/tasks?priority=none&limit=1');
bad($owner, '/v1/tasks?status=todo&label=x');

# what is gone

$owner->delete("/v1/projects/$project->{id}");
problem($owner->get("$path?$_"), 404, 'not_found', "deleted: $_") for @queries;
same_json($owner->get("/v1/tasks?project=$project->{id}"), 200, $empty,
          'a filter tells nothing');

finish();
