#!/usr/bin/env perl

# /metrics: its text, and what it counts of requests.

use v5.36;

use IO::Uncompress::Gunzip qw(gunzip);
use Skep::File qw(slurp);
use Skep::Metrics;
use Skep::Process qw(run source_dir);
use Skep::Test;

my $skep = skep(metrics => 1, workers => 2, redis => 1,
                set => { notify_stream => 'skep' },
                http => 'rate_limit_zone $auth_user zone=z:1m rate=9r/s;'
                        . 'charset utf-8; gzip on; gzip_types text/plain;',
                location => 'location /plain { return 200 "hello\n"; }');
my $user = $skep->user;
my $metrics = $skep->metrics;

is(join("\n", $metrics->faults), '', 'the text is well-formed');

my ($rc, $out) = run(['promtool', 'check', 'metrics'],
                     stdin => $metrics->text);
is($rc, 0, 'promtool has no complaint') or diag($out);

my @build = $metrics->samples('skep_build_info');
is(scalar @build, 1, 'one build');
like($build[0][0]{version}, qr/^\d+\.\d+\.\d+$/, 'its version');
like($build[0][0]{nginx}, qr/^1\.\d+\.\d+$/, 'nginx');
like($build[0][0]{libpq}, qr/^1\d\.\d+$/, 'libpq');
is($metrics->get('skep_worker_processes'), 2, 'two workers');


# docs/metrics.md has each of them, and no other

my $docs = slurp(source_dir() . '/docs/metrics.md');
my @told = sort map { /`(skep_\w+)(?:\{[^}]*\})?`/g }
           $docs =~ /^\|([^|]*)\|/mg;
my @shown = sort $metrics->text =~ /^# TYPE (skep_\w+)/mg;

is(join("\n", @told), join("\n", @shown), 'all are documented');


# what the scrape is like as a request

my $client = Skep::Client->new(port => $skep->port('metrics'));
my $res = $client->request('GET', '/metrics');

is($res->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8',
   'the type of its text');
is($res->header('Cache-Control'), 'no-store', 'which is not kept');

$res = $client->request('GET', '/metrics',
                        headers => ['Accept-Encoding', 'gzip']);
is($res->header('Content-Encoding'), 'gzip', 'it can be compressed');
gunzip(\$res->body, \my $plain);
is(join("\n", Skep::Metrics->new($plain)->faults), '', 'and is the same then');

$res = $client->request('HEAD', '/metrics');
is($res->status, 200, 'HEAD');
is($res->body, '', 'has no body');

$res = $client->request('POST', '/metrics', body => 'x' x 1000);
is($res->status, 405, 'POST is not allowed');
is($res->header('Allow'), 'GET, HEAD', 'what is, is told');

is($skep->get('/metrics')->status, 404, 'the API has none');


# Requests, counted by route, method and status.

