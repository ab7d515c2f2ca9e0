#!/usr/bin/env perl

# auth_token required, optional and off; the cache; leeway, keys and names by
# directive; $auth_user and friends.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(
    workers => 2,
    set     => { auth_access_ttl => '10m', auth_issuer => 'issuer.example',
                 auth_audience => '"an audience"' },
    server  => <<~'EOT',
        location = /required {
            auth_token required;
            return 200 "$auth_user $auth_role $auth_session";
        }

        location /who/ {
            alias %%DIR%%/;
            auth_token optional;
            add_header X-User "$auth_user" always;
            add_header X-Role "$auth_role" always;
            add_header X-Session "$auth_session" always;

            location /who/required/ {
                alias %%DIR%%/;
                auth_token required;
                add_header X-User "$auth_user" always;
                add_header X-Role "$auth_role" always;
                add_header X-Session "$auth_session" always;
            }

            location /who/off/ {
                alias %%DIR%%/;
                auth_token off;
                add_header X-User "$auth_user" always;
            }
        }

        location /optional/ {
            auth_token optional;
            task_api on;
        }
        EOT
);
my $user = $skep->user;
my %names = (iss => 'issuer.example', aud => 'an audience');

$skep->nginx->write_file('page', 'a page');


sub page ($where, %o) {
    return $skep->get("/who/${where}page", plain => 1, %o);
}


is($user->answer->{expires_in}, 600, 'auth_access_ttl');
status_is($user->get('/v1/me'), 200, 'the names of auth_issuer and _audience');
problem($skep->get('/v1/me', token => $skep->token($user)), 401,
        'token_invalid', 'those by default are others now');


# required

my $res = page('required/', token => $user->token);

status_is($res, 200, 'required: with a token');
is($res->body, 'a page', 'the page itself');
is($res->header('X-User'), $user->id, '$auth_user');
is($res->header('X-Role'), 'user', '$auth_role');
like($res->header('X-Session'), qr/\A[0-9a-f-]{36}\z/, '$auth_session');

problem(page('required/'), 401, 'token_missing', 'required: without a token');
problem(page('required/', token => 'x'), 401, 'token_invalid',
        'required: with a bad one');


# optional

$res = page('', token => $user->token);

status_is($res, 200, 'optional: with a token');
is($res->header('X-User'), $user->id, '$auth_user');

$res = page('');
status_is($res, 200, 'optional: without a token');
is($res->header('X-User'), undef, 'no $auth_user then');

problem(page('', token => 'x'), 401, 'token_invalid',
        'optional: a bad one is no missing one');


# off

$res = page('off/', token => $user->token);
status_is($res, 200, 'off: with a token');
is($res->header('X-User'), undef, 'nobody looks at it');
status_is(page('off/', token => 'x'), 200, 'off: with a bad one');


# the API's own routes

status_is($skep->get('/livez'), 200, 'a public route needs no token');
status_is($skep->post('/v1/auth/login', { email => $user->email,
                                          password => $user->password },
                      headers => ['Authorization', 'X']), 200,
          'and does not look at one');
problem($skep->get('/v1/tasks'), 401, 'token_missing', 'another one does');


# the cache: what is in it expires in time, in each worker

my $short = $skep->token($user, { %names, exp => int(time) + 2 });
my @clients = map { $skep->new_client } 1 .. 8;

sub statuses ($token) {
    $_->close for @clients;
    my %n;
    $n{$_->request('GET', '/v1/me', token => $token)->status}++ for @clients;
    return \%n;
}

is_deeply(statuses($short), { 200 => 8 }, 'a short-lived token');

Skep::Process::wait_until(4, sub {
    $skep->get('/v1/me', token => $short)->status != 200;
}, 0.1);

problem($skep->get('/v1/me', token => $short), 401, 'token_expired',
        'it expires, though it was cached');
is_deeply(statuses($short), { 401 => 8 }, 'by every connection');


# many tokens, more than the least cache holds, one after another

$skep->reconfigure(set => { auth_token_cache => '32k' });
$skep->reload;

my @tokens = map { $skep->token($user, { jti => "$_" }) } 1 .. 300;
my $wrong = 0;

for my $round (1, 2) {
    $wrong += $skep->get('/v1/me', token => $_)->status != 200 for @tokens;
}

is($wrong, 0, '300 tokens with a cache of 32k, twice');


# without a cache

$skep->reconfigure(set => { auth_token_cache => 'off' });
$skep->reload;

my $plain = $skep->token($user);

status_is($skep->get('/v1/me', token => $plain), 200, 'auth_token_cache off')
    for 1, 2;


# leeway

$skep->reconfigure(set => { auth_leeway => '30s' });
$skep->reload;

my $late = $skep->token($user, { exp => int(time) - 10 });

status_is($skep->get('/v1/me', token => $late), 200,
          'expired by less than auth_leeway') for 1, 2;
status_is($skep->get('/v1/me', token =>
              $skep->token($user, { nbf => int(time) + 10 })), 200,
          'not yet by less');
problem($skep->get('/v1/me', token =>
            $skep->token($user, { exp => int(time) - 31 })),
        401, 'token_expired', 'expired by more');

$skep->reconfigure(set => {});
$skep->reload;
problem($skep->get('/v1/me', token => $late), 401, 'token_expired',
        'without the leeway the cache does not help it');


# keys: a new one signs, the old one still verifies, then it does not

my $old = $skep->user;
my $dir = $skep->dir;

$skep->nginx->write_file('key2', 'k' x 40, 0600);
$skep->reconfigure(set => {
    auth_key => "HS256 $dir/nginx/key2 kid=new; auth_key HS256 $dir/key kid=old"
});
$skep->reload;

my $new = $skep->user;

status_is($new->get('/v1/me'), 200, 'the first key signs');
status_is($skep->get('/v1/me', token =>
              $skep->token($old, {}, { header => { kid => 'old' } })), 200,
          'the second key verifies');
problem($skep->get('/v1/me', token =>
            $skep->token($old, {}, { header => { kid => 'new' } })),
        401, 'token_invalid', 'a kid stands for one key');

$skep->reconfigure(set => { auth_key => "HS256 $dir/nginx/key2 kid=new" });
$skep->reload;
status_is($new->get('/v1/me'), 200, 'the new key alone');
problem($skep->get('/v1/me', token =>
            $skep->token($old, {}, { header => { kid => 'old' } })),
        401, 'token_invalid', 'the old one is gone, from the cache, too');

finish();
