#!/usr/bin/env perl

# All faults at random, under load, for longer: ./dev test soak.
#
#     SKEP_SOAK_SECONDS    how long tasks are written (20)
#     SKEP_SOAK_RATE       how many writes per second at most (1000)
#     SKEP_SOAK_SEED       the order of faults, of a run before

use v5.36;

use Skep::Faults;
use Skep::Test;

my $seconds = $ENV{SKEP_SOAK_SECONDS} // 20;
my $seed = srand($ENV{SKEP_SOAK_SEED} // int rand 2 ** 31);
my @faults = qw(kill_worker kill_worker kill_redis kill_redis_aof flush_redis
                fill_redis freeze_redis kill_nginx kill_postgres kill_backend);

note("SKEP_SOAK_SEED=$seed");

my $faults = Skep::Faults->new(
    skep => skep(Skep::Faults->server),
    rate => $ENV{SKEP_SOAK_RATE} // 1000,
);

$faults->run($seconds, map { $faults[rand @faults] } 1 .. 100 * $seconds);
$faults->check;
$faults->finish;

finish();
