#!/usr/bin/env perl

# Idempotency-Key where a secret is shown once: a repeated request is answered by
# the same bytes, and nowhere does the secret lie open for that.

use v5.36;

use MIME::Base64 qw(decode_base64);
use Skep::Test;

my $skep = skep(workers => 2);
my $pg = $skep->pg;
my $user = $skep->user;
my $project = $user->project->{id};
my %hook = (url => 'https://example.com/hook', events => ['*'],
            project_id => $project);

sub keyed ($key, $path, $json = undef) {
    return $user->post($path, $json, headers => ['Idempotency-Key', $key]);
}

sub rows () {
    return $pg->query(<<~'SQL')->[0];
        SELECT (SELECT count(*) FROM notify.webhooks),
               (SELECT count(*) FROM notify.deliveries),
               (SELECT count(*) FROM api.idempotency_keys)
        SQL
}

# what there is of a webhook's secrets, as an answer would show it

sub secrets ($id) {
    return map { defined ? "whsec_$_" : undef } $pg->query(<<~"SQL")->[0]->@*;
        SELECT encode(secret, 'base64'), encode(old_secret, 'base64')
        FROM notify.webhooks WHERE id = '$id'
        SQL
}


# a webhook

my $first = keyed('hook', '/v1/webhooks', \%hook);
my $path = $first->header('Location');
my $id = $first->json->{id};
my $secret = $first->json->{secret};

status_is($first, 201, 'a webhook');
is($first->header('Idempotent-Replayed'), undef, 'is no replay');
like($secret, qr/\Awhsec_/, 'with its secret');
is((secrets($id))[0], $secret, 'which is the one it has');
replayed(keyed('hook', '/v1/webhooks', \%hook), $first, 'again') for 1 .. 4;

my $plain = $user->post('/v1/webhooks', \%hook)->json;
my $keyed = $first->json;

delete $_->@{qw(id created_at updated_at secret)} for $plain, $keyed;
is_deeply($keyed, $plain, 'it is as one that was made without a key');
problem(keyed('hook', '/v1/webhooks', { %hook, events => ['task.created'] }),
        422, 'idempotency_key_reused', 'the key with another body');
is_deeply(rows(), [2, 0, 1], 'two webhooks, one key');


# what lies in the database tells nothing of the secret

my $kept = $pg->value(<<~'SQL');
    SELECT k::text FROM api.idempotency_keys k WHERE key = 'hook'
    SQL
my $bytes = decode_base64($secret =~ s/whsec_//r);
my $hex = unpack 'H*', $bytes;

unlike($kept, qr/\Q$secret\E/, 'the key holds no secret');
unlike($kept, qr/\Q@{[$secret =~ s{whsec_}{}r]}\E/, 'nor its bytes');
unlike($kept, qr/$hex/i, 'in no form');

my ($sealed) = $kept =~ /sealed\W+([A-Za-z0-9+\/]+)/;

is(index(decode_base64($sealed), $bytes), -1, 'nor under base64');


# what became of it since is another matter

status_is($user->patch($path, { events => ['task.deleted'] }), 200, 'changed');

my $rotated = keyed('rotate', "$path/rotate-secret");

status_is($rotated, 200, 'a new secret');
is_deeply([secrets($id)], [$rotated->json->{secret}, $secret],
          'beside the old one');
replayed(keyed('rotate', "$path/rotate-secret"), $rotated, 'asked for again')
    for 1 .. 2;
is_deeply([secrets($id)], [$rotated->json->{secret}, $secret],
          'no third one was made');
problem(keyed('rotate', '/v1/webhooks/' . nobody . '/rotate-secret'), 422,
        'idempotency_key_reused', 'the key for another webhook');
problem(keyed('none', '/v1/webhooks/' . nobody . '/rotate-secret'), 404,
        'not_found', 'a webhook that is not there');

replayed(keyed('hook', '/v1/webhooks', \%hook), $first,
         'the webhook of that time');


# a test

my $test = keyed('test', "$path/test");

status_is($test, 202, 'a test');
replayed(keyed('test', "$path/test"), $test, 'asked for again');
is($user->get("$path/deliveries")->json->{data}[0]{id}, $test->json->{id},
   'it is in the list');
is_deeply(rows(), [2, 1, 3], 'once');


# deleted, it is still what was answered

status_is($user->delete($path), 204, 'the webhook is deleted');
replayed(keyed('hook', '/v1/webhooks', \%hook), $first, 'deleted');
replayed(keyed('rotate', "$path/rotate-secret"), $rotated, 'deleted');
replayed(keyed('test', "$path/test"), $test, 'deleted');
is_deeply(rows(), [1, 0, 3], 'nothing was made');


# another's key is another key; and what is sealed is its owner's alone

my $other = $skep->user;

problem($other->post('/v1/webhooks', \%hook,
                     headers => ['Idempotency-Key', 'hook']), 422,
        'validation_failed', ['/project_id', 'not_found'], "another's key");
$pg->execute(<<~"SQL");
    INSERT INTO api.idempotency_keys
    SELECT '@{[$other->id]}', key, fingerprint, ids, created_at, details
    FROM api.idempotency_keys WHERE key = 'hook'
    SQL
problem($other->post('/v1/webhooks', \%hook,
                     headers => ['Idempotency-Key', 'hook']), 409,
        'secret_not_available', 'what was sealed for another');


# after the server's own secret has changed

$skep->write_file('secret', 'another' x 10);
$skep->reload;

problem(keyed('hook', '/v1/webhooks', \%hook), 409, 'secret_not_available',
        'the server has another secret');
problem(keyed('rotate', "$path/rotate-secret"), 409, 'secret_not_available',
        'a rotation likewise');
replayed(keyed('test', "$path/test"), $test, 'where there is no secret');
status_is(keyed('new', '/v1/webhooks', \%hook), 201, 'a new one is none of that');

finish();
