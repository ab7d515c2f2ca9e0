#!/usr/bin/env perl

# From a change of a task to the rows of inboxes: the outbox is fanned out, by
# what the stream tells, and without it; each event once, in order.

use v5.36;

use JSON::PP ();
use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep(worker => 1, worker_conf => { sweep_after => '200ms',
                                              sweep_interval => '100ms' });
my $worker = $skep->worker;
my $owner = $skep->user;
my $other = $skep->user;
my $project = $skep->project($owner, viewer => $other);


# The types in an inbox, the oldest first.

sub inbox ($user) {
    return join ' ', map { $_->[0] } $skep->pg->query(<<~"SQL")->@*;
        SELECT e.type FROM notify.inbox i JOIN notify.events e USING (n)
        WHERE i.user_id = '@{[$user->id]}' ORDER BY n
        SQL
}

sub settled () {
    return wait_until(10, sub {
        !$skep->pg->value('SELECT count(*) FROM notify.outbox');
    });
}


ok(settled(), 'the outbox is fanned out');
is(inbox($owner), 'project.member_added', 'the owner is told of the member');
is(inbox($other), 'project.member_added', 'and so is the member');

my $task = $owner->task(title => 'Told', project_id => $project);
my $path = "/v1/tasks/$task->{id}";

$owner->patch($path, { title => 'Told again' });
$owner->post("$path/complete");
$owner->delete($path);

ok(settled(), 'what follows, too');

my $want = join ' ', 'project.member_added',
           map { "task.$_" } qw(created updated completed deleted);

is(inbox($owner), $want, 'the owner is told, in order');
is(inbox($other), $want, 'and so is the member');

is($skep->pg->value('SELECT count(*) FROM notify.mails'), 2,
   'the registrations are mails, and no notifications');


# many at once, more than a batch

my $n = 1200;

$skep->pg->execute(<<~"SQL");
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT gen_random_uuid(), 'task.updated', '@{[$owner->id]}', '$project',
           gen_random_uuid(), '{"task":{}}'
    FROM generate_series(1, $n)
    SQL

ok(settled(), 'no stream tells of these: they are swept');
is($skep->pg->value("SELECT count(*) FROM notify.inbox"), 2 * ($n + 5),
   'one row for each event and user');
is($skep->pg->value('SELECT count(*) = max(n) AND max(n) = (SELECT n FROM '
                    . 'notify.position) FROM notify.events'), 't',
   'their numbers have no gap');


# what it says of itself

my $metrics = $worker->metrics;

cmp_ok($metrics->{'events_total{by="sweeper"}'}, '>=', $n, 'events swept');
is($metrics->{notifications_total}, 2 * ($n + 5), 'notifications');
is($metrics->{mails_made_total}, 2, 'mails');

ok(wait_until(5, sub { $worker->metrics->{outbox_rows} == 0 }),
   'the outbox is empty');

my $res = $worker->get('/readyz');

is_deeply(JSON::PP::decode_json($res->body),
          { status => 'ok', checks => { database => 'ok', schema => 'ok',
                                    redis => 'ok' } },
          'it is ready');

unlike($worker->log, qr/\@example\.com/, 'no e-mail address in its log');

finish();
