#!/usr/bin/env perl

# Redis behind Sentinels, with passwords: nginx and the worker find the master,
# and the one that takes its place; a Sentinel that is away does not matter.

use v5.36;

use Skep::Process qw(stop wait_until);
use Skep::Sentinel;
use Skep::Server;
use Skep::Stream;
use Skep::Test;
use Skep::Worker;

my $skep = Skep::Server->new(redis => 0, worker => 1);
my $sentinel = Skep::Sentinel->new(
    dir => $skep->dir, password => 'of-redis', sentinel_password => 'of-sentinels',
)->start;

my $redis = $skep->write_file('redis', "of-redis\n");
my $asked = $skep->write_file('sentinel', "of-sentinels\n");

$skep->reconfigure(set => {
    api_redis                        => $sentinel->conf_nginx . ' db=2',
    api_redis_password_file          => $redis,
    api_redis_sentinel_password_file => $asked,
});

# found in the outbox are events only after the test
$skep->worker->configure(
    $sentinel->conf_worker, redis_db => 2, redis_timeout => '1s',
    redis_password_file => $redis, redis_sentinel_password_file => $asked,
    sweep_after => '1h',
);
$skep->start;

my $user = $skep->user;
my $stream = Skep::Stream->open($user);
my $n = 0;


# Redis tells the worker of an event, and of it the stream.

sub told ($name) {
    my $told = wait_until(10, sub {
        my $task = $user->task(title => 'Task ' . ++$n);
        my $event;

        while ($event = $stream->event(0.5)) {
            return 1 if $event->{data}{task_id} eq $task->{id};
        }

        # it ends when an instance loses Redis, and is opened anew
        $stream = Skep::Stream->open($user) if $stream->ended(0) ne '';
        return 0;
    });

    ok($told, $name);
}


told('the master');
is((split /\n/, $sentinel->master->command('-n', 2, 'KEYS', '*'))[0],
   Skep::Worker::STREAM, 'the database that is asked for');

for my $how (qw(killed frozen)) {
    my $old = $sentinel->master;

    $how eq 'killed' ? $old->kill_server : $old->freeze;
    ok($sentinel->promoted, "$how: another master");
    told("$how: it is found");

    $old->thaw if $how eq 'frozen';
    ok($sentinel->restore, "$how: the old one follows");
    told("$how: that does not matter");
}


# the Sentinel that is asked first

stop(delete $sentinel->{sentinels}[0]{pid}, 'KILL');
$sentinel->master->command('CLIENT', 'KILL', 'TYPE', 'normal');
$sentinel->master->command('CLIENT', 'KILL', 'TYPE', 'pubsub');
told('a Sentinel is away');

finish($skep);
