#!/usr/bin/env perl

# skep-worker while its calls fail: some of them, and those that once found
# something.  All of them: t/fail/worker.t.

use v5.36;

use Skep::Fail::Worker;
use Skep::Test;

my $worker = Skep::Fail::Worker->new(\&skep);

# hiredis had no buffer for what it was to send, and crashed; OpenSSL had no
# memory at its first call, and computed nothing ever after
$worker->once(libraries => memory => 1, $_) for 9, 23 .. 25;
$worker->once(libraries => memory => 20, $_) for 10, 30, 60;
$worker->once(ours => memory => 1, $_) for 1 .. 8;
$worker->once(libraries => short => 1e6, 1);
$worker->once(libraries => reset => 1, $_) for 1, 3, 6;

my @faults = $worker->faults;

is(scalar @faults, 0, 'each event is told, once')
    or diag(map { "$_\n" } @faults);

$worker->stop;
finish();
