#!/usr/bin/env perl

# Results of megabytes arrive whole and right: in one go, for a slow reader,
# many at once, and for one who leaves in the middle.

use v5.36;
use utf8;

use Digest::SHA qw(sha1_hex);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 1, set => { api_pg_timeout => '20s' });
my $user = $skep->user;
my %title;


# 100 tasks; no two descriptions alike, and nothing in them repeats

for my $i (1 .. 100) {
    my $text = $i == 50 ? 'żółć "\\ ' x 2222            # escapes, two bytes
             : join ' ', map { sha1_hex("$i $_") } 1 .. 487;

    $text = substr $text . '.' x 20000, 0, 20000;
    utf8::encode(my $bytes = $text);
    $title{"Task $i"} = sha1_hex($bytes);
    $user->task(title => "Task $i", description => $text);
}


sub right ($res, $name) {
    status_is($res, 200, $name) or return;

    my @tasks = $res->json->{data}->@*;
    my $wrong = 0;

    for my $task (@tasks) {
        utf8::encode(my $bytes = $task->{description});
        $wrong++ if sha1_hex($bytes) ne $title{$task->{title}};
    }

    is(scalar @tasks, 100, "$name: 100 tasks");
    is($wrong, 0, "$name: each is right");
}


my $res = $user->get('/v1/tasks?limit=100');

right($res, 'the list');
cmp_ok(length $res->body, '>', 2_000_000, 'it has more than 2 MB');

my $body = $res->body;

for my $limit (1, 2, 3, 4, 7, 33) {     # around 16 KB, 64 KB and more
    my $part = $user->get("/v1/tasks?limit=$limit");

    is(scalar $part->json->{data}->@*, $limit, "limit=$limit");
}

my $head = $user->head('/v1/tasks?limit=100');
is($head->header('Content-Length'), length $body, 'HEAD tells the length')
    if defined $head->header('Content-Length');


# several at once, pipelined on the same connection to PostgreSQL, with small
# ones between

my @clients = map { $skep->new_client } 1 .. 8;
my $small = $user->get('/v1/tasks?limit=1')->json->{data}[0]{id};

for my $i (0 .. $#clients) {
    my $target = $i % 2 ? "/v1/tasks/$small" : '/v1/tasks?limit=100';

    $clients[$i]->send($clients[$i]->format_request(
        'GET', $target, token => $user->token));
}

my $wrong = 0;

for my $i (0 .. $#clients) {
    my $res = $clients[$i]->response;

    $wrong++ if $i % 2 ? $res->json->{id} ne $small : $res->body ne $body;
}

is($wrong, 0, 'eight at once, each is right');


# HTTP pipelining

my $client = $skep->new_client;

$client->send($client->format_request('GET', '/v1/tasks?limit=100',
                                      token => $user->token) x 3);
is(scalar(grep { $client->response->body eq $body } 1 .. 3), 3,
   'three in a row on one connection');


# a slow reader does not hold up the others

my $slow = $skep->new_client(rcvbuf => 4096, timeout => 60);

$slow->send($slow->format_request('GET', '/v1/tasks?limit=100',
                                  token => $user->token));

my $slowest = 0;

for (1 .. 30) {
    my $start = time;

    status_is($user->get("/v1/tasks/$small"), 200) for 1;
    $slowest = time - $start if time - $start > $slowest;
    sysread $slow->socket, $slow->{in}, 3000, length $slow->{in};
    sleep 0.01;
}

cmp_ok($slowest, '<', 1, 'others are served while one reads slowly');
ok($slow->response->body eq $body, 'and that one gets all, too');


# readers who leave in the middle

my %before = (descriptors => $skep->nginx->descriptors);

for (1 .. 20) {
    my $leaves = $skep->new_client(rcvbuf => 4096);

    $leaves->send($leaves->format_request('GET', '/v1/tasks?limit=100',
                                          token => $user->token));
    sleep 0.01;
    $leaves->abort;
}

right($user->get('/v1/tasks?limit=100'), 'after 20 who left');
resources_are($skep, \%before);

finish();
