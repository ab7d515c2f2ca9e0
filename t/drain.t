#!/usr/bin/env perl

# api_drain_file: while it is there /readyz says no, all else is served, and
# connections end with their answers; so nginx then quits without a request
# that is lost.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Mix;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, set => { api_drain_file => 'drain' });
my $file = $skep->nginx->file('drain');
my $mix = Skep::Mix->new($skep);
my $user = $mix->{users}[0];


# how long a connection is kept

sub kept () {
    return ($user->get('/v1/me')->header('Connection') // '') ne 'close';
}

# what is open to clients

sub clients () {
    my $port = sprintf '%04X', $skep->port;

    return scalar(() = slurp('/proc/net/tcp')
                       =~ /^ *\d+: [0-9A-F]{8}:$port \S+ 01 /mg);
}

sub touch () { spew($file, '') }


ok(kept(), 'connections are kept at first');
touch();

my $res = $skep->get('/readyz', plain => 1);

same_json($res, 503, { status => 'draining', checks => {
    database => 'ok', schema => 'ok', sessions => 'ok' } },
    'with the file: at once');
status_is($skep->get('/livez'), 200, '/livez stays as it is');
ok(wait_until(2, sub { !kept() }), 'connections are ended');
sleep 0.6;                              # each worker has seen it
ok(!(grep { kept() } 1 .. 20), 'by each worker');
status_is($user->post('/v1/tasks', { title => 'Late' }), 201, 'all is served');

unlink $file;
ok($skep->wait_ready(1), 'without the file it is ready');
ok(wait_until(2, sub { kept() }), 'connections are kept');
like($skep->nginx->log, qr/\[notice\].* draining: ".*\/drain" is there/,
     'the log tells of both');
like($skep->nginx->log, qr/no longer draining/, 'and of its end');


# the way out under load: nobody waits in vain, nobody asks twice

my $load = $skep->load(connections => 64, next => $mix->requests);

sleep 1;
$skep->client->close;
touch();
sleep 1.2;

my $drained = time;

sleep 1;

my $report = $load->stop;               # its balancer has looked elsewhere

load_is_clean($report, 'no request failed');
is($report->retried, 0, 'no connection was ended under a request');
cmp_ok($report->count(from => $drained), '>', 0, 'it was served to the end');
is(clients(), 0, 'no connection is left');
$mix->verify($report);


# a worker that exits ends its connections with the answer, too

unlink $file;
ok($skep->wait_ready(1), 'ready once more');
ok(wait_until(2, sub { kept() }), 'connections are kept');

my $task = $user->task(title => 'Locked');
my $session = $skep->pg->session;

$session->hold("SELECT FROM task.tasks WHERE id = '$task->{id}' FOR UPDATE");

my $client = $skep->new_client;

$client->send($client->format_request('PATCH', "/v1/tasks/$task->{id}",
                                      token => $user->token,
                                      json  => { title => 'Waited' }));
sleep 0.2;

my @old = $skep->nginx->reload;

sleep 0.3;
$session->send('COMMIT;');
$res = $client->response;
status_is($res, 200, 'a request under way at a reload');
is($res->header('Connection'), 'close', 'is the last one of its connection');
ok($skep->nginx->gone(10, @old), 'the old workers leave');
$session->close;

finish();
