#!/usr/bin/env perl

# Backends are terminated as soon as they begin, so that connections are lost in
# every state: connecting, authenticating, preparing, in use.

use v5.36;

use Skep::Mix;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2);
my $mix = Skep::Mix->new($skep);
my $before = $skep->resources;

my $load = $skep->load(connections => 24, next => $mix->requests(
    allow => [503]
));

sleep 0.5;
$skep->pg->execute(<<~'SQL');
    DO $$
    DECLARE
        stop timestamptz := clock_timestamp() + interval '5 s';
    BEGIN
        WHILE clock_timestamp() < stop LOOP
            PERFORM pg_terminate_backend(pid) FROM (
                SELECT pid FROM pg_stat_activity
                WHERE backend_type = 'client backend'
                  AND pid <> pg_backend_pid()
                ORDER BY CASE WHEN random() < 0.5 THEN backend_start END DESC,
                         random()
                LIMIT 2
            ) victims;
            PERFORM pg_sleep(random() * 0.01);
            PERFORM pg_stat_clear_snapshot();
        END LOOP;
    END
    $$
    SQL
my $calm = time;
sleep 2.5;

my $report = $load->stop;

load_is_clean($report);
cmp_ok($report->slowest, '<', 6, 'none took longer than its time-out');
is($report->count(from => $calm + 2.2, to => $calm + 2.5, status => '5xx'), 0,
   'all is well within 2 s');

$mix->verify($report);

resources_are($skep, $before);

finish();
