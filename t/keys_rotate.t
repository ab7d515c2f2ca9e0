#!/usr/bin/env perl

# Keys are changed by reload: the new one signs, the old one verifies until it
# is taken out, and then no more, whatever the cache of verified tokens holds.

use v5.36;

use Skep::File qw(slurp);
use Skep::JWT qw(jwt jwt_keys);
use Skep::Server;
use Skep::Test;
use JSON::PP ();
use MIME::Base64 qw(decode_base64url);

my $skep = skep(workers => 2);
my $dir = $skep->dir;
my ($rsa, $rsa_pub) = jwt_keys($dir, 'rsa:2048');
my ($ec, $ec_pub) = jwt_keys($dir, 'ec:P-256');
my $user = $skep->user;


sub keys_are (@keys) {
    $skep->reconfigure(set => { auth_key => join '; auth_key ', @keys });
    $skep->reload;
}

sub login () {
    my $res = $skep->post('/v1/auth/login', {
        email => $user->email, password => $user->password
    });

    status_is($res, 200, 'login') or return '';
    return $res->json->{access_token};
}

sub head_of ($token) {
    return JSON::PP::decode_json(decode_base64url((split /\./, $token)[0]));
}

# by each worker, again and again, so that the cache knows it
sub good ($name, $token) {
    my @bad = grep { $_ != 200 }
              map { $skep->new_client->request('GET', '/v1/me',
                                               token => $token)->status }
              1 .. 8;

    is(scalar @bad, 0, "$name: is accepted");
}

sub bad ($name, $token) {
    my $good = grep { $_ == 200 }
               map { $skep->new_client->request('GET', '/v1/me',
                                                token => $token)->status }
               1 .. 8;

    is($good, 0, "$name: is refused");
    problem($skep->get('/v1/me', token => $token), 401, 'token_invalid', $name);
}


my $hs = $user->token;
good('HS256', $hs);

keys_are("RS256 $rsa", "HS256 $dir/key");
my $rs = login();
is(head_of($rs)->{alg}, 'RS256', 'the new key signs');
like(head_of($rs)->{kid}, qr/^[\w-]{43}$/, 'and its name is a thumbprint');
good('RS256', $rs);
good('HS256, the old one', $hs);

keys_are("ES256 $ec kid=e1", "RS256 $rsa_pub");
my $es = login();
is_deeply(head_of($es), { alg => 'ES256', typ => 'JWT', kid => 'e1' },
          'ES256, by its name');
good('ES256', $es);
good('RS256, by its public half', $rs);
bad('HS256, taken out', $hs);

# a public key in front does not sign: the first that can does
keys_are("RS256 $rsa_pub", "ES256 $ec kid=e1");
is(head_of(login())->{alg}, 'ES256', 'the first key that can sign signs');
good('ES256', $es);
good('RS256', $rs);

# the same key under another name is another key
keys_are("ES256 $ec kid=e2", "RS256 $rsa_pub");
bad('ES256, renamed', $es);
good('RS256', $rs);

keys_are("ES256 $ec kid=e1");
good('ES256, again', $es);
bad('RS256, taken out', $rs);

# another key of the same name
my ($other) = jwt_keys($dir, 'ec:P-256');
keys_are("ES256 $other kid=e1");
bad('ES256, by another key', $es);


# the algorithm is that of the key

keys_are("RS256 $rsa kid=r", "ES256 $ec kid=e", "HS256 $dir/key kid=h");

my %claims = (iss => 'skep', aud => 'skep', sub => $user->id, role => 'user',
              iat => time, exp => time + 600);

good('RS256', jwt(\%claims, alg => 'RS256', key => $rsa,
                  header => { kid => 'r' }));
good('ES256', jwt(\%claims, alg => 'ES256', key => $ec,
                  header => { kid => 'e' }));
good('HS256', jwt(\%claims, key => $skep->key, header => { kid => 'h' }));

for my $kid (qw(r e h)) {
    bad("the public RSA key as a secret, kid $kid",
        jwt(\%claims, key => slurp($rsa_pub), header => { kid => $kid }));
    bad("the public EC key as a secret, kid $kid",
        jwt(\%claims, key => slurp($ec_pub), header => { kid => $kid }));
}

bad('RS256 under the name of ES256',
    jwt(\%claims, alg => 'RS256', key => $rsa, header => { kid => 'e' }));
bad('ES256 under the name of RS256',
    jwt(\%claims, alg => 'ES256', key => $ec, header => { kid => 'r' }));
bad('no name', jwt(\%claims, alg => 'RS256', key => $rsa));
bad("kid $_", jwt(\%claims, alg => 'RS256', key => $rsa,
                  header => { kid => $_ }))
    for "../../$rsa", $rsa, "r' OR '1'='1", "r\x00", '';


# nothing that OpenSSL complained of stands in the log as an alert, and no key
# stands there at all

unlike($skep->nginx->log, qr/PRIVATE KEY|stale global SSL error/,
       'nothing of the keys is in the log');

finish();
