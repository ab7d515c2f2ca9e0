#!/usr/bin/env perl

# nginx reads its configuration while an allocation of ours fails: some of them,
# by chance, and those that once found something.  All: t/fail/conf.t.

use v5.36;

use Skep::Fail::Conf;
use Skep::Test;

my $seed = $ENV{SKEP_SEED} // int rand 1e9;

srand $seed;
note("SKEP_SEED=$seed");

my $skep = skep(Skep::Fail::Conf::options());
my $calls = Skep::Fail::Conf::calls($skep);

cmp_ok($calls, '>', 300, "$calls allocations");

# a worker that died with the first route of the metrics, an issuer that was not
# there
my @faults = map { Skep::Fail::Conf::refused($skep, $_) }
             1 .. 25, map { 1 + int rand $calls } 1 .. 40;

is(scalar @faults, 0, 'nginx -t refuses it') or diag(map { "$_\n" } @faults);

@faults = map { Skep::Fail::Conf::reloaded($skep, $_) }
          8, 13, map { 1 + int rand $calls } 1 .. 8;

is(scalar @faults, 0, 'a reload keeps what is there')
    or diag(map { "$_\n" } @faults);

$skep->reload;
ok($skep->wait_ready(10), 'and the next one is done');

finish();
