#!/usr/bin/env perl

# Webhooks that hang, with a thousand deliveries due to each, hold up no other;
# and to none goes more at once than is to.

use v5.36;

use Skep::Hooks;
use Skep::Process qw(wait_until);
use Test::More;

use constant { HEALTHY => 200, HANGING => 20, EVENTS => 5 };

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule     => '1h',
    webhook_timeout      => '15s',
    webhook_per_endpoint => 3,
    webhook_concurrency  => 32,
});
my $pg = $hooks->pg;
my $receiver = $hooks->receiver;


# how many requests of a path were under way at once: none of them is answered

sub under_way ($path) { return scalar $receiver->requests($path) }


my @hanging = map {
    $receiver->answer("/hang-$_", { hang => 1 });
    $hooks->hook(path => "/hang-$_", events => 'webhook.none');
} 1 .. HANGING;

my $list = join ', ', map { "'$_'" } @hanging;

$pg->execute(<<~"SQL");
    INSERT INTO notify.deliveries (id, webhook_id, event_id, type, data,
                                   next_attempt_at)
    SELECT gen_random_uuid(), w.id, gen_random_uuid(), 'webhook.test', '{}',
           now() - interval '1 hour'
    FROM notify.webhooks w, generate_series(1, 1000)
    WHERE w.id IN ($list)
    SQL

my $worker = $hooks->start;

# none of them is known to fail as yet, and they take all the room there is;
# but for each other's
ok(wait_until(10, sub { 32 == grep { $_->{path} =~ /hang/ }
                                   $receiver->requests }), 'all hang');

my @counts = map { under_way("/hang-$_") } 1 .. HANGING;

is(scalar(grep { $_ == 0 } @counts), 0, 'each got its turn');
is(scalar(grep { $_ > 2 } @counts), 0, 'and none got more than its share');

# a failure is known when the first have timed out
ok(wait_until(30, sub {
    $pg->value(<<~"SQL") == HANGING;
        SELECT count(*) FROM notify.webhooks WHERE failing_since IS NOT NULL
        SQL
}), 'they are failing');

$hooks->hook(path => "/healthy-$_", events => 'task.created')
    for 1 .. HEALTHY;
$hooks->events(EVENTS);

my $delivered = wait_until(10, sub {
    return $pg->value(<<~"SQL") == HEALTHY * EVENTS;
        SELECT count(*) FROM notify.deliveries
        WHERE status = 'delivered'
        SQL
});
ok($delivered, HEALTHY * EVENTS . ' deliveries to ' . HEALTHY . ' that answer');

my %requests;
push $requests{$_->{path}}->@*, $_
    for grep { $_->{path} =~ /healthy/ } $receiver->requests;

is(scalar keys %requests, HEALTHY, 'each got them');
is(scalar(grep { @$_ != EVENTS } values %requests), 0, 'all of them, once');


# to a receiver that is slow as many at once as are to be

$receiver->answer('/slow', { delay => 1, status => 204 });
$hooks->hook(path => '/slow', events => 'comment.created');
$hooks->events(9, type => 'comment.created');

my @at = map { $_->{time} } $receiver->wait_for('/slow', 9, 20);

is(scalar @at, 9, 'a slow one gets all');
cmp_ok($at[1] - $at[0], '<', 1, 'more than one at once');
is(scalar(grep { $at[$_ + 3] - $at[$_] < 0.99 } 0 .. 5), 0,
   'but never more than three');

$worker->kill_process;                  # what hangs is not waited for
$hooks->finish;
