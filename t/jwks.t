#!/usr/bin/env perl

# GET /.well-known/jwks.json: the public keys, and nothing of the others.

use v5.36;

use Skep::JWT qw(jwt_keys);
use Skep::Server;
use Skep::Test;

my $target = '/.well-known/jwks.json';
my $skep = skep();
my $dir = $skep->dir;
my ($rsa) = jwt_keys($dir, 'rsa:3072');
my ($ec, $ec_pub) = jwt_keys($dir, 'ec:P-256');


# with a secret alone there is nothing to tell

my $res = $skep->get($target, plain => 1);

same_json($res, 200, { keys => [] }, 'no public key');
is($res->header('Content-Type'), 'application/json', 'JSON');
is($res->header('Cache-Control'), 'public, max-age=300', 'for five minutes');
is($res->header('X-Content-Type-Options'), 'nosniff', 'nosniff');


$skep->reconfigure(set => {
    auth_key => "HS256 $dir/key kid=h; auth_key RS256 $rsa kid=r; "
                . "auth_key ES256 $ec; auth_key ES256 $ec_pub kid=again"
});
$skep->reload;

$res = $skep->get($target, plain => 1);
status_is($res, 200, 'without a token');

my @keys = $res->json->{keys}->@*;

is(scalar @keys, 3, 'the three public keys');
is_deeply([sort keys $keys[0]->%*], [qw(alg e kid kty n use)], 'RSA');
is_deeply([$keys[0]->@{qw(alg e kid kty use)}],
          ['RS256', 'AQAB', 'r', 'RSA', 'sig'], 'its members');
is(length $keys[0]{n}, 512, '3072 bits');
is_deeply([sort keys $keys[1]->%*], [qw(alg crv kid kty use x y)], 'EC');
is_deeply([$keys[1]->@{qw(alg crv kty use)}],
          ['ES256', 'P-256', 'EC', 'sig'], 'its members');
is(length $keys[1]{x}, 43, 'x in full');
is(length $keys[1]{y}, 43, 'y in full');
like($keys[1]{kid}, qr/^[\w-]{43}$/, 'a thumbprint for a name');
is_deeply({ $keys[2]->%*, kid => undef }, { $keys[1]->%*, kid => undef },
          'the same key by its public half');
is($keys[2]{kid}, 'again', 'under its name');
unlike($res->body, qr/"[dpqk]"|@{[$skep->key]}/, 'nothing private');

status_is($skep->get($target, plain => 1, token => 'x'), 200,
          'a bad token is not looked at');
is($skep->head($target, plain => 1)->body, '', 'HEAD');
problem($skep->post($target, {}), 405, 'method_not_allowed', 'POST');
status_is($skep->get("$target?x=1"), 400, 'no parameter');

finish();
