#!/usr/bin/env perl

# A primary and its standby, both named by api_pg: nginx works with the primary,
# and with the standby once that has taken over.

use v5.36;

use Skep::Postgres;
use Skep::Process qw(tempdir wait_until);
use Skep::Standby;
use Skep::Test;

my $skep = skep();
my $primary = $skep->pg;
my $user = $skep->user;


# a standby of it

my $standby = Skep::Postgres->new(dir => tempdir());
my $pair = Skep::Standby->new($primary, $standby);

is($standby->value('SELECT pg_is_in_recovery()'), 't', 'a standby');


# servers of a connection string, and more of it

sub reconnect ($more, @servers) {
    my $host = join ',', map { $_->{dir} } @servers;

    $skep->reconfigure(set => {
        api_pg => qq("host=$host port=5432 dbname=skep user=skep_nginx$more"),
    });
    $skep->reload;
}


# a standby alone

reconnect('', $standby);

ok(wait_until(10, sub { $skep->nginx->log =~ /is in hot standby mode/ }),
   'a standby is no server');

my $res = $skep->get('/readyz', plain => 1);

status_is($res, 503, 'which /readyz says');
is($res->json->{checks}{database}, 'unavailable', 'of the database');

reconnect(' target_session_attrs=any', $standby);
ok(wait_until(10, sub { $standby->connections > 2 }),
   'unless it is asked for');


# The standby is named first.

my @attrs = (' target_session_attrs=read-write',
             ' target_session_attrs=primary', '');

for my $attrs (@attrs) {
    reconnect($attrs, $standby, $primary);
    ok($skep->wait_ready(10), "\"$attrs\": ready");

    my $task = $user->task(title => "to$attrs");

    is($user->get("/v1/tasks/$task->{id}")->json->{title}, "to$attrs",
       'reads and writes');
    status_is($user->get('/v1/tasks?q=re'), 200, 'searches');
    is($primary->connections, 7, 'all connections are the primary\'s');
    is($standby->connections, 0, 'and none the standby\'s');
}


# it takes over, with all that was acknowledged

$primary->kill_server;
problem($user->post('/v1/tasks', { title => 'lost' }), 503,
        'database_unavailable', 'nobody to write to');
$pair->take_over;

ok($skep->wait_ready(10), 'ready again');
is($user->task(title => 'after')->{title}, 'after', 'what is written');
is_deeply([map { $_->{title} } $user->get('/v1/tasks')->json->{data}->@*],
          ['after', map { "to$_" } reverse @attrs], 'and what was before');

$standby->stop_server;
finish();
