#!/usr/bin/env perl

# All of PostgreSQL is stopped (SIGSTOP) under load for some seconds: it is
# there, but answers nothing, takes no connection, and ends none.

use v5.36;

use Skep::Mix;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, set => { api_pg_timeout => '1s',
                                       api_pg_connect_timeout => '1s' });
my $mix = Skep::Mix->new($skep);
my $before = $skep->resources;

my $load = $skep->load(connections => 64, timeout => 10,
                       next => $mix->requests(allow => [503, 504]));

sleep 1;
my $frozen = time;
$skep->pg->freeze;
sleep 5;
my $thawed = time;
$skep->pg->thaw;
sleep 3;

my $report = $load->stop;

load_is_clean($report);
cmp_ok($report->slowest, '<', 2, 'none took longer than its time-out');
cmp_ok($report->count(status => 504), '>', 0, 'there were 504 meanwhile');
is($report->count(from => $frozen + 2.5, to => $thawed, status => '2xx'), 0,
   'and nothing was served');
cmp_ok($report->count(from => $frozen + 2.5, to => $thawed, status => '5xx'),
       '>', 50, 'but all were answered');

for my $case (['get', 200], ['list', 200], ['post', 201], ['patch', 200]) {
    my ($kind, $status) = @$case;
    my $first = $report->first(from => $thawed, kind => $kind,
                               status => $status);

    ok(defined $first && $first - $thawed <= 2.2,
       "$kind: served again within 2 s");
}

is($report->count(from => $thawed + 2.2, to => $thawed + 3, status => '5xx'),
   0, 'and no 5xx from then on');

$mix->verify($report);

resources_are($skep, $before);

finish();
