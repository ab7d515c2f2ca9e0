#!/usr/bin/env perl

# Redis killed, hanging, restarted under load, at reloads: no request fails or
# waits, the workers find it again, and nothing is left open.

use v5.36;

use Skep::Mix;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, redis => 1);
my $mix = Skep::Mix->new($skep);
my $account = $mix->{users}[0];


sub all_connected ($timeout = 3) {
    return wait_until($timeout, sub { $skep->redis->clients == 4 });
}


ok(all_connected(), 'two connections of each worker');

my %before = (descriptors => $skep->nginx->descriptors);
my @workers = sort $skep->nginx->workers;

# requests, and logouts: they publish
my $load = $skep->load(connections => 16, next => $mix->requests);
my %login = (email => $account->email, password => $account->password);
my @sessions;


sub logout_takes () {
    my $token = $skep->post('/v1/auth/login', \%login)->json->{access_token};
    my $start = time;
    my $res = $skep->post('/v1/auth/logout', undef, token => $token);

    status_is($res, 204, 'logout');
    problem($skep->get('/v1/me', token => $token), 401, 'token_revoked',
            'it is refused');

    return time - $start;
}


for my $away (0, 0.5, 2) {
    $skep->redis->kill_server;
    sleep $away;
    cmp_ok(logout_takes(), '<', 0.5, 'without Redis nobody waits');
    $skep->redis->start;
    ok(all_connected(), "killed for $away s: found again")
        or diag($skep->redis->clients);
}

# it hangs: the connection for commands is given up, and tried anew

$skep->redis->freeze;
cmp_ok(logout_takes(), '<', 0.5, 'with a Redis that hangs nobody waits');
sleep 1.5;
cmp_ok(logout_takes(), '<', 0.5, 'nor later');
$skep->redis->thaw;
ok(all_connected(), 'it goes on: found again');


# reloads, with Redis there, hanging and away

for my $how (qw(there hanging away)) {
    $skep->redis->freeze if $how eq 'hanging';
    $skep->redis->kill_server if $how eq 'away';

    my @old = $skep->nginx->reload;
    ok($skep->nginx->gone(10, @old), "Redis $how: the old workers leave");

    $skep->redis->thaw if $how eq 'hanging';
    $skep->redis->start if $how eq 'away';
    ok(all_connected(), "Redis $how: the new ones have their connections");
}

load_is_clean($load->stop);

$skep->client->close;
resources_are($skep, \%before);


# a long outage does not fill the log

my $before = length $skep->nginx->log;

$skep->redis->kill_server;
sleep 3;

my $log = substr $skep->nginx->log, $before;
my $errors = () = $log =~ /\[(?:error|crit)\].*Redis/g;
my $tries = () = $log =~ /\[info\].*Redis/g;

cmp_ok($errors, '<=', 8, 'an outage is told, not each attempt');
cmp_ok($tries, '>', 4, 'attempts are for information');
cmp_ok($tries, '<', 60, 'and they are not many');

my @old = sort $skep->nginx->workers;
is(scalar @old, 2, 'both workers live');
ok(defined $skep->nginx->quit(5), 'nginx quits while Redis is away');
finish();
