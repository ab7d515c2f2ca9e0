#!/usr/bin/env perl

# DELETE /v1/projects/{id}: what goes with a project, and what others do in it
# at the same moment.

use v5.36;

use Skep::File qw(slurp);
use Skep::Test;

my $skep = skep(workers => 2);
my $pg = $skep->pg;
my ($ann, $bob, $cid) = map { $skep->user } 1 .. 3;
my @clients = map { $skep->new_client } 1 .. 9;


# what it holds, and what stays

my $project = $ann->project(members => [[$bob, 'editor'], [$cid, 'viewer']]);
my $kept = $ann->project(members => [[$bob, 'editor']]);
my $path = "/v1/projects/$project->{id}";
my @tasks = map { $bob->task(project_id => $project->{id}, title => "Task $_",
                             assignee_id => $cid->id) } 1 .. 3;
my $gone = $bob->task(project_id => $project->{id});
my $other = $ann->task(project_id => $kept->{id}, assignee_id => $bob->id);
my @comments = map { $bob->post("/v1/tasks/$_->{id}/comments",
                                { body => 'x' })->json } @tasks;
my $stays = $bob->post("/v1/tasks/$other->{id}/comments",
                       { body => 'x' })->json;

$bob->delete("/v1/tasks/$gone->{id}");

my $before = $pg->query(<<~"SQL");
    SELECT t.version, t.deleted_at, t.changed
    FROM task.tasks t WHERE t.id = '$gone->{id}'
    SQL
my $events = $pg->value('SELECT count(*) FROM notify.outbox');
my $res = $ann->delete($path);

status_is($res, 204);
is($res->body, '', 'no body');

for my $user ($ann, $bob, $cid) {
    problem($user->get($_), 404, 'not_found', 'gone')
        for $path, "$path/members", "/v1/tasks/$tasks[0]{id}",
            "/v1/tasks/$tasks[0]{id}/comments", "/v1/comments/$comments[0]{id}";
}

problem($ann->delete($path), 404, 'not_found', 'DELETE again');
problem($ann->patch($path, { name => 'x' }), 404, 'not_found', 'PATCH');
problem($ann->put($path, { name => 'x' }), 404, 'not_found', 'PUT');
problem($ann->post("$path/members", { user_id => $bob->id,
                                      role => 'editor' }),
        404, 'not_found', 'POST a member');
problem($ann->post('/v1/tasks', { title => 'x',
                                  project_id => $project->{id} }),
        422, 'validation_failed', ['/project_id', 'not_found'], 'POST a task');
is_deeply([map { $_->{id} } $ann->get('/v1/projects')->json->{data}->@*],
          [$kept->{id}, $ann->inbox], 'not in the list');
is_deeply($cid->get('/v1/tasks')->json->{data}, [], 'nor are its tasks');

is($pg->value(<<~"SQL"), 't', 'the rows stay, as tombstones');
    SELECT p.deleted_at IS NOT NULL AND p.version = 2
           AND p.updated_at = p.deleted_at
           AND (SELECT count(*) = 0 FROM task.members m
                WHERE m.project_id = p.id)
           AND (SELECT count(*) = 3 FROM task.tasks t
                WHERE t.project_id = p.id AND t.version = 2
                  AND t.deleted_at = t.updated_at
                  AND t.deleted_at >= p.deleted_at AND t.changed = p.xmin::text::xid8)
           AND (SELECT count(*) = 3 FROM task.comments c
                JOIN task.tasks t ON t.id = c.task_id
                WHERE t.project_id = p.id AND c.deleted_at IS NOT NULL
                  AND c.version = 2)
    FROM task.projects p WHERE p.id = '$project->{id}'
    SQL
is_deeply($pg->query(<<~"SQL"), $before, 'one of before stays as it was');
    SELECT t.version, t.deleted_at, t.changed
    FROM task.tasks t WHERE t.id = '$gone->{id}'
    SQL
is($pg->value('SELECT count(*) FROM notify.outbox'), $events, 'no event');
same_json($ann->get("/v1/projects/$kept->{id}"), 200, $kept,
          'another project is as it was');
same_json($bob->get("/v1/tasks/$other->{id}"), 200, $other, 'its task, too');
same_json($bob->get("/v1/comments/$stays->{id}"), 200, $stays,
          'and its comment');


# what others do meanwhile: nothing of it is seen afterwards, nothing fails

sub send_one ($i, $user, $method, $target, $json = undef) {
    $clients[$i]->send($clients[$i]->format_request($method, $target,
        token => $user->token, $json ? (json => $json) : ()));
}

my (%bad, %statuses);

