#!/usr/bin/env perl

# t/auth_timing.t with ten times the logins, so that a difference is seen that is
# a third as large: ./dev test security.

use v5.36;

die "run this by ./dev test security\n" if !$ENV{SKEP_ROOT};

$ENV{SKEP_TIMING_LOGINS} //= 5000;

exec $^X, map({ "-I$_" } @INC), "$ENV{SKEP_ROOT}/t/auth_timing.t";
