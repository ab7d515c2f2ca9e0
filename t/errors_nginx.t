#!/usr/bin/env perl

# The errors that nginx makes itself are problems, too, where api_errors is on;
# elsewhere they stay as they were.

use v5.36;

use Skep::Test;

my $skep = skep(
    server => <<~'EOT',
        client_header_timeout 1s;
        client_body_timeout 1s;

        location /files/ {
            alias %%DIR%%/files/;
        }

        location /denied/ {
            deny all;
        }

        location /pages/ {
            api_errors off;
            alias %%DIR%%/files/;
        }

        location /return/ {
            location /return/503 { return 503; }
            location /return/500 { return 500; }
            location /return/418 { return 418; }
            location /return/text { return 404 "a text of the operator"; }
            location /return/moved { return 302 /elsewhere; }
        }

        location /page/ {
            error_page 404 = /custom;
            alias %%DIR%%/files/;
        }

        location = /custom {
            return 200 "a page of the operator";
        }

        location /down/ {
            proxy_pass http://127.0.0.1:%%PORT:nobody%%;
        }
        EOT
    servers => <<~'EOT',
        server {
            listen 127.0.0.1:%%PORT:plain%%;
            root %%DIR%%/files;
        }
        EOT
);
my $user = $skep->user;

mkdir $skep->nginx->file('files');
$skep->nginx->write_file('files/here', 'here');


# Sends bytes on a connection of its own; the response.

