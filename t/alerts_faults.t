#!/usr/bin/env perl

# PostgreSQL and Redis stop, a lock fills a lane, passwords are tried, nginx goes
# away: Prometheus sees it, Alertmanager tells of it, not of what follows from
# it; and of its end.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Prometheus;
use Skep::Receiver;
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(
    worker  => 1,
    workers => 2,
    metrics => 1,
    set     => { api_pg_queue => 8, api_pg_timeout => '2s' },
    http    => 'rate_limit_zone $auth_user zone=shared:1m rate=1000r/s redis;',
    location => 'rate_limit zone=shared burst=1000 nodelay;',
);
my $user = $skep->user;
my $receiver = Skep::Receiver->new(dir => $skep->dir);
my $prometheus = Skep::Prometheus->new(
    dir => $skep->dir, nginx => $skep->port('metrics'),
    worker => $skep->worker->port, receiver => $receiver,
)->start;
my $alertmanager = $prometheus->alertmanager;


# What is told, while something is done again and again.

sub told ($name, $status, $work) {
    my $told;

    wait_until(30, sub {
        $work->();
        $told = $alertmanager->wait_told($name, $status, 0);
    }, 0.05);

    ok($told, "$name: $status") or diag('firing: ', join ' ',
                                        $prometheus->firing);
    return $told // {};
}

sub fires ($name, $to, $summary, $work) {
    my $told = told($name, 'firing', $work);

    is($told->{receiver}, $to, 'it is told to whom it should');
    like($told->{annotations}{summary}, $summary, 'what it says');
}

# known, and not told of
sub suppressed ($name, $work) {
    ok(wait_until(30, sub {
           $work->();
           $alertmanager->state($name) eq 'suppressed';
       }, 0.05), "$name: known");
    is(scalar $alertmanager->told($name), 0, 'and nobody is told of it');
}


# What fires, but for what depends on how fast this machine is, and for budgets
# that were spent a while ago.

sub of_now () {
    return grep { !/Slow|Burn/ } $prometheus->firing;
}


# all is well for some minutes

my $list = sub { $user->get('/v1/tasks') };
my $login = sub {
    $skep->post('/v1/auth/login', { email => $user->email, password => 'no' });
};

ok($prometheus->wait_for('sum(up{job=~"skep-.*"}) == 2', 10),
   'nginx and the worker are scraped');

my $until = time + 8;
wait_until(10, sub { $list->(); time > $until }, 0.05);

is(join(' ', of_now()), '', 'nothing fires');


# PostgreSQL

$skep->pg->stop_server;
fires('SkepDatabaseAway', 'pager', qr/^127\.0\.0\.1:\d+ has no connection/,
      $list);
suppressed('SkepErrorsBurnFast', $list);
suppressed('SkepWorkerDisconnected', $list);

$skep->pg->start;
told('SkepDatabaseAway', 'resolved', $list);


# Redis

$skep->redis->stop_server;
fires('SkepRedisAway', 'team', qr/^127\.0\.0\.1:\d+: workers without Redis\z/,
      $list);
suppressed('SkepLimitsUncounted', $list);

$skep->redis->start;
told('SkepRedisAway', 'resolved', $list);


# passwords are tried, and tokens

my $token = $skep->token($user, {}, { key => 'another key' x 4 });

fires('SkepLoginFailures', 'team', qr/logins a second fail, more than half/,
      $login);
fires('SkepTokensInvalid', 'team', qr/refuses \S+ tokens a second/, sub {
    $skep->get('/v1/tasks', headers => { Authorization => "Bearer $token" });
});
told($_, 'resolved', $list) for qw(SkepLoginFailures SkepTokensInvalid);


# a task is locked, and everybody wants to write it

my $task = $user->task(title => 'Locked');
my $session = $skep->pg->session;

$session->hold("SELECT FROM task.tasks WHERE id = '$task->{id}' FOR UPDATE");

my $load = $skep->load(connections => 40, pause => 0.5, next => sub {
    return { method => 'PATCH', target => "/v1/tasks/$task->{id}",
             token => $user->token, json => { title => 'Wanted' },
             kind => 'write', check => sub { undef } };
});

fires('SkepLaneSaturated', 'pager', qr/, write lane: the queue is full\z/,
      sub { });
fires('SkepDatabaseTimeouts', 'team', qr/, write lane: \S+ operations ran out/,
      sub { });

$session->close;
$load->stop;
told($_, 'resolved', sub { }) for qw(SkepLaneSaturated SkepDatabaseTimeouts);


# nginx

$skep->client->close;
$skep->nginx->quit;
fires('SkepNginxDown', 'pager', qr/^No nginx answers\z/, sub { });
suppressed('SkepInstanceDown', sub { });

$skep->nginx->start;
told('SkepNginxDown', 'resolved', sub { });


ok(wait_until(90, sub { !of_now() }), 'all is well again')
    or diag(join ' ', of_now());

$prometheus->stop_server;
$receiver->stop_server;

finish();
