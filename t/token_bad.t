#!/usr/bin/env perl

# Access tokens that are refused (RFC 7519, RFC 8725), and those that are not.

use v5.36;

use MIME::Base64 qw(decode_base64url encode_base64url);
use Skep::JWT qw(jwt jwt_raw);
use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $now = int time;
my %good = (
    iss => 'skep', aud => 'skep', sub => $user->id, role => 'user',
    sid => nobody, jti => nobody, iat => $now, nbf => $now, exp => $now + 600,
);


sub token ($claims = {}, %o) {
    return jwt({ %good, %$claims }, key => $skep->key, %o);
}

sub accepted ($name, $token) {
    same_json($skep->get('/v1/me', token => $token), 200,
              $user->answer->{user}, $name);
}

sub refused ($name, $token, $code = 'token_invalid') {
    # twice: the second time it could be in the cache
    for my $again ('', ', again') {
        my $res = $skep->get('/v1/me', token => $token);

        problem($res, 401, $code, "$name$again");
        like($res->header('WWW-Authenticate') // '',
             qr/\ABearer\b.*error="invalid_token"/, 'with the challenge');
    }
}

sub header ($name, $value, $code = 'token_invalid') {
    my $res = $skep->get('/v1/me', headers => ['Authorization', $value]);

    problem($res, 401, $code, $name);
    like($res->header('WWW-Authenticate') // '', qr/\ABearer\b/,
         'with the challenge');
}


accepted('the right one', token());
accepted('that which register gave', $user->token);
accepted('aud is a list', token({ aud => ['other', 'skep'] }));
accepted('without typ', token({}, header => { typ => undef }));
accepted("typ $_", token({}, header => { typ => $_ }))
    for 'jwt', 'application/jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt';
accepted('claims of others', token({ foo => 1, 'https://x/y' => [1] }));
accepted('without sid', token({ sid => undef }));
accepted('without nbf, iat and jti', token({ nbf => undef, iat => undef,
                                             jti => undef }));


# no token

my $res = $skep->get('/v1/me');

problem($res, 401, 'token_missing', 'no Authorization');
like($res->header('WWW-Authenticate'), qr/\ABearer realm="[^"]+"\z/,
     'the challenge tells of no error');


# no token that could be one

header('Authorization: X', 'X');
header('Basic', 'Basic dXNlcjpwYXNz');
header('Bearer alone', 'Bearer');
header('Bearer and a space', 'Bearer ');
header('no Bearer', $user->token);
header('BearerX', 'Bearer' . $user->token);
header('two tokens', 'Bearer ' . $user->token . ' ' . $user->token);
header('a comma', 'Bearer ' . $user->token . ',');
header('in quotes', 'Bearer "' . $user->token . '"');
header('not ASCII', "Bearer \xff\xfe");
status_is($skep->get('/v1/me', headers => ['Authorization',
                                           'bearer ' . $user->token]), 200,
          'the name of the scheme has no case');
status_is($skep->request('GET', '/v1/me', plain => 1, headers => [
              Authorization => 'Bearer ' . $user->token,
              Authorization => 'Bearer ' . $user->token]), 400,
          'two headers');

my ($h, $p, $s) = split /\./, token();

refused('one part', $h);
refused('two parts', "$h.$p");
refused('four parts', "$h.$p.$s.$s");
refused('five parts, as an encrypted one', "$h.$p.$s.$s.$s");
refused('no signature', "$h.$p.");
refused('no claims', "$h..$s");
refused('no header', ".$p.$s");
refused('dots', '..');
refused('padding', "$h.$p.$s=");
refused('not base64url', "$h.$p." . '+' x 43);
refused('rubbish', 'x' x 200);
refused('very long', "$h.$p." . 'A' x 7000);


# alg

refused('alg none', token({}, alg => 'none'));
refused("alg $_", jwt_raw("{\"alg\":\"$_\",\"typ\":\"JWT\"}",
                          decode_base64url($p), alg => 'none'))
    for qw(none None NONE nOnE);
refused('alg none, with the old signature',
        encode_base64url('{"alg":"none"}') . ".$p.$s");
refused("$_, by the same key", token({}, alg => $_)) for qw(HS384 HS512);
refused("alg is $_, but HS256 it is", jwt_raw("{\"alg\":$_}",
        decode_base64url($p), key => $skep->key))
    for '"HS384"', '"RS256"', '"ES256"', '"hs256"', '"HS256 "', '""', 'null',
        '256', '["HS256"]', 'true';
refused('no alg', jwt_raw('{"typ":"JWT"}', decode_base64url($p),
                          key => $skep->key));


# the header

refused('a kid that is not known', token({}, header => { kid => 'other' }));
refused('a kid that is a path', token({}, header => { kid => '../../key' }));
refused('a kid of a number', token({}, header => { kid => 1 }));
refused('crit', token({}, header => { crit => ['exp'] }));
refused('crit that is empty', token({}, header => { crit => [] }));
refused('an own key', token({}, header => { jwk => { kty => 'oct',
                                                     k => 'AA' } }));
