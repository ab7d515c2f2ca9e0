#!/usr/bin/env perl

# POST /v1/tasks/bulk with an Idempotency-Key: repeated, it gets the first
# answer again, whatever became of the tasks, and makes no others.

use v5.36;

use Skep::Client;
use Skep::Test;

my $skep = skep(workers => 2);
my $user = $skep->user;
my $other = $skep->user;
my $project = $skep->project($other, editor => $user);

sub bulk ($key, $tasks) {
    return $user->post('/v1/tasks/bulk', { tasks => $tasks },
                       headers => ['Idempotency-Key', $key]);
}

sub counts () {
    return $skep->pg->query('SELECT (SELECT count(*) FROM task.tasks),
                                    (SELECT count(*) FROM notify.outbox)')->[0];
}


my @tasks = (
    { title => 'Last', status => 'done', priority => 'high' },
    { title => "\x{1F41D} \"quoted\" \\", labels => ['b', '"', '{}', 'NULL'],
      due_at => '2030-01-02T03:04:05.123456+02:00', project_id => $project,
      assignee_id => $other->id, description => "\x{e9}" x 5000 },
    map({ { title => "Task $_" } } 1 .. 30),
);

my $before = counts();
my $first = bulk('one', \@tasks);

status_is($first, 201, 'the first time');
is($first->header('Idempotent-Replayed'), undef, 'is no replay');

my @made = $first->json->{data}->@*;

for my $i (0, 1, 31) {
    same_json($user->get("/v1/tasks/$made[$i]{id}"), 200, $made[$i],
              "what was told of task $i is what is stored");
}

replayed(bulk('one', \@tasks), $first, 'at once');

# one without a key makes the same
my @keyless = $user->post('/v1/tasks/bulk', { tasks => \@tasks })
              ->json->{data}->@*;

delete $_->@{qw(id created_at updated_at completed_at)}
    for @keyless, my @keyed = map { { %$_ } } @made;
is_deeply(\@keyed, \@keyless, 'tasks made with a key are as those without');

is_deeply(counts(), [ map { $_ + 64 } @$before ],
          'a task and an event each, of two bulks');
is($skep->pg->value(<<~"SQL"), 32, 'the events are of the tasks that were told');
    SELECT count(DISTINCT task_id) FROM notify.outbox
    WHERE task_id = ANY ('{@{[join ',', map { $_->{id} } @made]}}')
    SQL


# whatever became of them

$user->patch("/v1/tasks/$made[0]{id}", { title => 'Changed' });
$user->delete("/v1/tasks/$made[2]{id}");
$user->patch("/v1/tasks/$made[3]{id}", { project_id => $project });
replayed(bulk('one', \@tasks), $first, 'changed');

$skep->pg->execute(<<~"SQL");
    DELETE FROM task.members
    WHERE project_id = '$project' AND user_id = '@{[$user->id]}'
    SQL
replayed(bulk('one', \@tasks), $first, 'one left the project');


# another body, in which but the order is another

$before = counts();

problem(bulk('one', [ reverse @tasks ]), 422, 'idempotency_key_reused',
        'the key with another body');
problem($user->post('/v1/tasks', { title => 'x' },
                    headers => ['Idempotency-Key', 'one']),
        422, 'idempotency_key_reused', 'the key with another call');


# a failure is not stored

my @bad = ({ title => 'a' }, { title => 'b', assignee_id => $other->id });

problem(bulk('two', \@bad), 422, 'validation_failed',
        ['/tasks/1/assignee_id', 'not_a_member'], 'at fault') for 1, 2;
problem(bulk('two', [{ title => '' }]), 422, 'validation_failed',
        ['/tasks/0/title', 'too_short'], 'at fault otherwise');
problem(bulk('two words', [{ title => 'a' }]), 400, 'invalid_parameter',
        'a malformed key');
is_deeply(counts(), $before, 'nothing was made');
status_is(bulk('two', [$bad[0]]), 201, 'the key is still free');


# many at once

$before = counts();

my @clients = map { $skep->new_client } 1 .. 12;

$_->send($_->format_request('POST', '/v1/tasks/bulk', token => $user->token,
    headers => ['Idempotency-Key', 'race'], json => { tasks => [
        map { { title => "Race $_" } } 1 .. 50 ] })) for @clients;

my %answers;

for my $client (@clients) {
    my $res = $client->response(method => 'POST');

    $skep->check($res, 'POST');
    $answers{$res->status == 409 ? $res->json->{code}
                                 : $res->status . $res->body}++;
}

delete $answers{idempotency_key_in_use};
is(scalar keys %answers, 1, 'all answers are one, or that it is under way');
like((keys %answers)[0], qr/^201/, 'which is of the tasks made');
is_deeply(counts(), [ map { $_ + 50 } @$before ], 'they were made once');

finish();
