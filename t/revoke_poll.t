#!/usr/bin/env perl

# Without Redis, or with one that is away, other instances read revocations in
# PostgreSQL within a second, whoever wrote them there.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2);
my $other = skep(workers => 2, beside => $skep);
my $user = $skep->user;
my %login = (email => $user->email, password => $user->password);


sub token () {
    return $skep->post('/v1/auth/login', \%login)->json->{access_token};
}

sub sid ($token) {
    return (Skep::JWT::jwt_parts($token, $skep->key))[1]{sid};
}

sub code ($server, $token) {
    my $res = $server->new_client->request('GET', '/v1/me', token => $token);

    return $res->status == 200 ? 200 : $res->json->{code};
}

sub refused ($server, $token, $timeout = 1) {
    return wait_until($timeout, sub {
        code($server, $token) eq 'token_revoked'
    });
}


for (1 .. 3) {
    my $token = token();

    is(code($other, $token), 200, 'a token');
    $skep->post('/v1/auth/logout', undef, token => $token);
    ok(refused($other, $token), 'the other instance within a second');
}


# in the database by hand

my $token = token();

$skep->pg->execute("UPDATE auth.sessions SET revoked_at = now()
                    WHERE id = '@{[sid($token)]}'");
ok(refused($skep, $token) && refused($other, $token), 'revoked by SQL');


# a transaction that commits late: its time is before the last look

$token = token();

my $session = $skep->pg->session;

$session->hold(<<~"SQL");
    UPDATE auth.sessions SET revoked_at = now() WHERE id = '@{[sid($token)]}'
    SQL
sleep 3;
is(code($skep, $token), 200, 'not yet committed');
$session->send('COMMIT;');
ok(refused($other, $token), 'committed late');
$session->close;


# many at once: more than a page

$skep->pg->execute(<<~"SQL");
    INSERT INTO auth.sessions (id, user_id, expires_at)
    SELECT ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           '@{[$user->id]}', now() + interval '1 day'
    FROM generate_series(1000, 4500) n;

    UPDATE auth.sessions SET revoked_at = now()
    WHERE id BETWEEN '01890000-0000-7000-8000-000000000000'
                 AND '01890000-0000-7000-8000-ffffffffffff';
    SQL

my @tokens = map {
    $skep->token($user, { sid => sprintf '01890000-0000-7000-8000-%012x', $_ })
} 1000, 2000, 3000, 4000, 4500;

for my $server ($skep, $other) {
    ok(refused($server, $_, 2), 'one of many') for @tokens;
}


# PostgreSQL killed in between

$token = token();
$skep->pg->kill_server;
sleep 0.5;
$skep->pg->start;
$skep->pg->execute("UPDATE auth.sessions SET revoked_at = now()
                    WHERE id = '@{[sid($token)]}'");
ok(refused($skep, $token, 3) && refused($other, $token, 3),
   'after PostgreSQL was away');


# the one who asks is killed

$token = token();

my ($worker) = $other->nginx->workers;
kill 'KILL', $worker;
sleep 0.1;
$skep->pg->execute("UPDATE auth.sessions SET revoked_at = now()
                    WHERE id = '@{[sid($token)]}'");
ok(refused($other, $token, 2), 'after a worker died');

$other->{allow_log} = qr/exited on signal 9/;
finish();
