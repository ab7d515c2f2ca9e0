#!/usr/bin/env perl

# Two thousand clients that send their headers byte by byte, and hundreds that are
# as slow with bodies and answers, under the times of conf/nginx.conf: the others
# wait no longer for that.  It is measured in rounds, with and without them in turn.

use v5.36;

use List::Util qw(sum0);
use Skep::File qw(slurp);
use Skep::Process qw(source_dir wait_until);
use Skep::Slow;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $rounds = $ENV{SKEP_HTTP_ROUNDS} // 5;
my $seconds = 5;

# what the others may wait with slow clients around, for each millisecond without
# them; and what the clock and the machine make of it in any case
my $bar = 1.5;
my $grace = 0.001;

my ($times) = slurp(source_dir() . '/conf/nginx.conf')
              =~ /^( +client_header_timeout .*? on;)$/ms;

my $skep = skep(workers => 2, connections => 4096, http => $times // die,
                main => 'worker_rlimit_nofile 8192;');
my $user = $skep->user;
my $heavy = $skep->user;
my @tasks = map { $user->task(title => "Task $_") } 1 .. 50;
my $format = $skep->new_client;

$heavy->task(title => "Task $_", description => 'x' x 15000) for 1 .. 60;

my $before = $skep->resources;

sub request (@call) {
    return $format->format_request(@call, token => $heavy->token);
}

my $post = request('POST', '/v1/tasks', type => 'application/json',
                   body => '{"title":"', headers => ['Content-Length', 60000]);

my @kinds = (
    { name => 'a header byte by byte', count => 1400,
      bytes => "GET /v1/tasks HTTP/1.1\r\nHost: x\r\nX: ", drip => 'x' },
    { name => 'headers without an end', count => 600,
      bytes => "GET /v1/tasks HTTP/1.1\r\nHost: x\r\n", drip => "a:\r\n" },
    { name => 'a body byte by byte', count => 500, bytes => $post, drip => 'y' },
    { name => 'an answer that is not taken', count => 200, rcvbuf => 2048,
      bytes => request('GET', '/v1/tasks?limit=60') },
);


# How long a client waits that asks 250 times a second: the times, in order.

sub waits () {
    my $client = $skep->new_client;
    my $until = time + $seconds;
    my (@waits, $wrong);

    delete $client->{witness};
    $client->request('GET', '/livez');

    for (my $next = time; $next < $until; $next += 0.004) {
        my $rest = $next - time;
        my $task = $tasks[rand @tasks];

        sleep $rest if $rest > 0;

        my $begin = time;
        my $res = $client->request('GET', "/v1/tasks/$task->{id}",
                                   token => $user->token);

        push @waits, time - $begin;
        $wrong++ if $res->status != 200 || $res->json->{id} ne $task->{id};
    }

    $client->close;
    is($wrong // 0, 0, @waits . ' answers, each its own');

    return sort { $a <=> $b } @waits;
}

sub at ($share, @sorted) { return $sorted[$share * $#sorted] }

my (%p99, %p50, %told);

waits();                                # until all is warm

for my $round (1 .. $rounds) {
    for my $with (0, 1) {
        my $slow = $with && Skep::Slow->start(port => $skep->port, pause => 2,
                                              kinds => \@kinds);

        # until all are there; the times of the first end while it is measured
        sleep 7 if $slow;

        my @waits = waits();

        push $p99{$with}->@*, at(0.99, @waits);
        push $p50{$with}->@*, at(0.5, @waits);
        next if !$slow;

        my $told = $slow->stop;

        for my $name (keys %$told) {
            $told{$name}{$_} += $told->{$name}{$_} for qw(opened ended open);
        }

        wait_until(10, sub { $skep->nginx->descriptors < 200 });
    }
}

note(sprintf '%s: %d opened, %d of them ended, %d there at the end', $_,
     $told{$_}->@{qw(opened ended open)}) for sort keys %told;

sub middle (@values) { return (sort { $a <=> $b } @values)[@values / 2] }

my ($without, $with) = map { middle($p99{$_}->@*) } 0, 1;

note(sprintf 'p50 %.2f ms without and %.2f ms with slow clients, p99 %.2f and '
     . '%.2f', map { 1000 * $_ } middle($p50{0}->@*), middle($p50{1}->@*),
     $without, $with);
cmp_ok($with, '<=', $bar * $without + $grace,
       'the 99th percentile is what it is without slow clients');
cmp_ok(sum0(map { $_->{opened} } values %told), '>=',
       $rounds * sum0(map { $_->{count} } @kinds), 'all of them were there');
$skep->client->close;
resources_are($skep, $before);

finish();
