#!/usr/bin/env perl

# A hundred requests with one Idempotency-Key at the same moment make one task;
# and one whose answer was lost is repeated safely.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, set => { api_pg_timeout => '3s' });
my $user = $skep->user;
my @clients = map { $skep->new_client } 1 .. 100;

sub stored ($sql) { return $skep->pg->value("SELECT $sql") }

sub begin ($client, $key, $json) {
    $client->send($client->format_request('POST', '/v1/tasks', json => $json,
        token => $user->token, headers => ['Idempotency-Key', $key]));
}


my %seen;
my @faults;

sub check ($res, $title) {
    $skep->check($res, 'POST');

    if ($res->status == 201) {
        my $replay = $res->header('Idempotent-Replayed') ? 'replay' : 'first';

        push @faults, 'another task' if $res->json->{title} ne $title;
        return $replay;
    }

    push @faults, $res->status . ' ' . $res->body
        if $res->status != 409
           || $res->json->{code} ne 'idempotency_key_in_use';
    push @faults, 'no Retry-After'
        if ($res->header('Retry-After') // '') ne '1';

    return 'in use';
}

# every key is used twice in a day: at first, and when it is a day old

for my $round (1 .. 20) {
    my $key = 'round-' . ($round > 10 ? $round - 10 : $round);
    my $title = "Round $round";

    $skep->pg->execute(<<~"SQL") if $round > 10;
        UPDATE api.idempotency_keys SET stored_at = now() - interval '1 day'
        WHERE key = '$key'
        SQL

    begin($_, $key, { title => $title }) for @clients;

    my (%round, %bodies);

    for my $client (@clients) {
        my $res = $client->response;

        $round{check($res, $title)}++;
        $bodies{$res->body}++ if $res->status == 201;
    }

    $seen{$_} += $round{$_} for keys %round;
    push @faults, "round $round: $round{first} first answers"
        if ($round{first} // 0) != 1;
    push @faults, "round $round: different answers" if keys %bodies != 1;
    push @faults, "round $round: not one task"
        if stored("count(*) FROM task.tasks WHERE title = '$title'") != 1;
    push @faults, "round $round: not one event"
        if stored("count(*) FROM notify.outbox
                   WHERE data #>> '{task,title}' = '$title'") != 1;
}

is_deeply(\@faults, [], '100 at once: one task, one event, equal answers');
note(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
is($seen{first}, 20, 'each round has a first');
cmp_ok($seen{'in use'} // 0, '>', 0, 'some met the first while it ran');


# A key that another has stored, but not committed when the statement began: no
# lock tells of it, its row does.

for my $end ('COMMIT', 'ROLLBACK') {
    my $session = $skep->pg->session;

    $session->hold(<<~"SQL");
        INSERT INTO api.idempotency_keys
            (user_id, key, fingerprint, ids, created_at)
        VALUES ('@{[$user->id]}', '$end', '', '{}', now());
        SQL
    begin($clients[0], $end, { title => $end });
    $skep->pg->blocked or fail('the statement does not wait');
    $session->send("$end;");

    my $res = $clients[0]->response;

    if ($end eq 'COMMIT') {
        problem($res, 409, 'idempotency_key_in_use',
                'a key that is committed meanwhile');
        is(stored("count(*) FROM task.tasks WHERE title = '$end'"), 0,
           'nothing is made');

    } else {
        status_is($res, 201, 'a key that is rolled back meanwhile');
        is($res->header('Idempotent-Replayed'), undef, 'is new');
    }

    $session->close;
}


# while the first waits for its commit, others are told at once

my $waiting = "count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

$skep->pg->hold_commits(1);
begin($clients[0], 'lost', { title => 'Lost' });
wait_until(1, sub { stored($waiting) }) or fail('the commit does not wait');

my $begun = time;
begin($clients[1], 'lost', { title => 'Lost' });
problem($clients[1]->response, 409, 'idempotency_key_in_use',
        'the first is still under way');
begin($clients[1], 'lost', { title => 'Another' });
problem($clients[1]->response, 409, 'idempotency_key_in_use',
        'for another body as well');
# until "api_pg_timeout", that would be
cmp_ok(time - $begun, '<', 2.5, 'nobody waits for it');


# its answer is lost; it has happened

$skep->pg->execute(<<~'SQL');
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep'
    SQL
problem($clients[0]->response, 503, 'database_unavailable',
        'the answer is lost');
$skep->pg->hold_commits(0);

my $id = stored("id FROM task.tasks WHERE title = 'Lost'");
my $res;

wait_until(5, sub {
    $res = $user->post('/v1/tasks', { title => 'Lost' },
                       headers => ['Idempotency-Key', 'lost']);
    return $res->status != 503;
});
status_is($res, 201, 'the repeat succeeds');
is($res->header('Idempotent-Replayed'), 'true', 'as a replay');
is($res->json->{id}, $id, 'of what was made then');
same_json($user->get("/v1/tasks/$id"), 200, $res->json, 'it is there');
is(stored("count(*) FROM task.tasks WHERE title = 'Lost'"), 1, 'once');


# a client that hangs up on it and comes again

for my $round (1 .. 20) {
    my $client = $skep->new_client;

    begin($client, "gone-$round", { title => "Gone $round" });
    sleep $round / 10000;
    $client->abort;

    my %told;

    wait_until(5, sub {
        $res = $user->post('/v1/tasks', { title => "Gone $round" },
                           headers => ['Idempotency-Key', "gone-$round"]);
        $told{$res->status}++;
        return $res->status == 201;
    });
    delete $told{409};
    push @faults, "gone $round: " . $res->status . ' ' . $res->body
        if "@{[%told]}" ne '201 1';
}

is_deeply(\@faults, [], 'who hung up gets the answer by asking again');
is_deeply($skep->pg->query(<<~'SQL'), [[20, 20]], 'it is one task each');
    SELECT count(*), count(DISTINCT title) FROM task.tasks
    WHERE title LIKE 'Gone %'
    SQL


# one that was rolled back is as if it never was

my $session = $skep->pg->session;

$session->hold('LOCK TABLE notify.outbox IN EXCLUSIVE MODE');
begin($clients[0], 'late', { title => 'Late' });
problem($clients[0]->response, 504, 'database_timeout',
        'a write that takes too long');
wait_until(5, sub {
    !stored("count(*) FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND usename = 'skep_nginx'");
}) or fail('it is not given up');
$session->send('ROLLBACK;');
is(stored("count(*) FROM task.tasks WHERE title = 'Late'"), 0,
   'has not happened');

begin($clients[0], 'late', { title => 'Late' });
$res = $clients[0]->response;
$session->close;
status_is($res, 201, 'the repeat succeeds');
is($res->header('Idempotent-Replayed'), undef, 'as the first');

finish();
