#!/usr/bin/env perl

# skep-worker while its calls fail, one by one: see Skep::Fail::Worker.

use v5.36;

use Skep::Fail::Worker;
use Skep::Test;

my $worker = Skep::Fail::Worker->new(\&skep);

for my $kind (Skep::Fail::Worker::kinds()) {
    my $runs = $worker->all(@$kind);

    note("@$kind: $runs runs");
}

my @faults = $worker->faults;

is(scalar @faults, 0, 'each event is told, once')
    or diag(map { "$_\n" } @faults);

$worker->stop;
finish();
