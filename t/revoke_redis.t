#!/usr/bin/env perl

# Revocations travel through Redis, without PostgreSQL being asked; what was
# missed while Redis was away is read when it is there again.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

# so seldom that it is never: what arrives came by Redis or its reconnect
my %o = (workers => 2, set => { auth_revocations => '1m poll=1h' });
my $skep = skep(%o, redis => 1);
my $other = skep(%o, beside => $skep);


sub token ($user) {
    return $skep->post('/v1/auth/login', {
        email => $user->email, password => $user->password,
    })->json->{access_token};
}

sub logout ($token) {
    return $skep->post('/v1/auth/logout', undef, token => $token);
}

sub code ($server, $token) {
    my $res = $server->new_client->request('GET', '/v1/me', token => $token);

    return $res->status == 200 ? 200 : $res->json->{code};
}


# a worker's other connection, over which it publishes

sub speaking ($n) {
    return wait_until(5, sub {
        my @clients = split /\n/, $skep->redis->command(
            'CLIENT', 'LIST', 'TYPE', 'normal');
        return @clients >= $n + 1;          # and this one
    });
}


sub subscribed ($n) {
    return wait_until(5, sub {
        my (undef, $count) = split /\n/, $skep->redis->command(
            'PUBSUB', 'NUMSUB', 'skep:auth:revoked');
        return $count == $n;
    });
}


my $user = $skep->user;

ok(subscribed(4), 'each worker listens');
ok(speaking(4), 'and can speak');

my @took;

for (1 .. 5) {
    my $token = token($user);

    is(code($other, $token), 200, 'a token');
    status_is(logout($token), 204, 'logout');

    my $start = time;
    ok(wait_until(1, sub { code($other, $token) eq 'token_revoked' }),
       'the other instance knows');
    push @took, time - $start;
}

note(sprintf 'after %s ms', join ', ', map { sprintf '%.0f', 1000 * $_ } @took);
cmp_ok((sort { $a <=> $b } @took)[2], '<', 0.2, 'without delay');


# killed: this instance at once, the other when Redis is there again

my ($before, $while) = map { token($user) } 1 .. 2;

$skep->redis->kill_server;
status_is(logout($while), 204, 'logout without Redis');
is(code($skep, $while), 'token_revoked', 'this instance refuses at once')
    for 1 .. 4;
sleep 0.3;
is(code($other, $while), 200, 'the other does not know');

$skep->redis->start;
ok(wait_until(2.5, sub { code($other, $while) eq 'token_revoked' }),
   'it knows when Redis is there again');
ok(subscribed(4), 'all listen again');
ok(speaking(4), 'and can speak');

status_is(logout($before), 204, 'logout with Redis again');
ok(wait_until(1, sub { code($other, $before) eq 'token_revoked' }),
   'which works as before');


# what others say on the channel does no harm

for my $text ('', 'x', 'x' x 36, ('0' x 36) . ' ' . ('0' x 20),
              "01890000-0000-7000-8000-00000000000\x{1}", 'x' x 100_000)
{
    $skep->redis->command('PUBLISH', 'skep:auth:revoked', $text);
}

my $token = token($user);
my $sid = (Skep::JWT::jwt_parts($token, $skep->key))[1]{sid};
$skep->redis->command('PUBLISH', 'skep:auth:revoked', nobody . " $sid");
ok(wait_until(1, sub { code($other, $token) eq 'token_revoked' }),
   'a list of sessions, after messages that are none');

# Redis without commands is not there, either
$token = token($user);
$skep->redis->command('CLIENT', 'KILL', 'TYPE', 'normal');
status_is(logout($token), 204, 'logout with the connections cut');
is(code($skep, $token), 'token_revoked', 'this instance refuses at once');
$skep->redis->command('CLIENT', 'KILL', 'TYPE', 'pubsub');
ok(wait_until(2.5, sub { code($other, $token) eq 'token_revoked' }),
   'the other when it listens again');
ok(subscribed(4), 'all listen again');

finish();
