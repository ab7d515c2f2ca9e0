#!/usr/bin/env perl

# Limits by account and by session, whose keys are known only when the body
# was read: login, password reset, refresh.  In shared memory and in Redis.

use v5.36;

use Digest::SHA qw(sha256_hex);
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(redis => 1, http => <<~'EOT', server => <<~'EOT');
    log_format limit '$request_uri [$auth_account] [$auth_refresh_session] '
                     '$rate_limit_status';

    rate_limit_zone $http_x_from zone=from:1m rate=100r/m;
    rate_limit_zone "$http_x_from$auth_account" zone=login:1m rate=3r/m;
    rate_limit_zone ${auth_account} zone=reset:1m rate=2r/m;
    rate_limit_zone $auth_refresh_session zone=refresh:1m rate=2r/m;
    rate_limit_zone "$http_x_from $auth_account" zone=shared:1m rate=3r/m redis;
    rate_limit_zone $auth_account zone=slow:1m rate=5r/s;
    EOT
    access_log %%DIR%%/limit.log limit;

    location = /v1/auth/login {
        auth_api on;
        rate_limit zone=from;
        rate_limit zone=login;
        rate_limit zone=refresh;
    }

    location = /v1/auth/password-reset {
        auth_api on;
        rate_limit zone=reset;
    }

    location = /v1/auth/refresh {
        auth_api on;
        rate_limit zone=refresh;
        rate_limit zone=reset;
    }

    location = /v1/me {
        auth_token required;
        auth_api on;
        rate_limit zone=login;
    }
    EOT

my $user = $skep->user;
my $email = $user->email;


sub login ($email, $password, $from) {
    return $skep->post('/v1/auth/login',
                       { email => $email, password => $password },
                       headers => ['X-From', $from]);
}


# a guesser

my $res = login($email, 'wrong password', 'guesser');

problem($res, 401, 'invalid_credentials', 'a wrong password');
is($res->header('RateLimit-Policy'), '"from";q=100;w=60, "login";q=3;w=60',
   'under a limit of either kind');
is($res->header('RateLimit'), '"from";r=99;t=1, "login";r=2;t=20',
   'what is left');

login(uc $email, 'wrong password', 'guesser');
login($email, 'wrong password', 'guesser');

$res = login($email, 'wrong password', 'guesser');
problem($res, 429, 'rate_limited', 'whoever guesses too often');
like($res->header('Retry-After'), qr/\A(?:19|20|21)\z/, 'is told to wait');
like($res->header('RateLimit'), qr/"login";r=0;/, 'and has none left');
is(scalar($res->headers('RateLimit')), 1, 'one RateLimit');
is($res->header('Set-Cookie'), undef, 'no cookie');
problem(login($email, $user->password, 'guesser'), 429, 'rate_limited',
        'with the right one, too');

status_is(login($email, $user->password, 'home'), 200,
          'the account is not closed: from elsewhere it opens');
problem(login('other@example.com', 'wrong password', 'guesser'), 401,
        'invalid_credentials', 'another account from there');

# an account that is none is limited alike
for (1 .. 3) {
    problem(login('none@example.com', 'wrong password', 'x'), 401,
            'invalid_credentials', 'no such account');
}
problem(login('none@example.com', 'wrong password', 'x'), 429, 'rate_limited',
        'no such account, too often');

# what is no body counts where the key does not need it
$res = $skep->request('POST', '/v1/auth/login', body => '{',
                      type => 'application/json',
                      headers => ['X-From', 'y']);
problem($res, 400, 'malformed_json', 'a malformed body');
is($res->header('RateLimit-Policy'), '"from";q=100;w=60', 'has no account');

status_is($user->get('/v1/me'), 200, 'a call without an account') for 1 .. 5;
is($user->get('/v1/me')->header('RateLimit'), undef, 'is under no such limit');


# password reset, by account

for my $left (1, 0) {
    $res = $skep->post('/v1/auth/password-reset', { email => $email });
    status_is($res, 202, 'a reset');
    like($res->header('RateLimit'), qr/\A"reset";r=$left;t=\d+\z/, "$left left");
}

problem($skep->post('/v1/auth/password-reset', { email => $email }), 429,
        'rate_limited', 'too many');
status_is($skep->post('/v1/auth/password-reset',
                      { email => 'nobody@example.com' }), 202,
          'of another account');
my $mails = $skep->pg->value(<<~'SQL');
    SELECT count(*) FROM notify.outbox
    WHERE type = 'auth.password_reset_requested'
    SQL
ok($mails >= 1 && $mails <= 2, 'no more mail than that') or diag($mails);


# refresh, by session

my $token = login($email, $user->password, 'home')->json->{refresh_token};

for my $left (1, 0) {
    $res = $skep->post('/v1/auth/refresh', { refresh_token => $token });
    status_is($res, 200, 'a refresh');
    is($res->header('RateLimit-Policy'), '"refresh";q=2;w=60',
       'by session alone');
    like($res->header('RateLimit'), qr/\A"refresh";r=$left;t=\d+\z/,
         "$left left");
    $token = $res->json->{refresh_token};
}

$res = $skep->post('/v1/auth/refresh', { refresh_token => $token });
problem($res, 429, 'rate_limited', 'too many');
problem($skep->post('/v1/auth/refresh', { refresh_token => 'x' }), 401,
        'refresh_token_invalid', 'a token of no session is not limited');
status_is($skep->post('/v1/auth/refresh', {
    refresh_token => login($email, $user->password, 'work')
                     ->json->{refresh_token} }), 200, 'another session');


# the address of the e-mail is nowhere

my $log = $skep->nginx->log('limit.log');
my $hash = sha256_hex($email);

like($log, qr{^/v1/auth/login \[$hash\] \[-\] PASSED$}m, '$auth_account');
like($log, qr{^/v1/auth/login \[$hash\] \[-\] REJECTED$}m, 'of a refusal');
like($log, qr{^/v1/auth/refresh \[-\] \[[0-9a-f-]{36}\] PASSED$}m,
     '$auth_refresh_session');
unlike($skep->nginx->log('error.log') . $log, qr/\Q$email\E/i,
       'the e-mail is in no log');


# the same in Redis, and with a wait

$skep->reconfigure(server => <<~'EOT');
    location = /v1/auth/login {
        auth_api on;
        rate_limit zone=from;
        rate_limit zone=shared;
    }

    location = /v1/auth/password-reset {
        auth_api on;
        rate_limit zone=slow burst=3;
    }
    EOT
$skep->reload;
Skep::Process::wait_until(10, sub {
    login('probe@example.com', 'wrong password', 'z');
    $skep->redis->command('KEYS', 'skep:limit:shared:*') ne '';
}) or die 'Redis is not used';

for my $left (2, 1, 0) {
    $res = login($email, 'wrong password', 'redis');
    problem($res, 401, 'invalid_credentials', 'by Redis');
    like($res->header('RateLimit'), qr/\A"from";r=9\d;.*"shared";r=$left;/,
         "$left left");
}

problem(login($email, $user->password, 'redis'), 429, 'rate_limited',
        'and refused');
unlike($skep->redis->command('KEYS', '*'), qr/\Q$email\E|$hash/i,
       'without the e-mail');

my $start = time;
status_is($skep->post('/v1/auth/password-reset', { email => $email }), 202,
          'one by one') for 1 .. 3;
cmp_ok(time - $start, '>=', 0.38, 'each in its turn');

finish();
