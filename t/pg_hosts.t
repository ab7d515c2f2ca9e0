#!/usr/bin/env perl

# Several servers in api_pg and the worker's pg, of which one takes connections
# and says nothing, as one does that is cut off: the next one is found.

use v5.36;

use IO::Socket::INET;
use Skep::Nginx;
use Skep::Proxy;
use Skep::Test;

my $port = Skep::Nginx::free_port();
my $silent = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 128, ReuseAddr => 1
) or die "listen: $!";
my $closed = Skep::Nginx::free_port();
my $proxy = Skep::Proxy->new(to => $port);
my $skep = Skep::Server->new(
    workers => 2,
    worker => 1,
    set => { api_pg_timeout => '1s', api_pg_connect_timeout => '1s' },
    worker_conf => { pg_timeout => '1s' },
    pg => {
        tcp => $port,
        at => 'host=127.0.0.1,localhost,127.0.0.1,127.0.0.1 port='
              . join(',', $silent->sockport, $closed, $proxy->port, $port),
    },
);

$skep->start;
pass('the silent one comes first: the others are found');

my $user = $skep->user;

is($user->task(title => 'One')->{title}, 'One', 'what is written');
$skep->connected;


# The one that was found says nothing more, on any connection.

$proxy->mode('hang');

ok(Skep::Process::wait_until(20, sub {
    my $res = eval { $user->post('/v1/tasks', { title => 'Two' }) };
    return $res && $res->status == 201;
}), 'the one after it is found');
ok($skep->wait_ready(20), 'by each lane');
ok($skep->worker->ready(20), 'and by the worker');
$proxy->mode('pass');

finish($skep);
