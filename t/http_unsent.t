#!/usr/bin/env perl

# Clients that ask for megabytes and take nothing: a worker keeps no more of that
# than api_unsent_max, and who takes what they asked for gets it meanwhile.

use v5.36;
use utf8;

use Skep::H2;
use Skep::Process qw(wait_until);
use Skep::Sanitizer;
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(
    set    => { api_unsent_max => '5m', send_timeout => '60s' },
    # of the kernel's own memory there is less on the second one
    server => 'listen 127.0.0.1:%%PORT:h2%% http2;
               listen 127.0.0.1:%%PORT:deaf%% sndbuf=32k;',
);
my $greedy = $skep->user;
my $other = $skep->user;
my $list = '/v1/tasks?limit=100';

# a hundred of 18,000 bytes each
for my $user ($greedy, $other) {
    $user->task(title => 'Long', description => '€€€€€€€€€ ' x 600);
    $skep->pg->query(<<~"SQL");
        INSERT INTO task.tasks (id, project_id, created_by, title,
                                description, created_at, updated_at)
        SELECT gen_random_uuid(), project_id, created_by, title, description,
               now(), now()
        FROM task.tasks, generate_series(1, 99)
        WHERE created_by = '@{[$user->id]}'
        SQL
}

# the whole list of a user; the witness would look at each of its characters
sub listed ($user, $client = $skep->new_client) {
    delete $client->{witness};

    my $res = $client->request('GET', $list, token => $user->token);

    $client->close;
    return $res;
}

my $whole = listed($other);
my $long = listed($greedy)->body;

cmp_ok(length $whole->body, '>', 1_600_000, 'a list of more than a megabyte');
$skep->client->close;

my $before = $skep->resources;
my $memory = $skep->nginx->memory;

# those who take nothing
my @deaf = map {
    my $client = Skep::Client->new(port => $skep->port('deaf'), rcvbuf => 2048);

    $client->send($client->format_request('GET', $list, token => $greedy->token));
    $client;
} 1 .. 30;

sub given_up () {
    return scalar(() = $skep->nginx->log =~ /client does not take its answer/g);
}

ok(wait_until(20, sub { given_up() >= 26 }), 'those who waited longest go')
    or diag(given_up());

my $res = listed($other);

status_is($res, 200, 'who takes a list');
ok($res->body eq $whole->body, 'gets all of it');

my $grown = $skep->nginx->memory - $memory;

note("$grown KB more");
cmp_ok($grown, '<', 25_000, 'a worker does not grow with what is not taken')
    if !Skep::Sanitizer::on();
cmp_ok(given_up(), '<=', 29, 'as many as fit stay');

# one that stayed takes it at last
my $last = eval { $deaf[-1]->response };

ok($last && $last->body eq $long, 'the last one gets its list, late')
    or diag($@ || 'another one');
$_->abort for @deaf;
$skep->client->close;
resources_are($skep, $before);


# over HTTP/2 all on one connection

my $h2 = Skep::H2->new(port => $skep->port('h2'), settings => [4 => 0],
                       window => 1 << 28);
my $done = given_up();
my @ids = map { $h2->ask('GET', $list, token => $greedy->token) } 1 .. 20;

ok(wait_until(20, sub { $h2->read(0.05); given_up() - $done >= 16 }),
   'streams that waited longest are reset');

my @reset;

wait_until(5, sub {
    $h2->read(0.05);
    @reset = grep { defined +($h2->streams->{$_} // {})->{reset} } @ids;
    return @reset > 15;
});
cmp_ok(scalar @reset, '>=', 16, 'and the client is told');

my ($id) = grep { !defined $h2->streams->{$_}{reset} } reverse @ids;

$h2->send(Skep::H2::frame(8, 0, $id, pack 'N', 1 << 24));
ok($h2->answer($id)->{body} eq $long,
   'one that stayed gets its list when it opens its window');
$h2->close;
$skep->client->close;
resources_are($skep, $before);

finish();
