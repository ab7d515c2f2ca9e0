#!/usr/bin/env perl

# nginx is upgraded on the fly under load, and the upgrade taken back: no
# request fails.

use v5.36;

use Skep::Mix;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(workers => 2, redis => 1, daemon => 1,
                set => { api_shutdown_delay => '3s' });
my $nginx = $skep->nginx;
my $mix = Skep::Mix->new($skep);
my $connections = $skep->connected;

my $load = $skep->load(connections => 60, next => $mix->requests);
my $logins = $skep->load(connections => 4, next => $mix->logins);

sleep 1;


# one after another

my $first = $nginx->pid;

for (1 .. 3) {
    my $old = $nginx->upgrade;
    my @workers = grep { $_ != $nginx->pid } Skep::Process::children($old);

    isnt($nginx->pid, $old, 'another master');
    is(scalar @workers, 2, 'both serve');
    sleep 0.5;
    kill 'WINCH', $old;
    ok($nginx->gone(20, @workers), 'the old workers leave');
    sleep 0.3;
    ok($nginx->finish($old), 'and their master');
}


# back: the new one was a mistake

my $old = $nginx->upgrade;
my @workers = grep { $_ != $nginx->pid } Skep::Process::children($old);

kill 'WINCH', $old;
ok($nginx->gone(20, @workers), 'the old workers have left');

my $new = $nginx->back($old);

sleep 0.5;
ok($nginx->finish($new), 'the new one leaves');
sleep 0.5;

my $report = $load->stop;

load_is_clean($report, 'no request failed');
load_is_clean($logins->stop, 'no login failed');
is($report->count(status => '5xx'), 0, 'nor was refused');
is($report->retried, 0, 'nor had to be sent twice');
$mix->verify($report);

is($nginx->pid, $old, 'one master is left');
ok(wait_until(5, sub { $nginx->workers == 2 }), 'with its workers');
$skep->client->close;
is($skep->connected, $connections, 'and its connections to PostgreSQL');
status_is($skep->get('/readyz'), 200, 'which is ready');

finish();
