#!/usr/bin/env perl

# Limits by user in front of proxy_pass, next to auth_token; limits without
# any token; and requests whose token is refused.

use v5.36;

use Skep::Test;

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        auth_key HS256 %%DIR%%/../key;

        rate_limit_zone \$auth_user zone=user:1m rate=3r/m;
        rate_limit_zone \$binary_remote_addr\$http_x_from zone=address:1m
                        rate=4r/m;

        server {
            listen 127.0.0.1:%%PORT%%;

            location / {
                auth_token required;
                rate_limit zone=user;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /optional/ {
                auth_token optional;
                rate_limit zone=user;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /both/ {
                auth_token required;
                rate_limit zone=user;
                rate_limit zone=address;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /public/ {
                rate_limit zone=address;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }
        }

        server {
            listen 127.0.0.1:%%PORT:peer%%;

            location / {
                return 200 "the other server";
            }
        }
    }
    EOT

sub token ($n) {
    my $id = sprintf '01890000-0000-7000-8000-%012d', $n;

    return $skep->token(Skep::User->new($skep, { user => { id => $id } }, {}));
}

sub get ($target, $token = undef, $from = '') {
    return $skep->get($target, plain => 1, headers => ['X-From', $from],
                      token => $token);
}


# by user

my $res;

for my $left (2, 1, 0) {
    $res = get('/', token(1));
    status_is($res, 200, 'a user');
    like($res->header('RateLimit'), qr/\A"user";r=$left;t=\d+\z/,
         "has $left left");
}

$res = get('/', token(1));
problem($res, 429, 'rate_limited', 'and then is refused');
is($res->header('WWW-Authenticate'), undef, 'without a challenge');
ok($res->header('Retry-After') >= 19, 'with Retry-After');
status_is(get('/optional/', token(1)), 429, 'in another location, too');
status_is(get('/', token(2)), 200, 'another user is not');

# nobody has no limit by user
status_is(get('/optional/'), 200, "nobody, $_") for 1 .. 5;
is(get('/optional/')->header('RateLimit'), undef, 'and is not told of one');
problem(get('/'), 401, 'token_missing', "no token, $_") for 1 .. 5;


# by address: a refused token counts, too

problem(get('/both/', undef, 'a'), 401, 'token_missing', 'no token');
$res = get('/both/', 'x', 'a');
problem($res, 401, 'token_invalid', 'a bad token');
like($res->header('RateLimit'), qr/\A"address";r=2;/, 'counts by address');
problem(get('/both/', 'x', 'a'), 401, 'token_invalid', 'a bad token')
    for 1, 2;
$res = get('/both/', 'x', 'a');
problem($res, 429, 'rate_limited', 'who tries too many is told to wait');
is($res->header('WWW-Authenticate'), undef, 'and not to log in');
status_is(get('/both/', token(3), 'a'), 429, 'a good one does not help now');
$res = get('/both/', token(3), 'b');
status_is($res, 200, 'from elsewhere it is good');
like($res->header('RateLimit'), qr/\A"user";r=2;t=\d+, "address";r=3;t=\d+\z/,
     'and nothing was taken before');


# without auth_token

for my $left (3, 2, 1, 0) {
    $res = get('/public/', undef, 'c');
    status_is($res, 200, 'public');
    like($res->header('RateLimit'), qr/\A"address";r=$left;t=\d+\z/,
         "$left are left");
}

problem(get('/public/', undef, 'c'), 429, 'rate_limited', 'and then none');

finish();
