#!/usr/bin/env perl

# api_redis and its kin: addresses, databases, passwords, faults.

use v5.36;

use Skep::Nginx;
use Skep::Process qw(wait_until);
use Skep::Server;
use Skep::Test;
use Time::HiRes qw(sleep);

my $password = q{a "long" pass'word};
my $port = Skep::Nginx::free_port();
my $skep = Skep::Server->new(
    redis => { requirepass => $password, port => $port },
);
my $dir = $skep->dir;
my $redis = $skep->redis;


$skep->write_file('right', "$password\n");
$skep->write_file('wrong', "another\n");
$skep->write_file('empty', "\n");


# Commands and subscriptions of one worker, in a database.

sub connected ($db, $timeout = 5) {
    return wait_until($timeout, sub {
        my @clients = grep { /(?: |^)db=$db / && !/ cmd=client/ }
                      split /\n/, $redis->command('CLIENT', 'LIST');
        return 2 == @clients && grep { / sub=1 / } @clients;
    });
}


sub configured (%set) {
    $skep->reconfigure(set => \%set);
    $skep->reload;
}


$skep->reconfigure(set => { api_redis_password_file => "$dir/right" });
$skep->start;
ok(connected(0), 'by the socket, with a password');

configured(api_redis => $redis->address . ' db=3',
           api_redis_password_file => "$dir/right");
ok(connected(3), 'another database');

configured(api_redis => "127.0.0.1:$port db=0",
           api_redis_password_file => "$dir/right");
ok(connected(0), 'by TCP');

configured(api_redis => "localhost:$port",
           api_redis_password_file => "$dir/right");
ok(connected(0), 'by a name');


# refused: told once, without the password, and tried again

sub refused ($name, $like, %set) {
    my $before = length $skep->nginx->log;

    configured(%set);
    sleep 1;

    my $log = substr $skep->nginx->log, $before;
    my @errors = $log =~ /\[error\].*(Redis refused.*)/g;

    ok(!connected(0, 0), "$name: no connection");
    is(scalar @errors, 2, "$name: one error for each connection");
    like($errors[0] // '', $like, "$name: what Redis said");
    unlike($log, qr/another|pass'word/, "$name: no password in the log");
    cmp_ok(scalar(() = $log =~ /Redis refused/g), '>', 3,
           "$name: it is tried again");
}

refused('a wrong password', qr/WRONGPASS|invalid password/,
        api_redis_password_file => "$dir/wrong");
refused('no password', qr/NOAUTH/);
refused('no such database', qr/out of range/,
        api_redis => $redis->address . ' db=1000',
        api_redis_password_file => "$dir/right");

$redis->command('CONFIG', 'SET', 'requirepass', '');
configured();
$redis->{settings}{requirepass} = undef;
ok(connected(0), 'none is needed');


# faults in the configuration

sub fault ($name, $like, %set) {
    $skep->reconfigure(set => \%set);

    my ($passed, $out) = $skep->nginx->test_configuration;

    ok(!$passed, $name);
    like($out, qr/\[emerg\].*$like/, "$name: why");
}

fault('a database that is no number', qr/invalid parameter "db=x"/,
      api_redis => '127.0.0.1 db=x');
fault('a negative one', qr/invalid parameter/, api_redis => '127.0.0.1 db=-1');
fault('another parameter', qr/invalid parameter "port=1"/,
      api_redis => '127.0.0.1 port=1');
fault('several addresses', qr/has several addresses/,
      api_redis => '127.0.0.1 127.0.0.2 db=1');
fault('an address behind parameters', qr/invalid parameter "127.0.0.2"/,
      api_redis => '127.0.0.1 sentinel=x 127.0.0.2');
fault('no name', qr/invalid parameter "sentinel="/,
      api_redis => '127.0.0.1 sentinel=');
fault('no such host', qr/host not found/, api_redis => 'redis.invalid');
fault('no such port', qr/invalid port/, api_redis => '127.0.0.1:99999');
fault('a URL', qr/api_redis|must be|invalid|no address|host/,
      api_redis => 'redis://127.0.0.1/1');
fault('an empty password', qr/must hold at least 1 byte/,
      api_redis_password_file => "$dir/empty");
fault('no file', qr/failed.*No such file/,
      api_redis_password_file => "$dir/none");
fault('no time', qr/must be at least/, api_redis_timeout => '0');
fault('no time to connect', qr/must be at least/,
      api_redis_connect_timeout => '0');
fault('a small zone', qr/too small/, auth_revocations => '1k');
fault('no size', qr/invalid size/, auth_revocations => 'many');
fault('no pause', qr/invalid time/, auth_revocations => '1m poll=0');
fault('another parameter of it', qr/invalid parameter/,
      auth_revocations => '1m every=1s');

$skep->reconfigure(set => {});

$skep->client->close;
ok(defined $skep->nginx->quit, 'nginx quits in time');
is(scalar(my @faults = $skep->nginx->log_faults), 0,
   'nothing alarming in the error log');
done_testing();