refused('a key from elsewhere', token({}, header => { jku => 'http://x/' }));
refused("typ $_", token({}, header => { typ => $_ }))
    for 'at+other', 'at+jwt ', 'text/JWT', 'application/', 'refresh+jwt', '';
refused('alg twice', jwt_raw('{"alg":"HS256","alg":"HS256"}',
                             decode_base64url($p), key => $skep->key));
refused('a header that is no object', jwt_raw('["HS256"]',
        decode_base64url($p), key => $skep->key));
refused('a header that is not JSON', jwt_raw('alg', decode_base64url($p),
                                             key => $skep->key));


# the key and the signature

refused('another key', token({}, key => 'x' x 48));
refused('an empty key', token({}, key => ''));
refused('the key and its line feed', token({}, key => $skep->key . "\n"));
refused('a signature cut', substr token(), 0, -2);
refused('a signature of all zeros', "$h.$p." . 'A' x 43);

my $signature = decode_base64url($s);
my $slips = 0;

for my $bit (map { $_ * 5 } 0 .. 50) {
    my $other = $signature;

    vec($other, $bit, 1) ^= 1;
    $res = $skep->get('/v1/me', token => "$h.$p." . encode_base64url($other));
    $slips++ if $res->status != 401;
}

is($slips, 0, 'no bit of the signature may change');

my $last = substr $s, -1;
my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
my $next = substr $alphabet, index($alphabet, $last) ^ 1, 1;

refused('the same signature in another spelling',
        "$h.$p." . substr($s, 0, -1) . $next);
refused('other claims', "$h." . (split /\./, token({ role => 'admin' }))[1]
                        . ".$s");


# the claims

refused('claims that are no object', jwt_raw('{"alg":"HS256"}', '[]',
                                             key => $skep->key));
refused('claims that are not JSON', jwt_raw('{"alg":"HS256"}', 'hello',
                                            key => $skep->key));
refused('a claim twice', jwt_raw('{"alg":"HS256"}',
        decode_base64url($p) =~ s/\}$/,"sub":"$good{sub}"}/r,
        key => $skep->key));

refused("no $_", token({ $_ => undef })) for qw(iss aud sub exp role);
refused('another issuer', token({ iss => 'other' }));
refused("issuer $_", token({ iss => $_ })) for '', 'Skep', 'skep ', 'skepp';
refused('a list of issuers', token({ iss => ['skep'] }));
refused('another audience', token({ aud => 'other' }));
refused('a list without us', token({ aud => ['other', 'skep2'] }));
refused('an empty list', token({ aud => [] }));
refused('a list of other types', token({ aud => [1, { skep => 1 }] }));
refused('audience by an object', token({ aud => { skep => 1 } }));
refused("sub $_", token({ sub => $_ })) for '', 'ann', '1', nobody . 'x';
refused('sub of a number', token({ sub => 7 }));
refused('sid that is no id', token({ sid => 'x' }));
refused('role of a number', token({ role => 1 }));
refused('role with a line feed', token({ role => "user\nX: y" }));

refused('exp of text', token({ exp => '' . ($now + 600) . '' }));
refused('exp of a fraction', jwt_raw('{"alg":"HS256"}',
        decode_base64url($p) =~ s/("exp":\d+)/$1.5/r, key => $skep->key));
refused('exp of 2^63', jwt_raw('{"alg":"HS256"}',
        decode_base64url($p) =~ s/"exp":\d+/"exp":9223372036854775808/r,
        key => $skep->key));
refused('exp of 1e99', jwt_raw('{"alg":"HS256"}',
        decode_base64url($p) =~ s/"exp":\d+/"exp":1e99/r,
        key => $skep->key));
refused("exp $_", jwt_raw('{"alg":"HS256"}',
        decode_base64url($p) =~ s/"exp":\d+/"exp":$_/r, key => $skep->key))
    for qw(-1 null true "never" [] {});
refused('expired by a second', token({ exp => $now - 1 }), 'token_expired');
refused('expired now', token({ exp => int time }), 'token_expired');
refused('expired at 0', token({ exp => 0 }), 'token_expired');
refused('expired, and of another key', token({ exp => $now - 1 },
                                             key => 'x' x 48));
refused('expired, and of another issuer', token({ exp => $now - 1,
                                                  iss => 'other' }));
refused('not yet', token({ nbf => $now + 60 }));
refused('nbf of text', token({ nbf => "$now" }));
refused('made in the future', token({ iat => $now + 60 }));

accepted('the right one still', token());

unlike($skep->nginx->log, qr/\Q$s\E/, 'no token is in the log');
like($skep->nginx->log, qr/\[info\].*access token refused/,
     'a refusal is logged at info');
unlike($skep->nginx->log, qr/\[(?:warn|error)\].*access token/,
       'and not above');

finish();
