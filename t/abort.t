#!/usr/bin/env perl

# Clients that go away: hundreds a second, at any moment, amid others who stay.

use v5.36;

use Skep::Mix;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, set => { auth_bcrypt_cost => 6 });
my $mix = Skep::Mix->new($skep);
my $before = $skep->resources;
my $account = $mix->{users}[0];


# those who stay

my $load = $skep->load(connections => 16, next => $mix->requests);


# those who leave: before the header's end, in the body, while they wait

sub leaving ($request) {
    my $moment = rand;

    $request->{cut} = 1 + int rand 400 if $moment < 0.3;
    $request->{abort} = $moment < 0.7 ? 0 : rand 0.004;
    return $request;
}

my $other = Skep::Mix->new($skep, users => 2);
my $aborting = $skep->load(connections => 24, next => $other->requests(
    weights => { get => 3, list => 3, post => 2, patch => 2 },
    change  => \&leaving,
));
my $logins = $skep->load(connections => 4, next => sub {
    return leaving({
        method => 'POST', target => '/v1/auth/login', kind => 'login',
        json   => { email => $account->email, password => 'wrong horse' },
        check  => sub ($res, $journal) {
            return $res->status =~ /^(?:401|503)$/ ? undef
                                                   : 'status ' . $res->status;
        },
    });
});

sleep 5;

my $left = $aborting->stop;
my $logged = $logins->stop;
my $report = $load->stop;

note($left->summary);
note($logged->summary);
load_is_clean($report, 'those who stay are served, each by its own answer');
cmp_ok($left->aborted, '>', 300, 'hundreds left');
cmp_ok($logged->aborted, '>', 50, 'logins among them');
is($left->{nfaults}, 0, 'those who stayed by chance were served, too')
    or diag($left->faults);
is($report->count(status => '5xx'), 0, 'no 5xx');

$mix->verify($report);

is($skep->pg->connections, $before->{connections},
   'the same connections to PostgreSQL');
resources_are($skep, $before);


# those who leave while their statement waits for a lock

my $user = $skep->user;
my $task = $user->task(title => 'Locked');
my $session = $skep->pg->session;

$session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');

for my $method ('GET', 'PATCH') {
    my @clients = map { $skep->new_client } 1 .. 40;

    $_->send($_->format_request($method, "/v1/tasks/$task->{id}",
                                token => $user->token,
                                json  => { title => 'Never' })) for @clients;
    sleep 0.1;
    $_->abort for @clients;
}

my $patient = $skep->new_client;

$patient->send($patient->format_request('GET', "/v1/tasks/$task->{id}",
                                        token => $user->token));
sleep 0.2;
$session->send('COMMIT;');

my $res = $patient->response;

status_is($res, 200, 'one who stayed behind 80 who left');
is($res->json->{id}, $task->{id}, 'has its own answer');
$session->close;

is($skep->pg->connections, $before->{connections},
   'the same connections to PostgreSQL');
$before->{descriptors}++;               # ours
resources_are($skep, $before);

finish();
