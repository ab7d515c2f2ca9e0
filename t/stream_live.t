#!/usr/bin/env perl

# The live stream: what its answer says, and that each event comes once, to
# whom it is for, as it is in the inbox.

use v5.36;

use Skep::Fanout;
use Skep::Stream;
use Skep::Test;

my $skep = skep(redis => 1, set => { notify_stream => 'skep' },
                server => 'gzip on; gzip_types text/event-stream;');
my $worker = Skep::Fanout->new($skep);
my ($user, $other) = map { $skep->user } 1 .. 2;

ok($worker->heard, 'nginx listens');
$worker->all;


# the answer

my $stream = Skep::Stream->open($user);

is($stream->response, undef, 'a stream');
like($stream->head, qr{^HTTP/1\.1 200 }, 'status 200');
like($stream->head, qr/^Content-Type: text\/event-stream\r$/m, 'its type');
like($stream->head, qr/^Cache-Control: no-store\r$/m, 'not to be stored');
like($stream->head, qr/^X-Accel-Buffering: no\r$/m, 'nor to be buffered');
like($stream->head, qr/^X-Request-ID: \S+\r$/m, 'the id of the request');
ok(scalar $stream->comments, 'a comment comes at once');
is($stream->retry, 3000, 'and when to come again');

my $res = $user->head('/v1/notifications/stream');

status_is($res, 200, 'HEAD');
is($res->header('Content-Type'), 'text/event-stream', 'has the same type');
is($res->header('Cache-Control'), 'no-store', 'and headers');


my $zipped = Skep::Stream->open($user, headers => ['Accept-Encoding', 'gzip']);

unlike($zipped->head, qr/^Content-Encoding/mi, 'never compressed');
$zipped->close;


# what comes

my $task = $user->task(title => "Line\none \x{1F41D} \"quoted\"");

$worker->all;

my $event = $stream->event;

is($event->{type}, 'task.created', 'a task: its event');
is($event->{id}, $event->{data}{id}, 'the id is that of the notification');
is($event->{data}{event_id}, $event->{id}, 'and of the event');
is($event->{data}{task_id}, $task->{id}, 'of this task');
is($event->{data}{data}{task}{title}, $task->{title}, 'as it is');
is($event->{data}{read_at}, undef, 'not read yet');

status_is($user->post("/v1/tasks/$task->{id}/complete"), 200, 'completed');
$user->task(title => "Task $_") for 1 .. 20;
$worker->all;

my @events = $stream->events(21);

is($events[0]{type}, 'task.completed', 'the next');
is_deeply([map { $_->{data}{data}{task}{title} } @events[1 .. 20]],
          [map { "Task $_" } 1 .. 20], 'many in one message, in their order');


# to whom it is for

my $theirs = Skep::Stream->open($other);
my $second = Skep::Stream->open($user);

$other->task(title => 'Not yours');
$worker->all;
is($theirs->event->{data}{data}{task}{title}, 'Not yours',
   'another user gets what is theirs');

my $project = $user->project(name => 'Shared');

$user->share($project, $other, 'editor');
$worker->all;
is($_->event->{type}, 'project.member_added', 'a member is added')
    for $stream, $second, $theirs;

$other->task(title => 'Ours', project_id => $project->{id});
$worker->all;
is($_->event->{data}{data}{task}{title}, 'Ours', 'all members get it')
    for $stream, $second, $theirs;

$second->close;
$user->task(title => 'Alone');
$worker->all;
is($stream->event->{data}{data}{task}{title}, 'Alone',
   'one stream ends, the other goes on');
is($theirs->event(0.3), undef, 'nothing that is not theirs');
is($stream->event(0.1), undef, 'nothing twice');


# repeated messages, and what is none

my $run = $worker->run;
$user->task(title => 'Once');
$run = $worker->run;
$worker->publish($run) for 1 .. 3;
is($stream->event->{data}{data}{task}{title}, 'Once', 'a repeated message');

my $n = $run->[-1]{n};
my $next = $n + 1;
my $id = $user->id;

$worker->publish($_) for
    '', 'skep1', 'skep2 1 2', "skep1 $next $n\n", "skep1 -1 5\n",
    "skep1 $next $next\n$next task.created x 2 1 $id\n{}\n",
    "skep1 $next $next\n$next task.created $id 9999 1 $id\n{}\n",
    "skep1 $next $next\n$next task.created $id 2 9999 $id\n{}\n",
    "skep1 $next $next\n$n task.created $id 2 1 $id\n{}\n",
    "skep1 $next $next\n$next task.created $id 2 1 " . 'x' x 36 . "\n{}\n",
    "skep1 99999999999999999999 99999999999999999999\n", "\0" x 100;

is($stream->event(0.5), undef, 'what others say there does no harm');
$user->task(title => 'After');
$worker->all;
is($stream->event->{data}{data}{task}{title}, 'After', 'nor lasts');


# HTTP/1.0, and two requests on a connection: no chunks; the end is the end

my $old = Skep::Stream->open($user, version => '1.0');

like($old->head, qr/^Connection: close\r$/m, 'HTTP/1.0');
unlike($old->head, qr/^Transfer-Encoding/m, 'without chunks');
$user->task(title => 'Old');
$worker->all;
is($old->event->{data}{data}{task}{title}, 'Old', 'is served, too');
is($stream->event->{data}{data}{task}{title}, 'Old', 'as others are');


# a client that resets its connection

$old->abort;
$theirs->abort;
$user->task(title => 'Last');
$worker->all;
is($stream->event->{data}{data}{task}{title}, 'Last', 'clients that are gone');

finish();
