#!/usr/bin/env perl

# All calls, and all kinds of faults, for a short time; in the end nothing that
# was acknowledged is lost, and nothing is left.  t/soak/ has the long form.

use v5.36;

use Skep::Soak;
use Skep::Test;

my $seed = $ENV{SKEP_SOAK_SEED} // int rand 2 ** 31;

note("SKEP_SOAK_SEED=$seed");

my $soak = Skep::Soak->new(seconds => 12, seed => $seed);

$soak->soak;
$soak->check;
$soak->finish;
