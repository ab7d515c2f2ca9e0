#!/usr/bin/env perl

# PostgreSQL is killed (kill -9), as a whole or one of its backends, while tasks
# are written: each that was acknowledged is told of once.

use v5.36;

use Skep::Faults;
use Skep::Test;

my $faults = Skep::Faults->new(skep => skep(Skep::Faults->server));

$faults->run(6, qw(kill_postgres kill_backend));
$faults->check;
$faults->finish;

finish();
