#!/usr/bin/env perl

# POST /v1/auth/login

use v5.36;

use List::Util qw(min);
use Skep::JWT qw(jwt_parts);
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(set => { auth_bcrypt_cost => 10 });
my $ann = $skep->user(email => 'ann@example.com');


sub login ($email, $password, %o) {
    return $skep->post('/v1/auth/login', { email => $email,
                                           password => $password }, %o);
}


# the right password

my $res = login('ann@example.com', $ann->password,
                headers => ['User-Agent', 'skep-test/1']);

status_is($res, 200);
is($res->header('Cache-Control'), 'no-store', 'tokens are not to be stored');

my $body = $res->json;

is_deeply([sort keys %$body], [sort keys $ann->answer->%*],
          'the members are those of register');
is_deeply($body->{user}, $ann->answer->{user}, 'so is the user');
isnt($body->{refresh_token}, $ann->answer->{refresh_token},
     'a refresh token of its own');
same_json($skep->get('/v1/me', token => $body->{access_token}), 200,
          $body->{user}, 'the token is good');
status_is($ann->get('/v1/me'), 200, 'and so is the older one');
is($skep->pg->value(<<~"SQL"), 'skep-test/1', 'the session knows its agent');
    SELECT user_agent FROM auth.sessions WHERE user_id = '@{[$ann->id]}'
    ORDER BY id DESC LIMIT 1
    SQL


# the access token's claims

my ($header, $claims, $good) = jwt_parts($body->{access_token}, $skep->key);

ok($good, 'signed by the key');
is($header->{alg}, 'HS256', 'alg');
is_deeply([sort keys %$claims], [qw(aud exp iat iss jti nbf role sid sub)],
          'the claims');
is($claims->{iss}, 'skep', 'iss');
is($claims->{aud}, 'skep', 'aud');
is($claims->{sub}, $ann->id, 'sub');
is($claims->{role}, 'user', 'role');
is($claims->{exp} - $claims->{iat}, 900, 'exp is 15 minutes after iat');
cmp_ok(abs($claims->{iat} - time), '<', 5, 'iat is now');
is($claims->{sid}, $skep->pg->value(<<~"SQL"), 'sid is the session');
    SELECT id FROM auth.sessions WHERE user_id = '@{[$ann->id]}'
    ORDER BY id DESC LIMIT 1
    SQL


# the address in any case

status_is(login('ANN@Example.COM', $ann->password), 200,
          'the address in another case');


# what is wrong is not told

my $wrong = login('ann@example.com', 'wrong horse');
my $unknown = login('nobody@example.com', 'wrong horse');

problem($wrong, 401, 'invalid_credentials', 'a wrong password');
problem($unknown, 401, 'invalid_credentials', 'an unknown address');

my ($a, $b) = map { my %body = $_->json->%*;
                    delete $body{request_id};
                    \%body } $wrong, $unknown;
is_deeply($a, $b, 'are told the same');
is($wrong->header('WWW-Authenticate'), $unknown->header('WWW-Authenticate'),
   'by the same header');

problem(login('ann@example.com', ucfirst $ann->password), 401,
        'invalid_credentials', 'a password has its case');
problem(login('ann@example.com', $ann->password . ' '), 401,
        'invalid_credentials', 'and its spaces');


# nor by the time: both compute a hash

my %quickest;

for my $email (('ann@example.com', 'nobody@example.com') x 6) {
    my $start = time;

    login($email, 'wrong horse');
    $quickest{$email} = min(time - $start, $quickest{$email} // 60);
}

cmp_ok($quickest{'nobody@example.com'}, '>', $quickest{'ann@example.com'} / 3,
       'an unknown address takes as long');


# faults of the body

problem($skep->post('/v1/auth/login', {}), 422, 'validation_failed',
        ['/email', 'required'], ['/password', 'required'], 'nothing given');
problem($skep->post('/v1/auth/login', { email => 1, password => 2, x => 3 }),
        422, 'validation_failed', ['/email', 'invalid_type'],
        ['/password', 'invalid_type'], ['/x', 'unknown_field'],
        'the wrong types');

# what could not be registered is not a password of anybody
for my $password ('', 'short', 'x' x 73) {
    my $res = login('ann@example.com', $password);
    like($res->status, qr/^(?:401|422)$/,
         'a password of ' . length($password) . ' bytes');
}


# a disabled account

$skep->pg->execute(<<~"SQL");
    UPDATE auth.users SET disabled_at = now() WHERE id = '@{[$ann->id]}'
    SQL
problem(login('ann@example.com', $ann->password), 401, 'invalid_credentials',
        'a disabled account');


# methods

$res = $skep->get('/v1/auth/login');
problem($res, 405, 'method_not_allowed', 'GET');
is($res->header('Allow'), 'POST, OPTIONS', 'Allow');

unlike($skep->nginx->log, qr/horse|\Q$body->{refresh_token}\E/,
       'no secret is in the log');

finish();
