#!/usr/bin/env perl

# A logout is seen by both workers at once, by a second instance within a
# second, and after a reload and a restart, whether the token was cached or not.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my %o = (workers => 2, server => 'add_header X-Worker $pid always;');
my $skep = skep(%o, redis => 1);
my $other = skep(%o, beside => $skep);


# A kept connection to each worker.

sub each_worker ($server) {
    my %client;

    wait_until(10, sub {
        my $client = $server->new_client;
        my $res = $client->request('GET', '/livez');

        $client{$res->header('X-Worker')} //= $client;
        return keys %client == 2;
    }) or die 'only one worker takes connections';

    return values %client;
}


# The answers of all the workers of a server to a token.

sub codes ($clients, $token) {
    return join ' ', map {
        my $res = $_->request('GET', '/v1/me', token => $token);
        $res->status == 200 ? 200 : $res->json->{code};
    } @$clients;
}


my @here = each_worker($skep);
my @there = each_worker($other);
my $user = $skep->user;
my $token = $user->token;


# both workers have it in their cache, and then not any more

is(codes(\@here, $token), '200 200', 'both workers let the token in');
is(codes(\@there, $token), '200 200', 'those of the other instance, too');

status_is($here[0]->request('POST', '/v1/auth/logout', token => $token), 204,
          'logout');

my $start = time;

is(codes(\@here, $token), 'token_revoked token_revoked',
   'both workers refuse it at once');

ok(wait_until(1, sub {
       codes(\@there, $token) eq 'token_revoked token_revoked'
   }), 'the other instance within a second');
note(sprintf 'after %.0f ms', 1000 * (time - $start));

my $res = $here[0]->request('GET', '/v1/me', token => $token);

problem($res, 401, 'token_revoked', 'the answer');
like($res->header('WWW-Authenticate'),
     qr/\ABearer realm="[^"]+", error="invalid_token", /, 'its challenge');


# a token of the same session that no cache has seen

my $payload = (Skep::JWT::jwt_parts($token, $skep->key))[1];
my $fresh = $skep->token($user, { sid => $payload->{sid} });

is(codes(\@here, $fresh), 'token_revoked token_revoked',
   'another token of that session');

my $free = $skep->token($user);

is(codes(\@here, $free), '200 200', 'one of another session is let in');
is(codes(\@here, $skep->token($user, { sid => undef })), '200 200',
   'and one without a session');
is(codes(\@here, $skep->token($user, { sid => uc $payload->{sid} })),
   'token_revoked token_revoked', 'the same session in capitals');


# a second session of the same user goes on, until all are ended

my %login = (email => $user->email, password => $user->password);
my ($one, $two) = map {
    $skep->post('/v1/auth/login', \%login)->json->{access_token}
} 1 .. 2;

is(codes(\@there, $one), '200 200', 'a new session');
status_is($there[0]->request('POST', '/v1/auth/logout?scope=all',
                             token => $one), 204, 'logout of all');
is(codes(\@there, $_), 'token_revoked token_revoked', 'all are refused')
    for $one, $two;
ok(wait_until(1, sub {
       codes(\@here, $two) eq 'token_revoked token_revoked'
   }), 'by the first instance, too');


# reload and restart

$_->close for @here, @there;
$skep->reload;
@here = each_worker($skep);
is(codes(\@here, $_), 'token_revoked token_revoked', 'after a reload')
    for $token, $fresh, $one, $two;
is(codes(\@here, $free), '200 200', 'as before');

$_->close for @here;
$skep->client->close;
$skep->nginx->quit;
$skep->nginx->start;
ok($skep->wait_ready(10), 'started anew');
@here = each_worker($skep);
is(codes(\@here, $_), 'token_revoked token_revoked', 'after a restart')
    for $token, $fresh, $one, $two;
is(codes(\@here, $free), '200 200', 'as before');

$_->close for @here, @there;
finish();
