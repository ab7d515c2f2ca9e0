#!/usr/bin/env perl

# Requests that are not quite HTTP: each is answered for certain, what is
# ambiguous ends its connection, and no byte of one is taken for another request.

use v5.36;

use Skep::Raw qw(answered);
use Skep::Test;

my $skep = skep(access_log => 1);
my $user = $skep->user;
my $task = $user->task(title => 'Read');
my $path = "/v1/tasks/$task->{id}";

my $host = "Host: localhost\r\n";
my $auth = 'Authorization: Bearer ' . $user->token . "\r\n";
my $type = "Content-Type: application/json\r\n";
my $json = '{"title":"Written"}';
my $length = length $json;
my $size = sprintf '%x', $length;
my $chunks = "$size\r\n$json\r\n0\r\n\r\n";
my $written = 0;


# A task written by a request with these headers and this body; who reads on
# where another request begins finds one.

sub writes ($name, $want, $headers, $body, %o) {
    my ($res) = answered($skep, $name, $want, "POST /v1/tasks HTTP/1.1\r\n"
                         . "$host$auth$type$headers\r\n$body", %o);

    $written++ if $res && $res->status == 201;
}

sub reads ($name, $want, $headers, %o) {
    return answered($skep, $name, $want, "GET $path HTTP/1.1\r\n$host$auth"
                    . "$headers\r\n", %o);
}


# what is well-formed, in one piece and in many

for my $pieces (1, 7, 50) {
    writes("a length, in $pieces pieces", '201 open',
           "Content-Length: $length\r\n", $json, pieces => $pieces);
    writes("chunks, in $pieces pieces", '201 open',
           "Transfer-Encoding: chunked\r\n", $chunks, pieces => $pieces);
}

writes('zeros before a length', '201 open', "Content-Length: 000$length\r\n",
       $json);
writes('chunked in capitals', '201 open', "Transfer-Encoding: CHUNKED\r\n",
       $chunks);
