#!/usr/bin/env perl

# Workers are killed (kill -9) while tasks are written: whatever they had in
# hand is done by another, and nobody is told of anything twice.

use v5.36;

use Skep::Faults;
use Skep::Test;

my $faults = Skep::Faults->new(skep => skep(Skep::Faults->server));

$faults->run(4, 'kill_worker');
$faults->check;
$faults->finish;

finish();
