#!/usr/bin/env perl

# Bulks over the same tasks at once: none waits for another that waits for it,
# and all see what was committed before them.

use v5.36;

use Skep::Client;
use Skep::Test;

my $skep = skep(workers => 2, set => { api_pg_write_connections => 8 });
my $user = $skep->user;
my @clients = map { $skep->new_client } 1 .. 8;
my ($p1, $p2) = map { "01890000-0000-7000-8000-00000000000$_" } 1, 2;

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.projects (id, owner_id, name)
    SELECT id, '@{[$user->id]}', 'Own' FROM unnest('{$p1,$p2}'::uuid[]) id;
    INSERT INTO task.members (project_id, user_id, role)
    SELECT id, '@{[$user->id]}', 'owner' FROM unnest('{$p1,$p2}'::uuid[]) id;
    SQL

my @ids = map { $_->{id} } $user->post('/v1/tasks/bulk', {
    tasks => [ map { { title => "Task $_" } } 1 .. 100 ] })->json->{data}->@*;

sub start ($client, $ids, $patch) {
    $client->send($client->format_request('PATCH', '/v1/tasks/bulk',
        token => $user->token, json => { ids => $ids, patch => $patch }));
}


# eight at once, in orders that are each other's opposite

my %statuses;

for my $round (1 .. 12) {
    for my $i (0 .. $#clients) {
        start($clients[$i], $i % 2 ? [ reverse @ids ] : \@ids,
              { title => "Round $round.$i" });
    }

    for my $client (@clients) {
        my $res = $client->response(method => 'PATCH');

        $statuses{$res->status}++;
        diag($res->body) if $res->status != 200;
    }
}

is_deeply(\%statuses, { 200 => 96 }, '96 bulks over the same tasks succeed');
is_deeply($skep->pg->query('SELECT count(DISTINCT title), min(version),
                                   max(version) FROM task.tasks'),
          [[1, 97, 97]], 'one after another, none of them lost');
is($skep->pg->value(<<~'SQL'), 9600, 'with an event of each for each task');
    SELECT count(*) FROM notify.outbox WHERE type = 'task.updated'
    SQL


# against single ones

%statuses = ();

for my $round (1 .. 25) {
    start($clients[0], [ reverse @ids ], { title => "Many $round" });

    for my $i (1 .. 7) {
        $clients[$i]->send($clients[$i]->format_request(
            'PATCH', "/v1/tasks/$ids[$i * 10]", token => $user->token,
            json => { title => "One $round.$i" }));
    }

    $statuses{$_->response(method => 'PATCH')->status}++ for @clients;
}

is_deeply(\%statuses, { 200 => 200 }, 'bulks and single ones succeed');
is_deeply($skep->pg->query('SELECT min(version), max(version) FROM task.tasks'),
          [[122, 147]], 'none of them is lost');


# Holds some tasks locked while a bulk waits for them, and commits this.

sub waits ($sql, $ids, $patch) {
    my $session = $skep->pg->session;

    $session->hold($sql);
    start($clients[0], $ids, $patch);
    $skep->pg->blocked or die 'no wait';
    $session->send('COMMIT;');

    my $res = $clients[0]->response(method => 'PATCH');

    $session->close;
    return $res;
}

my @few = @ids[3, 1, 2];

my $res = waits("UPDATE task.tasks SET title = 'By another', version = 900
                 WHERE id = '$ids[2]'", \@few, { priority => 'high' });

status_is($res, 200, 'what was changed meanwhile');
is($res->json->{data}[2]{title}, 'By another', 'is seen as it is now');
is($res->json->{data}[2]{version}, 901, 'and gets the next version');

$res = waits("UPDATE task.tasks SET project_id = '$p1' WHERE id = '$ids[2]'",
             \@few, { priority => 'low' });
status_is($res, 200, 'what was moved meanwhile is still there');
is($res->json->{data}[2]{project_id}, $p1, 'where it went');

$res = waits("UPDATE task.tasks SET deleted_at = now() WHERE id = '$ids[2]'",
             \@few, { priority => 'medium' });
problem($res, 422, 'validation_failed', ['/ids/2', 'not_found'],
        'what was deleted meanwhile is not');
is($user->get("/v1/tasks/$ids[1]")->json->{priority}, 'low',
   'and no other is changed');

# who is about to leave is no member, and is not waited for
my $stranger = $skep->user;
my $leaving = $skep->pg->session;

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.members (project_id, user_id, role)
    VALUES ('$p2', '@{[$stranger->id]}', 'editor')
    SQL
$leaving->hold("DELETE FROM task.members
                WHERE user_id = '@{[$stranger->id]}' AND project_id = '$p2'");

problem($user->patch('/v1/tasks/bulk', { ids => [ @ids[5 .. 9] ],
            patch => { project_id => $p2, assignee_id => $stranger->id } }),
        422, 'validation_failed', ['/patch/assignee_id', 'not_a_member'],
        'nobody is assigned to one who is about to leave');
problem($user->post('/v1/tasks/bulk', { tasks => [
            { title => 'x', project_id => $p2,
              assignee_id => $stranger->id } ] }),
        422, 'validation_failed', ['/tasks/0/assignee_id', 'not_a_member'],
        'nor is anything made for them');
$leaving->send('ROLLBACK;');
$leaving->close;

# bulks that assign somebody who comes and goes

%statuses = ();

for my $round (1 .. 30) {
    my $member = "/v1/projects/$p2/members";

    $user->post($member, { user_id => $stranger->id, role => 'editor' })
        if $round > 1;

    for my $i (0 .. 3) {
        start($clients[$i], $i % 2 ? [ reverse @ids[5 .. 60] ] : [ @ids[5 .. 60] ],
              { project_id => $p2, priority => $i % 2 ? 'low' : 'high',
                assignee_id => $stranger->id });
    }

    $clients[4]->send($clients[4]->format_request('DELETE',
        "$member/@{[$stranger->id]}", token => $user->token));

    my $left = $clients[4]->response(method => 'DELETE')->status;
    my @got = map { $_->response(method => 'PATCH')->status } @clients[0 .. 3];

    $statuses{$_}++ for "DELETE $left", map { "PATCH $_" } @got;
    $statuses{assigned} += $skep->pg->value(<<~"SQL");
        SELECT count(*) FROM task.tasks
        WHERE project_id = '$p2' AND assignee_id = '@{[$stranger->id]}'
        SQL
}

my $refused = delete $statuses{'PATCH 422'} // 0;
my $taken = delete $statuses{'PATCH 200'} // 0;

is_deeply(\%statuses, { 'DELETE 204' => 30, assigned => 0 },
          'who left has no task, whoever was first');
is($refused + $taken, 120, "$taken bulks were, $refused were late");

# a task that went where the caller is nobody

$res = waits("UPDATE task.tasks SET project_id = '@{[$stranger->inbox]}'
              WHERE id = '$ids[3]'", [@few[0, 1]], { priority => 'medium' });
problem($res, 422, 'validation_failed', ['/ids/0', 'not_found'],
        'what went where the caller can not see it is not there');

finish();
