#!/usr/bin/env perl

# SIGTERM: what is in hand is finished; what can't be finished is cut off when
# its time is over, and found by the next worker.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(alive reap wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(worker => 1, worker_conf => {
    sweep_after => '1h', batch => 10, shutdown_timeout => '2s',
    pg_timeout => '60s', redis_timeout => '60s',
});
my $worker = $skep->worker;
my $outbox = Skep::Outbox->new($skep, $skep->user);

ok($outbox->settled, 'at first');


# The worker is told to end, and how it does.

sub ends ($name) {
    my $pid = $worker->pid;

    $worker->signal('TERM');
    is(reap($pid, 10), 0, "$name: it ends well");
}


# many batches are in hand: all of one entry

my @seqs = $outbox->add(2000);
$outbox->tell($seqs[-1]);
ok(wait_until(5, sub { $outbox->left < 2000 }), 'it has begun');
ends('in the middle');
is($outbox->left, 0, 'it has finished');
is($outbox->pending, 0, 'and acknowledged');
is($outbox->wrong(2000), '', 'each is in the inbox');
like($worker->log, qr/signal 15: finishing.*skep-worker ends/s,
     'the log tells');
$worker->start->ready;


# another holds the lock: there is an end to waiting

my $session = $skep->pg->session;

$session->hold('SELECT n FROM notify.position FOR UPDATE');
@seqs = $outbox->add(10);
$outbox->tell($seqs[-1]);
ok($skep->pg->blocked(1, 'skep_worker'), 'it waits for a lock');
ends('waiting');
$session->close;
ok(wait_until(10, sub {
    !$skep->pg->value(<<~'SQL');
        SELECT count(*) FROM pg_stat_activity WHERE usename = 'skep_worker'
        SQL
}), 'PostgreSQL has nothing of it');
$outbox->add(10);
$worker->configure(sweep_after => '200ms', shutdown_timeout => '2s',
                   pg_timeout => '60s', redis_timeout => '60s');
$worker->start->ready;
ok($outbox->settled, 'the next worker finds it');
is($outbox->wrong(2020), '', 'each is in the inbox');


# PostgreSQL, Redis, and both hang or are away

for my $how (qw(freeze kill_server)) {
    for my $who (['pg'], ['redis'], ['pg', 'redis']) {
        my @servers = map { $skep->$_ } @$who;

        $_->$how for @servers;
        sleep 0.3;
        ends("$how of @$who");
        $_->${\ ($how eq 'freeze' ? 'thaw' : 'start')} for @servers;
        ok($worker->start->ready, 'and starts again');
    }
}

$outbox->add(10);
ok($outbox->settled, 'at last');
is($outbox->wrong(2030), '', 'each is in the inbox');

finish();
