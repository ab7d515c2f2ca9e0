#!/usr/bin/env perl

# What /metrics tells of tokens, logins, password hashes and rate limits.

use v5.36;

use Skep::JWT qw(jwt jwt_keys);
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $limits = <<~'EOT';
    rate_limit_zone $http_x_key zone=three:1m rate=3r/m;
    rate_limit_zone $http_x_key zone=slow:1m rate=5r/s;
    rate_limit_zone $http_x_key zone=redis:1m rate=2r/m redis;
    api_redis_timeout 300ms;
    EOT

my $server = join '', map {
    my ($name, $limit) = @$_;
    "location = /$name { root %%DIR%%; rate_limit $limit; "
    . 'try_files /ok =404; }'
} ['three', 'zone=three'], ['slow', 'zone=slow burst=9'],
  ['redis', 'zone=redis'], ['both', 'zone=three; rate_limit zone=slow'],
  ['dry', 'zone=three; rate_limit_dry_run on'];

my %options = (metrics => 1, redis => 1, http => $limits, server => $server,
               set => { auth_bcrypt_cost => 8 },
               threads => 'threads=1 max_queue=2');
my $skep = skep(%options);
my $user = $skep->user;
my ($before, $after) = ($skep->metrics);

$skep->nginx->write_file('ok', "ok\n");


# Runs the code; then counts() tells by how much a counter grew.

sub meanwhile ($code) {
    $before = $skep->metrics;
    $code->();
    $after = $skep->metrics;
}

sub grew ($name, %labels) {
    return $after->get($name, %labels) - $before->get($name, %labels);
}


# tokens

meanwhile(sub { $user->get('/v1/me') for 1 .. 5; });
is(grew('skep_auth_token_cache_total', result => 'hit')
   + grew('skep_auth_token_cache_total', result => 'miss'), 5,
   'five tokens were looked up');
cmp_ok(grew('skep_auth_token_cache_total', result => 'hit'), '>=', 4,
       'and found but for the first time');

my $other = $skep->user;
my $gone = $skep->login($other);

$gone->post('/v1/auth/logout');

my %refused = (
    missing   => {},
    malformed => { headers => ['Authorization', 'Basic eDp5'] },
    invalid   => { token => 'a.b.c' },
    expired   => { token => $skep->token($user, { exp => time - 10 }) },
    revoked   => { token => $gone->token },
);

for my $reason (sort keys %refused) {
    meanwhile(sub {
        is($skep->get('/v1/me', $refused{$reason}->%*)->status, 401,
           "$reason: refused") for 1 .. 2;
    });

    is(grew('skep_auth_tokens_refused_total', reason => $reason), 2,
       "$reason: is counted");
    is(grew('skep_auth_tokens_refused_total'), 2, 'as nothing else');
}


# logins

sub login ($email, $password, $client = $skep->client) {
    return $client->request('POST', '/v1/auth/login', json => {
        email => $email, password => $password,
    });
}

sub logins ($n, $outcome, $code) {
    meanwhile($code);
    is(grew('skep_auth_logins_total', outcome => $outcome), $n,
       "$n: $outcome");
    is(grew('skep_auth_logins_total'), $n, 'and nothing else');
}

logins(2, 'ok', sub { login($user->email, $user->password) for 1 .. 2; });
logins(2, 'invalid', sub {
    login($user->email, 'wrong password');
    login('nobody@example.com', 'wrong password');
});

$skep->pg->execute(<<~"SQL");
    UPDATE auth.users SET disabled_at = now() WHERE id = '@{[$other->id]}'
    SQL
logins(1, 'disabled', sub { login($other->email, $other->password); });
logins(0, 'invalid', sub {
    is(login('no address', 'x')->status, 422, 'what is no login');
});

# One is hashed and two wait; the others are refused.  One client has gone.
my @clients = map { $skep->new_client } 1 .. 12;

meanwhile(sub {
    $_->send($_->format_request('POST', '/v1/auth/login', json => {
        email => $user->email, password => $user->password,
    })) for @clients;

    ok(wait_until(5, sub {
        ($skep->metrics->get('skep_auth_hash_queue_length') // 0) > 0;
    }), 'hashes wait');

    my %seen;
    $seen{$_->response->status}++ for @clients;

    cmp_ok($seen{503} // 0, '>', 0, 'some were refused');
    is(($seen{503} // 0) + ($seen{200} // 0), 12, 'the others not');
    $_->{seen} = \%seen for @clients;
});

my $seen = $clients[0]{seen};

is(grew('skep_auth_logins_total', outcome => 'busy'), $seen->{503}, 'busy');
is(grew('skep_auth_logins_total', outcome => 'ok'), $seen->{200}, 'ok');
is(grew('skep_auth_hash_refused_total'), $seen->{503}, 'hashes refused');
is($after->get('skep_auth_hash_queue_length'), 0, 'none waits any more');


# limits

sub limited ($zone, %want) {
    for my $outcome (qw(passed delayed limited error)) {
        is(grew('skep_rate_limit_requests_total', zone => $zone,
                outcome => $outcome), $want{$outcome} // 0,
           "$zone: @{[$want{$outcome} // 'not']} $outcome");
    }
}

sub requests ($target, $key, $n) {
    return map { $skep->get($target, plain => 1,
                            headers => ['X-Key', $key])->status } 1 .. $n;
}

meanwhile(sub { requests('/three', 'a', 5) });
limited('three', passed => 3, limited => 2);

meanwhile(sub { requests('/slow', 'a', 3) });
limited('slow', passed => 1, delayed => 2);

meanwhile(sub { requests('/both', 'b', 4) });
limited('three', passed => 3, limited => 1);
limited('slow', passed => 3);

meanwhile(sub {
    is(join(' ', requests('/dry', 'c', 4)), '200 200 200 200', 'a dry run')
});
limited('three', passed => 3, limited => 1);

meanwhile(sub { requests('/redis', 'd', 3) });
limited('redis', passed => 2, limited => 1);

is(join("\n", $after->faults), '', 'the text is well-formed');

$skep->redis->kill_server;
ok(wait_until(5, sub { $skep->metrics->get('skep_redis_up') == 0 }),
   'Redis is away');
meanwhile(sub { requests('/redis', 'd', 3) });
limited('redis', error => 2, limited => 1);


# the database away: nothing is known of a login

logins(1, 'error', sub {
    $skep->pg->freeze;
    is(login($user->email, $user->password,
             $skep->new_client(timeout => 20))->status, 504, 'no answer');
    $skep->pg->thaw;
});


# Tokens of another issuer are of no use here.

my ($rsa) = jwt_keys($skep->dir, 'rsa:2048');

$skep->reconfigure(set => { auth_key => "RS256 $rsa kid=r" });
$skep->reload;

my $file = $skep->nginx->write_file(
    'jwks.json', $skep->get('/.well-known/jwks.json', plain => 1)->body,
);

$skep->reconfigure(set => {}, http => "$limits auth_key_jwks $file "
                   . 'issuer=https://id.example audience=gateway;');
$skep->reload;

meanwhile(sub {
    my $token = jwt({ iss => 'https://id.example', aud => 'gateway',
                      sub => 'x', exp => time + 600 },
                    alg => 'RS256', key => $rsa, header => { kid => 'r' });
    is($skep->get('/v1/me', token => $token)->status, 401, 'refused');
});
is(grew('skep_auth_tokens_refused_total', reason => 'foreign'), 1, 'foreign');

finish();
