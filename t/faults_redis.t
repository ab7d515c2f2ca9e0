#!/usr/bin/env perl

# Redis is killed, with and without a file of what it had, is emptied, has no
# memory left, or hangs, while tasks are written: nothing is lost by it.

use v5.36;

use Skep::Faults;
use Skep::Test;

my $faults = Skep::Faults->new(skep => skep(Skep::Faults->server));

$faults->run(8, qw(kill_redis kill_redis_aof flush_redis fill_redis
                  freeze_redis));
$faults->run(1, 'stop_redis');
$faults->check;
$faults->finish;

finish();
