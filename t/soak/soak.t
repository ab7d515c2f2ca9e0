#!/usr/bin/env perl

# All calls, and all faults that there are, for half an hour; in the end
# nothing that was acknowledged is lost, and nothing has grown.
#
#     SKEP_SOAK_SECONDS    how long (1800)
#     SKEP_SOAK_SEED       the order of calls and faults, of a run before

use v5.36;

use Skep::Process qw(build_dir);
use Skep::Soak;
use Skep::Test;

my $seconds = $ENV{SKEP_SOAK_SECONDS} // 1800;
my $seed = $ENV{SKEP_SOAK_SEED} // int rand 2 ** 31;

note("SKEP_SOAK_SEED=$seed");

my $soak = Skep::Soak->new(seconds => $seconds, seed => $seed,
                           dir => build_dir() . '/soak');

$soak->soak;
$soak->check;
$soak->check_growth;
$soak->keep;
$soak->finish;
