#!/usr/bin/env perl

# Keys that are refused: nginx -t fails, and says in a sentence why.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::JWT qw(jwt_keys);
use Skep::Server;
use Skep::Test;

my $skep = Skep::Server->new(pg => 0);
my $nginx = $skep->nginx;
my $dir = $skep->dir;

my ($rsa, $rsa_pub) = jwt_keys($dir, 'rsa:2048');
my ($ec, $ec_pub) = jwt_keys($dir, 'ec:P-256');


sub run_test (%o) {
    $skep->{options} = { pg => 0 };
    $skep->reconfigure(%o);

    return $nginx->test_configuration;
}

sub refused ($name, $says, $keys, %o) {
    my ($ok, $out) = run_test(set => { auth_key => $keys }, %o);

    ok(!$ok, "$name: nginx -t fails");
    like($out, qr/\[emerg\].*$says/, "$name: it says why");
    unlike($out, qr/PRIVATE|@{[$skep->key]}/, "$name: and no secret");
}

sub passes ($name, $keys, %o) {
    my ($ok, $out) = run_test(set => { auth_key => $keys }, %o);

    ok($ok, "$name: nginx -t passes") or diag($out);
    unlike($out, qr/\[(?:warn|error|alert)\]/, "$name: in silence");
    return $out;
}

sub file ($text) {
    state $n = 0;

    return $nginx->write_file('file' . $n++, $text, 0600);
}

passes('RS256', "RS256 $rsa");
passes('ES256', "ES256 $ec kid=2026-01.a_b");
passes('several', "ES256 $ec; auth_key RS256 $rsa; auth_key RS256 $rsa_pub "
                  . "kid=b; auth_key HS256 $dir/key");
passes('a public key first', "ES256 $ec_pub; auth_key RS256 $rsa");
passes('text around the key', 'ES256 ' . file("a key:\n" . slurp($ec)));

refused('an unknown algorithm', 'unknown algorithm "RS512", it must be HS256, '
        . 'RS256 or ES256', "RS512 $rsa");
refused("algorithm $_", 'unknown algorithm', "$_ $rsa")
    for qw(none rs256 PS256 EdDSA);
refused('no such file', 'nowhere" failed \(2: No such file', 'RS256 nowhere');
refused('an empty file', 'must hold at least 1 byte', 'RS256 ' . file(''));
refused('a file that is no key', 'holds no private or public key in PEM',
        'RS256 ' . file('x' x 100));
refused('half a key', 'holds no private or public key in PEM',
        'RS256 ' . file(substr slurp($rsa), 0, 800));
refused('a file that is too long', 'is too long',
        'RS256 ' . file('x' x 20000));
refused('RSA of 1024 bits', 'is too short: RS256 wants 2048 bits',
        'RS256 ' . (jwt_keys($dir, 'rsa:1024'))[0]);
refused('its public half', 'is too short',
        'RS256 ' . (jwt_keys($dir, 'rsa:1024'))[1]);
refused('EC for RS256', 'is not an RSA key, as RS256 wants', "RS256 $ec");
refused('RSA for ES256', 'is not an EC key on the curve P-256',
        "ES256 $rsa_pub");
refused('another curve', 'is not an EC key on the curve P-256',
        'ES256 ' . (jwt_keys($dir, 'ec:P-384'))[0]);
refused('Ed25519', 'is not an EC key on the curve P-256',
        'ES256 ' . (jwt_keys($dir, 'ed25519'))[0]);
refused('a public key as a secret', 'holds a key in PEM, which is no secret',
        "HS256 $rsa_pub");
refused('a private key as a secret', 'holds a key in PEM', "HS256 $ec");
refused('a short secret', 'must hold at least 32 bytes',
        'HS256 ' . file('x' x 31 . "\n"));

my $locked = "$dir/locked.key";
system('openssl', 'pkey', '-in', $ec, '-aes-128-cbc', '-passout', 'pass:x',
       '-out', $locked) == 0 or die 'openssl';
refused('an encrypted key', 'is encrypted: the key must have no passphrase',
        "ES256 $locked");

refused('kid twice', 'duplicate kid "a"',
        "ES256 $ec kid=a; auth_key RS256 $rsa kid=a");
refused('a key twice', 'duplicate kid',
        "ES256 $ec; auth_key ES256 $ec_pub");
refused('a kid with a slash', 'invalid kid', "ES256 $ec kid=../a");
refused('a long kid', 'invalid kid', "ES256 $ec kid=" . 'x' x 65);

# accounts need a key that signs; a gateway does not
refused('no key that signs', '"auth_api" needs an "auth_key" that signs',
        "ES256 $ec_pub; auth_key RS256 $rsa_pub");


# key sets

my $jwk = sub (%o) {
    my %key = (kty => 'EC', crv => 'P-256',
               x => 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
               y => '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM', %o);

    delete @key{grep { !defined $key{$_} } keys %key};
    return \%key;
};

