#!/usr/bin/env perl

# What /metrics tells when PostgreSQL or Redis is slow, hangs or is away, and
# that it tells it in time.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(metrics => 1, redis => 1, set => {
    notify_stream => 'skep', api_pg_timeout => '2s', api_pg_queue => 6,
    api_pg_read_connections => 1, api_pg_write_connections => 1,
});
my $user = $skep->user;
my $task = $user->task(title => 'One');


# Until the metric with these labels is at least that.

sub reaches ($want, $name, %labels) {
    my $is;

    wait_until(10, sub {
        $is = $skep->metrics->get($name, %labels);
        return defined $is && $is >= $want;
    });

    my $of = join ' ', map { "$_ $labels{$_}" } sort keys %labels;
    cmp_ok($is // -1, '>=', $want, "$name: $of");
}

sub is_now ($want, $name, %labels) {
    my $is;

    wait_until(10, sub {
        $is = $skep->metrics->get($name, %labels);
        return ($is // 'none') eq $want;
    });

    my $of = join ' ', map { "$_ $labels{$_}" } sort keys %labels;
    is($is // 'none', $want, "$name: $of");
}

# A scrape, and how long it took.

sub timed () {
    my $start = time;

    return ($skep->metrics, time - $start);
}


# a lane that has more to do than it can

my $session = $skep->pg->session;
my @clients = map { $skep->new_client } 1 .. 9;

$session->hold('LOCK TABLE task.tasks IN ACCESS EXCLUSIVE MODE');
$_->send($_->format_request('PATCH', "/v1/tasks/$task->{id}",
                            token => $user->token, json => { title => 'x' }))
    for @clients;

# PostgreSQL has two, the others wait; three are too many
is_now(2, 'skep_pg_in_flight', lane => 'write');
is_now(4, 'skep_pg_queued', lane => 'write');
is_now(6, 'skep_pg_queue_max', lane => 'write');
is_now(3, 'skep_pg_refused_total', lane => 'write', reason => 'queue_full');
reaches(4, 'skep_pg_waits_total', lane => 'write');
is_now(0, 'skep_pg_queued', lane => 'read');

# none is answered in time
$_->response for @clients;
reaches(6, 'skep_pg_timeouts_total', lane => 'write');
$session->close;
is_now(0, 'skep_pg_in_flight', lane => 'write');
is_now(0, 'skep_pg_queued', lane => 'write');
ok($skep->wait_ready(10), 'it is over');


# the outbox

$skep->pg->execute('DELETE FROM notify.outbox');
is_now(0, 'skep_outbox_rows');
is_now(0, 'skep_outbox_age_seconds');
$user->task(title => "t$_") for 1 .. 7;
is_now(7, 'skep_outbox_rows');
$skep->pg->execute(<<~'SQL');
    UPDATE notify.outbox SET created_at = now() - interval '100 s'
    WHERE seq = (SELECT min(seq) FROM notify.outbox)
    SQL
reaches(100, 'skep_outbox_age_seconds');
cmp_ok($skep->metrics->get('skep_outbox_age_seconds'), '<', 130,
       'in seconds');
$skep->pg->execute(<<~'SQL');
    UPDATE notify.outbox SET created_at = now() + interval '1 day'
    SQL
is($skep->metrics->get('skep_outbox_age_seconds'), 0, 'not below 0');
reaches(8, 'skep_notify_events_published_total', outcome => 'ok');


# PostgreSQL hangs

my ($well) = timed();

$skep->pg->freeze;

my ($metrics, $took) = timed();

cmp_ok($took, '<', 1.9, 'hangs: the metrics come in time');
is($metrics->get('skep_outbox_rows'), undef, 'without the outbox');
is($metrics->get('skep_outbox_age_seconds'), undef, 'and its age');
is_deeply([grep { !/^skep_outbox/ } $well->names],
          [grep { !/^skep_outbox/ } $metrics->names], 'and all else');
is(join("\n", $metrics->faults), '', 'well-formed');

my $client = Skep::Client->new(port => $skep->port('metrics'));

$client->send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
sleep 0.1;
$client->abort;
$skep->pg->thaw;
ok($skep->wait_ready(10), 'well again');
reaches(0, 'skep_outbox_rows');


# PostgreSQL away

$skep->pg->kill_server;
is_now(0, 'skep_pg_connections', state => 'ready');
reaches(3, 'skep_pg_connection_failures_total');

($metrics, $took) = timed();
cmp_ok($took, '<', 0.9, 'away: the metrics come at once');
is($metrics->get('skep_outbox_rows'), undef, 'without the outbox');
is($metrics->get('skep_pg_connections_max'), 3, 'three there should be');

problem($user->get('/v1/me'), 503, 'database_unavailable');
reaches(1, 'skep_pg_refused_total', lane => 'read', reason => 'away');
is($skep->metrics->get('skep_http_requests_total', route => '/v1/me',
                       status => 503), 1, 'that is counted');

$skep->pg->start;
is_now(3, 'skep_pg_connections', state => 'ready');
reaches(1, 'skep_pg_reconnects_total', lane => $_) for qw(read write search);
reaches(0, 'skep_outbox_rows');


# Redis away

is_now(1, 'skep_redis_up');
reaches(1, 'skep_redis_commands_total', outcome => 'ok');

my $lost = $skep->metrics->get('skep_notify_events_published_total',
                               outcome => 'lost');

$skep->redis->kill_server;
is_now(0, 'skep_redis_up');
$user->task(title => 'Nobody hears of it') for 1 .. 3;
is_now($lost + 3, 'skep_notify_events_published_total', outcome => 'lost');
reaches(3, 'skep_redis_commands_total', outcome => 'refused');

$skep->redis->start;
is_now(1, 'skep_redis_up');
reaches(1, 'skep_redis_reconnects_total');

$skep->redis->freeze;
$user->task(title => 'Nor of this');
reaches(1, 'skep_redis_commands_total', outcome => 'timeout');
is_now($lost + 4, 'skep_notify_events_published_total', outcome => 'lost');
$skep->redis->thaw;
is_now(1, 'skep_redis_up');

finish();
