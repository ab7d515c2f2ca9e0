#!/usr/bin/env perl

# A worker that is killed, or loses PostgreSQL, between sending and recording:
# what it sent is sent again, with the same id.  One that is told to end ends
# what it has begun.  Two share the work.

use v5.36;

use Skep::Hooks;
use Skep::Process qw(wait_until);
use Test::More;

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '1h',
    webhook_timeout  => '2s',
    webhook_lease    => '3s',
});
my $pg = $hooks->pg;
my $receiver = $hooks->receiver;

$hooks->hook(path => '/hook');


# killed while the receiver thinks about its answer

my $worker = $hooks->start;
$receiver->answer('/hook', { delay => 1, status => 204 }, { status => 204 });

my $event = $hooks->events;

$receiver->wait_for('/hook', 1);
$worker->kill_process;

my $row = $hooks->delivery($event);
is_deeply([@$row{qw(status attempts)}], ['pending', 0], 'nothing is recorded');

$worker->start;
$row = $hooks->wait_delivery($event, 'delivered');
is_deeply([@$row{qw(status attempts)}], ['delivered', 1],
          'killed: delivered by the next one');

my @requests = $receiver->requests('/hook');

is(scalar @requests, 2, 'sent twice');
is($_->{headers}{'webhook-id'}, $event, 'with the same id') for @requests;
is($requests[1]{body}, $requests[0]{body}, 'and the same body');
cmp_ok($requests[1]{time} - $requests[0]{time}, '>', 2,
       'not before the lease ran out');


# PostgreSQL is gone when the answer comes

$receiver->answer('/hook', { delay => 1, status => 204 }, { status => 204 });
$event = $hooks->events;
$receiver->wait_for('/hook', 3);
$pg->stop_server('QUIT');
sleep 2;
$pg->start;

$row = $hooks->wait_delivery($event, 'delivered', undef, 30);
is($row->{status}, 'delivered', 'PostgreSQL was gone: recorded when it is back');
is(scalar(grep { $_->{headers}{'webhook-id'} eq $event }
          $receiver->requests('/hook')), 1, 'sent once');


# told to end: it waits for the answer, and takes nothing more

$receiver->answer('/hook', { delay => 1, status => 202 }, { status => 204 });
$event = $hooks->events;
$receiver->wait_for('/hook', 4);
is($worker->quit, 0, 'told to end, it ends');

$row = $hooks->delivery($event);
is_deeply([@$row{qw(status attempts response_status)}],
          ['delivered', 1, 202], 'when the answer is there and recorded');


# two of them: everything once

my @ids = $hooks->events(500);

my @workers = map { $hooks->start } 1 .. 2;

ok(wait_until(30, sub {
    return $pg->value(<<~"SQL") == 0;
        SELECT count(*) FROM notify.deliveries WHERE status = 'pending'
        SQL
}), 'two workers deliver all');

my %seen;
$seen{$_->{headers}{'webhook-id'}}++ for $receiver->requests('/hook');

is(scalar(grep { ($seen{$_} // 0) != 1 } @ids), 0, 'each event once');

my @share = map { $_->metrics->{'deliveries_total{outcome="delivered"}'} }
            @workers;

is($share[0] + $share[1], 500, 'counted by one or the other')
    or diag("@share");
note("@share");


# an outcome comes too late: the lease is another's by now

sub record ($delivered) {
    $pg->execute(<<~"SQL");
        SET ROLE skep_worker;
        SELECT notify.record_deliveries(json_build_array(json_build_object(
            'id', '$row->{id}', 'webhook', '$row->{webhook_id}',
            'lease', '2020-01-01', 'delivered', $delivered, 'gone', false,
            'status', 299, 'duration', 1)), '5 days')
        SQL

    return $hooks->delivery($event);
}


$_->quit for @workers;
$event = $hooks->events;
$row = $hooks->delivery($event);

is(record('false')->{attempts}, 0, 'a failure is not heard');
is_deeply([@{ record('true') }{qw(status response_status)}],
          ['delivered', 299], 'a success is');
is(record('false')->{status}, 'delivered', 'and is for good');
is(record('true')->{attempts}, 1, 'the first one');

$hooks->finish;
