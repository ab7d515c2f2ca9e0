#!/usr/bin/env perl

# Backends are terminated at random under load: reads never fail, writes fail
# by 503 alone, and what was acknowledged is there.

use v5.36;

use Skep::Mix;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2);
my $mix = Skep::Mix->new($skep);
my $before = $skep->resources;

my $load = $skep->load(connections => 64, next => $mix->requests(
    allow => { post => [503], patch => [503] }
));

my $until = time + 5;
my $terminated = 0;

while (time < $until) {
    sleep 0.1;
    $terminated += $skep->pg->value(<<~'SQL');
        SELECT count(pg_terminate_backend(pid)) FROM (
            SELECT pid FROM pg_stat_activity WHERE usename = 'skep_nginx'
            ORDER BY random() LIMIT 2
        ) victims
        SQL
}

sleep 0.5;
my $report = $load->stop;

note("$terminated backends were terminated");
cmp_ok($terminated, '>', 20, 'many backends were terminated');
load_is_clean($report, 'reads never fail, writes by 503 alone');
cmp_ok($report->slowest, '<', 3, 'and at once');
cmp_ok($report->count(kind => 'get', status => 200), '>', 500,
       'there were many');
cmp_ok($report->count(status => 503), '<', $report->count(status => '2xx') / 10,
       'few writes fail');

$mix->verify($report);

resources_are($skep, $before);

finish();