sub counted ($before, $after, %labels) {
    return $after->get('skep_http_requests_total', %labels)
           - ($before->get('skep_http_requests_total', %labels) // 0);
}

my $before = $skep->metrics;

my @tasks = map { $user->post('/v1/tasks', { title => "t$_" })->json->{id} }
            1 .. 7;
$user->get("/v1/tasks/$_") for @tasks;
$user->get('/v1/tasks/' . nobody) for 1 .. 3;
$user->head("/v1/tasks/$tasks[0]") for 1 .. 2;
$user->request('OPTIONS', '/v1/tasks');
$user->delete("/v1/tasks/$tasks[$_]") for 0 .. 1;
$user->post('/v1/tasks', {}) for 1 .. 2;
$user->put('/v1/tasks', {});

my $after = $skep->metrics;

for ([7, '/v1/tasks', 'POST', 201], [7, '/v1/tasks/{id}', 'GET', 200],
     [3, '/v1/tasks/{id}', 'GET', 404], [2, '/v1/tasks/{id}', 'HEAD', 200],
     [1, '/v1/tasks', 'OPTIONS', 204], [2, '/v1/tasks/{id}', 'DELETE', 204],
     [2, '/v1/tasks', 'POST', 422], [1, '/v1/tasks', 'PUT', 405])
{
    my ($n, $route, $method, $status) = @$_;
    my %labels = (route => $route, method => $method, status => $status);

    is(counted($before, $after, %labels), $n, "$n of $method $route: $status");

    is($after->get('skep_http_request_duration_seconds_count', %labels),
       $after->get('skep_http_requests_total', %labels), 'all were timed');
}

ok(!$after->samples('skep_http_requests_total', route => '/v1/users'),
   'what nobody asked for is not there');


# Bytes: those that were sent and received here.

$before = $after;

# what a server says to these bytes, until it closes

sub raw ($bytes) {
    my $raw = Skep::Client->new(port => $skep->port);
    my $answer = '';

    $raw->send($bytes);
    $raw->socket->blocking(1);
    1 while sysread $raw->socket, $answer, 65536, length $answer;

    return $answer;
}

my ($sent, $got) = (0, 0);

for (1 .. 5) {
    my $request = "GET /v1/tasks/$tasks[5] HTTP/1.1\r\nHost: x\r\n"
                  . 'Authorization: Bearer ' . $user->token . "\r\n"
                  . "Connection: close\r\n\r\n";
    my $answer = raw($request);

    $sent += length $request;
    $got += length $answer;
}

$after = $skep->metrics;

for (['request', $sent], ['response', $got]) {
    my $name = "skep_http_$_->[0]_bytes_total";

    is($after->get($name, route => '/v1/tasks/{id}')
       - $before->get($name, route => '/v1/tasks/{id}'), $_->[1],
       "$_->[0]s: every byte");
}


# Whatever is asked for, there is one series of it.

$before = $after;

$skep->get("/no/such/path/$_") for 1 .. 50;
$skep->get("/v1/tasks/$_/$_") for 1 .. 20;
$user->request("M$_", '/v1/tasks', plain => 1) for 'A' .. 'J';
is($skep->get('/plain', plain => 1)->status, 200, 'a path of nginx');

$after = $skep->metrics;

is(counted($before, $after, route => 'other', method => 'GET', status => 404),
   70, 'paths that there are not are "other"');
is(counted($before, $after, route => 'other', method => 'GET', status => 200),
   2, 'and so is what is not the API: /plain, and the last scrape');

my %seen = map { $_->[0]{method} => 1 }
           $after->samples('skep_http_requests_total');

is(join(' ', grep { !/^(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|other)$/ }
             sort keys %seen), '', 'methods are those that are known');
ok(!grep({ $_->[0]{route} !~ m{^(?:other|/[a-z0-9/{}._-]*)$} }
         $after->samples('skep_http_requests_total')),
   'routes are templates');
is(join("\n", $after->faults), '', 'the text is well-formed');


# A time is in the bucket where it belongs.

$skep->pg->execute(<<~'SQL');
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
    CREATE TRIGGER slow BEFORE INSERT ON task.comments
    FOR EACH ROW EXECUTE FUNCTION slow();
    SQL

status_is($user->post("/v1/tasks/$tasks[5]/comments", { body => 'x' }), 201,
          'a slow request');

my %slow = (route => '/v1/tasks/{id}/comments', method => 'POST',
            status => 201);
my $name = 'skep_http_request_duration_seconds';

$after = $skep->metrics;

is($after->get("${name}_bucket", %slow, le => '0.25'), 0, 'took longer');
is($after->get("${name}_bucket", %slow, le => '+Inf'), 1, 'and was counted');
cmp_ok($after->get("${name}_sum", %slow), '>=', 0.3, 'with its time');
cmp_ok($after->get('skep_pg_query_duration_seconds_sum', lane => 'write'),
       '>=', 0.3, 'which was that of the database');

finish();
