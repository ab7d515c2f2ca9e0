#!/usr/bin/env perl

# What a receiver gets, and that it can tell that it is Skep's: the signature
# is checked as Standard Webhooks' reference has it.

use v5.36;
use utf8;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Skep::Hooks;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);


# Of the secret's text, as it was shown: undef, or why it is not valid.

sub refused ($secret, $request, $now = time) {
    my %header = $request->{headers}->%*;
    my ($id, $timestamp, $signatures) =
        @header{qw(webhook-id webhook-timestamp webhook-signature)};

    return 'a header is missing'
        if grep { !defined } $id, $timestamp, $signatures;
    return 'the timestamp is malformed' if $timestamp !~ /\A\d+\z/;
    return 'too old' if $timestamp < $now - 300;
    return 'from the future' if $timestamp > $now + 300;

    my $key = decode_base64($secret =~ s/\Awhsec_//r);
    my $want = encode_base64(
        hmac_sha256("$id.$timestamp.$request->{body}", $key), '');

    for my $versioned (split / /, $signatures) {
        my ($version, $signature) = split /,/, $versioned, 2;

        next if $version ne 'v1';
        return undef if $signature eq $want;
    }

    return 'no signature matches';
}


my $hooks = Skep::Hooks->new;
my $receiver = $hooks->receiver;
my $bytes = join '', map { chr int rand 256 } 1 .. 32;
my $secret = 'whsec_' . encode_base64($bytes, '');

$receiver->answer('/hook', { status => 200, body => 'thank you' });
$hooks->start;

my $hook = $hooks->hook(path => '/hook', secret => $bytes);
my $event = $hooks->events;
my ($request) = $receiver->wait_for('/hook', 1);

is($request->{method}, 'POST', 'a POST');
is(refused($secret, $request), undef, 'the signature is valid');
is(refused('whsec_' . encode_base64('x' x 32, ''), $request),
   'no signature matches', 'of this secret alone');
is(refused($secret, { %$request, body => "$request->{body} " }),
   'no signature matches', 'for this body alone');

my %header = $request->{headers}->%*;

is($header{'webhook-id'}, $event, 'the id is that of the event');
is($header{'content-type'}, 'application/json', 'Content-Type');
like($header{'user-agent'}, qr{\ASkep/\d+\.\d+\.\d+\z}, 'User-Agent');
ok(!exists $header{$_}, "no $_")
    for qw(expect cookie authorization transfer-encoding referer);
is(scalar split(/ /, $header{'webhook-signature'}), 1, 'one signature');

is_deeply([$request->{body} =~ /"(\w+)":/g],
          [qw(id type timestamp actor_id project_id data task title)],
          'the members of the body, in order');

my $body = JSON::PP->new->utf8->decode($request->{body});
my $created = $hooks->pg->value(<<~"SQL");
    SELECT notify.time(created_at) FROM notify.events WHERE id = '$event'
    SQL

is_deeply($body, {
    id => $event, type => 'task.created', timestamp => $created,
    actor_id => $hooks->{user}, project_id => $hooks->{project},
    data => { task => { title => 'Tea, "hot" \ ☕' } },
}, 'the event');

my $row = $hooks->wait_delivery($event, 'delivered');

is($row->{status}, 'delivered', 'the log: delivered');
is($row->{attempts}, 1, 'at once');
is($row->{response_status}, 200, 'by a 200');
is($row->{response_body}, 'thank you', 'its body');
is($row->{error}, undef, 'no error');
ok(defined $row->{duration_ms}, 'its duration');
ok(defined $row->{last_attempt_at}, 'its time');


# any 2xx will do; connections are kept

$receiver->answer('/hook', { status => 202, body => 'later' },
                  { status => 204 });

for my $status (202, 204) {
    my $id = $hooks->events;
    is($hooks->wait_delivery($id, 'delivered')->{response_status}, $status,
       "$status is a success");
}

my %connections = map { $_->{connection} => 1 } $receiver->requests('/hook');
is(scalar keys %connections, 1, 'one connection for all');


# while a secret is being replaced both sign

my $new = join '', map { chr int rand 256 } 1 .. 32;
my ($hex, $old) = map { unpack 'H*', $_ } $new, $bytes;

$hooks->pg->execute(<<~"SQL");
    UPDATE notify.webhooks
    SET secret = '\\x$hex', old_secret = '\\x$old',
        old_secret_until = now() + interval '1 hour'
    SQL

$hooks->events;
($request) = ($receiver->wait_for('/hook', 4))[3];

is(scalar split(/ /, $request->{headers}{'webhook-signature'}), 2,
   'two signatures');
is(refused($secret, $request), undef, 'by the old secret');
is(refused('whsec_' . encode_base64($new, ''), $request), undef,
   'and by the new one');

$hooks->pg->execute(<<~'SQL');
    UPDATE notify.webhooks SET old_secret_until = now()
    SQL

$hooks->events;
($request) = ($receiver->wait_for('/hook', 5))[4];

is(refused($secret, $request), 'no signature matches',
   'the old one ends at its time');
is(refused('whsec_' . encode_base64($new, ''), $request), undef,
   'the new one stays');


# an event of a delivery's own: a test

my $own = Skep::Hooks::uuid();
my $text = qq({"id":"$own","type":"webhook.test","data":{ "a" : "ü" }});

$hooks->pg->execute(do { utf8::encode(my $sql = <<~"SQL"); $sql });
    INSERT INTO notify.deliveries (id, webhook_id, event_id, type, data)
    VALUES ('@{[Skep::Hooks::uuid()]}', '$hook', '$own', 'webhook.test',
            '$text')
    SQL

($request) = ($receiver->wait_for('/hook', 6))[5];
utf8::encode($text);

is($request->{headers}{'webhook-id'}, $own, 'a test: its id');
is($request->{body}, $text, 'its body, as it is');
is(refused('whsec_' . encode_base64($new, ''), $request), undef,
   'its signature');

$hooks->finish;
