#!/usr/bin/env perl

# The journey: a user registers, follows the stream, and creates, updates and
# completes a task.  Each of the three changes is in the inbox, on the stream and
# at the receiver of a webhook, who can tell that it comes from here; and by
# e-mail comes what was switched on.

use v5.36;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Skep::Process qw(tempdir wait_until);
use Skep::Receiver;
use Skep::Sink;
use Skep::Stream;
use Skep::Test;

my $dir = tempdir();
my $sink = Skep::Sink->new(dir => "$dir/sink");
my $receiver = Skep::Receiver->new(dir => $dir);

my $skep = skep(
    workers => 2,
    worker  => 1,
    set     => {
        notify_webhook_http          => 'on',
        notify_webhook_allow_address => '127.0.0.1',
    },
    worker_conf => {
        webhook_allow_http    => 'on',
        webhook_allow_address => '127.0.0.1',
        $sink->conf,
    },
);


# How a receiver verifies a request, as the Standard Webhooks specification
# tells it: an HMAC-SHA256 over the id, the time and the body, by the secret
# without its prefix and in bytes; one of the signatures must be it, compared in
# constant time; the time must be about now.

sub verified ($secret, $request) {
    my ($id, $time, $signatures) = map { $request->{headers}{"webhook-$_"} }
                                   qw(id timestamp signature);

    return 0 if grep { !defined } $id, $time, $signatures;
    return 0 if $time !~ /\A\d+\z/ || abs(time - $time) > 300;

    my $key = decode_base64($secret =~ s/\Awhsec_//r);
    my $want = encode_base64(
        hmac_sha256("$id.$time.$request->{body}", $key), '');

    for my $signature (split / /, $signatures) {
        my ($version, $value) = split /,/, $signature, 2;

        next if $version ne 'v1' || length $value != length $want;

        my $differ = 0;
        $differ |= ord($_) for split //, $value ^. $want;
        return 1 if !$differ;
    }

    return 0;
}


# register; the address is verified by what the mail says

my $user = $skep->user(name => 'Ada', email => 'ada@example.com');
my $mail = $sink->mail(1);
my ($token) = $mail->text =~ /token=([\w-]+)/;

is($mail->header('To'), '<ada@example.com>', 'a mail to the new user');
status_is($skep->post('/v1/auth/verify-email', { token => $token }), 204,
          'its token verifies the address');


# what to be told of, and where

my $settings = $user->patch('/v1/me/notification-settings',
                            { email => { 'task.completed' => JSON::PP::true } });

status_is($settings, 200, 'e-mail is switched on');

my $hook = $user->post('/v1/webhooks', { url    => $receiver->url('/hook'),
                                         events => ['*'] });

status_is($hook, 201, 'a webhook');

my $secret = $hook->json->{secret};

like($secret, qr{\Awhsec_[A-Za-z0-9+/]{43}=\z}, 'its secret');

my $stream = Skep::Stream->open($user);

is($stream->response, undef, 'the stream is open');


# three changes

my $task = $user->task(title => "Feed the b\x{ea}es", labels => ['garden']);
my $path = "/v1/tasks/$task->{id}";

status_is($user->patch($path, { priority => 'high' }), 200, 'updated');
status_is($user->post("$path/complete"), 200, 'completed');

my @types = map { "task.$_" } qw(created updated completed);


# the inbox

my @inbox;

wait_until(10, sub {
    @inbox = reverse $user->get('/v1/notifications')->json->{data}->@*;
    return @inbox >= @types;
});

is_deeply([map { $_->{type} } @inbox], \@types, 'three in the inbox');
is_deeply([map { $_->{task_id} } @inbox], [($task->{id}) x 3], 'of the task');
is_deeply([map { $_->{actor_id} } @inbox], [($user->id) x 3], 'by the user');
is_deeply([map { $_->{data}{task}{version} } @inbox], [1, 2, 3],
          'each as the task was then');
is_deeply($inbox[0]{data}{task}, $task, 'the first as it was answered');
is_deeply($inbox[1]{data}{changes}, { priority => ['none', 'high'] },
          'what the second changed');
is_deeply([grep { defined $_->{read_at} } @inbox], [], 'none is read');


# the stream

my @events = $stream->events(3, 10);

is_deeply([map { $_->{type} } @events], \@types, 'three on the stream');
is_deeply([map { $_->{id} } @events], [map { $_->{id} } @inbox], 'their ids');
is_deeply([map { $_->{data} } @events], \@inbox, 'as in the inbox');
is($stream->event(0.3), undef, 'and no more');

my $again = Skep::Stream->open($user, last => $events[0]{id});

is_deeply([map { $_->{id} } $again->events(2, 10)],
          [map { $_->{id} } @inbox[1, 2]], 'who comes back misses none');
$_->close for $stream, $again;


# the webhook, in whatever order

my @requests = $receiver->wait_for('/hook', 3);
my %request = map { $_->{headers}{'webhook-id'} => $_ } @requests;

is(scalar @requests, 3, 'three at the receiver');
is_deeply([sort keys %request], [sort map { $_->{event_id} } @inbox],
          'their ids are those of the events');

for my $inbox (@inbox) {
    my $request = $request{$inbox->{event_id}} // next;
    my $type = $inbox->{type};

    ok(verified($secret, $request), "$type: the signature is right");
    is($request->{headers}{'content-type'}, 'application/json',
       "$type: Content-Type");
    is_deeply(Skep::Response::decode($request->{body}), {
        id         => $inbox->{event_id},
        type       => $type,
        timestamp  => $inbox->{created_at},
        actor_id   => $inbox->{actor_id},
        project_id => $inbox->{project_id},
        data       => $inbox->{data},
    }, "$type: the event");

    ok(!verified($secret, { %$request, body => "$request->{body} " }),
       "$type: another body is not signed");
    ok(!verified($secret, { %$request, headers => {
           $request->{headers}->%*, 'webhook-id' => nobody } }),
       "$type: nor is another id");
    ok(!verified('whsec_' . encode_base64('k' x 32, ''), $request),
       "$type: nor is it signed by another secret");
}

my $log;

wait_until(10, sub {
    $log = $user->get("/v1/webhooks/@{[$hook->json->{id}]}/deliveries")->json;
    return !grep { $_->{status} ne 'delivered' } $log->{data}->@*;
});

is_deeply([map { [@$_{qw(event_id status response_status attempts)}] }
           reverse $log->{data}->@*],
          [map { [$_->{event_id}, 'delivered', 204, 1] } @inbox],
          'the log of deliveries has them');


# the mail

$mail = $sink->mail(2);
is($mail->subject, "[Inbox] Done: Feed the b\x{ea}es", 'the mail');
is($mail->header('To'), '<ada@example.com>', 'to the user');
like($mail->text, qr/^Ada completed the task\n/m, 'its text');


# read

my ($first, @rest) = @inbox;

status_is($user->post("/v1/notifications/$first->{id}/read"), 200, 'one is read');
is_deeply([map { $_->{id} }
           $user->get('/v1/notifications?unread=true')->json->{data}->@*],
          [map { $_->{id} } reverse @rest], 'two are not');
status_is($user->post('/v1/notifications/read-all'), 204,
          'then all are');
is_deeply($user->get('/v1/notifications?unread=true')->json->{data}, [],
          'none is unread');
status_is($user->delete("/v1/notifications/$first->{id}"), 204, 'one is deleted');
problem($user->get("/v1/notifications/$first->{id}"), 404, 'not_found',
        'and is gone');
is($sink->count, 2, 'no other mail was sent');

$_->stop_server for $sink, $receiver;
finish();
