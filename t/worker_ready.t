#!/usr/bin/env perl

# /readyz of the worker: each thing that it depends on, as it is there, hangs
# and is away; and the end.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(reap wait_until);
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(worker => 1, worker_conf => {
    pg_timeout => '30s', redis_timeout => '1s', shutdown_timeout => '5s',
});
my ($pg, $worker) = ($skep->pg, $skep->worker);
my $outbox = Skep::Outbox->new($skep, $skep->user);
my %well = (database => 'ok', schema => 'ok', redis => 'ok');


# waits until it is so, since the worker looks once a second

sub ready_is ($name, $code, $status, %checks) {
    my $res;
    my %want = (%well, %checks);

    wait_until(15, sub {
        $res = $worker->get('/readyz');
        return $res->json->{status} eq $status
               && !grep { ($res->json->{checks}{$_} // '') ne $want{$_} }
                  keys %want;
    });

    same_json($res, $code, { status => $status, checks => \%want }, $name);
    is($worker->get('/livez')->status, 200, "$name: it lives");
}


ready_is('all is well', 200, 'ok');


# Redis

$skep->redis->stop_server;
ready_is('no Redis', 200, 'degraded', redis => 'unavailable');
$skep->redis->start;
ready_is('Redis is back', 200, 'ok');


# PostgreSQL

$pg->freeze;

my $start = time;

# what waits for it learns no more of Redis
ok(wait_until(15, sub {
    my $res = $worker->get('/readyz');
    return $res->status == 503 && $res->json->{checks}{database} eq 'timeout';
}), 'PostgreSQL hangs');
is($worker->get('/livez')->status, 200, 'PostgreSQL hangs: it lives');
cmp_ok(time - $start, '<', 12, 'which is known long before pg_timeout');
$pg->thaw;
ready_is('it goes on', 200, 'ok');
$pg->stop_server;
ready_is('no PostgreSQL', 503, 'unavailable', database => 'unavailable',
         schema => 'unknown');
$pg->start;
ready_is('PostgreSQL is back', 200, 'ok');


# the schema

$pg->execute('ALTER FUNCTION api.is_deployed(text) RENAME TO was_deployed');
ready_is('a schema of long ago', 503, 'unavailable', schema => 'outdated');
$pg->execute('ALTER FUNCTION api.was_deployed(text) RENAME TO is_deployed');
ready_is('migrated', 200, 'ok');
$pg->execute(<<~'SQL');
    UPDATE sqitch.changes SET change = 'x' WHERE change_id = (
        SELECT change_id FROM sqitch.changes
        ORDER BY planned_at DESC LIMIT 1)
    SQL
ready_is('the last change is missing', 503, 'unavailable',
         schema => 'outdated');


# on its way out: there is something in hand

my $session = $pg->session;

$session->hold('SELECT n FROM notify.position FOR UPDATE');

my @seqs = $outbox->add(10);

$outbox->tell($seqs[-1]);
ok($pg->blocked(1, 'skep_worker'), 'it waits for a lock');

my $pid = $worker->pid;

$worker->signal('TERM');
ok(wait_until(2, sub { $worker->get('/readyz')->json->{status} eq 'draining' }),
   'it says that it goes');
is($worker->get('/readyz')->status, 503, 'and is not ready');
$session->send('COMMIT;');
is(reap($pid, 10), 0, 'it goes when it is done');
$session->close;
$worker->start;

finish();
