#!/usr/bin/env perl

# A webhook that is gone, or fails for days, is disabled, and its owner is told;
# what was on its way to it has failed.

use v5.36;

use JSON::PP ();
use Skep::Hooks;
use Skep::Process qw(wait_until);
use Test::More;

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '200ms 1h', webhook_disable_after => '5d',
});
my $receiver = $hooks->receiver;
my $pg = $hooks->pg;


# what the owner is told; it is in the outbox until that is fanned out

sub told () {
    $pg->query('SELECT FROM notify.fan_out(9223372036854775807, 1000)');

    return map { JSON::PP::decode_json($_->[0]) } $pg->query(<<~"SQL")->@*;
        SELECT e.data FROM notify.events e
        JOIN notify.inbox i ON i.n = e.n AND i.user_id = '$hooks->{user}'
        WHERE e.type = 'webhook.disabled' ORDER BY e.n
        SQL
}


my $worker = $hooks->start;

my $hook = $hooks->hook(path => '/gone');
my $other = $hooks->hook(path => '/other');

$receiver->answer('/gone', { status => 410, body => 'moved out' });

my $event = $hooks->events;

wait_until(10, sub { !$hooks->webhook($hook)->{enabled} });

my $webhook = $hooks->webhook($hook);

ok(!$webhook->{enabled}, '410 disables');
is($webhook->{disabled_reason}, 'gone', 'and is the reason');
is($webhook->{version}, 2, 'a version more');

my $row = $hooks->delivery($event, $hook);

is_deeply([@$row{qw(status attempts response_status response_body)}],
          ['failed', 1, 410, 'moved out'], 'the delivery has failed');

my @told = told();

is_deeply(\@told, [{ webhook => {
    id => $hook, url => $receiver->url('/gone'), disabled_reason => 'gone',
} }], 'the owner is told, once');

ok($hooks->webhook($other)->{enabled}, 'another one of theirs stays');


# what was on its way, more of it than goes at once

$pg->execute(<<~"SQL");
    INSERT INTO notify.deliveries (id, webhook_id, event_id, type, data)
    SELECT gen_random_uuid(), '$hook', gen_random_uuid(), 'webhook.test', '{}'
    FROM generate_series(1, 1000)
    SQL

sub pending () {
    return $pg->value(<<~"SQL");
        SELECT count(*) FROM notify.deliveries
        WHERE webhook_id = '$hook' AND status = 'pending'
        SQL
}

wait_until(10, sub { pending() == 0 });

is_deeply($pg->query(<<~"SQL"), [['failed', 'the webhook is disabled', 1000]],
    SELECT status, error, count(*) FROM notify.deliveries
    WHERE webhook_id = '$hook' AND event_id <> '$event'
    GROUP BY 1, 2
    SQL
    'what was on its way has failed');
is(scalar $receiver->requests('/gone'), 1, 'nothing more was sent');

$hooks->events(2);
is($pg->value(<<~"SQL"), 1001, 'nor is there anything new');
    SELECT count(*) FROM notify.deliveries WHERE webhook_id = '$hook'
    SQL


# enabled again

$pg->execute(<<~"SQL");
    UPDATE notify.webhooks SET enabled = true, disabled_reason = NULL
    WHERE id = '$hook'
    SQL
$receiver->answer('/gone', { status => 204 });
$event = $hooks->events;

wait_until(10, sub { $hooks->delivery($event, $hook)->{status} eq 'delivered' });
is($hooks->delivery($event, $hook)->{status}, 'delivered',
   'enabled again, it is sent to');


# failing for less than five days; for more; with a success meanwhile

sub fails_since ($since) {
    $pg->execute(<<~"SQL");
        UPDATE notify.webhooks
        SET failing_since = now() - interval '$since' WHERE id = '$hook'
        SQL

    my $id = $hooks->events;

    wait_until(10, sub { $hooks->delivery($id, $hook)->{attempts} > 0 });
    return $hooks->webhook($hook);
}


$receiver->answer('/gone', { status => 500 });
$webhook = fails_since('4 days 23 hours');
ok($webhook->{enabled}, 'failing for less than five days');
is(scalar(told()), 1, 'nobody is told');

$receiver->answer('/gone', { status => 200 });
$webhook = fails_since('6 days');
ok($webhook->{enabled}, 'a success after six days');
is($webhook->{failing_since}, undef, 'it is failing no more');

$receiver->answer('/gone', { status => 500 });
$webhook = fails_since('5 days 1 second');
ok(!$webhook->{enabled}, 'failing for five days disables');
is($webhook->{disabled_reason}, 'failing', 'and is the reason');

@told = told();
is(scalar @told, 2, 'the owner is told');
is($told[1]{webhook}{disabled_reason}, 'failing', 'why');

like($worker->log, qr/webhook \Q$hook\E is disabled: gone.*failing/s,
     'so is the operator');

$hooks->finish;
