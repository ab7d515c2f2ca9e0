#!/usr/bin/env perl

# PostgreSQL over TCP, by a host name; a wrong password; a server that is lost.

use v5.36;

use Skep::Mix;
use Skep::Nginx;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(workers => 2, pg_tcp => Skep::Nginx::free_port());
my $mix = Skep::Mix->new($skep);
my $user = $mix->{users}[0];
my $connections = $skep->connected;

is($skep->pg->value(<<~'SQL'), $connections, 'all connections are by TCP');
    SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'skep_nginx' AND client_addr = '127.0.0.1'
    SQL


# what is sent and received in many pieces

my $text = join ' ', 1 .. 3500;

$user->task(title => "Large $_", description => $text) for 1 .. 60;

my $res = $user->get('/v1/tasks?limit=60');

status_is($res, 200, 'a large list');
is(scalar(grep { $_->{description} eq $text } $res->json->{data}->@*), 60,
   'is whole');


# lost and found

my $load = $skep->load(connections => 32, next => $mix->requests(
    allow => [503]
));

sleep 1;
$skep->pg->kill_server;
sleep 0.3;
$skep->pg->start;
my $up = time;
sleep 2.5;

my $report = $load->stop;

load_is_clean($report);
my $first = $report->first(from => $up, kind => 'post', status => 201);
ok(defined $first && $first - $up <= 2.2, 'served again within 2 s');
$mix->verify($report);


# a password that is wrong

$skep->pg->execute("ALTER ROLE skep_nginx PASSWORD 'another'");
$skep->client->close;
$skep->nginx->reload;
$skep->client->close;
Skep::Process::wait_until(5, sub {
    $skep->get('/readyz', plain => 1)->status == 503;
});
problem($user->get('/v1/tasks'), 503, 'database_unavailable',
        'a wrong password');
like($skep->nginx->log, qr/\[error\].*password authentication failed/,
     'the log says why');
unlike($skep->nginx->log, qr/pass word/, 'and not which');

finish();
