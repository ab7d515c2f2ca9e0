#!/usr/bin/env perl

# The numbers are those of all workers.  They go on over a reload, and when a
# worker is killed, whose gauges are gone; a zone that is full fails nobody.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Stream;
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(metrics => 1, workers => 3,
                allow_log => qr/worker process \d+ exited on signal 9/);
my $user = $skep->user;
my %me = (route => '/v1/me', method => 'GET', status => 200);


# Requests over new connections: any worker may get them.

sub requests ($n, $target = '/v1/me') {
    for (1 .. $n) {
        my $client = $skep->new_client;
        my $res = $client->request('GET', $target, token => $user->token);

        fail("$target: " . $res->status . ' ' . $res->body) if $res->status != 200;
        $client->close;
    }
}

sub counted (%labels) {
    return $skep->metrics->get('skep_http_requests_total', %labels);
}

sub gauges ($metrics) {
    return {
        workers => $metrics->get('skep_worker_processes'),
        ready   => $metrics->get('skep_pg_connections', state => 'ready'),
        max     => $metrics->get('skep_pg_connections_max'),
        streams => $metrics->get('skep_notify_stream_clients'),
    };
}

my $well = { workers => 3, ready => 21, max => 21, streams => 0 };

sub gauges_are ($want, $name) {
    my $is;

    wait_until(10, sub {
        $is = gauges($skep->metrics);
        return !grep { $is->{$_} != $want->{$_} } keys %$want;
    });
    is_deeply({ $is->%{keys %$want} }, $want, $name);
}

# Every counter and bucket is what it was, or more.

sub monotone ($before, $after, $name) {
    my @less;

    for my $metric (grep { /_(?:total|bucket|count|sum)$/ } $before->names) {
        for my $sample ($before->samples($metric)) {
            my $now = $after->get($metric, $sample->[0]->%*);

            push @less, "$metric: $sample->[1], " . ($now // 'none')
                if ($now // -1) < $sample->[1];
        }
    }

    is(join("\n", @less), '', $name);
}

gauges_are($well, 'the gauges of three workers');
requests(60);
is(counted(%me), 60, 'every request was counted');


# a worker is killed

my $before = $skep->metrics;
my @streams = map { Skep::Stream->open($user) } 1 .. 6;

gauges_are({ %$well, streams => 6 }, 'streams are counted');

kill 'KILL', ($skep->nginx->workers)[0];
gauges_are({ $well->%{qw(workers ready max)} },
           'a worker is killed: there are as many again');

$_->close for @streams;
gauges_are($well, 'and no stream is left over');

my $after = $skep->metrics;

monotone($before, $after, 'no counter fell');
is(counted(%me), 60, 'requests of a dead worker count');
requests(30);
is(counted(%me), 90, 'and go on');

for (1 .. 3) {
    kill 'KILL', $skep->nginx->workers;
    ok(wait_until(10, sub {
        eval { $skep->metrics->get('skep_worker_processes') == 3 };
    }), 'all are killed');
}

gauges_are($well, 'and come again');
monotone($after, $skep->metrics, 'no counter fell');


# reloads

$before = $skep->metrics;

for (1 .. 3) {
    $skep->reload;
    requests(10);
}

$after = $skep->metrics;
monotone($before, $after, 'reloaded: no counter fell');
is(counted(%me), 120, 'every request was counted');
gauges_are($well, 'the gauges are those of the new workers');


# another configuration: zones come and go

$skep->reconfigure(http => 'rate_limit_zone $auth_user zone=new:1m rate=9r/s;',
                   workers => 3);
$skep->reload;
ok(defined $skep->metrics->get('skep_rate_limit_requests_total',
                               zone => 'new'), 'a zone that is new');

$skep->reconfigure(http => '');
$skep->reload;
ok(!defined $skep->metrics->get('skep_rate_limit_requests_total'),
   'one that is gone');
is(counted(%me), 120, 'all else is as before');
is(join("\n", $skep->metrics->faults), '', 'the text is well-formed');


# a zone of another size is a new one

$skep->reconfigure(metrics => '1m');
$skep->reload;
is(counted(%me) // 0, 0, 'another size: from the beginning');

my $zone = $skep->metrics;

is($zone->get('skep_metrics_zone_bytes'), 1048576, 'of its size');
is($zone->get('skep_metrics_dropped_total'), 0, 'nothing was dropped');


# a zone that is full

$skep->reconfigure(metrics => '64k');
$skep->reload;
$skep->connected;

my @routes = ('/v1/me', '/v1/tasks', '/v1/projects', '/v1/sessions',
              '/v1/webhooks', '/v1/notifications', '/livez',
              '/v1/me/notification-settings');

for my $route (@routes) {
    $user->request($_, $route)
        for qw(GET HEAD OPTIONS PUT PATCH DELETE POST TRACE);
}

for (1 .. 3) {
    requests(5, $_) for @routes;
    status_is($user->post('/v1/tasks', { title => "t$_" }), 201,
              'a task is made');
}

my $full = $skep->metrics;

cmp_ok($full->get('skep_metrics_dropped_total'), '>', 0,
       'what was not counted is told');
is($full->get('skep_metrics_zone_bytes', state => 'free'), 0, 'it is full');
is(join("\n", $full->faults), '', 'the text is well-formed');
is(scalar(grep { /\[warn\].*"api_metrics_zone" is full/ }
          split /\n/, $skep->nginx->log), 1, 'and the log says it once');

$skep->reload;
requests(5, $_) for @routes;
is(scalar(grep { /"api_metrics_zone" is full/ }
          split /\n/, $skep->nginx->log), 1, 'not again after a reload');

finish();
