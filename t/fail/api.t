#!/usr/bin/env perl

# Each allocation and each transfer of each call of the API, failing one by one:
# see Skep::Fail::Run for what must hold.
#
#     SKEP_FAIL_STEPS   names of steps, with blanks between them (all)
#     SKEP_FAIL_KINDS   "whose kind times", with commas between them

use v5.36;

use Skep::Fail::Run;
use Skep::Fail::Steps;
use Skep::Test;

my @kinds = map { [split] } split /,/, $ENV{SKEP_FAIL_KINDS} // join ',',
    'ours memory 1', 'ours memory 1000000', 'libraries memory 1',
    'libraries memory 3', 'nginx memory 1', 'nginx memory 3',
    'libraries short 1000000', 'libraries again 1', 'libraries interrupt 1',
    'libraries reset 1', 'nginx short 1000000', 'nginx again 1',
    'nginx interrupt 1', 'nginx reset 1', 'nginx epoll 1', 'libraries connect 1',
    'libraries descriptor 1', 'ours epoll 1';

my $skep = skep(Skep::Fail::Run::options());
my $steps = Skep::Fail::Steps->new(server => $skep);
my @names = split ' ', $ENV{SKEP_FAIL_STEPS} // join ' ', $steps->names;

$skep->client->close;

for my $kind (@kinds) {
    my ($whose, $what, $times) = @$kind;
    my $run = Skep::Fail::Run->new(steps => $steps, whose => [$whose],
                                   kind => $what, times => $times);
    my $rest = $run->rest;

    $run->step($_) for @names;
    $skep->client->close;

    my @faults = ($run->faults, $run->left($rest));

    is(scalar @faults, 0, "$whose, $what, $times times: "
                          . $run->runs . ' runs')
        or diag(map { "$_\n" } @faults > 40 ? @faults[0 .. 39] : @faults);
}

finish();
