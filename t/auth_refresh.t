#!/usr/bin/env perl

# POST /v1/auth/refresh: rotation, the 10 seconds of grace, and what follows
# when a spent token comes again later.

use v5.36;

use Digest::SHA qw(sha256_hex);
use Skep::JWT qw(jwt_parts);
use Skep::Test;

my $skep = skep(workers => 2);
my $pg = $skep->pg;


sub refresh ($token, %o) {
    return $skep->post('/v1/auth/refresh', { refresh_token => $token }, %o);
}

# the token is good: what came for it
sub refreshed ($token, $name) {
    my $res = refresh($token);

    status_is($res, 200, $name);
    return $res->json->{refresh_token} // '';
}

sub refused ($token, $code, $name) {
    my $res = refresh($token);

    problem($res, 401, $code, $name);
    is($res->header('WWW-Authenticate'), 'Bearer realm="skep"',
       "$name: the challenge");
}

# moves the moment a token was spent into the past
sub age ($token, $seconds) {
    my $hash = sha256_hex($token);

    $pg->execute(<<~"SQL");
        UPDATE auth.refresh_tokens
        SET spent_at = spent_at - interval '$seconds s'
        WHERE hash = '\\x$hash'
        SQL
}

sub sid ($user) { return (jwt_parts($user->token, $skep->key))[1]{sid} }

sub revoked ($user) {
    return $pg->value(<<~"SQL") eq 't';
        SELECT revoked_at IS NOT NULL FROM auth.sessions
        WHERE id = '@{[sid($user)]}'
        SQL
}


# a new pair

my $ann = $skep->user;
my $res = refresh($ann->refresh_token, headers => ['User-Agent', 'other/2']);

status_is($res, 200);
is($res->header('Cache-Control'), 'no-store', 'tokens are not to be stored');

my $body = $res->json;

is_deeply([sort keys %$body], [sort keys $ann->answer->%*],
          'the members are those of login');
is_deeply($body->{user}, $ann->answer->{user}, 'so is the user');
isnt($body->{refresh_token}, $ann->refresh_token, 'another refresh token');
isnt($body->{access_token}, $ann->token, 'another access token');
is($body->{refresh_expires_in}, 30 * 86400, 'refresh_expires_in');

my (undef, $claims, $good) = jwt_parts($body->{access_token}, $skep->key);

ok($good, 'the access token is signed');
is($claims->{sid}, sid($ann), 'of the same session');
status_is($skep->get('/v1/me', token => $body->{access_token}), 200,
          'and good');
is_deeply($pg->query(<<~"SQL"), [['other/2', 't', 't']], 'the session');
    SELECT user_agent, last_used_at > created_at,
           abs(extract(epoch FROM expires_at - last_used_at) - 2592000) < 1
    FROM auth.sessions WHERE id = '$claims->{sid}'
    SQL
is($pg->value(<<~"SQL"), 0, 'no token is kept in clear');
    SELECT count(*) FROM auth.refresh_tokens
    WHERE encode(hash, 'escape') LIKE '%$body->{refresh_token}%'
    SQL


# a role that changed shows in the next token

$pg->execute("UPDATE auth.users SET role = 'admin' WHERE id = '@{[$ann->id]}'");
$res = refresh($body->{refresh_token});
is((jwt_parts($res->json->{access_token}, $skep->key))[1]{role}, 'admin',
   'the role is that of now');


# the answer was lost: the same again, within 10 seconds

my $bob = $skep->user;
my $first = refreshed($bob->refresh_token, 'the first time');

age($bob->refresh_token, 8);

my $second = refreshed($bob->refresh_token, '8 seconds later once more');

isnt($second, $first, 'with another token');
ok(!revoked($bob), 'the session goes on');
refreshed($first, 'the token of the lost answer is good');
refreshed($second, 'and so is the other');


# the grace does not begin anew by being used

age($bob->refresh_token, 3);
refused($bob->refresh_token, 'refresh_token_reused', '11 seconds later');
ok(revoked($bob), 'the session is revoked');
refused($first, 'refresh_token_invalid', 'a spent one within its grace');
is($pg->value(<<~"SQL"), 1, 'one session of one user');
    SELECT count(*) FROM auth.sessions WHERE revoked_at IS NOT NULL
    SQL


# replay of parent and grandparent, after the grace

for my $back (1, 2) {
    my $who = $back == 1 ? 'the parent' : 'the grandparent';
    my $user = $skep->user;
    my $other = $skep->login($user);
    my @chain = $user->refresh_token;

    push @chain, refreshed($chain[-1], "$who: on") for 1 .. 3;
    age($_, 11) for @chain[0 .. 2];

    refused($chain[-1 - $back], 'refresh_token_reused', "$who again");
    ok(revoked($user), "$who: the session is revoked");
    problem($user->get('/v1/me'), 401, 'token_revoked',
            "$who: its access tokens are refused");
    refused($chain[-1], 'refresh_token_invalid', "$who: the last one");
    refused($chain[0], 'refresh_token_reused', "$who: the first one");

    ok(!revoked($other), "$who: another session of the user goes on");
    status_is($other->get('/v1/me'), 200, "$who: with its token");
    refreshed($other->refresh_token, "$who: and can be refreshed");
}


# at the same time: everyone gets tokens that are good

my $eve = $skep->user;
my @clients = map { $skep->new_client } 1 .. 8;

$_->send($_->format_request('POST', '/v1/auth/refresh', json =>
         { refresh_token => $eve->refresh_token })) for @clients;

my @answers = map { $_->response } @clients;
my %tokens = map { $_->json->{refresh_token} => 1 } @answers;

