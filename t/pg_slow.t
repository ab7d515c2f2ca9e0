#!/usr/bin/env perl

# A statement that takes too long is given up: 504 for its request, and for no
# other.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(set => { api_pg_timeout => '1s' });
my $user = $skep->user;
my $task = $user->task(title => 'Locked');
my @others = map { $user->task(title => "Free $_") } 1 .. 5;
my $path = "/v1/tasks/$task->{id}";
my $session = $skep->pg->session;


# a row lock

$session->hold("SELECT id FROM task.tasks WHERE id = '$task->{id}' FOR UPDATE");

my @waiting = map { $skep->new_client } 1 .. 2;
my $start = time;

$_->send($_->format_request('PATCH', $path, token => $user->token,
                            json => { title => 'Too late' })) for @waiting;

my ($slowest, %statuses) = (0);

for my $i (1 .. 60) {
    my $began = time;
    my $other = $others[$i % 5];

    $statuses{$user->patch("/v1/tasks/$other->{id}",
                           { description => "$i" })->status}++;
    $statuses{$user->get($path)->status}++;
    $slowest = time - $began if time - $began > $slowest;
}

is_deeply(\%statuses, { 200 => 120 }, 'other requests are served meanwhile');
cmp_ok($slowest, '<', 0.8, 'and do not wait');

for my $client (@waiting) {
    my $res = $client->response;

    $skep->check($res, 'PATCH');
    problem($res, 504, 'database_timeout', 'the request for what is locked');
    unlike($res->body, qr/statement|cancel|57014/i, 'tells no internals');
}

cmp_ok(time - $start, '>', 0.9, 'after its time-out');
cmp_ok(time - $start, '<', 2, 'and not long after it');
is($skep->pg->value(<<~'SQL'), 0, 'no statement was left to run');
    SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'skep_nginx' AND state = 'active'
    SQL

$session->send('COMMIT;');
sleep 0.1;
is($user->get($path)->json->{title}, 'Locked', 'it did not happen later');
status_is($user->patch($path, { title => 'Free again' }), 200,
          'without the lock it works');


# a lock that all reads wait for

$session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');
$start = time;

my @readers = map { $skep->new_client } 1 .. 10;

$_->send($_->format_request('GET', $path, token => $user->token))
    for @readers;
status_is($skep->get('/livez'), 200, 'nginx itself does not wait');
is(join(' ', map { $_->response->status } @readers), join(' ', (504) x 10),
   'ten reads that wait: 504');
cmp_ok(time - $start, '<', 2, 'each within its time-out');
$session->send('COMMIT;');
sleep 0.2;
status_is($user->get($path), 200, 'without the lock they are served');


# a lock that is released in time

$session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');
$_->send($_->format_request('GET', $path, token => $user->token))
    for @readers;
sleep 0.4;
$session->send('COMMIT;');
is(join(' ', map { $_->response->status } @readers), join(' ', (200) x 10),
   'what waits less than the time-out is served');

$session->close;
finish();
