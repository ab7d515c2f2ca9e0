#!/usr/bin/env perl

# What is kept of answers: text that PostgreSQL and JSON can hold, its first
# KB; and of an answer without end no more is read than anybody needs.

use v5.36;
use utf8;

use Skep::Hooks;
use Skep::Process qw(wait_until);
use Test::More;

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '1h', webhook_timeout => '10s',
});
my $receiver = $hooks->receiver;

$hooks->hook(path => '/hook');
$hooks->start;

for my $case (
    ['nothing', '', ''],
    ['a quote, a newline', qq("a\\b"\n\t), qq("a\\b"\n\t)],
    ['NUL', "a\0b\0", 'ab'],
    ['UTF-8', "\xc3\xa4\xe2\x98\x95\xf0\x9f\x8d\xb5", "ä☕🍵"],
    ['what is no UTF-8', "a\xffb\xc3", "a\x{fffd}b"],
    ['controls', "\x01\x1b[31m", "\x01\x1b[31m"],
    ['1 KB', 'x' x 1024, 'x' x 1024],
    ['more', 'x' x 5000, 'x' x 1024],
    ['a cut character', 'x' x 1023 . "\xc3\xa4", 'x' x 1023],
    ['much that is none', "\xff" x 2000, "\x{fffd}" x 341],
) {
    my ($what, $body, $kept) = @$case;

    $receiver->answer('/hook', { status => 200, body => $body });
    my $row = $hooks->wait_delivery(scalar $hooks->events, 'delivered');

    is($row->{response_body}, $kept, $what);
}


# an answer without end: its status counts, and the connection is closed

for my $case ([200, 'delivered'], [500, 'pending']) {
    my ($code, $status) = @$case;

    $receiver->answer('/hook', { status => $code, large => 10e9 });

    my $row = $hooks->wait_delivery(scalar $hooks->events, 1);
    my ($request) = ($receiver->requests('/hook'))[-1];
    my $end = wait_until(10, sub {
        return $receiver->closed($request->{connection});
    });

    is_deeply([@$row{qw(status response_status response_body error)}],
              [$status, $code, 'x' x 1024, undef], "$code and 10 GB");
    ok($end && $end->{sent} < 20e6, 'most of it was not read')
        or diag($end ? $end->{sent} : 'not closed');
}

$receiver->answer('/hook', { status => 204 });
is($hooks->wait_delivery(scalar $hooks->events, 'delivered')->{status},
   'delivered', 'the next one');


# headers without end

$receiver->answer('/hook', {
    raw => "HTTP/1.1 200 OK\r\n" . "X-Header: " . 'x' x 2_000_000 . "\r\n\r\n",
});
my $row = $hooks->wait_delivery(scalar $hooks->events, 1);

is($row->{status}, 'pending', 'a header of 2 MB is no success');
ok(length $row->{error}, 'and said so') and note($row->{error});

$hooks->finish;