writes('a chunk for each byte', '201 open', "Transfer-Encoding: chunked\r\n",
       join('', map { "1\r\n$_\r\n" } split //, $json) . "0\r\n\r\n");
writes('extensions of chunks', '201 open', "Transfer-Encoding: chunked\r\n",
       "$size;a=b;c=\"d\"\r\n$json\r\n0;e\r\n\r\n");
writes('trailers are nothing', '201 open', "Transfer-Encoding: chunked\r\n"
       . "TE: trailers\r\nTrailer: X-Auth-User\r\n",
       "$size\r\n$json\r\n0\r\nX-Auth-User: root\r\nContent-Length: 5\r\n\r\n");


# a length that is none, or one of several

for my $value ("+$length", "-$length", "$length,", "$length, $length",
               "$length;", "0x$size", "1e1", "$length\t", '', ' ',
               "$length $length", "\"$length\"", '9' x 20, '9' x 40,
               '18446744073709551635')
{
    writes("Content-Length: $value", '400 closed',
           "Content-Length: $value\r\n", $json);
}

writes("Content-Length: $_", '413 open|closed', "Content-Length: $_\r\n", '')
    for 65537, 4294967296 + $length, 9223372036854775807;
writes('twice the same', '400 closed',
       "Content-Length: $length\r\nContent-Length: $length\r\n", $json);
writes('two lengths', '400 closed',
       "Content-Length: $length\r\nContent-Length: 0\r\n", $json);
writes('a blank before the colon', '400 closed', "Content-Length : $length\r\n",
       $json);
writes('a length and chunks', '400 closed',
       "Content-Length: $length\r\nTransfer-Encoding: chunked\r\n", $chunks);
writes('chunks and a length', '400 closed',
       "Transfer-Encoding: chunked\r\nContent-Length: $length\r\n", $chunks);
writes('a length that is folded', '400 closed',
       "Content-Length:\r\n $length\r\n", $json);


# codings that are none, or hidden

for my $value ('chunked, chunked', 'identity', 'identity, chunked',
               'gzip, chunked', 'chunked, identity', 'chunked;q=1', '"chunked"',
               'xchunked', "chunked\x0b", "\x0bchunked", "\tchunked", '',
               'chunked,', ',chunked', 'chunke')
{
    writes('Transfer-Encoding: ' . $value =~ s/[^!-~ ]/?/gr, '501|400 closed',
           "Transfer-Encoding: $value\r\n", $chunks);
}

writes('codings twice', '400 closed',
       "Transfer-Encoding: chunked\r\nTransfer-Encoding: $_\r\n", $chunks)
    for 'chunked', 'identity', 'x';
writes('a coding that is folded', '400 closed',
       "Transfer-Encoding:\r\n chunked\r\n", $chunks);
writes('a coding behind a CR', '400 closed',
       "X: y\rTransfer-Encoding: chunked\r\nContent-Length: $length\r\n", $json);
writes('a coding behind a NUL', '400 closed',
       "X: y\0Transfer-Encoding: chunked\r\nContent-Length: $length\r\n", $json);
writes('another name with underscore', '201 open',
       "Transfer_Encoding: chunked\r\nContent-Length: $length\r\n", $json);
answered($skep, 'chunks in HTTP/1.0', '400 closed', "POST /v1/tasks HTTP/1.0"
         . "\r\n$host$auth${type}Transfer-Encoding: chunked\r\n\r\n$chunks");


# chunks that are none

for my $body ("0x$size\r\n$json\r\n0\r\n\r\n", "1" . '0' x 16 . "\r\n$json",
              'f' x 16 . "\r\n$json", "-1\r\n$json", "$size\r\n${json}x\r\n",
              "$size\r\n${json}0\r\n\r\n", "\r\n$chunks", " $chunks",
              "$size\r\n$json\r\n\r\n0\r\n\r\n")
{
    writes('chunks: ' . substr($body, 0, 24) =~ s/\s/ /gr, '400|413 closed',
           "Transfer-Encoding: chunked\r\n", $body);
}


# bodies where none is wanted end where they end

my $inner = "GET /inner HTTP/1.1\r\n$host\r\n";
my $inners = sprintf "%x\r\n%s\r\n0\r\n\r\n", length $inner, $inner;

for my $case ([GET => $path, 200], [GET => '/nowhere', 404],
              [DELETE => '/v1/tasks', 405], [OPTIONS => '/v1/tasks', 204],
              [BREW => '/v1/tasks', 405], [GET => '/livez', 200])
{
    my ($method, $target, $status) = @$case;
    my $head = "$method $target HTTP/1.1\r\n$host$auth";

    answered($skep, "$method $target with a body", "$status open",
             "${head}Content-Length: " . length($inner) . "\r\n\r\n$inner");
    answered($skep, "$method $target with chunks", "$status open",
             "${head}Transfer-Encoding: chunked\r\n\r\n$inners");
    answered($skep, "$method $target with no chunk", "$status open",
             "${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

for my $case ([$host, 401], ["$host$auth", 415],
              ["$host${auth}${type}Content-Encoding: gzip\r\n", 415])
{
    my ($headers, $status) = @$case;
    my $head = "POST /v1/tasks HTTP/1.1\r\n$headers";

    answered($skep, "$status with a body", "$status open",
             "${head}Content-Length: " . length($inner) . "\r\n\r\n$inner");
    answered($skep, "$status with chunks", "$status open",
             "${head}Transfer-Encoding: chunked\r\n\r\n$inners");
}


# lines and headers

reads('a folded header', '400 closed', "X: a\r\n b\r\n");
reads('a blank before a name', '400 closed', " X: a\r\n");
reads('no name', '400 closed', ": a\r\n");
reads('a CR in a value', '400 closed', "X: a\rb\r\n");
reads('a NUL in a value', '400 closed', "X: a\0b\r\n");
reads('a NUL in a name', '400 closed', "X\0Y: a\r\n");
reads('a blank in a name', '400 closed', "X Y: a\r\n");
reads('two tokens', '400 closed', $auth);
reads('two hosts', '400 closed', $host);
reads('a header of 9 KB', '431|400 closed', 'X: ' . 'x' x 9000 . "\r\n");
reads('40 KB of headers', '431|400 closed',
      join '', map { "X-$_: " . 'x' x 1000 . "\r\n" } 1 .. 40);
reads('thousands of headers', '200|400|431 open|closed', "a:\r\n" x 7000);
answered($skep, 'LF alone', '200 open', "GET $path HTTP/1.1\n"
         . ($host . $auth) =~ s/\r//gr . "\n");
answered($skep, 'lines before it', '200 open', "\r\n\r\nGET $path HTTP/1.1\r\n"
         . "$host$auth\r\n");
answered($skep, 'a version like HTTP/2', '400|505 closed',
         "GET $path HTTP/2.0\r\n$host$auth\r\n");
answered($skep, 'the preface of HTTP/2', '400|505 closed',
         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
answered($skep, 'TLS', '400 closed', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n");
answered($skep, 'a URI of 9 KB', '414 closed',
         "GET $path?" . 'x' x 9000 . " HTTP/1.1\r\n$host$auth\r\n");


# methods

for my $case (['TRACE', '405'], ['CONNECT', '405'], ['get', '400'],
              ['GET/', '400'], ["GE\tT", '400'], ["GET\0", '400'],
              ['X' x 5000, '405|400|414'])
{
    my ($method, $want) = @$case;

    answered($skep, 'a method ' . substr($method =~ s/[^A-Za-z]/?/gr, 0, 20),
             "$want open|closed", "$method $path HTTP/1.1\r\n$host$auth\r\n");
}

answered($skep, 'a method by a header', '200 open', "GET $path HTTP/1.1\r\n"
         . "$host${auth}X-HTTP-Method-Override: DELETE\r\n\r\n");
status_is($user->get($path), 200, 'is none');


# targets and hosts

for my $case (['http://elsewhere.example', 200], ['HTTP://ELSEWHERE', 200],
              ['http://a@elsewhere', 400], ['http://[::1]:80', 200],
              ['http://', 400], ['//elsewhere', 404])
{
    my ($before, $want) = @$case;

    answered($skep, "$before/...", $want == 400 ? '400 closed' : "$want open",
             "GET $before$path HTTP/1.1\r\n$host$auth\r\n");
}

answered($skep, "the target $_", '400 closed', "GET $_ HTTP/1.1\r\n$host\r\n")
    for '*', '?a', 'v1/tasks', 'localhost:80', '%2fv1', '\\v1', '.', '';
answered($skep, "CONNECT localhost:80", '400|405 closed',
         "CONNECT localhost:80 HTTP/1.1\r\n$host\r\n");

answered($skep, "Host: $_", '400 closed',
         "GET $path HTTP/1.1\r\nHost: $_\r\n$auth\r\n")
    for '', 'a b', "a\tb", 'a/b', 'a..b', '.', '..', "a\0b";

for my $name ('a@b', 'a,b', 'a:b:c', '[::1', 'a%00', "\xff", 'x' x 5000) {
    my ($res) = answered($skep, 'Host: ' . substr($name =~ s/\xff/?/r, 0, 20),
                         '200|400 open|closed',
                         "GET $path HTTP/1.1\r\nHost: $name\r\n$auth\r\n");

    unlike($res->head . $res->body, qr/\Q$name/, 'it is not said again');
}


# what asks for more than an answer

reads('Expect', '200 open', "Expect: 100-continue\r\n");
reads('another expectation', '200|417 open|closed', "Expect: 200-maybe\r\n");
reads('an upgrade to h2c', '200 open', "Connection: Upgrade, HTTP2-Settings\r\n"
      . "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n");
reads('an upgrade to a WebSocket', '200 open', "Connection: Upgrade\r\n"
      . "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
writes('a length that is waited for', '201 open',
       "Expect: 100-continue\r\nContent-Length: $length\r\n", $json);

my ($res) = answered($skep, 'who is nobody is not told to go on', '401 closed',
    "POST /v1/tasks HTTP/1.1\r\n${host}${type}Expect: 100-continue\r\n"
    . "Connection: close\r\nContent-Length: 9\r\n\r\n");
is_deeply($res->{informational}, [], 'by no 100');

for my $range ('bytes=0-4', 'bytes=5-', 'bytes=-1', 'bytes=0-0,0-0,0-0',
               'bytes=99999-', 'lines=1-2')
{
    ($res) = reads("Range: $range", '200 open', "Range: $range\r\n"
                   . "If-Range: \"1\"\r\n");
    is_deeply($res->json, $task, 'is given all');
}

# our own conditions are what counts
reads($_, '200 open', "$_\r\n")
    for 'If-Match: "9"', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
        'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT';

# of a write, neither a condition for reading nor nginx's is one
for my $case (['If-None-Match: "2"', 2], ['If-None-Match: *', 3],
              ['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 4],
              ['If-Match: "4"', 5])
{
    my ($condition, $version) = @$case;

    ($res) = answered($skep, "PATCH with $condition", '200 open',
        "PATCH $path HTTP/1.1\r\n$host$auth$type$condition\r\n"
        . "Content-Length: 13\r\n\r\n{\"title\":\"$version\"}");
    is($res->json->{version}, $version, 'is told what it made');
}


# HTTP/1.0, and 0.9, which has no headers and so nobody's data

answered($skep, 'HTTP/1.0', '200 closed', "GET $path HTTP/1.0\r\n$auth\r\n");
answered($skep, 'HTTP/1.0 without a length', '400 closed',
         "POST /v1/tasks HTTP/1.0\r\n$auth$type\r\n$json");

for my $case (['/livez', '"status":"ok"'], [$path, 'token_missing'],
              ['/nowhere', 'not_found'], ['/v1/auth/login', 'method_not_allowed'])
{
    my $client = $skep->new_client;

    delete $client->{witness};
    $client->send("GET $case->[0]\r\n");
    ok(!eval { $client->response(eof => 1) }, "HTTP/0.9: $case->[0]");
    like($client->{in}, qr/\A\{[^\n]*\Q$case->[1]\E[^\n]*\}\s*\z/,
         'is answered by a body alone');
    $client->close;
}


# what was said to be written is there, and nothing else

is($skep->pg->value("SELECT count(*) FROM task.tasks WHERE title = 'Written'"),
   $written, "$written tasks were written");
unlike($skep->nginx->log('json.log'), qr{"/inner"},
       'nothing in a body was taken for a request');

finish();
