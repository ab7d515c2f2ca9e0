#!/usr/bin/env perl

# The worker has no more descriptors: it does not spin, fills no log, counts no
# attempt against a receiver, and goes on when it has some again.

use v5.36;

use IO::Socket::INET;
use Skep::File qw(slurp);
use Skep::Hooks;
use Skep::Proc qw(cpu limit_descriptors);
use Skep::Process qw(wait_until);
use Test::More;
use Time::HiRes qw(sleep);

use constant EVENTS => 20;

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '500ms 500ms 500ms', webhook_timeout => '2s',
});
my $worker = $hooks->start;


my ($soft, $hard) = slurp('/proc/' . $worker->pid . '/limits')
                    =~ /^Max open files\s+(\d+)\s+(\d+)/m;

cmp_ok($soft, '>=', $hard < 65536 ? $hard : 65536, 'it takes what it may have');

$hooks->hook(path => '/hook');
$hooks->wait_delivery($hooks->events, 'delivered');

my $log = length $worker->log;

limit_descriptors($worker->pid, 3);

# somebody asks for metrics meanwhile
my $asked = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $worker->port);
my @events = $hooks->events(EVENTS);
my $cpu = cpu($worker->pid);

sleep 3;
cmp_ok(cpu($worker->pid) - $cpu, '<', 1, 'it does not spin');

my @lines = split /\n/, substr $worker->log, $log;

cmp_ok(scalar @lines, '<', 20, 'nor fill the log');
is(scalar(grep { /http: accept: Too many open files/ } @lines), 1,
   'which tells once that nobody is let in');
is(scalar(grep { /descriptors for no more/ } @lines), 1,
   'and once that nothing is sent');

limit_descriptors($worker->pid, 1024);
ok(wait_until(5, sub {
    $hooks->pg->value(<<~'SQL') == 0;
        SELECT count(*) FROM notify.deliveries WHERE status <> 'delivered'
        SQL
}), 'with descriptors all is delivered');

is(join(' ', map { $hooks->delivery($_)->{attempts} } @events),
   join(' ', (1) x EVENTS), 'by the first attempt');
is($hooks->pg->value('SELECT max(failing_since) FROM notify.webhooks'), undef,
   'and the webhook counts as well');

syswrite $asked, "GET /livez HTTP/1.0\r\n\r\n";
like(join('', <$asked>), qr/\A\S+ 200 /, 'who asked has an answer');


# a limit that is there from the start makes the sender modest

limit_descriptors($worker->pid, 64 + 4 * 3);
$hooks->receiver->answer('/slow', { delay => 0.5, status => 204 });
$hooks->pg->execute('DELETE FROM notify.webhooks');
$hooks->hook(path => '/slow');
@events = $hooks->events(6);
$hooks->wait_delivery($events[$_], 'delivered') for 0 .. 5;

my @at = sort { $a <=> $b } map { $_->{time} }
         $hooks->receiver->requests('/slow');

is(scalar @at, 6, 'each is sent once');
is(scalar(grep { $at[$_ + 3] - $at[$_] < 0.45 } 0 .. 2), 0,
   'three at once, as there is room');

$hooks->finish;
