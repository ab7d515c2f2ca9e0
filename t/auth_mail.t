#!/usr/bin/env perl

# Tokens by e-mail: POST /v1/auth/password-reset and .../confirm,
# POST /v1/auth/verify-email and .../resend.

use v5.36;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep();
my $pg = $skep->pg;


sub reset_for ($email) {
    return $skep->post('/v1/auth/password-reset', { email => $email });
}

sub confirm ($token, $password = 'battery staple') {
    return $skep->post('/v1/auth/password-reset/confirm',
                       { token => $token, new_password => $password });
}

sub verify ($token) {
    return $skep->post('/v1/auth/verify-email', { token => $token });
}

# the answer does not wait for it
sub reset_mails ($user, $n) {
    my @tokens;

    wait_until(5, sub {
        @tokens = $skep->mailed($user, 'password_reset');
        return @tokens >= $n;
    });
    is(scalar @tokens, $n, "mails of a reset: $n");
    return @tokens;
}

sub void ($res, $name) {
    problem($res, 422, 'validation_failed', ['/token', 'invalid_token'],
            $name);
}

sub expire ($token) {
    my $hash = sha256_hex($token);

    $pg->execute("UPDATE auth.mail_tokens SET expires_at = now()
                  WHERE hash = '\\x$hash'");
}

sub login ($user, $password) {
    return $skep->post('/v1/auth/login', { email => $user->email,
                                           password => $password })->status;
}


# the answer is always the same

my $ann = $skep->user(email => 'Ann@Example.com');
my $off = $skep->user;
my $gone = $skep->user;

$pg->execute("UPDATE auth.users SET disabled_at = now()
              WHERE id = '@{[$off->id]}'");
status_is($gone->delete('/v1/me', json => { password => $gone->password }),
          204, 'one leaves');

my %seen;

for my $email ('ann@example.com', $off->email, $gone->email,
               'nobody@example.com')
{
    my $res = reset_for($email);

    status_is($res, 202, "a reset for $email");
    is($res->body, '', 'no body');
    $seen{join "\n", grep { !/^(?:Date|X-Request-ID):/i }
                     split /\r\n/, $res->head}++;
}

is(scalar keys %seen, 1, 'nothing tells whether there is an account');
problem(reset_for('nobody'), 422, 'validation_failed',
        ['/email', 'invalid_format'], 'no address');
problem($skep->post('/v1/auth/password-reset', {}), 422, 'validation_failed',
        ['/email', 'required'], 'none');


# the event, the only place of the token

my ($token) = reset_mails($ann, 1);
my $row = $pg->query(<<~"SQL")->[0];
    SELECT type, actor_id, project_id, task_id, data FROM notify.outbox
    WHERE type = 'auth.password_reset_requested'
    SQL

is($row->[0], 'auth.password_reset_requested', 'type');
is($row->[1], $ann->id, 'actor_id');
is("$row->[2]$row->[3]", '', 'of no project and no task');

my $data = JSON::PP::decode_json($row->[4]);

is_deeply([sort keys %$data], [qw(email expires_at token user_id)], 'data');
is($data->{user_id}, $ann->id, 'user_id');
is($data->{email}, 'Ann@Example.com', 'email: as it was registered');
like($token, qr/\A[A-Za-z0-9_-]{43}\z/, '256 random bits');
is($pg->value(<<~"SQL"), 't', 'kept as its SHA-256, for an hour');
    SELECT hash = '\\x@{[sha256_hex($token)]}'
           AND abs(extract(epoch FROM expires_at - created_at) - 3600) < 1
    FROM auth.mail_tokens WHERE purpose = 'password_reset'
    SQL
is($pg->value(<<~"SQL"), 1, 'nobody else is sent one');
    SELECT count(*) FROM notify.outbox
    WHERE type = 'auth.password_reset_requested'
    SQL


# used once

my $phone = $skep->login($ann);

problem(confirm($token, 'short'), 422, 'validation_failed',
        ['/new_password', 'too_short'], 'a short password');
void(confirm('x' x 43), 'a token made up');
void(verify($token), 'a token of another purpose');
void(confirm($ann->refresh_token), 'a refresh token');
is(login($ann, $ann->password), 200, 'nothing has changed');

my $res = confirm($token);

status_is($res, 204, 'the token sets a password');
is($res->body, '', 'no body');
is(login($ann, $ann->password), 401, 'the old password');
is(login($ann, 'battery staple'), 200, 'the new one');
void(confirm($token, 'stolen horse'), 'a second time');

for my $user ($ann, $phone) {
    problem($skep->post('/v1/auth/refresh',
                        { refresh_token => $user->refresh_token }),
            401, 'refresh_token_invalid', 'every session is over');
    problem($user->get('/v1/me'), 401, 'token_revoked', 'at once');
}

my $user = $skep->login($ann = bless({ %$ann, password => 'battery staple' },
                                     ref $ann));
ok($user->get('/v1/me')->json->{email_verified},
   'who reads the mail has the address');


# who registers with somebody else's address keeps nothing of what the owner of
# the address, who gets in by a reset, does then

my $dora = $skep->user;

sub hooked ($token) {
    return $skep->post('/v1/webhooks', { url => 'https://thief.example/',
                                         events => ['*'] },
                       token => $token)->json->{id};
}

sub hook ($id, $password) {
    my $token = $skep->post('/v1/auth/login', { email => $dora->email,
                                                password => $password })
                     ->json->{access_token};

    return ($skep->get("/v1/webhooks/$id", token => $token)->json, $token);
}

my $hook = hooked($dora->token);

reset_for($dora->email);
status_is(confirm((reset_mails($dora, 1))[0], 'battery staple'), 204,
          'a reset of an address that was not verified');

($hook, my $dora_token) = hook($hook, 'battery staple');
is_deeply([@$hook{qw(enabled disabled_reason version)}],
          [JSON::PP::false, 'reset', 2], 'a webhook of before is disabled');

my $own = hooked($dora_token);

reset_for($dora->email);
status_is(confirm((reset_mails($dora, 2))[0], 'third staple'), 204,
          'another reset');
($own) = hook($own, 'third staple');
ok($own->{enabled}, 'what its owner made stays');


# an expired one, and others when one was used

reset_for('ann@example.com') for 1 .. 3;
my @tokens = reset_mails($ann, 4);
expire($tokens[0]);
void(confirm($tokens[0]), 'an expired token');
status_is(confirm($tokens[1], 'third staple'), 204, 'another of them');
void(confirm($tokens[2]), 'with which the others are void');

# at once
reset_for('ann@example.com');
($token) = reset_mails($ann, 5);
my @clients = map { $skep->new_client } 1 .. 4;
$_->send($_->format_request('POST', '/v1/auth/password-reset/confirm',
         json => { token => $token, new_password => 'battery staple' }))
    for @clients;
is(join(' ', sort map { $_->response->status } @clients), '204 422 422 422',
   'four at once with one token: one');


# a mailbox is not filled

my $bob = $skep->user;
for my $n (1 .. 10) {
    reset_for($bob->email);
    reset_mails($bob, $n);
}
status_is(reset_for($bob->email), 202, 'one more') for 1 .. 3;
sleep 0.5;
reset_mails($bob, 10);
$pg->execute("UPDATE auth.mail_tokens SET expires_at = now()");
reset_for($bob->email);
reset_mails($bob, 11);
is($pg->value("SELECT count(*) FROM auth.mail_tokens
               WHERE user_id = '@{[$bob->id]}'"), 1,
   'expired tokens are forgotten');


# a disabled user's token

($token) = reset_mails($bob, 11);
$pg->execute("UPDATE auth.users SET disabled_at = now()
              WHERE id = '@{[$bob->id]}'");
void(confirm($token), 'the token of a disabled user');


# verification

my $carl = $skep->user;
my ($mail) = $skep->mailed($carl, 'email_verification');

ok(!$carl->get('/v1/me')->json->{email_verified}, 'not verified at first');
is($pg->value(<<~"SQL"), 't', 'its token is good for a day');
    SELECT abs(extract(epoch FROM expires_at - created_at) - 86400) < 1
    FROM auth.mail_tokens WHERE hash = '\\x@{[sha256_hex($mail)]}'
    SQL
problem($skep->post('/v1/auth/verify-email/resend'), 401, 'token_missing',
        'resend: anonymous');
status_is($carl->post('/v1/auth/verify-email/resend'), 204, 'resend');

my @mails = $skep->mailed($carl, 'email_verification');

is(scalar @mails, 2, 'one more mail');
expire($mails[1]);
void(verify($mails[1]), 'an expired token');
void(confirm($mails[0]), 'no token for a password');
void(verify('x'), 'a token made up');
problem($skep->post('/v1/auth/verify-email', {}), 422, 'validation_failed',
        ['/token', 'required'], 'none');

$res = verify($mails[0]);
status_is($res, 204, 'the token verifies');

my $me = $carl->get('/v1/me')->json;

ok($me->{email_verified}, 'it is verified');
is($me->{version}, 2, 'in a new version');
void(verify($mails[0]), 'a second time');
status_is($carl->post('/v1/auth/verify-email/resend'), 204,
          'resend for a verified address');
is(scalar(my @all = $skep->mailed($carl, 'email_verification')), 2,
   'sends nothing');


# without a database

$skep->pg->stop_server('QUIT');
wait_until(5, sub { reset_for('ann@example.com')->status == 503 });
problem(reset_for('nobody@example.com'), 503, 'database_unavailable',
        'the database is away');

unlike($skep->nginx->log, qr/staple|\Q$tokens[1]\E|\Q$mails[0]\E/,
       'no secret is in the log');

finish();
