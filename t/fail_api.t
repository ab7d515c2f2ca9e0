#!/usr/bin/env perl

# The calls of the API while memory and I/O fail: some calls of some steps, by
# chance, and all of those that once found something.  All of all of them:
# t/fail/api.t.

use v5.36;

use Skep::Fail::Run;
use Skep::Fail::Steps;
use Skep::Test;
use Time::HiRes qw(time);

use constant SECONDS => 12;

my $seed = $ENV{SKEP_SEED} // int rand 1e9;

srand $seed;
note("SKEP_SEED=$seed");

# steps that were answered wrongly, or not at all, by a worker that died, or
# after a time-out: which call it was is another with each change of the code
my @once = (
    # 401 for a token that is good; the connection just closed
    [ours      => memory => 'me'],
    # a Location, a Link in a 500; one without its body
    [ours      => memory => 'create'],
    [ours      => memory => 'list'],
    [ours      => memory => 'reset'],
    # "malformed JSON"; a crash for a token that could not be made
    [ours      => memory => 'login'],
    # libpq waits for ever for the end of what it got; HMAC() has no context
    [libraries => memory => 'login'],
    [libraries => memory => 'token_new'],
);

my $skep = skep(Skep::Fail::Run::options());
my $steps = Skep::Fail::Steps->new(server => $skep);


sub of ($whose, $kind, $times = 1) {
    return Skep::Fail::Run->new(steps => $steps, whose => [$whose],
                                kind => $kind, times => $times);
}


sub clean ($name, $run) {
    my @faults = $run->faults;

    is(scalar @faults, 0, $name) or diag(map { "$_\n" } @faults);
    cmp_ok($run->failed, '>', 0, "$name: calls failed");
}


$skep->client->close;

my $rest = of('ours', 'memory')->rest;

for my $case (@once) {
    my ($whose, $kind, $name) = @$case;
    my $run = of($whose, $kind);

    $run->step($name);
    clean("$name, $whose $kind", $run);
}

my %sample = (
    'an allocation'              => of('ours', 'memory'),
    'allocations for a while'    => of('ours', 'memory', 1e6),
    "an allocation of libraries" => of('libraries', 'memory'),
    'a short transfer'           => of('libraries', 'short', 1e6),
    'EINTR'                      => of('libraries', 'interrupt'),
    'a short transfer of nginx'  => of('nginx', 'short', 1e6),
);
my @names = $steps->names;
my $until = time + SECONDS;

while (time < $until) {
    for my $run (values %sample) {
        $run->once($names[rand @names], 1 + int 40 * rand() ** 2);
    }
}

clean($_ . ', ' . $sample{$_}->runs . ' times', $sample{$_})
    for sort keys %sample;

$skep->client->close;
is(join(' ', of('ours', 'memory')->left($rest)), '', 'nothing is left behind');

finish();
