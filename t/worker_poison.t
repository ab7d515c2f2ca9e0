#!/usr/bin/env perl

# An event that PostgreSQL refuses is tried some times, then put aside with the
# reason; those beside it are fanned out.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep(worker => 1, worker_conf => {
    sweep_after => '200ms', sweep_interval => '100ms', event_tries => 3,
});
my $worker = $skep->worker;
my $outbox = Skep::Outbox->new($skep, $skep->user);

ok($outbox->settled, 'nothing is left');

$skep->pg->execute(<<~'SQL');
    ALTER TABLE notify.events ADD CONSTRAINT poison
        CHECK (data::text NOT LIKE '%poison%') NOT VALID
    SQL

# the queue is full before the worker sees it
$worker->freeze;
$outbox->add(5);
my $bad = ($outbox->add(1, data => '{"task":{"title":"poison"}}'))[-1];
my $last = ($outbox->add(5))[-1];
$outbox->tell($last);
$worker->thaw;

ok($outbox->settled, 'the outbox is empty');
is($outbox->wrong(10), '', 'the others are in the inbox');

is_deeply($skep->pg->query('SELECT seq, type, data FROM notify.dead_events'),
          [[$bad, 'task.updated', '{"task":{"title":"poison"}}']],
          'the one is put aside, whole');
like($skep->pg->value('SELECT reason FROM notify.dead_events'),
     qr/^23514: .*"poison"/, 'with the reason');

ok(wait_until(5, sub { $outbox->dead == 1 }), 'Redis is told of it');

my ($letter) = $outbox->dead;

is($letter->{seq}, $bad, 'which one');
is($letter->{type}, 'task.updated', 'of what type');
like($letter->{reason}, qr/"poison"/, 'and why');
ok(!exists $letter->{data}, 'its data stays in PostgreSQL');

my $metrics = $worker->metrics;

is($metrics->{'dead_letters_total{kind="event"}'}, 1, 'it counts');
like($worker->log, qr/event $bad was refused, 3 of 3 times/,
     'it was tried as often as the configuration says');
like($worker->log, qr/\[error\].*event $bad is put aside/, 'the log tells');


# what may pass is waited for: nothing is put aside

$skep->pg->execute('ALTER TABLE notify.events DROP CONSTRAINT poison');
$skep->pg->execute('ALTER TABLE notify.events RENAME TO other');
$outbox->add(5);
ok(wait_until(10, sub { $worker->metrics->{fan_outs_failed_total} > 12 }),
   'a table is missing: it is tried');
is($outbox->left, 5, 'the rows stay');
$skep->pg->execute('ALTER TABLE notify.other RENAME TO events');
ok($outbox->settled, 'until it is there');
is($outbox->wrong(15), '', 'all are in the inbox');
is($skep->pg->value('SELECT count(*) FROM notify.dead_events'), 1,
   'none was put aside');


# PostgreSQL goes and comes

$skep->pg->kill_server;
ok(wait_until(10, sub { $worker->get('/readyz')->status == 503 }),
   'without PostgreSQL it is not ready');
is($worker->get('/readyz')->json->{checks}{database}, 'unavailable',
   'and says why');
$skep->pg->start;
ok($worker->ready, 'PostgreSQL is back');
$outbox->add(5);
ok($outbox->settled, 'it goes on');
is($outbox->wrong(20), '', 'all are in the inbox');

finish();
