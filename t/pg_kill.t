#!/usr/bin/env perl

# PostgreSQL is killed (kill -9 of the postmaster) under load, and comes back.

use v5.36;

use Skep::Mix;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, set => { api_pg_timeout => '2s' });
my $mix = Skep::Mix->new($skep);
my $before = $skep->resources;

my $load = $skep->load(connections => 64, timeout => 10,
                       next => $mix->requests(allow => [503, 504]));

sleep 1.5;

my @up;

for my $away (0.1, 1.5) {
    $skep->pg->kill_server;
    sleep $away;
    $skep->pg->start;
    push @up, time;
    sleep 2.5;
}

my $report = $load->stop;

load_is_clean($report);
cmp_ok($report->slowest, '<', 3.5, 'none took longer than its time-out');

for my $i (0 .. $#up) {
    for my $case (['get', 200], ['list', 200], ['post', 201], ['patch', 200]) {
        my ($kind, $status) = @$case;
        my $first = $report->first(from => $up[$i], kind => $kind,
                                   status => $status);

        ok(defined $first && $first - $up[$i] <= 2.2,
           "$kind: served again within 2 s of PostgreSQL");
    }

    is($report->count(from => $up[$i] + 2.2, to => $up[$i] + 2.5,
                      status => '5xx'), 0, 'and no 5xx from then on');
}

cmp_ok($report->count(status => 503), '>', 0, 'there were 503 meanwhile');
is($report->retried, 0, 'nginx hung up on nobody');

$mix->verify($report);

resources_are($skep, $before);

finish();
