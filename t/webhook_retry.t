#!/usr/bin/env perl

# What is not a success is tried again by the schedule, later if the receiver
# asks for it, and has failed after that; the log tells of each attempt.

use v5.36;

use POSIX qw(strftime);
use Skep::Hooks;
use Test::More;

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '200ms 400ms',
    webhook_timeout  => '1s',
    webhook_lease    => '3s',
});
my $receiver = $hooks->receiver;

my $hook = $hooks->hook(path => '/hook',
                        events => 'task.created,task.updated');
$hooks->start;


# two failures, then a success

$receiver->answer('/hook', { status => 500, body => 'oh' },
                  { status => 404, body => 'no' },
                  { status => 200, body => 'well' });

my $event = $hooks->events;
my $row = $hooks->wait_delivery($event, 1);

is_deeply([@$row{qw(status attempts response_status response_body error)}],
          ['pending', 1, 500, 'oh', undef], 'the first attempt failed');
cmp_ok($row->{next_attempt_at}, 'gt', $row->{last_attempt_at},
       'there is a next one');

isnt($hooks->webhook($hook)->{failing_since}, undef, 'the webhook is failing');

$row = $hooks->wait_delivery($event, 'delivered');

is_deeply([@$row{qw(status attempts response_status response_body)}],
          ['delivered', 3, 200, 'well'], 'the third succeeds');
is($hooks->webhook($hook)->{failing_since}, undef,
   'the webhook is failing no more');

my @requests = $receiver->requests('/hook');

is(scalar @requests, 3, 'three requests');
is(scalar(grep { $_->{headers}{'webhook-id'} eq $event } @requests), 3,
   'of one id');
is($_->{body}, $requests[0]{body}, 'of one body') for @requests[1, 2];
cmp_ok($requests[1]{time} - $requests[0]{time}, '>=', 0.2, 'a pause');
cmp_ok($requests[2]{time} - $requests[1]{time}, '>=', 0.4, 'a longer one');


# the last attempt

$receiver->answer('/hook', { status => 503, body => 'busy' });
$event = $hooks->events;
$row = $hooks->wait_delivery($event, 'failed');

is_deeply([@$row{qw(status attempts response_status response_body)}],
          ['failed', 3, 503, 'busy'], 'failed after the third');
is(scalar(grep { $_->{headers}{'webhook-id'} eq $event }
          $receiver->requests('/hook')), 3, 'three requests');


# what nginx does when a user asks for one more

$receiver->answer('/hook', { status => 500 }, { status => 204 });

for my $want (['failed', 4], ['delivered', 5]) {
    $hooks->pg->execute(<<~"SQL");
        UPDATE notify.deliveries SET status = 'pending', next_attempt_at = now()
        WHERE event_id = '$event'
        SQL

    $row = $hooks->wait_delivery($event, $want->[0]);
    is_deeply([@$row{qw(status attempts)}], $want,
              "one more attempt: $want->[0]");
}


# no answer: all of these at once

my @cases = (
    ['/hang', { hang => 1 }, 'no whole answer in time'],
    ['/close', { close => 1 }, 'the connection was closed without an answer'],
    ['/reset', { reset => 1 }, 'the connection was closed without an answer'],
    ['/half', { raw => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" },
     'no whole answer in time', 200],
    ['/what', { raw => "what?\r\n\r\n" }, 'the answer is no HTTP'],
    ['/drip', { drip => 0.01, status => 200, body => 'x' x 1000 },
     'no whole answer in time', 200],
);

$_->[4] = $hooks->hook(path => $_->[0], events => 'task.deleted') for @cases;
$receiver->answer($_->[0], $_->[1]) for @cases;
$event = $hooks->events(1, type => 'task.deleted');

for my $case (@cases) {
    my ($path, $answer, $error, $status, $id) = @$case;

    $row = $hooks->wait_delivery($event, 'failed', $id);
    is_deeply([@$row{qw(attempts error response_status)}],
              [3, $error, $status], "$path: $error");
}

@cases = (
    ['http://127.0.0.1:1/', 'no connection'],
    ['http://host.invalid/', 'the name of the host is not known'],
    ['http://127.0.0.1:99999/', 'the URL is malformed'],
    ['ftp://127.0.0.1/', 'the URL\'s scheme is not allowed'],
);

$_->[2] = $hooks->hook(url => $_->[0], events => 'comment.created') for @cases;
$event = $hooks->events(1, type => 'comment.created');

for my $case (@cases) {
    my ($url, $error, $id) = @$case;

    $row = $hooks->wait_delivery($event, 'failed', $id, 30);
    is_deeply([@$row{qw(error response_status response_body)}],
              [$error, undef, undef], "$url: $error");
}


# it is not sent to another place, and not tried for ever

$receiver->answer('/hook', {
    status => 307, headers => [ Location => $receiver->url('/other') ],
});
$event = $hooks->events;
$row = $hooks->wait_delivery($event, 'failed', $hook);

is_deeply([@$row{qw(response_status error)}],
          [307, 'redirects are not followed'], 'a redirect is a failure');
is(scalar $receiver->requests('/other'), 0, 'nobody went there');


# Retry-After makes a pause longer, in either form, if the status says so

my $later = strftime '%a, %d %b %Y %H:%M:%S GMT', gmtime time + 100;

@cases = (
    [429, 60, 58, 67], [503, 60, 58, 67], [503, $later, 90, 111],
    [500, 60, 0, 5], [429, 0, 0, 5], [429, 'soon', 0, 5], [429, -5, 0, 5],
    [429, '99999999999999999999', 0, 21600 * 1.1 + 1],
    [503, 1e9, 21600 - 5, 21600 * 1.1 + 1],
    [503, 'Wed, 01 Jan 2020 00:00:00 GMT', 0, 5],
);

for my $i (0 .. $#cases) {
    my $case = $cases[$i];

    $case->[4] = $hooks->hook(path => "/after-$i",
                              events => 'project.member_added');
    $receiver->answer("/after-$i", {
        status => $case->[0], headers => [ 'Retry-After' => $case->[1] ],
    });
}

$event = $hooks->events(1, type => 'project.member_added');

for my $case (@cases) {
    my ($status, $after, $least, $most, $id) = @$case;

    $hooks->wait_delivery($event, 1, $id);

    my $pause = $hooks->pg->value(<<~"SQL");
        SELECT extract(epoch FROM next_attempt_at - last_attempt_at)
        FROM notify.deliveries
        WHERE event_id = '$event' AND webhook_id = '$id'
        SQL

    ok($pause >= $least && $pause <= $most,
       "$status, Retry-After: $after") or diag("a pause of $pause s");
}

$hooks->finish;
