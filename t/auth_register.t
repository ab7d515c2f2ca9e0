#!/usr/bin/env perl

# POST /v1/auth/register

use v5.36;
use utf8;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Skep::Test;

my $skep = skep();
my %account = (email => 'Ann.Lee@Example.com', password => 'correct horse',
               name => 'Ann Lée');


sub register (%fields) {
    return $skep->post('/v1/auth/register', \%fields);
}

sub refused ($name, $fields, @faults) {
    problem(register(%account, email => 'new@example.com', %$fields), 422,
            'validation_failed', @faults, $name);
}


# a new account, as after a login

my $res = register(%account);

status_is($res, 201);
is($res->header('Cache-Control'), 'no-store', 'tokens are not to be stored');

my $body = $res->json;

is_deeply([sort keys %$body],
          [qw(access_token expires_in refresh_expires_in refresh_token
              token_type user)], 'the members of the answer');
is($body->{token_type}, 'Bearer', 'token_type');
is($body->{expires_in}, 900, 'expires_in');
is($body->{refresh_expires_in}, 30 * 86400, 'refresh_expires_in');

my $user = $body->{user};
my $time = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\z/;

is_deeply($user, {
    id => $user->{id}, email => $user->{email}, name => 'Ann Lée',
    role => 'user', email_verified => JSON::PP::false,
    created_at => $user->{created_at}, updated_at => $user->{updated_at},
    version => 1,
}, 'the user has these members and no other');
is(lc $user->{email}, 'ann.lee@example.com', 'email');
like($user->{id}, qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7/, 'the id is a UUIDv7');
like($user->{$_}, $time, $_) for qw(created_at updated_at);
unlike($res->body, qr/correct horse|\$2[aby]\$/, 'no password, no hash');

same_json($skep->get('/v1/me', token => $body->{access_token}), 200, $user,
          'the token is good');


# what was stored

my ($hash) = $skep->pg->query(<<~"SQL")->[0]->@*;
    SELECT password_hash FROM auth.users WHERE id = '$user->{id}'
    SQL
like($hash, qr/\A\$2[aby]\$04\$/, 'a bcrypt hash of the cost configured');

my $session = $skep->pg->query(<<~"SQL");
    SELECT encode(t.hash, 'hex'), s.ip,
           round(extract(epoch FROM s.expires_at - s.created_at) / 86400)
    FROM auth.sessions s JOIN auth.refresh_tokens t ON t.session_id = s.id
    WHERE s.user_id = '$user->{id}'
    SQL
is(scalar @$session, 1, 'one session');
is($session->[0][0], sha256_hex($body->{refresh_token}),
   'the refresh token is kept as its SHA-256');
is($session->[0][1], '127.0.0.1', 'ip');
is($session->[0][2], 30, 'for 30 days');
cmp_ok(length $body->{refresh_token}, '>=', 43, '256 bits and more');

is_deeply($skep->pg->query(<<~"SQL"), [['Inbox', 't', 'owner']],
    SELECT p.name, p.inbox, m.role FROM task.projects p
    JOIN task.members m ON m.project_id = p.id
    WHERE m.user_id = '$user->{id}'
    SQL
    'a project Inbox of their own');


# an address is taken whatever its case

problem(register(%account), 409, 'email_taken', 'the same address');
problem(register(%account, email => uc $account{email}), 409, 'email_taken',
        'in another case');


# two at once for the same address

my @clients = map { $skep->new_client } 1 .. 6;

$_->send($_->format_request('POST', '/v1/auth/register', json =>
         { %account, email => 'race@example.com' })) for @clients;
is(join(' ', sort map { $_->response->status } @clients),
   '201 409 409 409 409 409', 'of six at once, one gets it');


# every fault at once

problem($skep->post('/v1/auth/register', {}), 422, 'validation_failed',
        ['/email', 'required'], ['/password', 'required'],
        ['/name', 'required'], 'nothing given');
problem(register(email => 'x', password => 'short', name => '', age => 7,
                 role => 'admin'),
        422, 'validation_failed', ['/email', 'invalid_format'],
        ['/password', 'too_short'], ['/name', 'too_short'],
        ['/age', 'unknown_field'], ['/role', 'read_only'],
        'everything wrong');


# the bounds of the password are bytes: bcrypt looks at 72

refused('7 bytes', { password => '1234567' }, ['/password', 'too_short']);
refused('73 bytes', { password => 'x' x 73 }, ['/password', 'too_long']);
refused('25 characters of 3 bytes', { password => '語' x 25 },
        ['/password', 'too_long']);
refused('a number', { password => 123456789 }, ['/password', 'invalid_type']);
refused('null', { password => undef }, ['/password', 'not_nullable']);

for my $password ('12345678', 'x' x 72, '語' x 24, ' ' x 8, 'é' x 4) {
    state $n = 0;
    my $email = 'password' . $n++ . '@example.com';
    status_is(register(%account, email => $email, password => $password),
              201, 'a password of ' . length($password) . ' characters');
    status_is($skep->post('/v1/auth/login', { email => $email,
                                              password => $password }),
              200, 'logs in');
}


# addresses and names

for my $email ('', 'x', '@example.com', 'x@', 'a b@example.com', 'a@b@c.org',
               'a@example..com', '.a@example.com', "a\n\@example.com",
               'a@-example.com', 'ä@example.com', 'a@exa mple.com',
               'Ann <ann@example.com>', 'a@example.com,b@example.com',
               '"a b"@example.com')
{
    refused("email \"$email\"", { email => $email },
            ['/email', 'invalid_format']);
}

refused('an address of 255 bytes', { email => 'a@' . ('x' x 60 . '.') x 4
                                              . 'y' x 9 },
        ['/email', 'too_long']);
refused('a name of 201', { name => 'é' x 201 }, ['/name', 'too_long']);
refused('fields of the server', { id => nobody, version => 1,
                                  email_verified => JSON::PP::true,
                                  created_at => '2026-01-01T00:00:00Z' },
        map { ["/$_", 'read_only'] } qw(id version email_verified created_at));

for my $email ('a+b@example.com', "o'neil\@example.co.uk", '1@2.example',
               'first.last@sub.example.com', 'x_y-z@example.com')
{
    status_is(register(%account, email => $email), 201, $email);
}


# nothing was written but what was answered by 201

is($skep->pg->value('SELECT count(*) FROM auth.users'), 12, 'users');
is($skep->pg->value('SELECT count(*) FROM task.projects'), 12, 'projects');
is($skep->pg->value('SELECT count(*) FROM auth.sessions'), 17, 'sessions');

my $log = $skep->nginx->log;

unlike($log, qr/correct horse|\Q$body->{refresh_token}\E/,
       'no secret is in the log');

finish();
