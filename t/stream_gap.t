#!/usr/bin/env perl

# What Redis loses, repeats or brings in another order is read from PostgreSQL:
# each stream has each event once, in order.  So it is when Redis goes, and
# when there is none.

use v5.36;

use Skep::Fanout;
use Skep::Process qw(wait_until);
use Skep::Stream;
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(redis => 1, workers => 2, set => { notify_stream => 'skep' });
my $worker = Skep::Fanout->new($skep);
my ($user, $other) = map { $skep->user } 1 .. 2;
my $n = 0;

ok($worker->heard(2), 'nginx listens');
$worker->all;

my $project = $skep->project($user, viewer => $other);

$worker->all;

my @streams = map { Skep::Stream->open($_) } $user, $other, $user, $other;


# a run of so many new events, for all

sub events ($count) {
    $user->task(title => 'Task ' . ++$n, project_id => $project)
        for 1 .. $count;

    my $run = $worker->run;
    $run->[$_]{title} = 'Task ' . ($n - $count + 1 + $_) for 0 .. $count - 1;
    return $run;
}

sub titles (@runs) { return map { map { $_->{title} } @$_ } @runs }

sub got ($count, $timeout = 5) {
    return map {
        join ', ', map { $_->{data}{data}{task}{title} }
                   $_->events($count, $timeout);
    } @streams;
}

sub all_got ($what, @runs) {
    my @titles = titles(@runs);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply([got(scalar @titles)], [(join ', ', @titles) x @streams], $what);
    is_deeply([got(1, 0.05)], [('') x @streams], 'and nothing else');
}


my @runs = map { events(3) } 1 .. 3;

$worker->publish($_) for @runs[1, 2, 0];
all_got('another order', @runs);

@runs = map { events(2) } 1 .. 3;
$worker->publish($_) for @runs[0, 2];
all_got('one in the middle is lost', @runs);

@runs = map { events(2) } 1 .. 3;
$worker->publish($runs[-1]);
all_got('all but the last are lost', @runs);

@runs = events(4);
all_got('all are lost', @runs);

@runs = map { events(1) } 1 .. 150;
$worker->publish($_) for reverse grep { $_->[0]{n} % 3 } @runs;
all_got('many, the wrong way round, some lost', @runs);

@runs = (events(2), events(2), events(2));
$worker->publish([@{$runs[0]}, @{$runs[1]}]);
$worker->publish([@{$runs[1]}, @{$runs[2]}]);
all_got('runs that overlap', @runs);

@runs = events(3);
$worker->publish("skep1 $runs[0][0]{n} $runs[0][-1]{n}\n");
all_got('a run that is to be read from PostgreSQL', @runs);

@runs = events(3);
my $text = $worker->message($runs[0]);
$worker->publish(substr $text, 0, length($text) - 20);
all_got('a message that was cut', @runs);

@runs = (events(1), events(1));
$worker->publish("skep1 $_->[0]{n} $_->[0]{n}\n") for @runs;
all_got('two of them', @runs);


# PostgreSQL is away when it is to be read

my ($first, $second) = (events(2), events(2));
my $lock = $skep->pg->session;

$skep->pg->execute(<<~'SQL');
    ALTER ROLE skep_nginx CONNECTION LIMIT 0;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'skep_nginx';
    SQL
wait_until(10, sub { !$skep->pg->connections });    # they end when they see it
$worker->publish($second);
is_deeply([got(1, 0.5)], [('') x @streams], 'without PostgreSQL: nothing yet');
$skep->pg->execute('ALTER ROLE skep_nginx CONNECTION LIMIT -1');
$lock->close;
all_got('when it is there again', $first, $second);
$skep->wait_ready(5);


# Redis goes: the streams go on by PostgreSQL, and by Redis when it is back

$skep->redis->kill_server;

for (1 .. 2) {
    my $run = events(2);
    all_got('without Redis', $run);
}

$skep->redis->start;
ok($worker->heard(2), 'nginx listens again');

my $start = time;

for (1 .. 3) {
    my $run = events(2);
    $worker->publish($run);
    all_got('with Redis again', $run);
}

note(sprintf '%.2f s', time - $start);

$skep->redis->freeze;
all_got('Redis does not answer', events(2));
$skep->redis->thaw;
$skep->redis->command('CLIENT', 'KILL', 'TYPE', 'pubsub');

my $run = events(1);
all_got('the subscription is cut', $run);


# the database is another one: numbers begin anew

ok($worker->heard(2), 'nginx listens');
$skep->pg->execute(<<~'SQL');
    BEGIN;
    DELETE FROM notify.inbox;
    DELETE FROM notify.events;
    UPDATE notify.position SET n = 3;
    COMMIT;
    SQL
wait_until(5, sub { 2 <= (() = $skep->nginx->log =~ /the last notification was/g) });
@runs = events(2);
$worker->publish($_) for @runs;
all_got('numbers that went back', @runs);


# without Redis in the configuration

$skep->reconfigure(set => { notify_stream => undef, api_redis => undef });
$_->close for @streams;
$skep->reload;
@streams = map { Skep::Stream->open($_) } $user, $other;
all_got('no Redis at all', events(2));

finish();
