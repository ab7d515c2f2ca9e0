#!/usr/bin/env perl

# api_cors: which pages may read which answers, and what preflights are told.

use v5.36;

use Skep::Client;
use Skep::Test;

my $app = 'https://app.example';
my $local = 'http://localhost:3000';
my $exposed = 'ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, '
              . 'X-Request-ID, Idempotent-Replayed';
my $sent = 'Authorization, Content-Type, If-Match, If-None-Match, '
           . 'Idempotency-Key, X-Request-ID, Last-Event-ID, traceparent, tracestate';

my $skep = skep(
    redis  => 1,
    http   => <<~"EOT",
        api_cors $app $local http://[::1]:8080 app://skep;
        rate_limit_zone \$auth_user zone=user:1m rate=1r/h;
        limit_req_zone \$server_name zone=slow:1m rate=1r/m;
        EOT
    server => <<~'EOT',
        location /files/ {
            alias %%DIR%%/files/;
        }

        location /proxied/ {
            auth_token required;
            proxy_pass http://127.0.0.1:%%PORT:upstream%%/;
            proxy_buffering off;
        }

        location /open/ {
            proxy_pass http://127.0.0.1:%%PORT:upstream%%/;
        }

        location /down/ {
            proxy_pass http://127.0.0.1:%%PORT:nobody%%;
        }

        location = /limited {
            auth_token required;
            rate_limit zone=user;
            proxy_pass http://127.0.0.1:%%PORT:upstream%%/plain;
        }

        location /denied/ {
            deny all;
            limit_req zone=slow;
            alias %%DIR%%/files/;
        }

        location /returned/ {
            return 204;
        }

        location /off/ {
            api_cors off;
            alias %%DIR%%/files/;
        }

        location /other/ {
            api_cors https://other.example;
            alias %%DIR%%/files/;
        }

        location /zipped/ {
            alias %%DIR%%/files/;
            gzip on;
            gzip_vary on;
            gzip_types *;
            gzip_min_length 1;
        }
        EOT
    servers => <<~'EOT',
        server {
            listen 127.0.0.1:%%PORT:upstream%%;
            api_cors off;

            location /plain {
                return 200 "plain";
            }

            location /own {
                add_header Access-Control-Allow-Origin *;
                add_header Access-Control-Allow-Credentials true;
                add_header Access-Control-Expose-Headers X-Own;
                add_header X-Own kept;
                return 200 "own";
            }

            location /vary {
                add_header Vary "Accept, Accept-Language";
                return 200 "vary";
            }

            location /star {
                add_header Vary "*";
                return 200 "star";
            }

            location /origin {
                add_header Vary "Accept,origin";
                return 200 "origin";
            }

            location /original {
                add_header Vary "X-Original";
                return 200 "original";
            }

            location /options {
                add_header X-Method $request_method;
                return 200 "upstream";
            }

            location /large {
                root %%DIR%%;
            }
        }
        EOT
);
my $user = $skep->user;

mkdir $skep->nginx->file($_) for 'files', 'large';
$skep->nginx->write_file('files/here', 'here');
$skep->nginx->write_file('large/file', 'x' x 3_000_000);


sub ask ($method, $target, %o) {
    my $headers = delete $o{headers} // [];
    my @origins = exists $o{origin} ? delete $o{origin} : $app;

    @origins = $origins[0]->@* if ref $origins[0];

    return $skep->request($method, $target, %o, headers => [
        @$headers, map { ('Origin', $_) } grep { defined } @origins
    ]);
}

sub cors ($res) {
    return { $res->head =~ /^(Access-Control-[^:]+): (.*)\r$/gmi };
}

# an answer that the page may read
sub readable ($res, $status, $name, $origin = $app) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    status_is($res, $status, $name);
    is_deeply(cors($res), { 'Access-Control-Allow-Origin' => $origin,
                            'Access-Control-Expose-Headers' => $exposed },
              "$name: readable");
    is(scalar $res->headers('Access-Control-Allow-Origin'), 1, 'said once');
    like($res->header('Vary') // '', qr/(?:^|, ?)origin\b/i, 'Vary');
}

# an answer that says nothing of origins, but that it depends on them
sub closed ($res, $status, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    status_is($res, $status, $name);
    is_deeply(cors($res), {}, "$name: not readable");
    is($res->header('Vary'), 'Origin', "$name: Vary all the same");
}


# who may read

my @token = (token => $user->token);

readable(ask('GET', '/v1/me', @token), 200, 'an origin');
readable(ask('GET', '/v1/me', @token, origin => $_), 200, $_, $_)
    for $local, 'http://[::1]:8080', 'app://skep';

