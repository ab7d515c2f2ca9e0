#!/usr/bin/env perl

# Connections to PostgreSQL and Redis are lost, and each call that makes them
# anew fails, one by one: within seconds all is as it was.

use v5.36;

use Skep::Fail::Lost;
use Skep::Test;

my $skep = skep(Skep::Fail::Lost::options());
my $lost = Skep::Fail::Lost->new(server => $skep);

for my $case (Skep::Fail::Lost::kinds()) {
    my ($whose, $kind, $times) = @$case;
    my ($n, @faults) = $lost->all($whose, $kind, $times);

    is(scalar @faults, 0, "$whose, $kind, $times times: $n runs")
        or diag(map { "$_\n" } @faults > 40 ? @faults[0 .. 39] : @faults);
}

is($lost->left, '', 'nothing is left behind');
finish();
