#!/usr/bin/env perl

# Where webhooks never go, however the address is written or come by, unless
# the operator has allowed it.

use v5.36;

use Skep::Hooks;
use Skep::Process qw(wait_until);
use Test::More;

# who would send everything through a proxy would reach anything
$ENV{$_} = 'http://127.0.0.1:1/' for qw(http_proxy https_proxy all_proxy
                                        HTTPS_PROXY ALL_PROXY);

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '1h', webhook_timeout => '5s',
});
my $receiver = $hooks->receiver;
my $port = $receiver->port;


sub all_denied ($rows) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $url (sort keys %$rows) {
        is_deeply([@{ $rows->{$url} }{qw(status error response_status)}],
                  ['pending', 'the address is not allowed', undef], $url);
    }
}


my $worker = $hooks->start(webhook_allow_address => undef);

# forms of 127.0.0.1 among them, and names that lead to it
my @urls = map { "http://$_:$port/" } qw(
    127.0.0.1 127.1 0x7f.1 2130706433 0177.0.0.1 127.255.255.254 0.0.0.0
    localhost LOCALHOST [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1]
    169.254.169.254 10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1
    [::ffff:169.254.169.254] [::ffff:10.0.0.1] [64:ff9b::7f00:1]
    [2002:7f00:1::] [fd00:ec2::254] [fe80::1] 224.0.0.1 255.255.255.255
);

all_denied($hooks->deliveries(@urls, map { s/^http/https/r } @urls[0 .. 8]));
is(scalar $receiver->requests, 0, 'nothing was received');


# what is allowed is that alone; by the address, not by the name

$worker->quit;
$worker = $hooks->start(webhook_allow_address => ['127.0.0.1', 'fd00::/8']);

my $rows = $hooks->deliveries("http://localhost:$port/a",
                              "http://127.0.0.1:$port/b",
                              "http://[::ffff:127.0.0.1]:$port/c");

is($rows->{$_}{status}, 'delivered', "allowed: $_") for sort keys %$rows;
all_denied($hooks->deliveries("http://127.0.0.2:$port/d",
                              "http://10.0.0.1:$port/",
                              "http://169.254.169.254/"));


# a redirect leads nowhere, allowed or not

$receiver->answer('/moved', {
    status => 302, headers => [ Location => "http://127.0.0.1:$port/secret" ],
});
$rows = $hooks->deliveries("http://127.0.0.1:$port/moved");
is($rows->{"http://127.0.0.1:$port/moved"}{error},
   'redirects are not followed', 'a redirect');
is(scalar $receiver->requests('/secret'), 0, 'is not followed');


# a name that leads to several addresses goes to one that is allowed; a kept
# connection is of no use to one that is not

$rows = $hooks->deliveries("http://127.0.0.1:$port/e",
                           "http://127.0.0.3:$port/f");
is($rows->{"http://127.0.0.1:$port/e"}{status}, 'delivered', 'kept');
is($rows->{"http://127.0.0.3:$port/f"}{error}, 'the address is not allowed',
   'not shared');


# reloaded: it is as it is now, and what is wrong changes nothing

sub reloaded ($pattern, %set) {
    my $before = () = $worker->log =~ /$pattern/g;

    $worker->configure($hooks->conf(%set));
    $worker->signal('HUP');
    ok(wait_until(10, sub { $before < (() = $worker->log =~ /$pattern/g) }),
       "reloaded: $pattern");
}


reloaded('was read again', webhook_allow_address => '127.0.0.3');
$rows = $hooks->deliveries("http://127.0.0.3:$port/g");
is($rows->{"http://127.0.0.3:$port/g"}{error}, 'no connection',
   'allowed, and nobody there');
all_denied($hooks->deliveries("http://127.0.0.2:$port/"));

reloaded('configuration stays', webhook_allow_address => '127.0.0.1/8');
reloaded('was read again', webhook_allow_address => '127.0.0.1',
         webhook_allow_http => undef);

$rows = $hooks->deliveries("http://127.0.0.1:$port/h");
is($rows->{"http://127.0.0.1:$port/h"}{error},
   'the URL\'s scheme is not allowed', 'http is not, by default');
is(scalar $receiver->requests('/h'), 0, 'nothing was received');

$hooks->finish;