for my $origin (
    'null', '*', '', 'https://app.example/', 'https://app.example:443',
    'http://app.example', 'https://APP.example', 'HTTPS://app.example',
    'https://app.example.evil.example', 'https://evil.example',
    'https://xapp.example', 'https://sub.app.example', 'app.example',
    'https://app.exampl', 'http://localhost', 'http://localhost:30000',
    'http://localhost:300', "$app $local", "$app, $local", "$app,",
    'https://other.example',
) {
    closed(ask('GET', '/v1/me', @token, origin => $origin), 200,
           "origin \"$origin\"");
}

closed(ask('GET', '/v1/me', @token, origin => undef), 200, 'no origin');
closed(ask('GET', '/v1/me', @token, origin => [$app, $app]), 200,
       'the origin twice');
closed(ask('GET', '/v1/me', @token, origin => [$app, 'https://evil.example']),
       200, 'two origins');


# every kind of answer

my $res = ask('POST', '/v1/tasks', @token, json => { title => 'One' });
my $path = $res->header('Location');

readable($res, 201, 'POST');
readable(ask('GET', $path, @token), 200, 'GET');
readable(ask('HEAD', $path, @token), 200, 'HEAD');
readable(ask('GET', $path, @token, headers => ['If-None-Match', '"1"']), 304,
         'a 304');
readable(ask('PATCH', $path, @token, json => { title => 'Two' }), 200,
         'PATCH');
readable(ask('PATCH', $path, @token, json => { title => '' }), 422, 'a 422');
readable(ask('PATCH', $path, @token, json => { title => 'x' },
             headers => ['If-Match', '"1"']), 412, 'a 412');
readable(ask('GET', '/v1/tasks?limit=1', @token), 200, 'a list');
readable(ask('GET', '/v1/tasks?limit=0', @token), 400, 'a 400');
readable(ask('DELETE', $path, @token), 204, 'DELETE');
readable(ask('GET', $path, @token), 404, 'a 404');
readable(ask('GET', '/nowhere'), 404, 'no such path');
readable(ask('DELETE', '/v1/tasks', @token), 405, 'a 405');
readable(ask('OPTIONS', '/v1/tasks'), 204, 'OPTIONS that is no preflight');
readable(ask('GET', '/v1/me'), 401, 'no token');
readable(ask('GET', '/v1/me', token => 'x'), 401, 'a bad token');
readable(ask('GET', '/livez'), 200, 'without a token');
readable(ask('POST', '/v1/tasks', @token, body => 'x', type => 'text/plain'),
         415, 'a 415');
readable(ask('POST', '/v1/tasks', @token, body => 'x' x 70000), 413, 'a 413');

# nginx's own errors

sub raw ($bytes) {
    my $client = $skep->new_client;

    $client->send($bytes);
    my $res = $client->response;
    $client->close;

    return $res;
}

readable(raw("GET /livez HTTP/1.1\r\nOrigin: $app\r\n\r\n"), 400, 'no Host');
readable(raw("GET /livez HTTP/1.1\r\nHost: x\r\nOrigin: $app\r\n"
             . 'X: ' . 'x' x 20000 . "\r\n\r\n"), 431, 'a long header');
closed(raw("nonsense\r\n\r\n"), 400, 'no request at all');
closed(raw('GET /' . 'x' x 20000 . " HTTP/1.1\r\n"
           . "Host: x\r\nOrigin: $app\r\n\r\n"), 414,
       'a line that is too long for its headers to be read');
readable(ask('GET', '/down/'), 502, 'a 502');
readable(ask('GET', '/files/missing'), 404, 'a missing file');

# other content
readable(ask('GET', '/files/here', plain => 1), 200, 'a file');
readable(ask('GET', '/files/here', plain => 1,
             headers => ['If-None-Match',
                         $skep->get('/files/here', plain => 1)
                              ->header('ETag')]), 304, 'a file, unchanged');
readable(ask('GET', '/files/here', plain => 1,
             headers => ['Range', 'bytes=1-2']), 206, 'a part of a file');
readable(ask('GET', '/files/here', plain => 1,
             headers => ['Range', 'bytes=100-']), 416, 'a 416');


# of an upstream server

readable(ask('GET', '/proxied/plain', @token, plain => 1), 200, 'upstream');
readable(ask('GET', '/proxied/plain'), 401, 'upstream, no token');
readable(ask('HEAD', '/proxied/plain', @token, plain => 1), 200,
         'upstream, HEAD');
$res = ask('GET', '/proxied/large/file', @token, plain => 1);
readable($res, 200, 'upstream, much');
is(length $res->body, 3_000_000, 'it is whole');
readable(ask('GET', '/proxied/missing', @token, plain => 1), 404,
         'upstream, 404');

