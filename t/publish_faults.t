#!/usr/bin/env perl

# Redis away, hanging, full, emptied, with something else by that name: requests
# succeed, the outbox holds their events, the log says so once, and when Redis is
# well again events are published again.

use v5.36;

use Skep::Mix;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(redis => 1, set => { notify_stream => 'skep' });
my $redis = $skep->redis;
my $user = $skep->user;


sub lines ($pattern) {
    return scalar(my @found = grep { /$pattern/ } split /\n/,
                                                  $skep->nginx->log);
}

sub task () {
    state $n = 0;

    return $user->task(title => 'Number ' . ++$n);
}

sub published ($task) {
    return grep { ($_->{task_id} // '') eq $task->{id} }
           eval { $redis->entries('skep') };
}

# Events are published, and the log has said so if they were not.

sub well ($name) {
    ok(wait_until(10, sub {
        my $task = task();

        return lines('wait in the outbox') == lines('published again')
               && wait_until(0.5, sub { published($task) });
    }), "$name: events are published");
}

# An outage: begin() and end() make it.  Each write during it is answered, and
# its event is in the outbox.

sub outage ($name, $why, $begin, $end) {
    my $told = lines('wait in the outbox');

    $begin->();

    # one that hangs is found out by a command without an answer
    my @ids = map { sleep 0.05; task()->{id} } 1 .. 20;

    ok(wait_until(5, sub { lines('wait in the outbox') == $told + 1 }),
       "$name: the log says so");
    push @ids, map { task()->{id} } 1 .. 20;

    my $list = join ',', map { "'$_'" } @ids;
    is($skep->pg->value("SELECT count(*) FROM notify.outbox
                         WHERE task_id IN ($list)"), 40,
       "$name: the outbox has the events");
    is(lines('wait in the outbox'), $told + 1, "$name: and only once");
    like((grep { /wait in the outbox/ } split /\n/, $skep->nginx->log)[-1],
         $why, "$name: and why");

    $end->();
    well($name);
}


well('at first');

outage('killed', qr/Redis: (?:away|no answer)/,
       sub { $redis->kill_server }, sub { $redis->start });
outage('stopped', qr/Redis: (?:away|no answer)/,
       sub { $redis->stop_server }, sub { $redis->start });
outage('hanging', qr/Redis: (?:away|no answer)/,
       sub { $redis->freeze }, sub { $redis->thaw });
outage('full', qr/Redis: OOM /, sub {
    $redis->command(qw(CONFIG SET maxmemory-policy noeviction));
    $redis->command(qw(CONFIG SET maxmemory 1));
}, sub {
    $redis->command(qw(CONFIG SET maxmemory 0));
});
outage('something else by that name', qr/Redis: WRONGTYPE /, sub {
    $redis->command(qw(SET skep taken));
}, sub {
    $redis->command(qw(DEL skep));
});

$redis->command('FLUSHALL');
well('emptied');


# all that under load

my $mix = Skep::Mix->new($skep, users => 2);
my $load = $skep->load(connections => 16, next => $mix->requests(
    weights => { post => 1, patch => 1 },
));

for my $round (1 .. 3) {
    sleep 0.4;
    $redis->kill_server;
    sleep 0.2;
    $redis->start;
    sleep 0.4;
    $redis->command('FLUSHALL');
    $redis->freeze;
    sleep 0.4;
    $redis->thaw;
}

my $report = $load->stop;

note($report->summary);
load_is_clean($report, 'under load');
cmp_ok($report->count, '>', 200, 'hundreds of writes');
$mix->verify($report);
well('after the load');

finish();
