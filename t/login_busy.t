#!/usr/bin/env perl

# Password hashes are computed beside the event loop: other requests do not
# wait for them, and too many of them are refused, not queued without end.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(set => { auth_bcrypt_cost => 10 });
my $user = $skep->user;
my %login = (email => $user->email, password => $user->password);
my @clients = map { $skep->new_client(timeout => 30) } 1 .. 50;


# Fifty logins at once, and GETs until they are done: the logins' responses,
# the number of GETs and the longest time of one.

sub logins () {
    my ($gets, $slowest) = (0, 0);

    $_->send($_->format_request('POST', '/v1/auth/login', json => \%login))
        for @clients;

    my $select = IO::Select->new(map { $_->socket } @clients);
    my $until = time + 20;

    while (time < $until && (my @done = $select->can_read(0)) < @clients) {
        my $start = time;
        my $res = $user->get('/v1/me');

        fail('GET: ' . $res->status) if $res->status != 200;
        $gets++;
        $slowest = time - $start if time - $start > $slowest;
        sleep 0.002;
    }

    return ([map { $_->response } @clients], $gets, $slowest);
}


my ($res, $gets, $slowest) = logins();

is(join(' ', map { $_->status } @$res), join(' ', (200) x 50),
   'fifty logins at once are served');
is(scalar(grep { $_->json->{user}{id} ne $user->id } @$res), 0,
   'each by an answer of its own');

my %tokens = map { $_->json->{refresh_token} => 1 } @$res;

is(scalar keys %tokens, 50, 'with tokens of its own');
cmp_ok($gets, '>', 50, "$gets other requests were served meanwhile");
cmp_ok($slowest, '<', 1, 'and did not wait for them');


# a pool whose queue is short

$skep->client->close;
$skep->nginx->quit;
$skep = skep(set => { auth_bcrypt_cost => 10 },
             threads => 'threads=1 max_queue=4');
$user = $skep->user;
%login = (email => $user->email, password => $user->password);
@clients = map { $skep->new_client } 1 .. 50;

my $start = time;

($res, $gets, $slowest) = logins();

my %n;
$n{$_->status}++ for @$res;

is(join(' ', sort keys %n), '200 503', 'some logins are served, some refused');
cmp_ok($n{200}, '>=', 4, 'as many as there is room for');
cmp_ok($n{503}, '>=', 20, 'the others are not left waiting');

for my $refused ((grep { $_->status == 503 } @$res)[0 .. 2]) {
    $skep->check($refused, 'POST');
    problem($refused, 503, 'server_busy', 'refused');
    like($refused->header('Retry-After'), qr/\A[1-9]\d*\z/, 'Retry-After');
}

cmp_ok($slowest, '<', 1, 'other requests did not wait');
status_is($skep->post('/v1/auth/login', \%login), 200, 'later there is room');


# the same for register

$_->send($_->format_request('POST', '/v1/auth/register', json => {
             %login, email => rand . '@example.com', name => 'x' }))
    for @clients;
%n = ();
$n{$_->response->status}++ for @clients;
is(join(' ', sort keys %n), '201 503', 'register: the same');
is($skep->pg->value('SELECT count(*) FROM auth.users'), 1 + $n{201},
   'who was refused was not registered');

$skep->client->close;
finish();
