#!/usr/bin/env perl

# Workers of nginx are killed (kill -9) while tasks are written: who asks again
# by the same key has one task, and one event of it.

use v5.36;

use Skep::Faults;
use Skep::Test;

my $faults = Skep::Faults->new(skep => skep(Skep::Faults->server));

$faults->run(4, 'kill_nginx');
$faults->check;
$faults->finish;

finish();
