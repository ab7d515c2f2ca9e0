#!/usr/bin/env perl

# PATCH /v1/me, PUT /v1/me/password.

use v5.36;
use utf8;

use JSON::PP ();
use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;


sub ends ($user, $name) {
    problem($skep->post('/v1/auth/refresh',
                        { refresh_token => $user->refresh_token }),
            401, 'refresh_token_invalid', $name);
}


# the mail is asked for after the answer

sub reset_token ($user) {
    my $token;
    wait_until(5, sub { ($token) = $skep->mailed($user, 'password_reset') });

    return $token;
}


sub logs_in ($email, $password) {
    return $skep->post('/v1/auth/login', { email => $email,
                                           password => $password })->status;
}


# the name

my $ann = $skep->user(email => 'ann@example.com');
my $res = $ann->patch('/v1/me', { name => 'Änn' });

status_is($res, 200, 'another name');
is($res->json->{name}, 'Änn', 'it is that');
is($res->json->{version}, 2, 'a new version');
is($res->header('ETag'), '"2"', 'ETag');
same_json($ann->get('/v1/me'), 200, $res->json, 'and stays');

is($ann->patch('/v1/me', { name => 'Änn' })->json->{version}, 2,
   'the same name makes no version');
is($ann->patch('/v1/me', {})->json->{version}, 2, 'nor does nothing');
problem($ann->patch('/v1/me', { name => 'x' },
                    headers => ['If-Match', '"1"']),
        412, 'version_mismatch', 'a stale If-Match');
status_is($ann->patch('/v1/me', { name => 'Ann' },
                      headers => ['If-Match', '"2"']), 200, 'a right one');
status_is($ann->patch('/v1/me', { name => 'Anna' },
                      type => 'application/merge-patch+json'), 200,
          'as a merge patch');

problem($ann->patch('/v1/me', {
            name => '', role => 'admin', id => nobody, version => 9,
            email_verified => JSON::PP::true, created_at => 'x',
            updated_at => 'x', password => 'x', email => 'x',
        }),
        422, 'validation_failed', ['/name', 'too_short'],
        (map { ["/$_", 'read_only'] } qw(role id version email_verified
                                         created_at updated_at)),
        ['/password', 'unknown_field'], ['/email', 'invalid_format'],
        'every fault at once');
problem($ann->patch('/v1/me', { name => undef, email => undef }), 422,
        'validation_failed', ['/name', 'not_nullable'],
        ['/email', 'not_nullable'], 'nulls');


# the address: with the password

my $bob = $skep->user(email => 'bob@example.com');
my %new = (email => 'bobby@example.com', current_password => $bob->password);

my ($first) = $skep->mailed($bob, 'email_verification');
ok($first, 'a mail was asked for at the registration');
status_is($skep->post('/v1/auth/verify-email', { token => $first }), 204,
          'the address is verified');

problem($bob->patch('/v1/me', { email => $new{email} }), 422,
        'validation_failed', ['/current_password', 'required'],
        'without the password');
problem($bob->patch('/v1/me', { %new, current_password => 'wrong horse' }),
        401, 'invalid_credentials', 'with a wrong one');
problem($bob->patch('/v1/me', { %new, email => 'ANN@example.com' }), 409,
        'email_taken', 'an address that is taken');

$skep->post('/v1/auth/password-reset', { email => 'bob@example.com' });
my $reset = reset_token($bob);
$res = $bob->patch('/v1/me', { %new, name => 'Bobby' });
status_is($res, 200, 'a free one');
is($res->json->{email}, $new{email}, 'email');
is($res->json->{name}, 'Bobby', 'the name as well');
ok(!$res->json->{email_verified}, 'it is not verified');
is($res->json->{version}, 3, 'one version more');

my @mails = $skep->mailed($bob, 'email_verification');
is(scalar @mails, 2, 'a mail is asked for');
is($pg->value(<<~"SQL"), $new{email}, 'to the new address');
    SELECT data ->> 'email' FROM notify.outbox
    WHERE actor_id = '@{[$bob->id]}' ORDER BY id DESC LIMIT 1
    SQL