$res = ask('GET', '/proxied/own', @token, plain => 1);
readable($res, 200, 'upstream with a policy of its own');
is($res->header('X-Own'), 'kept', 'other headers of it stay');
closed(ask('GET', '/proxied/own', @token, plain => 1,
           origin => 'https://evil.example'), 200,
       'its policy opens nothing');

sub vary ($target, $vary) {
    for my $origin ($app, 'https://evil.example', undef) {
        my $res = ask('GET', $target, plain => 1, origin => $origin,
                      headers => ['Accept-Encoding', 'gzip']);

        is($res->header('Vary'), $vary,
           "$target: Vary, with " . ($origin // 'no origin'));
    }
}

vary('/open/plain', 'Origin');
vary('/open/vary', 'Accept, Accept-Language, Origin');
vary('/open/star', '*');
vary('/open/origin', 'Accept,origin');
vary('/open/original', 'X-Original, Origin');

$res = ask('GET', '/zipped/here', plain => 1,
           headers => ['Accept-Encoding', 'gzip']);
is_deeply([sort { $a cmp $b } $res->headers('Vary')],
          ['Accept-Encoding', 'Origin'], 'with gzip_vary');


# the limit: 429 is readable, preflights are not counted

my @preflight = (headers => ['Access-Control-Request-Method', 'GET',
                             'Access-Control-Request-Headers',
                             'authorization']);

status_is(ask('OPTIONS', '/limited', @preflight, plain => 1), 204,
          'a preflight before the limit') for 1 .. 3;
readable(ask('GET', '/limited', @token, plain => 1), 200,
         'within the limit');
$res = ask('GET', '/limited', @token);
readable($res, 429, 'above the limit');
ok($res->header('Retry-After'), 'with Retry-After');
status_is(ask('OPTIONS', '/limited', @preflight, plain => 1), 204,
          'a preflight above the limit');


# preflights

sub preflight ($target, $methods, $headers, %o) {
    my $asks = delete $o{asks} // 'PATCH';
    my $name = delete $o{name} // "preflight of $target for $asks";
    my $origin = $o{origin} // $app;
    my $res = ask('OPTIONS', $target, plain => $o{plain}, origin => $origin,
                  headers => ['Access-Control-Request-Method', $asks,
                              'Access-Control-Request-Headers',
                              $o{headers} // 'authorization,if-match',
                              ($o{more} // [])->@*]);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    status_is($res, 204, $name);
    is_deeply(cors($res), { 'Access-Control-Allow-Origin' => $origin,
                            'Access-Control-Allow-Methods' => $methods,
                            'Access-Control-Allow-Headers' => $headers,
                            'Access-Control-Max-Age' => 7200 },
              "$name: what is allowed");
    is($res->header('Vary'), 'Origin', "$name: Vary");
    is($res->body, '', "$name: no body");

    return $res;
}

my $task = '/v1/tasks/' . nobody;
my $every = 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS';

$res = preflight($task, $every, $sent);
is($res->header('Allow'), $every, 'Allow, as for any OPTIONS');
preflight($task, $every, $sent, origin => $local);
preflight('/v1/tasks', 'GET, HEAD, POST, OPTIONS', $sent, asks => 'POST');
preflight("$task/complete", 'POST, OPTIONS', $sent, asks => 'POST');
preflight('/v1/auth/login', 'POST, OPTIONS', $sent, asks => 'POST');
preflight('/v1/tasks?limit=0', 'GET, HEAD, POST, OPTIONS', $sent);
preflight($task, $every, $sent, asks => 'PROPFIND',
          name => 'for a method that is not there');
preflight($task, $every, $sent, headers => 'x-unknown',
          name => 'for a header that is not known');
preflight($task, $every, $sent, more => ['Authorization', 'Bearer x'],
          name => 'with a bad token');
preflight('/v1/tasks/1', 'PATCH', $sent,
          name => 'of a path that is not there');

# elsewhere, what is asked for
preflight('/proxied/options', 'PATCH', 'authorization,if-match', plain => 1);
preflight('/proxied/options', 'LOCK', 'x-a, X-B_2', plain => 1,
          asks => 'LOCK', headers => 'x-a, X-B_2');
preflight('/files/here', 'GET', 'authorization,if-match', plain => 1,
          asks => 'GET');
preflight('/denied/here', 'GET', 'authorization,if-match', plain => 1,
          asks => 'GET') for 1 .. 2;
readable(ask('GET', '/denied/here'), 403, 'deny');
readable(ask('GET', '/denied/here'), 503, 'limit_req');
preflight('/proxied/options', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
          $sent, plain => 1, asks => 'a;b', headers => 'x="y"',
          name => 'that asks for no name');

# "return" comes before
readable(ask('OPTIONS', '/returned/', plain => 1,
             headers => ['Access-Control-Request-Method', 'PATCH']), 204,
         'return');

# what is none
my @asks = ('Access-Control-Request-Method', 'PATCH');

$res = ask('OPTIONS', $task, headers => \@asks,
           origin => 'https://evil.example');
closed($res, 204, 'a preflight of another origin');
is($res->header('Allow'), $every, 'is told what any OPTIONS is');
closed(ask('OPTIONS', $task, headers => \@asks, origin => 'null'), 204,
       'a preflight of no origin');
closed(ask('OPTIONS', '/proxied/options', headers => \@asks,
           origin => 'https://evil.example'), 401,
       'one of another origin to a server behind');
readable(ask('OPTIONS', '/proxied/options', plain => 1), 401,
         'an OPTIONS without a method that it asks for');
$res = ask('OPTIONS', '/proxied/options', plain => 1, @token);
readable($res, 200, 'with a token it reaches the server behind');
is($res->body, 'upstream', 'as always');
readable(ask('GET', $task, @token, headers => \@asks), 404,
         'no OPTIONS: no preflight');

# the connection goes on after one with a body
my $client = $skep->new_client;

$client->send("OPTIONS $task HTTP/1.1\r\nHost: x\r\nOrigin: $app\r\n"
              . "Access-Control-Request-Method: PUT\r\n"
              . "Content-Length: 5\r\n\r\n12345"
              . "GET /livez HTTP/1.1\r\nHost: x\r\nOrigin: $app\r\n\r\n");
status_is($client->response, 204, 'a preflight with a body');
readable($client->response, 200, 'the next request');
$client->close;


# inheritance

$res = ask('GET', '/off/here', plain => 1);
is_deeply([cors($res), $res->header('Vary')], [{}, undef], 'api_cors off');
status_is(ask('OPTIONS', '/off/here', plain => 1, headers => \@asks), 405,
          'and no preflight');
closed(ask('GET', '/other/here', plain => 1), 200, 'a location of its own');
readable(ask('GET', '/other/here', plain => 1,
             origin => 'https://other.example'), 200,
         'that names another', 'https://other.example');


# faults of the configuration

sub refused ($value, $says) {
    $skep->reconfigure(http => "api_cors $value;", server => '', servers => '');
    my ($ok, $out) = $skep->nginx->test_configuration;

    ok(!$ok, "api_cors $value: nginx -t fails");
    like($out, qr/\[emerg\].*$says.* in .*:\d+/, 'and says why');
}

sub passes ($value) {
    $skep->reconfigure(http => "api_cors $value;", server => '', servers => '');
    my ($ok, $out) = $skep->nginx->test_configuration;

    ok($ok, "api_cors $value") or diag($out);
}

refused('', 'invalid number of arguments');
refused("$app; api_cors $local", 'is duplicate');
refused('off; api_cors off', 'is duplicate');
refused('*', 'each has to be named');
refused("$app *", 'each has to be named');
refused('null', 'any page can send that');
refused("$app off", '"off" is no origin');
refused($_, "\"\Q$_\E\" is no origin .* it must be scheme://host")
    for qw(app.example app.example:443 //app.example https:app.example
           https:/app.example ://app.example 1http://a https:// ht_tp://a);
refused($_, 'lower case') for qw(HTTPS://app.example https://App.example);
refused($_, 'without a path or a slash')
    for qw(https://app.example/ https://app.example/path
           https://app.example?x https://app.example:8443/
           https://app.example:8443/x);
refused('"https://app.example#x"', 'without a path or a slash');
refused($_, 'no host')
    for qw(https://:80 https:///x https://[::1 https://[] https://[xyz]
           https://*.app.example), "https://b\xc3\xbccher.example";
refused($_, 'character that no host has')
    for qw(https://app*.example https://user@app.example), "https://a\xc3\xbc";
refused('https://app.example:443', "scheme's own");
refused('http://app.example:80', "scheme's own");
refused("https://app.example:$_", 'a number from 1 to 65535')
    for '', '0', '65536', '080', 'x', '1x', '-1', '99999999999999999999';
passes($_) for 'off', "$app $local", 'http://127.0.0.1:5173',
    'https://[2001:db8::1]', 'https://[2001:db8::1]:8443',
    'https://xn--bcher-kva.example', 'https://app.example:80',
    'http://app.example:443', 'chrome-extension://abcdefgh',
    'capacitor://localhost', 'https://a-b_c.example:65535';

finish();
