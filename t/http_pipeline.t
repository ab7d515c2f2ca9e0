#!/usr/bin/env perl

# Clients that send without waiting: each answer is its request's, in their order,
# whatever stands among them and wherever the bytes are cut.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(workers => 2);
my $user = $skep->user;
my $other = $skep->user;
my @tasks = map { $user->task(title => "Task $_") } 1 .. 20;
my $before = $skep->resources;
my $n = 0;


# A request of any kind and what its answer has to be: [bytes, method, code that
# says what is wrong, id].

sub any ($client) {
    my $id = 'pipe-' . ++$n;
    my @o = (token => $user->token, headers => ['X-Request-ID', $id]);
    my $task = $tasks[rand @tasks];
    my $path = "/v1/tasks/$task->{id}";
    my $title = "Of $id";

    my @kinds = (
        ['GET', $path, 200, sub ($res) { $res->json->{id} eq $task->{id} }],
        ['HEAD', $path, 200, sub ($res) { $res->body eq '' }],
        ['POST', '/v1/tasks', 201, sub ($res) { $res->json->{title} eq $title },
         json => { title => $title }],
        ['POST', '/v1/tasks', 201, sub ($res) { $res->json->{title} eq $title },
         type => 'application/json', body => _chunked(qq({"title":"$title"})),
         headers => ['X-Request-ID', $id, 'Transfer-Encoding', 'chunked']],
        ['PATCH', $path, 200, sub ($res) { $res->json->{description} eq $title },
         json => { description => $title }],
        ['GET', "/v1/tasks?limit=3", 200,
         sub ($res) { $res->json->{data}->@* == 3 }],
        ['GET', '/v1/tasks/' . nobody, 404,
         sub ($res) { $res->json->{request_id} eq $id }],
        ['GET', $path, 404, sub ($res) { $res->json->{request_id} eq $id },
         token => $other->token],
        ['GET', $path, 401, sub ($res) { $res->json->{request_id} eq $id },
         token => 'none'],
        ['GET', $path, 200, sub ($res) { $res->json->{id} eq $task->{id} },
         body => "GET /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n"],
        ['POST', '/v1/tasks', 422,
         sub ($res) { $res->json->{request_id} eq $id }, json => { x => 1 }],
        ['DELETE', '/v1/tasks', 405,
         sub ($res) { $res->json->{request_id} eq $id }, body => 'x' x 300],
        ['GET', '/livez', 200, sub ($res) { $res->json->{status} eq 'ok' }],
    );
    my ($method, $target, $status, $check, @more) = $kinds[rand @kinds]->@*;

    return [$client->format_request($method, $target, @o, @more), $method,
            $status, $check, $id];
}

sub _chunked ($text) {
    return join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
                unpack '(a7)*', $text) . "0\r\n\r\n";
}

sub wrong ($request, $res) {
    my ($bytes, $method, $status, $check, $id) = @$request;

    return 'none came' if !$res;
    return 'status ' . $res->status if $res->status != $status;
    return 'the answer of ' . $res->header('X-Request-ID')
        if $res->header('X-Request-ID') ne $id;
    return 'another body' if !$check->($res);
    return undef;
}


# many at once, cut anywhere

srand 7;

for my $size (1 << 20, 4096, 1460, 97, 13) {
    my $client = $skep->new_client;
    my @requests = map { any($client) } 1 .. ($size < 100 ? 10 + $size / 5 : 300);
    my $bytes = join '', map { $_->[0] } @requests;
    my @faults;

    while (length $bytes) {
        $client->send(substr $bytes, 0, $size, '');
        sleep 0.0002 if $size < 100;
    }

    for my $request (@requests) {
        my $res = eval { $client->response(method => $request->[1]) };
        my $fault = wrong($request, $res);

        push @faults, "$request->[1] $request->[4]: $fault" if $fault;
        last if !$res;
    }

    is("@faults[0 .. ($#faults > 4 ? 4 : $#faults)]", '',
       @requests . " requests in pieces of $size bytes");
    ok(!$client->closed_by_peer(0.01), 'and the connection is there for more');
    $client->close;
}


# one that sends and reads nothing until it has sent all

my $client = $skep->new_client(rcvbuf => 4096);
my @ids = map { $tasks[$_ % @tasks]{id} } 1 .. 200;

$client->send(join '', map {
    $client->format_request('GET', "/v1/tasks/$_", token => $user->token)
} @ids);
sleep 0.5;
is(scalar(grep { $client->response->json->{id} eq $_ } @ids), 200,
   '200 that are read late');
$client->close;


# what ends a connection ends what follows on it: neither answered nor carried out

my $last = $skep->new_client;
my $ends = $last->format_request('GET', '/v1/tasks', token => $user->token,
                                 headers => ['Connection', 'close']);

$last->send($ends . $last->format_request('POST', '/v1/tasks',
    token => $user->token, json => { title => 'Too late' }));
status_is($last->response, 200, 'the last one');
ok($last->closed_by_peer, 'is the last one');
$last->close;

my $bad = $skep->new_client;
delete $bad->{witness};
$bad->send("GET /v1/tasks HTTP/1.1\r\n\r\n"
           . $bad->format_request('POST', '/v1/tasks', token => $user->token,
                                  json => { title => 'Too late' }));
status_is($bad->response, 400, 'a bad one');
ok($bad->closed_by_peer, 'is the last one, too');
$bad->close;

is($skep->pg->value("SELECT count(*) FROM task.tasks WHERE title = 'Too late'"),
   0, 'what came behind was not carried out');


# who leaves amid a pipeline leaves nothing behind

for my $i (1 .. 40) {
    my $leaving = $skep->new_client;

    delete $leaving->{witness};
    $leaving->send(join '', map { any($leaving)->[0] } 1 .. 1 + rand 40);
    sleep rand 0.005;
    $i % 2 ? $leaving->abort : $leaving->close;
}

$skep->client->close;
resources_are($skep, $before);
status_is($user->get("/v1/tasks/$tasks[0]{id}"), 200, 'others are served');

finish();
