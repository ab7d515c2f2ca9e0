#!/usr/bin/env perl

# Something that takes connections and says nothing stands in PostgreSQL's
# place: requests are answered in time, and the attempts to connect are given up.

use v5.36;

use IO::Socket::INET;
use Skep::Nginx;
use Skep::Server;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $port = Skep::Nginx::free_port();
my $skep = Skep::Server->new(pg_tcp => $port, set => {
    api_pg_timeout => '1s', api_pg_connect_timeout => '1s'
});
my $silent = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1
) or die "listen: $!";

$skep->nginx->start;

my $descriptors = $skep->nginx->descriptors;
my (@accepted, %statuses);
my $slowest = 0;
my $until = time + 4;

while (time < $until) {
    my $start = time;

    $statuses{$skep->get('/readyz', plain => 1)->status}++;
    $slowest = time - $start if time - $start > $slowest;

    while (IO::Select->new($silent)->can_read(0)) {
        push @accepted, scalar $silent->accept;
    }

    sleep 0.05;
}

is_deeply([keys %statuses], [503], 'not ready');
cmp_ok($slowest, '<', 2, 'which is answered in time');
cmp_ok(scalar @accepted, '>', 6, 'it tried again and again');
cmp_ok(scalar @accepted, '<', 100, 'but not without a pause');
cmp_ok($skep->nginx->descriptors, '<=', $descriptors + 1,
       'and closed what it gave up');


# the connections made last stay open, and silent, while PostgreSQL comes

$silent->close;
$skep->pg->start;

my $start = time;

ok($skep->wait_ready(10), 'PostgreSQL is found when it is there');
cmp_ok(time - $start, '<=', 2.2, 'within 2 s');

finish($skep);
