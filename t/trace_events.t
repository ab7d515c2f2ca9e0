#!/usr/bin/env perl

# The trace of a request, and its id, in what it leads to: events, the stream,
# webhooks, mails, and the lines of the worker's log.

use v5.36;

use Skep::Mailing;
use Skep::Process qw(wait_until);
use Skep::Receiver;
use Skep::Test;

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $parent = "00-$trace-b7ad6b7169203331-01";
my $n = 0;


# what a request is to be known by, in headers; and the trace that it has then
sub known () {
    my $id = 'event-' . $n++;

    return ($id, headers => ['X-Request-ID', $id, traceparent => $parent]);
}

sub form ($id) { return qr/\A00-$trace-[0-9a-f]{16}-01 \Q$id\E\z/ }


# every call that writes an event

my $skep = skep(set => { notify_stream => 'events',
                         notify_webhook_http => 'on',
                         notify_webhook_allow_address => '127.0.0.0/8' },
                redis => 1);
my $pg = $skep->pg;

# Of what that call wrote the traces are right; as many as that.

sub traced ($name, $most, $call) {
    my $before = $pg->value('SELECT coalesce(max(seq), 0) FROM notify.outbox');
    my ($id, @headers) = known();
    my $res = $call->(@headers);

    cmp_ok($res->status, '<', 300, $name) or diag($res->body);

    my @traces = map { $_->[0] // 'null' } $pg->query(<<~"SQL")->@*;
        SELECT trace FROM notify.outbox WHERE seq > $before
        SQL

    is(scalar @traces, $most, "$name: events");
    is(scalar(grep { $_ !~ form($id) } @traces), 0, "$name: their traces")
        or diag("@traces");
    return $res;
}

sub key () { return ('Idempotency-Key', 'key-' . $n++) }

# a header more
sub plus ($headers, @more) {
    my (undef, $list) = @$headers;
    return (headers => [@$list, @more]);
}


my $res = traced(register => 1, sub (@h) {
    return $skep->post('/v1/auth/register',
                       { email => 'ada@example.com', name => 'Ada',
                         password => 'correct horse' }, @h);
});
my $ada = Skep::User->new($skep, $res->json, { email => 'ada@example.com',
                                               password => 'correct horse' });
my $bob = $skep->user(name => 'Bob');
my $project = $ada->project(name => 'Garden');
my $place = "/v1/projects/$project->{id}";

traced('verify again' => 1, sub (@h) {
    return $ada->post('/v1/auth/verify-email/resend', undef, @h);
});
traced('reset' => 1, sub (@h) {
    return $skep->post('/v1/auth/password-reset',
                       { email => 'ada@example.com' }, @h);
});
traced('another address' => 1, sub (@h) {
    return $ada->patch('/v1/me', { email => 'ada2@example.com',
                                   current_password => 'correct horse' }, @h);
});
traced('a member' => 1, sub (@h) {
    return $ada->post("$place/members", { user_id => $bob->id,
                                          role => 'editor' }, @h);
});

my $task = traced('a task' => 1, sub (@h) {
    return $ada->post('/v1/tasks', { title => 'x', assignee_id => $bob->id,
                                     project_id => $project->{id} }, @h);
})->json;

my $keyed = traced('a task by key' => 1, sub (@h) {
    return $ada->post('/v1/tasks', { title => 'x' },
                      plus(\@h, 'Idempotency-Key', 'twice'));
});
traced('its repetition' => 0, sub (@h) {
    return $ada->post('/v1/tasks', { title => 'x' },
                      plus(\@h, 'Idempotency-Key', 'twice'));
});
traced('many tasks' => 3, sub (@h) {
    return $ada->post('/v1/tasks/bulk',
                      { tasks => [map { +{ title => "t$_" } } 1 .. 3] }, @h);
});
traced('many tasks by key' => 2, sub (@h) {
    return $ada->post('/v1/tasks/bulk',
                      { tasks => [map { +{ title => "t$_" } } 1 .. 2] },
                      plus(\@h, key()));
});
traced('a change' => 1, sub (@h) {
    return $ada->patch("/v1/tasks/$task->{id}", { title => 'y' }, @h);
});
traced('no change' => 0, sub (@h) {
    return $ada->patch("/v1/tasks/$task->{id}", { title => 'y' }, @h);
});
traced('a change of many' => 1, sub (@h) {
    return $ada->patch('/v1/tasks/bulk', { ids => [$task->{id}],
                                           patch => { title => 'z' } }, @h);
});
traced('a comment' => 1, sub (@h) {
    return $bob->post("/v1/tasks/$task->{id}/comments", { body => 'x' }, @h);
});
traced('a member who leaves a task behind' => 1, sub (@h) {
    return $bob->delete("$place/members/@{[$bob->id]}", @h);
});
traced('a task that is deleted' => 1, sub (@h) {
    return $ada->delete('/v1/tasks/' . $keyed->json->{id}, @h);
});

# the setting is of one transaction
my $next = $ada->task(title => 'later');
unlike($pg->value("SELECT trace FROM notify.outbox
                   WHERE task_id = '$next->{id}'"), qr/event-/,
       'what is written later has its own');

$ada->share($project, $bob, 'editor');
$ada->patch("/v1/tasks/$task->{id}", { assignee_id => $bob->id });
traced('an account that leaves a task behind' => 1, sub (@h) {
    return $bob->request('DELETE', '/v1/me', @h,
                         json => { password => $bob->password });
});

is($pg->value('SELECT count(*) FROM notify.outbox WHERE trace IS NULL'), 0,
   'each event has a trace');

my %stream = map { $_->{seq} => $_->{trace} } $skep->redis->entries('events');
my %outbox = map { $_->[0] => $_->[1] }
             grep { exists $stream{$_->[0]} }
             $pg->query('SELECT seq, trace FROM notify.outbox')->@*;

cmp_ok(scalar keys %stream, '>', 10, 'entries of the stream');
is_deeply(\%stream, \%outbox, 'have the same traces');


# on the way: to a webhook that fails once, to a mail

my $m = Skep::Mailing->new(skep => $skep, conf => {
    webhook_allow_http => 'on', webhook_allow_address => '127.0.0.1',
    webhook_schedule => '100ms 10s', log_level => 'info',
});
my $receiver = Skep::Receiver->new(dir => $skep->dir);

$receiver->answer('/hook', { status => 500 }, { status => 200 });

my $cem = $skep->user(name => 'Cem');
my $hook = $cem->post('/v1/webhooks', { url => $receiver->url('/hook'),
                                        events => ['task.created'] })->json;
my ($id, @headers) = known();
my $made = $cem->post('/v1/tasks', { title => 'told' }, @headers)->json;

$m->fan_out;

my @requests = $receiver->wait_for('/hook', 2);
my %spans;

is(scalar @requests, 2, 'a webhook, twice');

for my $request (@requests) {
    my %header = $request->{headers}->%*;

    is($header{'x-request-id'}, $id, 'X-Request-ID is that of the request');
    like($header{traceparent}, qr/\A00-$trace-[0-9a-f]{16}-01\z/,
         'and the trace');
    $spans{$header{traceparent}}++;
}

my $event = $pg->value("SELECT trace FROM notify.events
                        WHERE task_id = '$made->{id}'");

like($event, form($id), 'the event has it');
$spans{substr $event, 0, 55}++;
is(scalar keys %spans, 3, 'a span for each attempt');

($id, @headers) = known();
$cem->post("/v1/webhooks/$hook->{id}/test", undef, @headers);
my $test = ($receiver->wait_for('/hook', 3))[2];
is($test->{headers}{'x-request-id'}, $id, 'a test has its own');

($id, @headers) = known();
$cem->post("/v1/webhooks/$hook->{id}/test", undef, plus(\@headers, key()));
$test = ($receiver->wait_for('/hook', 4))[3];
is($test->{headers}{'x-request-id'}, $id, 'one by key, too');

# as the harness of webhooks does: an event of no request
$pg->execute(<<~"SQL");
    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    SELECT gen_random_uuid(), 'task.created', '@{[$cem->id]}', p.id, '{}'
    FROM task.projects p WHERE p.owner_id = '@{[$cem->id]}'
    SQL
$m->fan_out;
$test = ($receiver->wait_for('/hook', 5))[4];
ok(!exists $test->{headers}{$_}, "no $_ of nothing")
    for qw(x-request-id traceparent);


# the worker's log

($id, @headers) = known();
$skep->post('/v1/auth/password-reset', { email => $cem->email }, @headers);
$m->fan_out;
$m->says(qr/mail \S+ \(auth\.password_reset_requested\) is sent, request_id: "\Q$id\E"$/m);
like($m->log, qr/is sent, request_id: "\Q$id\E"$/m, 'a mail');

wait_until(5, sub { $m->log =~ /"event-\d+"(?s:.*)delivered/ });
my @lines = grep { /\[\w+\] .*: delivery / } split /\n/, $m->log;

like($lines[0], qr/\[info\] .* attempt 1: to be tried again, status 500, request_id: "event-\d+"\z/,
     'a webhook that failed');
like($lines[1], qr/\[info\] .* attempt 2: delivered, status 200, request_id: "event-\d+"\z/,
     'and one that did not');

$m->stop_worker;
$m->sink->stop_server;
$receiver->stop_server;
finish();
