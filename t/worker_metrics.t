#!/usr/bin/env perl

# HTTP of the worker: /livez, /readyz, and /metrics in the text of Prometheus.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(run wait_until);
use Skep::Test;

my $skep = skep(worker => 1, worker_conf => {
    sweep_after => '200ms', sweep_interval => '100ms',
});
my $worker = $skep->worker;
my $outbox = Skep::Outbox->new($skep, $skep->user);

$outbox->add(7);
$outbox->settled;
$outbox->tell(1);
ok(wait_until(5, sub { $worker->metrics->{entries_acknowledged_total} > 1 }),
   'entries are read');

my $res = $worker->get('/livez');
is($res->status, 200, '/livez');
is_deeply($res->json, { status => 'ok' }, 'is ok');

$res = $worker->get('/readyz');
is($res->status, 200, '/readyz');
is($res->header('Cache-Control'), 'no-store', 'is not kept');

is($worker->get($_)->status, 404, "$_: there is none") for '/', '/metrics/x';

my $client = Skep::Client->new(port => $worker->port);

for my $method (qw(POST PUT DELETE)) {
    $res = $client->request($method, '/metrics', body => 'x' x 100000);
    is($res->status, 405, "$method is not allowed");
    is($res->header('Allow'), 'GET, HEAD', 'what is, is told');
}

$res = $client->request('HEAD', '/metrics');
is($res->status, 200, 'HEAD');
is($res->body, '', 'has no body');


$res = $client->request('GET', '/metrics');
is($res->status, 200, '/metrics');
is($res->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8',
   'has its type');

my $text = $res->body;


# The faults of a text of metrics: each family once, with help and type before
# its samples; no sample twice; counters end with _total and are whole.

sub faults ($text) {
    my (@faults, %seen, %sample, $family, $type, $help);

    push @faults, 'no newline at the end' if $text !~ /\n\z/;

    for my $line (split /\n/, $text) {
        if ($line =~ /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/) {
            push @faults, "$1 is there twice" if $seen{$1}++;
            ($family, $type, $help) = ($1, undef, $2);

        } elsif ($line =~ /^# TYPE ([a-z][a-z0-9_]*) (counter|gauge)$/) {
            my ($name, $kind) = ($1, $2);

            push @faults, "type of $name without help"
                if $name ne ($family // '') || defined $type;
            $type = $kind;
            push @faults, "$name: a $kind of that name"
                if ($name =~ /_total$/ ? 'counter' : 'gauge') ne $kind;

        } elsif ($line =~ /^([a-z][a-z0-9_]*)(\{[^{}]*\})? (-?\d+)$/) {
            my ($name, $labels, $value) = ($1, $2 // '', $3);

            push @faults, "$line: of no family"
                if $name ne ($family // '') || !defined $type;
            push @faults, "$line: twice" if $sample{"$name$labels"}++;
            push @faults, "$line: below 0"
                if ($type // '') eq 'counter' && $value < 0;
            push @faults, "$line: labels"
                if length $labels
                   && $labels !~ /^\{[a-z_]+="[^"\\]*"
                                  (?:,[a-z_]+="[^"\\]*")*\}$/x;

        } else {
            push @faults, "what is \"$line\"?";
        }
    }

    return @faults;
}

is(join("\n", faults($text)), '', 'the text is well-formed');
isnt(join('', faults($text . $text)), '', 'and one that is not is found out');

my ($rc, $out) = run(['promtool', 'check', 'metrics'], stdin => $text);
is($rc, 0, 'promtool has no complaint') or diag($out);

my $metrics = $worker->metrics;

for my $thread (qw(consumer sweeper)) {
    is($metrics->{qq(up{server="$_",thread="$thread"})}, 1, "$thread: $_")
        for qw(postgresql redis);
}

is($metrics->{'events_total{by="consumer"}'}
   + $metrics->{'events_total{by="sweeper"}'}, 8, 'events: seven, and a mail');
is($metrics->{notifications_total}, 7, 'notifications');
cmp_ok($metrics->{messages_published_total}, '>=', 1, 'messages published');
is($metrics->{groups_made_total}, 1, 'the group was made');


# gauges follow

my $session = $skep->pg->session;

$session->hold('SELECT n FROM notify.position FOR UPDATE');
$outbox->add(12);
ok(wait_until(10, sub { $outbox->left == 12 }), 'the outbox waits');
$session->close;
ok($outbox->settled, 'and goes on');
ok(wait_until(5, sub {
    my $now = $worker->metrics;

    return !$now->{outbox_rows} && !$now->{stream_length}
           && !$now->{stream_pending} && $now->{stream_trimmed_total};
}), 'the gauges are back to nothing');


# what is not known is left out

sub left_out ($pattern) {
    return wait_until(10, sub { !grep { /$pattern/ } keys $worker->metrics->%* });
}

my $queue = qr/^(?:outbox_|deliveries_pending|mails_pending)/;
my $stream = qr/^stream_(?:length|lag|pending)$/;

$skep->pg->stop_server;
ok(left_out($queue), 'without PostgreSQL nobody knows the queues');
is($worker->metrics->{'up{server="postgresql",thread="sweeper"}'}, 0,
   'it is away');
$skep->pg->start;
ok(wait_until(10, sub { defined $worker->metrics->{outbox_age_seconds} }),
   'and known again');

$skep->redis->stop_server;
ok(left_out($stream), 'without Redis nobody knows the stream');
is($worker->metrics->{'up{server="redis",thread="sweeper"}'}, 0, 'it is away');

$worker->configure(redis => 'off');
$worker->signal('HUP');
ok(left_out(qr/server="redis"/), 'one that is off is not away');
is($worker->get('/readyz')->status, 200, 'and nothing lacks');

$skep->redis->start;
$worker->configure;
$worker->signal('HUP');
ok(wait_until(10, sub {
    my $now = $worker->metrics;

    return $now->{'up{server="redis",thread="consumer"}'}
           && defined $now->{stream_length};
}), 'on again');

finish();