is(join(' ', map { $_->status } @answers), join(' ', (200) x 8),
   '8 at once with one token');
is(scalar keys %tokens, 8, 'each a token of its own');
ok(!revoked($eve), 'the session goes on');
refreshed($_, 'a token of these') for (sort keys %tokens)[0, 1];
is($pg->value(<<~"SQL"), 1, 'one spending was the first');
    SELECT count(DISTINCT spent_at) FROM auth.refresh_tokens
    WHERE hash = '\\x@{[sha256_hex($eve->refresh_token)]}'
      AND spent_at IS NOT NULL
    SQL

# the same of a token that was spent long ago: all are refused
age($eve->refresh_token, 60);
$_->send($_->format_request('POST', '/v1/auth/refresh', json =>
         { refresh_token => $eve->refresh_token })) for @clients;
is(join(' ', map { $_->response->json->{code} } @clients),
   join(' ', ('refresh_token_reused') x 8), '8 at once with a spent one');
ok(revoked($eve), 'the session is revoked');


# a session ends in the end, however often it is refreshed

my $fay = $skep->user;

sub begun ($user, $days, $hours = 0) {
    $skep->pg->execute(<<~"SQL");
        UPDATE auth.sessions
        SET created_at = now() - interval '$days d $hours h'
        WHERE user_id = '@{[$user->id]}'
        SQL
}

begun($fay, 364);
$res = refresh($fay->refresh_token);
status_is($res, 200, 'on its last day');
ok($res->json->{refresh_expires_in} > 86390
   && $res->json->{refresh_expires_in} <= 86400, 'it has a day left');
like($skep->pg->value("SELECT extract(epoch FROM expires_at - now())::int
                       FROM auth.sessions WHERE user_id = '@{[$fay->id]}'"),
     qr/\A86(?:400|39\d)\z/, 'so it is kept');
begun($fay, 364, 23.95);
$res = refresh($res->json->{refresh_token});
status_is($res, 200, 'in its last minutes');
cmp_ok($res->json->{refresh_expires_in}, '<=', 180, 'it has three left');
is($res->json->{expires_in}, $res->json->{refresh_expires_in},
   'and its access token no more');
cmp_ok((jwt_parts($res->json->{access_token}, $skep->key))[1]{exp}, '<=', time + 180,
       'which says so');
begun($fay, 365, 1);
refused($res->json->{refresh_token}, 'refresh_token_invalid', 'then it is over');


# what is no refresh token

refused('x' x 43, 'refresh_token_invalid', 'one made up');
refused('x', 'refresh_token_invalid', 'a short one');
refused("\x{e9}'; --", 'refresh_token_invalid', 'a strange one');
refused($ann->token, 'refresh_token_invalid', 'an access token')
    if length $ann->token <= 512;
problem($skep->post('/v1/auth/refresh', {}), 422, 'validation_failed',
        ['/refresh_token', 'required'], 'none');
problem($skep->post('/v1/auth/refresh', { refresh_token => 1, x => 1 }), 422,
        'validation_failed', ['/refresh_token', 'invalid_type'],
        ['/x', 'unknown_field'], 'a number');
problem($skep->get('/v1/me', token => $second), 401, 'token_invalid',
        'a refresh token used as an access token');


# sessions and users that are over

my $late = $skep->user;
$pg->execute(<<~"SQL");
    UPDATE auth.sessions SET expires_at = now() WHERE id = '@{[sid($late)]}'
    SQL
refused($late->refresh_token, 'refresh_token_invalid', 'an expired session');

my $old = $skep->user;
$pg->execute(<<~"SQL");
    UPDATE auth.refresh_tokens SET created_at = now() - interval '31 d'
    WHERE session_id = '@{[sid($old)]}'
    SQL
refused($old->refresh_token, 'refresh_token_invalid', 'an old token');

my $off = $skep->user;
$pg->execute(<<~"SQL");
    UPDATE auth.users SET disabled_at = now() WHERE id = '@{[$off->id]}'
    SQL
refused($off->refresh_token, 'refresh_token_invalid', 'a disabled user');


# tokens are kept as long as they could have been good, not for ever

my $long = $skep->user;
my $next = refreshed($long->refresh_token, 'on');

$pg->execute(<<~"SQL");
    UPDATE auth.refresh_tokens SET created_at = now() - interval '31 d'
    WHERE hash = '\\x@{[sha256_hex($long->refresh_token)]}'
    SQL
refreshed($next, 'and on');
is($pg->value(<<~"SQL"), 2, 'the oldest of three was forgotten');
    SELECT count(*) FROM auth.refresh_tokens
    WHERE session_id = '@{[sid($long)]}'
    SQL
refused($long->refresh_token, 'refresh_token_invalid', 'it is unknown');


# sessions that are short: no token is good for longer

for my $case (['1h', 3600, 900], ['1m', 60, 60]) {
    my ($ttl, $refresh, $access) = @$case;

    $skep->reconfigure(set => { auth_session_ttl => $ttl });
    $skep->reload;
    $res = $skep->post('/v1/auth/login', { email => $ann->email,
                                           password => $ann->password });
    is($res->json->{refresh_expires_in}, $refresh, "$ttl: a refresh token");
    is($res->json->{expires_in}, $access, "$ttl: an access token");
}


my $log = $skep->nginx->log;

like($log, qr/\[warn\].*a spent refresh token came again: session [0-9a-f-]{36}/,
     'a replay is in the log');
unlike($log, qr/\Q$first\E|\Q@{[$eve->refresh_token]}\E/, 'no token is');

finish();
