#!/usr/bin/env perl

# Connections to receivers are kept for the next webhook, but not for ever: of a
# burst, none is left when nothing was sent for a while.

use v5.36;

use Skep::Hooks;
use Skep::Proc qw(descriptors);
use Skep::Process qw(wait_until);
use Test::More;

use constant { BURST => 40, KEPT => 15 };

my $hooks = Skep::Hooks->new(set => { webhook_per_endpoint => BURST });
my $receiver = $hooks->receiver;
my $worker = $hooks->start;

# no connection serves two of them
$receiver->answer('/hook', { status => 200, delay => 0.5 });
$hooks->hook(path => '/hook');

my $before = descriptors($worker->pid);

$hooks->events(BURST);
is(scalar $receiver->wait_for('/hook', BURST), BURST, 'a burst');
cmp_ok(descriptors($worker->pid), '>=', $before + BURST / 2,
       'has many connections');

# the next one takes one of them
$receiver->answer('/hook', { status => 200 });
$hooks->wait_delivery(scalar $hooks->events, 'delivered');

my @requests = $receiver->requests('/hook');
my $kept = $requests[-1]{connection};

ok((grep { $_->{connection} == $kept } @requests[0 .. BURST - 1]),
   'a connection is used again');
is($receiver->closed($kept), undef, 'and kept');

ok(wait_until(KEPT + 15, sub { descriptors($worker->pid) <= $before }, 0.1),
   'none is left after a while')
    or diag(descriptors($worker->pid), " descriptors, $before");

# all goes on
my $event = $hooks->events;

is($hooks->wait_delivery($event, 'delivered')->{status}, 'delivered',
   'the next one gets a new connection');
isnt(($receiver->requests('/hook'))[-1]{connection}, $kept, 'indeed');

$hooks->finish;
