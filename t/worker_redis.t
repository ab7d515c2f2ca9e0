#!/usr/bin/env perl

# What Redis loses is found in the outbox; what it keeps is not trimmed before
# everybody has it; what nobody can read is put aside.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(wait_until);
use Skep::Test;
use Skep::Worker;

use constant STREAM => Skep::Worker::STREAM;

my $skep = skep(worker => 1, worker_conf => {
    sweep_after => '500ms', sweep_interval => '100ms', claim_idle => '500ms',
    redis_timeout => '1s',
});
my $worker = $skep->worker;
my $redis = $skep->redis;
my $outbox = Skep::Outbox->new($skep, $skep->user);
my $events = 0;


sub once ($name) {
    $outbox->settled or diag($outbox->left . ' left');
    is($outbox->wrong($events), '', $name);
}

sub event ($n = 1) {
    my @seqs = $outbox->add($n);

    $events += $n;
    return @seqs;
}

# that the stream tells, and how soon it is done: before it would be swept
sub told ($name) {
    my $before = $worker->metrics->{'events_total{by="consumer"}'};

    ok(wait_until(5, sub { $outbox->pending == 0 }), "$name: the group is there");

    for (1 .. 8) {
        $outbox->tell(event());
        $outbox->settled;
    }

    once($name);
    cmp_ok($worker->metrics->{'events_total{by="consumer"}'}, '>', $before,
           "$name: the consumer learns of it");
}


told('at first');

# lost: the group, the stream, everything

$redis->command('XGROUP', 'DESTROY', STREAM, 'skep');
told('a lost group');

$redis->command('DEL', STREAM);
told('a lost stream');

my @seqs = event(30);
$redis->command('FLUSHALL');
once('events that were not told of');
told('FLUSHALL');

# a group that comes back reads the stream from its start

$worker->freeze;
$outbox->tell(event());
$redis->command('XGROUP', 'DESTROY', STREAM, 'skep');
$worker->thaw;
once('a group lost with unread entries');
told('after that');


# Redis is away, and comes back empty

$redis->kill_server;
event(20);
once('without Redis');
my $away = $worker->get('/readyz');
is($away->status, 200, 'it is ready without');
is($away->json->{status}, 'degraded', 'but not wholly');
is($away->json->{checks}{redis}, 'unavailable', 'and says why');
is($away->json->{checks}{database}, 'ok', 'and why not');
event(20);
$redis->start;
ok(wait_until(10, sub { $worker->get('/readyz')->json->{status} eq 'ok' }),
   'all is well again');
told('Redis is back');

# it has no memory left: it takes no dead letter, and no new group

$redis->command('CONFIG', 'SET', 'maxmemory', '1');
event(10);
once('without memory');
$redis->command('XACK', STREAM, 'skep', '0-1');
$redis->command('CONFIG', 'SET', 'maxmemory', '0');
told('with memory again');

# it hangs

$redis->freeze;
event(10);
once('while Redis hangs');
$redis->thaw;
ok($worker->ready, 'it goes on');
told('after that');


# what is no entry of ours

$redis->command('XADD', STREAM, '*', @$_)
    for ['a', 'b'], ['seq', 'abc', 'type', 'x'], ['seq', '-1'],
        ['id', 'x', 'seq', ''];
told('garbage');
ok(wait_until(5, sub { $outbox->dead == 4 }), 'it is put aside')
    or diag(scalar $outbox->dead);

my @dead = $outbox->dead;

is($dead[0]{a}, 'b', 'with its fields');
is($dead[0]{reason}, 'it has no seq', 'and the reason');
like($dead[0]{entry}, qr/^\d+-\d+$/, 'and where it stood');
is($dead[1]{reason}, 'its seq is no number', 'each has its own');
is($dead[1]{type}, 'x', 'and its fields');
is($worker->metrics->{'dead_letters_total{kind="entry"}'}, 4, 'they count');
like($worker->log, qr/entry \S+ of the stream is put aside: it has no seq/,
     'the log tells');


# trimmed is what every group is done with

ok(wait_until(5, sub { $redis->command('XLEN', STREAM) == 0 }),
   'what is done is trimmed') or diag($redis->command('XLEN', STREAM));

$redis->command('XGROUP', 'CREATE', STREAM, 'other', '$');
my @all = event(30);
$outbox->tell(@all);
once('with another group');
ok(wait_until(5, sub { $outbox->pending == 0 }), 'ours is done');
sleep 2;
is($redis->command('XLEN', STREAM), 30,
   'what the other has not read is there');

$redis->command('XREADGROUP', 'GROUP', 'other', 'x', 'COUNT', 20, 'STREAMS',
                STREAM, '>');
sleep 2;
is($redis->command('XLEN', STREAM), 30,
   'and so is what it has not acknowledged');

my @ids = $redis->command('XRANGE', STREAM, '-', '+') =~ /^(\d+-\d+)$/mg;

$redis->command('XACK', STREAM, 'other', @ids[0 .. 9, 15]);
ok(wait_until(5, sub { $redis->command('XLEN', STREAM) == 20 }),
   'but what comes before it is gone') or diag($redis->command('XLEN', STREAM));
is(($redis->command('XRANGE', STREAM, '-', '+') =~ /^(\d+-\d+)$/m)[0],
   $ids[10], 'the first is the one that is pending');

$redis->command('XGROUP', 'DESTROY', STREAM, 'other');
ok(wait_until(5, sub { $redis->command('XLEN', STREAM) == 0 }),
   'the group is gone, and so is the rest');


# one that is read again and again, and never done, comes to an end

$worker->quit;
$redis->command('XADD', STREAM, '*', 'seq', '1');
$redis->command('XREADGROUP', 'GROUP', 'skep', 'dead', 'STREAMS', STREAM, '>');
my ($id) = $redis->command('XRANGE', STREAM, '-', '+') =~ /^(\d+-\d+)$/m;
$redis->command('XCLAIM', STREAM, 'skep', 'dead', 0, $id, 'IDLE', 60000,
                'RETRYCOUNT', 5);
$worker->start;
ok(wait_until(5, sub { $outbox->dead == 5 }), 'it is put aside');
is(($outbox->dead)[4]{reason}, 'it was read too often and never done',
   'with the reason');
told('and all goes on');

finish();