sub raw ($bytes, %o) {
    my $client = $skep->new_client;

    $client->send($bytes);
    my $res = $client->response(%o);
    $skep->check($res, $o{method} // 'GET');
    $client->close;

    return $res;
}

my $host = 'Host: localhost';


# the request line

problem(raw("nonsense\r\n\r\n"), 400, 'bad_request', 'no request line');
problem(raw("G\@T / HTTP/1.1\r\n$host\r\n\r\n"), 400, 'bad_request',
        'a bad method');
status_is(raw("GET / HTTP/9.9\r\n$host\r\n\r\n"), 505, 'a version to come');
problem(raw("GET /livez FTP/1.1\r\n$host\r\n\r\n"), 400, 'bad_request',
        'another protocol');
problem(raw("GET /%zz HTTP/1.1\r\n$host\r\n\r\n"), 400, 'bad_request',
        'a bad escape in the path');
problem(raw("GET /%00 HTTP/1.1\r\n$host\r\n\r\n"), 400, 'bad_request',
        'a NUL in the path');
problem(raw("GET /../../etc/passwd HTTP/1.1\r\n$host\r\n\r\n"), 400,
        'bad_request', 'out of the root');
problem(raw('GET /' . 'x' x 20000 . " HTTP/1.1\r\n$host\r\n\r\n"), 414,
        'uri_too_long', 'a long URI');


# the header

problem(raw("GET /livez HTTP/1.1\r\n\r\n"), 400, 'bad_request', 'no Host');
problem(raw("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n"), 400, 'bad_request',
        'a bad Host');
problem(raw("GET /livez HTTP/1.1\r\n$host\r\n$host\r\n\r\n"), 400,
        'bad_request', 'two Host');
problem(raw("POST /v1/tasks HTTP/1.1\r\n$host\r\nContent-Length: x\r\n\r\n"),
        400, 'bad_request', 'a bad Content-Length');
problem(raw("POST /v1/tasks HTTP/1.1\r\n$host\r\nContent-Length: -1\r\n\r\n"),
        400, 'bad_request', 'a negative Content-Length');
problem(raw("POST /v1/tasks HTTP/1.1\r\n$host\r\nContent-Length: 2\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n"),
        400, 'bad_request', 'Content-Length beside Transfer-Encoding');
problem(raw("POST /v1/tasks HTTP/1.1\r\n$host\r\n"
            . "Transfer-Encoding: gzip\r\n\r\n"),
        501, 'not_implemented', 'a coding that is not known');
problem(raw("GET /livez HTTP/1.1\r\n$host\r\nX: " . 'x' x 20000 . "\r\n\r\n"),
        431, 'header_fields_too_large', 'a long header line');
problem(raw("GET /livez HTTP/1.1\r\n$host\r\n"
            . join('', map { "X-$_: " . 'x' x 4000 . "\r\n" } 1 .. 12)
            . "\r\n"),
        431, 'header_fields_too_large', 'many header lines');


# the time: a header that does not come is not answered, a body is

my $client = $skep->new_client;

$client->send("GET /livez HTTP/1.1\r\nHost: ");
ok($client->closed_by_peer, 'a header that never ends is hung up on');
$client->close;

my $slow = $skep->new_client;

$slow->send($slow->format_request('POST', '/v1/tasks', token => $user->token,
                                  type => 'application/json', body => '{',
                                  headers => ['Content-Length', 20]));
my $res = eval { $slow->response(eof => 1) };
ok(!$res || $res->status == 408, 'nor is a body waited for');
problem($res, 408, 'request_timeout', 'and if that is told, by a problem')
    if $res;


# paths and methods

problem($skep->get($_), 404, 'not_found', "GET $_")
    for '/', '/nowhere', '/v1', '/v1/', '/v1/tasks/', '/v1/task',
        '/v1/tasks/1', '/v1/tasks/' . nobody . '/', '/v1/tasks/x/complete',
        '/v1/tasks/' . nobody . '/complete/x', '/V1/tasks', '/v1/TASKS',
        '/v1/tasks/%7B' . nobody . '%7D', '/v1/tasks/' . nobody =~ s/-//gr,
        '/v1/tasks/' . nobody . 'a', '/livez/',
        '/a/b/c/d/e/f/g/h/i/j/k/l/m';

sub not_allowed ($method, $target, $allow, %o) {
    my $res = $user->request($method, $target, %o);

    problem($res, 405, 'method_not_allowed', "$method $target");
    is($res->header('Allow'), $allow, "$method $target: Allow");
}

my $task = '/v1/tasks/' . nobody;

not_allowed('DELETE', '/v1/tasks', 'GET, HEAD, POST, OPTIONS');
not_allowed('PUT', '/v1/tasks', 'GET, HEAD, POST, OPTIONS', json => {});
not_allowed('POST', $task, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS');
not_allowed('GET', "$task/complete", 'POST, OPTIONS');
not_allowed('POST', '/livez', 'GET, HEAD, OPTIONS');
not_allowed('POST', '/v1/me', 'GET, HEAD, PATCH, DELETE, OPTIONS');
not_allowed($_, '/v1/tasks', 'GET, HEAD, POST, OPTIONS')
    for qw(PROPFIND MKCOL COPY LOCK BREW X);

my $head = $skep->head('/v1/auth/login');
status_is($head, 405, 'HEAD where GET is not');
is($head->header('Allow'), 'POST, OPTIONS', 'HEAD: Allow');

status_is(raw("TRACE /v1/tasks HTTP/1.1\r\n$host\r\n\r\n"), 405, 'TRACE');

for my $case (['/v1/tasks', 'GET, HEAD, POST, OPTIONS'],
              ["$task/reopen", 'POST, OPTIONS'],
              ['/v1/auth/register', 'POST, OPTIONS'],
              ['/readyz', 'GET, HEAD, OPTIONS'])
{
    my $res = $skep->request('OPTIONS', $case->[0]);

    status_is($res, 204, "OPTIONS $case->[0], without a token");
    is($res->header('Allow'), $case->[1], "OPTIONS $case->[0]: Allow");
}

problem($skep->request('OPTIONS', '/nowhere'), 404, 'not_found',
        'OPTIONS of what is not there');


# HEAD of an error has its header, and no body

$head = $skep->head('/nowhere');
status_is($head, 404, 'HEAD of an error');
is($head->header('Content-Type'), 'application/problem+json', 'has its type');
cmp_ok($head->header('Content-Length'), '>', 100, 'and its length');
status_is($skep->get('/livez'), 200, 'the connection is fit for more');


# HTTP/1.0

$res = raw("GET /livez HTTP/1.0\r\n\r\n");
status_is($res, 200, 'HTTP/1.0');
is($res->header('Transfer-Encoding'), undef, 'has no chunks');

$res = raw("GET /nowhere HTTP/1.0\r\n\r\n");
problem($res, 404, 'not_found', 'HTTP/1.0, an error');

$res = raw("GET /v1/tasks HTTP/1.0\r\nConnection: keep-alive\r\n"
           . "Authorization: Bearer @{[$user->token]}\r\n\r\n");
status_is($res, 200, 'HTTP/1.0, kept alive');
like($res->header('Connection'), qr/keep-alive/i, 'as asked for');


# other content of the server

status_is($skep->get('/files/here', plain => 1), 200, 'a file is a file');
problem($skep->get('/files/missing'), 404, 'not_found', 'a missing file');
problem($skep->request('POST', '/files/here', body => 'x'), 405,
        'method_not_allowed', 'POST to a file');
problem($skep->get('/denied/'), 403, 'forbidden', 'a place that is denied');
problem($skep->get('/return/500'), 500, 'internal_error', 'return 500');
problem($skep->get('/return/503'), 503, 'service_unavailable', 'return 503');
problem($skep->get('/down/'), 502, 'bad_gateway',
        'a server behind that is down');
is($skep->get('/return/text', plain => 1)->body, 'a text of the operator',
   'return with a text');
status_is($skep->get('/return/moved', plain => 1), 302, 'a redirect');
is($skep->get('/page/missing', plain => 1)->body, 'a page of the operator',
   'error_page');
problem($skep->request('POST', '/files/here', body => 'x' x 70000), 413,
        'payload_too_large', 'a body over the limit');

my $range = $skep->get('/files/here', plain => 1,
                       headers => ['Range', 'bytes=100-']);
status_is($range, 416, 'a range that is not there');


# where api_errors is off, nothing changes

for my $case (['/pages/missing', 404], ['/pages/', 403]) {
    $res = $skep->get($case->[0], plain => 1);
    status_is($res, $case->[1], "api_errors off: $case->[0]");
    like($res->header('Content-Type'), qr{^text/html}, 'a page of nginx');
    like($res->body, qr/<html>/, 'as it always was');
    is($res->header('X-Request-ID'), undef, 'without a header of ours');
}

my $plain = Skep::Client->new(port => $skep->port('plain'));

$res = $plain->request('GET', '/missing');
status_is($res, 404, 'a server without us');
like($res->body, qr/<html>/, 'is as it was');
is($res->header('X-Content-Type-Options'), undef, 'without a header of ours');
is($plain->request('GET', '/here')->body, 'here', 'its files, too');
$plain->send("nonsense\r\n\r\n");
like($plain->response->body, qr/<html>/, 'and its 400');
$plain->close;

finish();