my $names = 'issuer=https://id.example audience=api';

sub set (@keys) {
    return file(JSON::PP::encode_json({ keys => \@keys }));
}

sub jwks ($name, $says, $args) {
    refused($name, $says, "HS256 $dir/key", http => "auth_key_jwks $args;");
}

passes('a key set', "HS256 $dir/key",
       http => 'auth_key_jwks ' . set($jwk->()) . " $names;");

my $out = passes('a key set with other keys', "HS256 $dir/key",
                 http => 'auth_key_jwks '
                         . set($jwk->(use => 'enc'), $jwk->(alg => 'ES512'),
                               { kty => 'oct', k => 'AAAA' },
                               { kty => 'OKP', crv => 'Ed25519', x => 'AA' },
                               $jwk->(kid => 'good')) . " $names;");
like($out, qr/\[notice\] .*key $_ of ".*" is left out: it is /,
     "key $_ is told to be left out") for 1 .. 4;
unlike($out, qr/key 5 of/, 'the good one is not');

jwks('no such set', 'nowhere" failed \(2: No such file', "nowhere $names");
jwks('not JSON', 'is not a JSON Web Key Set', file('keys') . " $names");
jwks('a list', 'is not a JSON Web Key Set', file('[]') . " $names");
jwks('a key alone', 'is not a JSON Web Key Set',
     file(JSON::PP::encode_json($jwk->())) . " $names");
jwks('keys twice', 'is not a JSON Web Key Set',
     file('{"keys":[],"keys":[]}') . " $names");
jwks('no keys', 'has no key for RS256 or ES256', set() . " $names");
jwks('no key that we know', 'has no key for RS256 or ES256',
     set({ kty => 'oct', k => 'AAAA' }) . " $names");
jwks('a point that is none', 'key 2 of ".*" is malformed',
     set($jwk->(), $jwk->(y => 'A' x 43)) . " $names");
jwks('no coordinate', 'key 1 of ".*" is malformed',
     set($jwk->(x => undef)) . " $names");
jwks('no kty', 'key 1 of ".*" is malformed',
     set($jwk->(kty => undef)) . " $names");
jwks('a private key', 'key 1 of ".*" is a private key',
     set($jwk->(d => 'AAAA')) . " $names");
jwks('a short RSA key', 'key 1 of ".*" is too short',
     set({ kty => 'RSA', e => 'AQAB',
           n => 'wf' . 'A' x 160 . 'AQ' }) . " $names");
jwks('a key that is a text', 'key 1 of ".*" is malformed',
     set('x') . " $names");

my $good = set($jwk->());

jwks('an issuer alone', 'needs "issuer=" and "audience="',
     "$good issuer=https://x");
jwks('no names', 'invalid number of arguments', $good);
jwks('an empty audience', 'must be 1 to 255 bytes',
     "$good issuer=a audience=");
jwks("typ=$_", "invalid parameter \"typ=\Q$_\E\"", "$good $names typ=$_")
    for '', 'jwt', 'at+JWT', 'none';
jwks('a type twice', 'invalid parameter "typ=JWT"',
     "$good $names typ=at+jwt typ=JWT");
jwks('an issuer twice', 'invalid parameter "issuer=b"',
     "$good issuer=a issuer=b");
jwks('another parameter', 'invalid parameter "kid=a"',
     "$good issuer=a audience=b kid=a");
jwks('two sets of one issuer', 'duplicate issuer "a"',
     "$good issuer=a audience=b; auth_key_jwks $good issuer=a audience=c");
jwks('our own issuer', 'the issuer "skep" of "auth_key_jwks" is that of',
     "$good issuer=skep audience=b");


# guards

sub guard ($name, $says, $text) {
    refused($name, $says, "HS256 $dir/key",
            server => "location /x { $text }");
}

guard("auth_require $_", 'invalid requirement', "auth_require $_;")
    for 'admin', 'role', 'role=', 'role=a,', 'role=,a', 'claim=', 'claim=:x',
        'claim=a:', 'claim=a:x,,y', 'roles=a', 'on';
guard('off and more', 'is off here already',
      'auth_require off; auth_require role=a;');
guard('off after more', 'is duplicate',
      'auth_require role=a; auth_require off;');
guard('auth_forward_identity perhaps', 'it must be "on" or "off"',
      'auth_forward_identity perhaps;');
passes('guards', "HS256 $dir/key", server => <<~'EOT');
    auth_require role=admin,editor;
    location /x {
        auth_require claim=email_verified;
        auth_require claim=https://x.example/roles:a,b;
        auth_forward_identity on;
    }
    location /y { auth_require off; }
    EOT

my ($ok, $text) = run_test(set => { auth_key => undef },
                           location => 'auth_require role=a;');
ok(!$ok, 'guards without a key');
like($text, qr/no "auth_key" is set/, 'need one');

done_testing();