for my $round (1 .. 60) {
    my $project = $ann->project(members => [[$bob, 'owner'],
                                            [$cid, 'editor']]);
    my $path = "/v1/projects/$project->{id}";
    my %in = (project_id => $project->{id});
    my @tasks = map { $bob->task(%in, assignee_id => $cid->id) } 1 .. 3;
    my @moved = map { $cid->task } 1 .. 2;
    my $dora = $round % 6 ? $cid : $skep->user;
    my @calls = (
        [$ann, 'DELETE', $path],
        [$bob, 'POST', '/v1/tasks', { title => 'x', %in,
                                      assignee_id => $cid->id }],
        [$cid, 'PATCH', "/v1/tasks/$moved[0]{id}", { %in }],
        [$cid, 'PATCH', '/v1/tasks/bulk',
         { ids => [$moved[1]{id}, reverse map { $_->{id} } @tasks],
           patch => { %in, title => 'y' } }],
        [$bob, 'PATCH', "/v1/tasks/$tasks[2]{id}",
         { project_id => $bob->inbox, assignee_id => undef }],
        [$bob, 'POST', "/v1/tasks/$tasks[0]{id}/comments", { body => 'x' }],
        [$bob, 'POST', "$path/members", { user_id => $dora->id,
                                          role => 'owner' }],
        $round % 2 ? [$cid, 'DELETE', "$path/members/" . $cid->id]
                   : [$bob, 'PATCH', "$path/members/" . $cid->id,
                      { role => 'viewer' }],
        $round % 3 ? [$bob, 'PATCH', $path, { name => 'y' }]
                   : [$bob, 'DELETE', $path],
    );

    for my $i (map { ($_ + $round) % @calls } 0 .. $#calls) {
        send_one($i, $calls[$i]->@*);
    }

    my @res = map { $clients[$_]->response } 0 .. $#calls;

    for my $i (0 .. $#calls) {
        my $name = "$calls[$i][1] "
                   . $calls[$i][2] =~ s/[0-9a-f]{8}-[0-9a-f-]{27}/{}/gr;

        $statuses{$name}{$res[$i]->status}++;
        $bad{"$name: " . $res[$i]->status}++
            if $res[$i]->status !~ /\A(?:20[014]|403|404|409|422)\z/;
    }

    my @ids = map { $_->json->{id} // () }
              grep { $_->status == 201 } @res[1, 5];

    $bad{'deleted by nobody'}++
        if $res[0]->status != 204 && $res[8]->status != 204;
    $bad{'still seen'}++
        if grep { $ann->get($_)->status != 404 || $bob->get($_)->status != 404 }
           $path, map { ("/v1/tasks/$_", "/v1/comments/$_") } @ids;
    $bad{'a member'}++ if $pg->value(<<~"SQL");
        SELECT count(*) FROM task.members WHERE project_id = '$project->{id}'
        SQL
    $bad{'listed'}++
        if grep { ($_->{project_id} // '') eq $project->{id} }
           map { $_->get('/v1/tasks?limit=100')->json->{data}->@* } $bob, $cid;
}

is_deeply(\%bad, {}, 'whatever is done in a project that is being deleted');
note(join "\n", map { my $call = $_;
                      "$call: " . join ', ', map { "$_ x $statuses{$call}{$_}" }
                                  sort keys $statuses{$call}->%* }
                sort keys %statuses);


# step by step: who has begun to add a member is waited for, and who begins
# when the project is being deleted finds none

for my $first ('POST', 'DELETE') {
    my $project = $ann->project;
    my $path = "/v1/projects/$project->{id}";
    my $session = $pg->session;
    my @sends = (
        sub { send_one(0, $ann, 'POST', "$path/members",
                       { user_id => $bob->id, role => 'owner' }) },
        sub { send_one(1, $ann, 'DELETE', $path) },
    );

    @sends = reverse @sends if $first eq 'DELETE';

    $session->hold("SELECT FROM task.projects
                    WHERE id = '$project->{id}' FOR UPDATE");

    for my $n (0, 1) {
        $sends[$n]->();
        $pg->blocked($n + 1) or die 'it does not wait';
    }

    $session->send('COMMIT;');
    $session->close;

    my ($added, $deleted) = map { $clients[$_]->response } 0, 1;

    status_is($deleted, 204, "$first first: deleted");
    status_is($added, $first eq 'POST' ? 201 : 404, "$first first: POST");
    problem($bob->get($path), 404, 'not_found',
            "$first first: no new member sees it");
}

unlike(slurp($pg->log_file), qr/deadlock/, 'nobody waits for each other');

finish();
