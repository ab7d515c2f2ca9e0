#!/usr/bin/env perl

# The access log of conf/nginx.conf: a line of JSON for each request, whatever
# the client sent.

use v5.36;

use JSON::PP ();
use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep(
    access_log => 1,
    http   => 'rate_limit_zone $auth_user zone=user:1m rate=1000r/s;',
    server => 'location /abort { return 444; } location = / { empty_gif; }',
    location => 'rate_limit zone=user burst=10 nodelay;',
);
my $json = JSON::PP->new->utf8;
my $user = $skep->user;
my $n = 0;


sub lines () { return split /\n/, $skep->nginx->log('json.log') }

# The line of a request with this id.

sub logged ($id) {
    my $found;

    # the log is written after the response
    wait_until(2, sub {
        ($found) = grep { /"request_id":"\Q$id\E"/ } lines();
        return defined $found;
    });

    return $json->decode($found // '{}');
}

sub line_of ($from, @call) {
    my $id = 'log-' . $n++;
    my ($method, $target, %o) = @call;

    $from->request($method, $target, %o,
                   headers => ['X-Request-ID', $id, ($o{headers} // [])->@*]);
    return logged($id);
}


my $task = $user->task(title => 'x');
my $line = line_of($user, 'GET', "/v1/tasks/$task->{id}",
                   headers => [traceparent => '00-' . 'a' x 32 . '-' . 'b' x 16
                                              . '-01']);

is(join(' ', sort keys %$line),
   'bytes_sent error method rate_limit remote_addr request_id request_time '
   . 'route status time time_auth time_db time_limit time_queue trace_id '
   . 'traceparent uri user_id', 'the fields');
like($line->{time}, qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\z/, 'time');
is($line->{trace_id}, 'a' x 32, 'trace_id');
like($line->{traceparent}, qr/\A00-a{32}-[0-9a-f]{16}-01\z/, 'traceparent');
is($line->{remote_addr}, '127.0.0.1', 'remote_addr');
is($line->{method}, 'GET', 'method');
is($line->{route}, '/v1/tasks/{id}', 'route');
is($line->{uri}, "/v1/tasks/$task->{id}", 'uri');
is($line->{status}, 200, 'status');
is($line->{error}, '', 'no error');
is($line->{user_id}, $user->id, 'user_id');
is($line->{rate_limit}, 'PASSED', 'rate_limit');
cmp_ok($line->{bytes_sent}, '>', 200, 'bytes_sent');

# numbers, not texts: as JSON::PP writes them again
my $again = $json->canonical->encode($line);
like($again, qr/"$_":\d/, "$_ is a number")
    for qw(status bytes_sent request_time time_auth time_limit time_queue time_db);

$line = line_of($skep, 'GET', '/v1/tasks?access_token=one-that-leaks');
is("$line->{status} $line->{error}", '401 token_missing', 'error');
is("$line->{uri} $line->{route}", '/v1/tasks /v1/tasks', 'no query');
is($line->{user_id}, '', 'nobody');
is($line->{rate_limit}, '', 'no limit');
is($line->{$_}, undef, "$_ is null") for qw(time_limit time_queue time_db);

$line = line_of($user, 'GET', '/nowhere');
is("$line->{status} $line->{error} <$line->{route}>", '404 not_found <>',
   'no route');


# what is no text, what would end the JSON; whole lines all the same

for my $case (['/v1/"}{', '/v1/"}{'], ["/v1/\xff\xfe\\", '/v1/%FF%FE\\'],
              ['/v1/%ff%22', '/v1/%ff%22'], ["/v1/caf\xc3\xa9", '/v1/caf%C3%A9'],
              ['/' . 'x' x 4000, '/' . 'x' x 4000])
{
    my ($sent, $want) = @$case;

    $line = line_of($user, 'GET', $sent);
    is($line->{uri}, $want, 'a URI of any bytes');
}

my @before = lines();

for my $bytes ("GET /\r\n", "\x16\x03\x01\x02\r\n\r\n", "GARBAGE\r\n\r\n",
               "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nbad\0: x\r\n\r\n",
               "GET /" . 'y' x 40000 . " HTTP/1.1\r\nHost: a\r\n\r\n",
               "GET /abort HTTP/1.1\r\nHost: a\r\n\r\n",
               "GET /v1/%00%ff%22 HTTP/1.1\r\nHost: a\r\n\r\n",
               "g\"t / HTTP/1.1\r\nHost: a\r\n\r\n")
{
    my $client = $skep->new_client;

    $client->send($bytes);
    eval { $client->response(timeout => 5, eof => 1) };
    $client->close;
}

# one that goes before it is answered
my $client = $skep->new_client;
$client->send("POST /v1/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n");
$client->abort;

wait_until(5, sub { lines() >= @before + 9 });

my @broken = grep { !eval { $json->decode($_) } } lines();
is(scalar @broken, 0, 'every line is JSON') or diag(map { "$_\n" } @broken);
cmp_ok(scalar lines(), '>=', @before + 9, 'of broken requests, too');

finish();
