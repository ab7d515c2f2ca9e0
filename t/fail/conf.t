#!/usr/bin/env perl

# nginx reads its configuration while each allocation of ours fails, one by one:
# nginx -t, and every third of them in a reload.

use v5.36;

use Skep::Fail::Conf;
use Skep::Test;

my $skep = skep(Skep::Fail::Conf::options());
my $calls = Skep::Fail::Conf::calls($skep);

my @faults = map { Skep::Fail::Conf::refused($skep, $_) } 1 .. $calls;

is(scalar @faults, 0, "nginx -t refuses it, $calls times")
    or diag(map { "$_\n" } @faults);

@faults = map { Skep::Fail::Conf::reloaded($skep, $_ * 3) } 1 .. $calls / 3;

is(scalar @faults, 0, 'a reload keeps what is there')
    or diag(map { "$_\n" } @faults);

$skep->reload;
ok($skep->wait_ready(10), 'and the next one is done');

finish();
