#!/usr/bin/env perl

# The limits of conf/nginx.conf: that they are what the documentation says,
# and that an account under attack still opens for its owner.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process;
use Skep::Test;

my $conf = slurp(Skep::Process::source_dir() . '/conf/nginx.conf');

my $zones = join "\n", $conf =~ /^\s*(rate_limit_zone [^;]*;)/mg,
            $conf =~ /^\s*(map \S+\s+\$account_user \{[^}]*\})/m;
my $locations = join "\n", grep { /rate_limit/ }
                $conf =~ /^\s*(location [=~] [^{]*\{[^}]*\})/mg;
my ($root) = $conf =~ m/^\s*location \/ \{[^}]*?(rate_limit [^;]*;)/m;

is(scalar(() = $zones =~ /rate_limit_zone/g), 10, 'ten zones');
is(scalar(() = $locations =~ /location/g), 9, 'nine locations');
ok($root, 'and one for users');

# those of the examples are the same

sub plain ($text) {
    return $text =~ s/^\s*#.*\n//gmr =~ s/\s+/ /gr;
}

my $examples = Skep::Process::source_dir() . '/conf/examples';
my ($same) = $conf =~ /^( *rate_limit_zone \$rate_limit_client.*?)\s*rate_limit_log/ms;

is(plain(slurp("$examples/limits.conf")), plain("\n$same\n"),
   'conf/examples/limits.conf');
is(plain(slurp("$examples/limits-redis.conf")),
   plain("\n$same\n" =~ s/(rate=\w+\/m);/$1 redis;/gr),
   'conf/examples/limits-redis.conf: by several servers together');
is(plain(join "\n", slurp("$examples/limits-locations.conf")
                    =~ /^(location = [^{]*\{[^}]*\})/mg),
   plain($locations =~ s/^location ~.*?\}//gmrs =~ s/\s+\z//r),
   'conf/examples/limits-locations.conf');

my ($members) = $locations =~ /^(location ~.*?\})/ms;

like(plain(slurp(Skep::Process::source_dir() . "/$_")),
     qr/\Q@{[plain($members)]}\E/, "$_: members")
    for 'docs/install.md', map { "conf/examples/$_.conf" }
        qw(all-in-one behind-proxy service-task tls);


my $realip = 'set_real_ip_from 127.0.0.2; real_ip_header X-Forwarded-For;';

sub settings () {
    return (http => "$zones\n$realip", server => $locations,
            location => $root);
}

my $skep = skep(settings());

# for a while there is another address in front that is believed
sub believe () {
    $realip =~ s/127\.0\.0\.2/127.0.0.1/;
    $skep->reconfigure(settings());
    $skep->reload;
}


# nobody is believed

my $res;
my $user = $skep->user;
my $n = 0;

sub post ($call, $json, $from) {
    return $skep->post("/v1/auth/$call", $json,
                       headers => ['X-Forwarded-For', $from]);
}

sub new_user ($from) {
    $n++;
    return post('register', { email => "shipped$n\@example.com",
                              password => 'correct horse', name => 'x' },
                $from);
}

sub login ($user, $password, $from) {
    return post('login', { email => $user->email, password => $password },
                $from);
}

# until the first refusal; how many passed
sub passed ($max, $code) {
    for my $i (0 .. $max) {
        $res = $code->($i);
        return $i if $res->status == 429;
    }

    return $max + 1;
}

# as many as may come at once, and what comes in a second of a busy machine
sub about ($got, $want, $per_second, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($got >= $want && $got <= $want + 3 * $per_second + 1, $name)
        or diag("$got, not $want");
    problem($res, 429, 'rate_limited', "$name: then not any more");
    ok($res->header('Retry-After') >= 1, "$name: Retry-After");
}

# one registered above
about(passed(60, sub ($i) { new_user("192.0.2.$i") }), 30, 0.5,
      'register: 30 r/m, burst 30, by address');
is($res->header('RateLimit-Policy'), '"register";q=31;w=62', 'told so');
believe();


# register

status_is(new_user('192.0.2.1'), 201, 'another address');


# login

about(passed(40, sub ($i) { login($user, 'wrong password', '192.0.2.2') }),
      11, 1 / 6, 'login: 10 r/m, burst 10, by account and address');
status_is(login($user, $user->password, '192.0.2.2'), 429,
          'the right password does not help there');
