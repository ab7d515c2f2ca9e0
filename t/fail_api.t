#!/usr/bin/env perl

# The calls of the API while memory and I/O fail: some calls of some steps, by
# chance, and those that once found something.  All of them: t/fail/api.t.

use v5.36;

use Skep::Fail::Run;
use Skep::Fail::Steps;
use Skep::Test;
use Time::HiRes qw(time);

use constant SECONDS => 12;

my $seed = $ENV{SKEP_SEED} // int rand 1e9;

srand $seed;
note("SKEP_SEED=$seed");

# [step, the calls that fail]: from when they were answered wrongly, or not at
# all, by a worker that died, or after a time-out
my @once = (
    # 401 for a token that is good; the connection just closed
    [ours      => memory => me => 1, 2],
    # a Location, a Link in a 500; one without its body
    [ours      => memory => create => 18 .. 24],
    [ours      => memory => list => 14 .. 18],
    [ours      => memory => reset => 28 .. 38],
    # "malformed JSON"; a crash for a token that could not be made
    [ours      => memory => login => 40 .. 70],
    # libpq waits for ever for the end of what it got; HMAC() has no context
    [libraries => memory => login => 1 .. 30],
    [libraries => memory => token_new => 1 .. 16],
);

my $skep = skep(
    fail => 1, redis => 1, metrics => 1,
    set => { notify_stream => 'skep' },
    # what fails says so
    allow_log => qr/\[emerg\].*(?:malloc|memory)|\[alert\].*epoll_ctl/,
);
my $steps = Skep::Fail::Steps->new(server => $skep);


sub of ($whose, $kind, $times = 1) {
    return Skep::Fail::Run->new(steps => $steps, whose => [$whose],
                                kind => $kind, times => $times);
}


sub clean ($name, @runs) {
    my @faults = map { $_->faults } @runs;

    is(scalar @faults, 0, $name) or diag(map { "$_\n" } @faults);
}


$skep->client->close;

my $rest = of('ours', 'memory')->rest;

for my $case (@once) {
    my ($whose, $kind, $name, @from) = @$case;
    my $run = of($whose, $kind);

    $run->step($name, @from);
    clean("$name, $whose $kind @from[0, -1]", $run);
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
