#!/usr/bin/env perl

# skep-worker while its calls fail: some of them, and those that once found
# something.  All of them: t/fail/worker.t.

use v5.36;

use Skep::Fail::Worker;
use Skep::Test;

my $worker = Skep::Fail::Worker->new(\&skep);

# whose => what => how many of them, from which ones on
my @calls = (
    # hiredis had no buffer for what it was to send, and crashed; OpenSSL had
    # no memory at its first call, and computed nothing ever after
    [libraries => memory => 1, 9, 23 .. 25],
    [libraries => memory => 20, 10, 30, 60],
    [ours      => memory => 1, 1 .. 8],
    [libraries => short  => 1e6, 1],
    [libraries => reset  => 1, 1, 3, 6],
);

for my $call (@calls) {
    my ($whose, $kind, $times, @from) = @$call;
    my $failed = 0;

    $failed += $worker->once($whose, $kind, $times, $_) for @from;
    cmp_ok($failed, '>', 0, "$kind of $whose: calls failed");
}

my @faults = $worker->faults;

is(scalar @faults, 0, 'each event is told, once')
    or diag(map { "$_\n" } @faults);

$worker->stop;
finish();
