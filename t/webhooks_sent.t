#!/usr/bin/env perl

# What is asked for by the API is what a receiver gets: events, tests, further
# attempts, each signed by the secret that was shown.

use v5.36;

use Digest::SHA qw(hmac_sha256_base64);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Skep::Process qw(wait_until);
use Skep::Receiver;
use Skep::Test;

my $skep = skep(
    worker => 1,
    worker_conf => { webhook_allow_http => 'on',
                     webhook_allow_address => '127.0.0.0/8',
                     webhook_schedule => '1h' },
    http => 'notify_webhook_http on;
             notify_webhook_allow_address 127.0.0.0/8;',
);
my $receiver = Skep::Receiver->new(dir => $skep->dir);
my $user = $skep->user;

# which of the secrets, by their place, have signed a request
sub signed_by ($request, @secrets) {
    my %header = $request->{headers}->%*;
    my $text = join '.', @header{qw(webhook-id webhook-timestamp)},
               $request->{body};
    my %signature = map { $_ => 1 }
                    split / /, $header{'webhook-signature'} // '';

    my @found = grep {
        my $key = decode_base64($secrets[$_] =~ s/\Awhsec_//r);

        $signature{'v1,' . hmac_sha256_base64($text, $key) . '='};
    } 0 .. $#secrets;

    is(scalar keys %signature, scalar @found, 'no other signature');
    return @found;
}

sub delivered ($list, $id) {
    my $found;

    wait_until(10, sub {
        ($found) = grep { $_->{id} eq $id }
                   $user->get($list)->json->{data}->@*;
        return $found && $found->{status} ne 'pending'
               && $found->{attempts} > 0;
    });
    return $found;
}


my $res = $user->post('/v1/webhooks', { url => $receiver->url('/hook'),
                                        events => ['task.created'] });
status_is($res, 201, 'a webhook') || diag($res->body);

my ($path, @secrets) = ($res->header('Location'), $res->json->{secret});


# an event

my $task = $user->task(title => 'Sent');
my ($request) = $receiver->wait_for('/hook', 1);
my $body = JSON::PP::decode_json($request->{body});

is($body->{type}, 'task.created', 'an event');
is_deeply($body->{data}{task}, $task, 'with the task as it was answered');
is_deeply([signed_by($request, @secrets)], [0], 'signed by the secret shown');


# a test

$res = $user->post("$path/test");
status_is($res, 202, 'a test');
(undef, $request) = $receiver->wait_for('/hook', 2);
is($request->{headers}{'webhook-id'}, $res->json->{event_id}, 'arrives');
is_deeply([$request->{body} =~ /"(\w+)":/g],
          [qw(id type timestamp actor_id project_id data webhook id url)],
          'with the members of any event, in order');
is_deeply([signed_by($request, @secrets)], [0], 'signed, too');

my $done = delivered("$path/deliveries", $res->json->{id});

is($done->{status}, 'delivered', 'it is delivered');
is($done->{response_status}, 204, 'by this answer');
is($done->{attempts}, 1, 'at once');


# a new secret beside the old one

push @secrets, $user->post("$path/rotate-secret")->json->{secret};
$user->post("$path/test");
$request = ($receiver->wait_for('/hook', 3))[2];
is_deeply([signed_by($request, @secrets)], [0, 1],
          'after a rotation both have signed');


# once more

status_is($user->post("$path/deliveries/$done->{id}/retry"), 202,
          'one that was delivered, again');
$request = ($receiver->wait_for('/hook', 4))[3];
is($request->{headers}{'webhook-id'}, $done->{event_id}, 'by the same id');


# one that failed

$receiver->answer('/hook', { status => 500, body => 'no' }, { status => 200 });
$res = $user->post("$path/test")->json;
wait_until(10, sub {
    $user->get("$path/deliveries?status=pending")->json->{data}[0]{attempts};
});

my ($waits) = $user->get("$path/deliveries?status=pending")->json->{data}->@*;

is($waits->{response_status}, 500, 'one that failed');
is($waits->{response_body}, 'no', 'the answer is told');
cmp_ok(sortable($waits->{next_attempt_at}), 'gt',
       sortable($waits->{last_attempt_at}), 'it is due in an hour');
status_is($user->post("$path/deliveries/$waits->{id}/retry"), 202,
          'that is now');
is(delivered("$path/deliveries", $waits->{id})->{status}, 'delivered',
   'it is delivered');

finish();