status_is(login($user, $user->password, '192.0.2.3'), 200,
          'the account opens from elsewhere');
is($skep->client->request('GET', '/livez')->status, 200, '/livez');

# whoever has an IPv6 address has 2^64 of them

about(passed(40, sub ($i) {
          login($user, 'wrong password', sprintf '2001:db8::%x:%x', $i, $i * 7);
      }), 11, 1 / 6, 'login: and by the account and a network of IPv6');
status_is(login($user, 'wrong password', '2001:db8:0:1::'), 401,
          'another network');
status_is(login($user, 'wrong password', '::ffff:192.0.2.2'), 429,
          'IPv4 is the same in IPv6');

about(passed(60, sub ($i) {
          post('login', { email => "nobody$i\@example.com",
                          password => 'wrong password' }, '192.0.2.4');
      }), 21, 0.5, 'login: 30 r/m, burst 20, by address');
is($res->header('RateLimit-Policy'), '"login";q=21;w=42', 'told so');


# password reset

about(passed(20, sub ($i) {
          post('password-reset', { email => "nobody$i\@example.com" },
               '192.0.2.5');
      }), 5, 1 / 12, 'reset: 5 r/m by address');
about(passed(20, sub ($i) {
          post('password-reset', { email => $user->email }, "192.0.2.10$i");
      }), 5, 1 / 12, 'reset: 5 r/m by account');


# refresh

my $token = login($user, $user->password, '192.0.2.3')->json->{refresh_token};

about(passed(90, sub ($i) {
          my $res = post('refresh', { refresh_token => $token }, "192.0.2.$i");
          $token = $res->json->{refresh_token} if $res->status == 200;
          return $res;
      }), 31, 1, 'refresh: 60 r/m, burst 30, by session');


# tokens that are made up

about(passed(200, sub ($i) {
          post('password-reset/confirm', { token => "no$i",
                                           new_password => 'correct horse' },
               '198.51.100.30');
      }), 61, 5, 'confirm: 300 r/m, burst 60, by address');
status_is(post('verify-email', { token => 'no' }, '198.51.100.30'), 429,
          'verify-email is of the same');
about(passed(800, sub ($i) {
          post('refresh', { refresh_token => "no$i" }, '198.51.100.31');
      }), 301, 5, 'refresh: 300 r/m, burst 300, by address');


# a password that is guessed with a token

my $victim = Skep::User->new($skep, new_user('198.51.100.32')->json,
                             { password => 'correct horse' });

about(passed(40, sub ($i) {
          $i % 3 == 0 ? $victim->put('/v1/me/password',
                                     { current_password => "wrong $i horse",
                                       new_password => 'wrong horse' })
          : $i % 3 == 1 ? $victim->delete('/v1/me',
                                          json => { password => "wrong $i" })
          : $victim->patch('/v1/me', { email => 'x@example.com',
                                       current_password => "wrong $i" });
      }), 11, 1 / 6, 'a password again: 10 r/m, burst 10, by user');
status_is($victim->get('/v1/me'), 200, 'who only asks is not limited by it');
status_is($user->put('/v1/me/password', { current_password => 'no such horse',
                                          new_password => 'wrong horse' }),
          401, 'nor is another user');


# who has an account, asked by adding members

my $project = $victim->post('/v1/projects', { name => 'x' })->json->{id};

about(passed(80, sub ($i) {
          $victim->post("/v1/projects/$project/members",
                        { email => "nobody$i\@example.com", role => 'viewer' });
      }), 31, 0.5, 'members: 30 r/m, burst 30, by user');
status_is($victim->get("/v1/projects/$project/members"), 200,
          'who only asks is not limited by it');


# the API

my $client = $skep->new_client;

$client->send($client->format_request('GET', '/v1/me',
                                      token => $user->token) x 400);

my @res = map { $client->response } 1 .. 400;
my $passed = grep { $_->status == 200 } @res;
my ($refused) = grep { $_->status == 429 } @res;

$client->close;
ok($passed >= 201 && $passed < 350, '100 r/s, burst 200, by user')
    or diag($passed);
problem($refused, 429, 'rate_limited', 'then not any more');
is($refused->header('RateLimit-Policy'), '"user";q=201;w=2', 'told so');
status_is(Skep::User->new($skep, new_user('192.0.2.6')->json, {})
          ->get('/v1/tasks'), 200, 'another user');

finish();