problem($skep->post('/v1/auth/password-reset/confirm',
                    { token => $reset,
                      new_password => 'stolen horse' }),
        422, 'validation_failed', ['/token', 'invalid_token'],
        'a token that went to the old address is void');
is(logs_in('bob@example.com', $bob->password), 401, 'the old address');
is(logs_in($new{email}, $bob->password), 200, 'the new one');
status_is($skep->post('/v1/auth/verify-email', { token => $mails[0] }), 204,
          'its token verifies it');
ok($bob->get('/v1/me')->json->{email_verified}, 'it is verified');

# only the case of it
$res = $bob->patch('/v1/me', { %new, email => 'Bobby@Example.com' });
status_is($res, 200, 'the same address in another case');
ok($res->json->{email_verified}, 'stays verified');

# two who want the same address at once
my @users = map { $skep->user } 1 .. 4;
my @clients = map { $skep->new_client } @users;

for my $i (0 .. $#users) {
    $clients[$i]->send($clients[$i]->format_request('PATCH', '/v1/me',
        token => $users[$i]->token,
        json => { email => 'one@example.com',
                  current_password => $users[$i]->password }));
}

is(join(' ', sort map { $_->response->status } @clients), '200 409 409 409',
   'of four at once, one gets it');

# one who commits it while the other waits for that
my $lock = $pg->session;

$lock->hold(<<~'SQL');
    INSERT INTO auth.users (id, email, name, password_hash)
    VALUES ('01890000-0000-7000-8000-0000000000aa', 'two@example.com', 'x', '$')
    SQL

my $late = $users[0];
$clients[0]->send($clients[0]->format_request('PATCH', '/v1/me',
    token => $late->token, json => { email => 'two@example.com',
                                     current_password => $late->password }));
ok($pg->blocked, 'it waits');
$lock->send('COMMIT;');
problem($clients[0]->response, 409, 'email_taken', 'and gets to know');
$lock->close;


# the password

my $carl = $skep->user;
my $phone = $skep->login($carl);
my %change = (current_password => $carl->password,
              new_password => 'battery staple');

problem($carl->put('/v1/me/password', { %change,
                                        current_password => 'wrong horse' }),
        401, 'invalid_credentials', 'a wrong current password');
problem($carl->put('/v1/me/password', {}), 422, 'validation_failed',
        ['/current_password', 'required'], ['/new_password', 'required'],
        'nothing given');
problem($carl->put('/v1/me/password', { %change, new_password => 'short' }),
        422, 'validation_failed', ['/new_password', 'too_short'],
        'a short one');
problem($carl->put('/v1/me/password', { %change, new_password => 'x' x 73 }),
        422, 'validation_failed', ['/new_password', 'too_long'], 'a long one');
is(logs_in($carl->email, $carl->password), 200, 'nothing has changed');

$skep->post('/v1/auth/password-reset', { email => $carl->email });
$reset = reset_token($carl);
$res = $carl->put('/v1/me/password', \%change);
status_is($res, 204, 'a new password');
is($res->body, '', 'no body');
is(logs_in($carl->email, $carl->password), 401, 'the old one');
is(logs_in($carl->email, 'battery staple'), 200, 'the new one');
problem($phone->get('/v1/me'), 401, 'token_revoked',
        'the access token of another session');
ends($phone, 'every other session is over');
status_is($carl->get('/v1/me'), 200, 'this one goes on');
status_is($skep->post('/v1/auth/refresh',
                      { refresh_token => $carl->refresh_token }), 200,
          'and can be refreshed');
problem($skep->post('/v1/auth/password-reset/confirm',
                    { token => $reset,
                      new_password => 'stolen horse' }),
        422, 'validation_failed', ['/token', 'invalid_token'],
        'a reset asked for before is void');

unlike($skep->nginx->log, qr/horse|staple/, 'no password is in the log');

finish();
