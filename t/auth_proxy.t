#!/usr/bin/env perl

# auth_token in front of proxy_pass: the module by itself protects another
# server, and tells it who is calling.  No PostgreSQL, no other module's routes.

use v5.36;


use Skep::Test;

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        auth_key HS256 %%DIR%%/../key;

        server {
            listen 127.0.0.1:%%PORT%%;

            location / {
                auth_token required;
                api_errors on;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
                proxy_set_header X-User \$auth_user;
                proxy_set_header X-Role \$auth_role;
                proxy_set_header X-Session \$auth_session;
            }

            location /html/ {
                auth_token required;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /optional/ {
                auth_token optional;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
                proxy_set_header X-User \$auth_user;
            }

            location /down/html/ {
                auth_token required;
                proxy_pass http://127.0.0.1:%%PORT:nobody%%;
            }

            location /down/ {
                auth_token required;
                api_errors on;
                proxy_pass http://127.0.0.1:%%PORT:nobody%%;
            }
        }

        server {
            listen 127.0.0.1:%%PORT:peer%%;

            location / {
                add_header X-Saw-User "\$http_x_user";
                add_header X-Saw-Role "\$http_x_role";
                add_header X-Saw-Session "\$http_x_session";
                return 200 "the other server: \$request_uri";
            }

            location = /html/missing {
                return 404;
            }

            location = /missing {
                return 404 "not here";
            }
        }
    }
    EOT

my $user = Skep::User->new($skep, { user => { id => nobody } }, {});
my $token = $skep->token($user, { role => 'editor' });


sub get ($target, %o) { return $skep->get($target, plain => 1, %o) }


my $res = get('/a/b?c=d', token => $token);

status_is($res, 200, 'with a token');
is($res->body, 'the other server: /a/b?c=d', 'the other server answers');
is($res->header('X-Saw-User'), nobody, 'it is told $auth_user');
is($res->header('X-Saw-Role'), 'editor', '$auth_role');
is($res->header('X-Saw-Session'), '01890000-0000-7000-8000-000000000001',
   'and $auth_session');

$res = get('/a', token => $token, headers => ['X-User', 'root']);
is($res->header('X-Saw-User'), nobody, 'a client cannot say who it is');

$res = get('/a');
problem($res, 401, 'token_missing', 'without a token');
like($res->header('WWW-Authenticate'), qr/\ABearer realm="[^"]+"\z/,
     'the challenge');
is($res->header('X-Saw-User'), undef, 'the other server was not asked');

problem(get('/a', token => 'x'), 401, 'token_invalid', 'a bad token');
problem(get('/a', token => $skep->token($user, { exp => 1 })), 401,
        'token_expired', 'an old token');

status_is(get('/', token => $token), 200, 'the root');
status_is($skep->request('POST', '/a', plain => 1, token => $token,
                         body => 'x' x 100000), 200, 'a body goes through');
problem($skep->request('POST', '/a', plain => 1, body => 'x' x 100000), 401,
        'token_missing', 'a body does not help');

# what the other server says of its own stays as it is
$res = get('/missing', token => $token);
status_is($res, 404, 'an error of the other server');
is($res->body, 'not here', 'is passed on as it is');

# a refusal is a problem without api_errors, too; nginx's own errors are not
$res = get('/html/x');
problem($res, 401, 'token_missing', 'without api_errors');
like($res->header('WWW-Authenticate'), qr/\ABearer /, 'with the challenge');

$res = get('/optional/x');
status_is($res, 200, 'optional, without a token');
is($res->header('X-Saw-User'), undef, 'nobody');
is(get('/optional/x', token => $token)->header('X-Saw-User'), nobody,
   'optional, with one');
status_is(get('/optional/x', token => 'x'), 401, 'optional, with a bad one');

problem(get('/down/x', token => $token), 502, 'bad_gateway',
        'the other server is down');
$res = get('/down/html/x', token => $token);
status_is($res, 502, 'without api_errors');
like($res->header('Content-Type'), qr{^text/html}, 'that is a page of nginx');
problem(get('/down/x'), 401, 'token_missing', 'that is not told to everybody');

finish();
