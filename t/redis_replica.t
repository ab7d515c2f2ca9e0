#!/usr/bin/env perl

# Redis becomes a replica that takes all but writes, behind the same address and
# without a Sentinel: it is left, that is said once, and it is found when it is
# a master again.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

use constant AWAY => 5;         # seconds: many attempts

my $skep = skep(
    redis => 1, workers => 1, worker => 1,
    set => { notify_stream => 'skep' },
    allow_log => qr/Redis: it is a replica now|it is no master/,
);
my $ann = $skep->user;
my $bob = $skep->user;
my $project = $ann->project(name => 'x');

$ann->share($project, $bob, 'viewer');


# whether bob hears of a new task

sub hears_of ($title) {
    $ann->task(project_id => $project->{id}, title => $title);

    return wait_until(10, sub {
        return $bob->get('/v1/notifications')->body =~ /\Q$title\E/;
    });
}

sub is_ready () {
    return $skep->get('/readyz')->json->{checks}{redis} eq 'ok';
}


ok(hears_of('before'), 'all is well');
ok(is_ready(), '/readyz: ok');

$skep->redis->command('REPLICAOF', '127.0.0.1', '1');

my $ready = 0;

for (1 .. AWAY * 10) {
    $ann->task(title => 'x');
    $ready++ if $_ > 20 && is_ready();
    sleep 0.1;
}

is($ready, 0, '/readyz: no Redis, all the time');
ok(hears_of('meanwhile'), 'an event arrives without it');

for my $log (['nginx', $skep->nginx->log],
             ['the worker', $skep->worker->log]) {
    my @errors = grep { /\[error\]/ && /Redis/ } split /\n/, $log->[1];
    my @tries = grep { /no master/ } split /\n/, $log->[1];

    # of two connections, or of two threads
    cmp_ok(scalar @errors, '>=', 1, "$log->[0]: an error");
    cmp_ok(scalar @errors, '<=', 2, 'one for each connection')
        or diag(join "\n", @errors);
    cmp_ok(scalar @tries, '>', 2, 'further attempts are for information');
}

$skep->redis->command('REPLICAOF', 'NO', 'ONE');
ok(wait_until(5, \&is_ready), 'a master again: /readyz');
ok(hears_of('after'), 'an event');

finish();
