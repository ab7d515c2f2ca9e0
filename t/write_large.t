#!/usr/bin/env perl

# Many large writes at once, more than the socket to PostgreSQL takes.

use v5.36;
use utf8;

use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(set => { api_pg_write_connections => 2 });
my $user = $skep->user;
my $text = '語' x 20000;                # 60,000 bytes
my @clients = map { $skep->new_client } 1 .. 40;

# while PostgreSQL does not read, what is sent stays in the buffers
$skep->pg->freeze;

for my $i (0 .. $#clients) {
    $clients[$i]->send($clients[$i]->format_request(
        'POST', '/v1/tasks', token => $user->token,
        json => { title => "Large $i", description => $text }));
}

sleep 0.3;
status_is($skep->get('/livez'), 200, 'nginx goes on meanwhile');
$skep->pg->thaw;

my $wrong = 0;

for my $i (0 .. $#clients) {
    my $res = $clients[$i]->response;

    $wrong++ if $res->status != 201 || $res->json->{title} ne "Large $i"
                || $res->json->{description} ne $text;
}

is($wrong, 0, '40 writes of 60 KB at once');
is($skep->pg->value(<<~"SQL"), 40, 'are stored whole');
    SELECT count(*) FROM task.tasks WHERE length(description) = 20000
    SQL

finish();
