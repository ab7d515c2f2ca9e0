#!/usr/bin/env perl

# A Redis whose rules let nobody subscribe takes the connection and refuses what
# it is for: that is told once, tried again without haste, and gets over when
# the rules change.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

use constant SECONDS => 4;

my $skep = skep(redis => 1, set => { auth_revocations => '1m' });
my $redis = $skep->redis;
my $user = $skep->user;

sub subscribed () {
    return scalar grep { / sub=[1-9]/ }
                  split /\n/, $redis->command('CLIENT', 'LIST');
}

ok(wait_until(5, \&subscribed), 'nginx subscribes');

my $before = length $skep->nginx->log;

$redis->command('ACL', 'SETUSER', 'default', 'resetchannels');
$redis->command('CLIENT', 'KILL', 'TYPE', 'pubsub');
sleep SECONDS;

my $log = substr $skep->nginx->log, $before;
my @told = $log =~ /\[error\][^\n]*NOPERM[^\n]*/g;
my @tries = $log =~ /NOPERM/g;

ok(!subscribed(), 'refused');
is(scalar @told, 1, 'one error tells of it') or diag("@told[0 .. 2]");
cmp_ok(scalar @tries, '>=', 2, 'it is tried again');
cmp_ok(scalar @tries, '<=', 3 * SECONDS, 'without haste');
is($user->get('/v1/me')->status, 200, 'requests are served');

# without a channel sessions that end are asked for
my $session = $skep->user;
is($session->post('/v1/auth/logout', {
    refresh_token => $session->refresh_token })->status, 204, 'a logout');
ok(wait_until(5, sub { $session->get('/v1/me')->status == 401 }),
   'is learned of');

$redis->command('ACL', 'SETUSER', 'default', 'allchannels');
ok(wait_until(5, \&subscribed), 'allowed again, it subscribes');

finish();
