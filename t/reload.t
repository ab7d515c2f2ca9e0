#!/usr/bin/env perl

# nginx is reloaded again and again under load: no request fails, the old
# workers leave, and their connections with them.

use v5.36;

use Skep::Mix;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, set => { api_shutdown_delay => '1s' });
my $mix = Skep::Mix->new($skep);
my $before = $skep->resources;
my $account = $mix->{users}[0];

# logins, too: a hash that is computed keeps its worker
my $load = $skep->load(connections => 60, next => $mix->requests);
my $logins = $skep->load(connections => 4, next => $mix->logins);

my @old;

for (1 .. 5) {
    sleep 1;
    push @old, $skep->nginx->reload;
}

sleep 0.5;

my $report = $load->stop;

load_is_clean($report, 'no request failed');
is($report->count(status => '5xx'), 0, 'nor was refused');
is($report->retried, 0, 'nor had to be sent twice');
load_is_clean($logins->stop, 'no login failed');
is(scalar(keys %{{ map { $_ => 1 } @old }}), 10, 'ten workers were to leave');
ok($skep->nginx->gone(10, @old), 'all have left');

$mix->verify($report);

delete $before->{workers};              # these are others
resources_are($skep, $before);


# a request that takes long is waited for

my $task = $account->task(title => 'Locked');
my $session = $skep->pg->session;

$session->hold("SELECT FROM task.tasks WHERE id = '$task->{id}' FOR UPDATE");

my $client = $skep->new_client;

$client->send($client->format_request('PATCH', "/v1/tasks/$task->{id}",
                                      token => $account->token,
                                      json  => { title => 'Waited' }));
sleep 0.2;
@old = $skep->nginx->reload;
sleep 0.5;
$session->send('COMMIT;');

my $res = $client->response;

status_is($res, 200, 'a request under way at a reload');
is($res->json->{title}, 'Waited', 'is answered by the old worker');
ok($skep->nginx->gone(10, @old), 'which leaves then');
$session->close;


# reload while PostgreSQL is away: the old workers do not stay for it

$skep->pg->stop_server;
sleep 0.2;
@old = $skep->nginx->reload;
ok($skep->nginx->gone(5, @old), 'without PostgreSQL they leave, too');
$skep->pg->start;
ok($skep->wait_ready(5), 'the new ones find it again');

finish();
