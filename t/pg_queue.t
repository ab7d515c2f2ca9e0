#!/usr/bin/env perl

# The queue is bounded: what does not fit is told so at once.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(set => { api_pg_queue => 6, api_pg_read_connections => 1,
                         api_pg_write_connections => 1 });
my $user = $skep->user;
my $task = $user->task(title => 'Locked');
my $path = "/v1/tasks/$task->{id}";
my $session = $skep->pg->session;
my @clients = map { $skep->new_client } 1 .. 10;


# Ten requests at once while the table is locked: six wait, four are refused.

sub crowd ($method, %o) {
    $session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');

    my $start = time;

    $_->send($_->format_request($method, $path, token => $user->token, %o))
        for @clients;

    my @refused;

    for my $client (@clients[6 .. 9]) {
        my $res = $client->response;

        $skep->check($res, $method);
        problem($res, 503, 'database_unavailable', "$method over the bound");
        like($res->header('Retry-After'), qr/\A[1-9]\d*\z/, 'Retry-After');
    }

    cmp_ok(time - $start, '<', 1, "$method: at once");
    $session->send('COMMIT;');
    return map { $_->response } @clients[0 .. 5];
}


my @res = crowd('GET');
is(join(' ', map { $_->status } @res), join(' ', (200) x 6),
   'the six in the queue are served');

@res = crowd('PATCH', json => { description => 'x' });
is(join(' ', map { $_->status } @res), join(' ', (200) x 6),
   'and so are writes');

# a client that leaves makes room
$session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');
$_->send($_->format_request('PATCH', $path, token => $user->token,
                            json => { title => 'Never' }))
    for @clients[0 .. 5];
sleep 0.1;
$_->abort for @clients[2 .. 5];     # two are on their way already
sleep 0.1;
$_->send($_->format_request('PATCH', $path, token => $user->token,
                            json => { title => 'Instead' }))
    for @clients[6 .. 9];
sleep 0.1;
$session->send('COMMIT;');
is(join(' ', map { $_->response->status } @clients[0, 1, 6 .. 9]),
   join(' ', (200) x 6), 'those who left make room');
is($user->get($path)->json->{title}, 'Instead', 'and change nothing');

$session->close;
finish();
