#!/usr/bin/env perl

# A webhook's life: POST, GET, PUT, PATCH, DELETE, and who may.

use v5.36;
use utf8;

use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;
my $user = $skep->user;
my $other = $skep->user;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $time = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\z/;
my %new = (url => 'https://example.com/hook', events => ['task.created']);

sub secrets ($id) {
    return $pg->query(<<~"SQL")->[0];
        SELECT encode(secret, 'base64'), encode(old_secret, 'base64')
        FROM notify.webhooks WHERE id = '$id'
        SQL
}


# a new one

my $res = $user->post('/v1/webhooks', \%new);

status_is($res, 201, 'POST');

my $hook = $res->json;
my $secret = delete $hook->{secret};
my $path = "/v1/webhooks/$hook->{id}";

is_deeply([sort keys %$hook],
          [qw(created_at disabled_reason enabled events id project_id
              updated_at url version)], 'its fields, and no other');
is($hook->{$_}, $new{$_}, $_) for 'url';
is_deeply($hook->{events}, $new{events}, 'events');
is($hook->{enabled}, $true, 'enabled');
is($hook->{$_}, undef, "no $_") for qw(project_id disabled_reason);
like($hook->{created_at}, $time, 'created_at');
is($hook->{updated_at}, $hook->{created_at}, 'updated_at');
is($hook->{version}, 1, 'version');
is($res->header('Location'), $path, 'Location');
is($res->header('ETag'), '"1"', 'ETag');
is($res->header('Cache-Control'), 'no-store', 'nobody keeps the answer');

like($secret, qr{\Awhsec_[A-Za-z0-9+/]{43}=\z}, 'the secret');
is(length decode_base64($secret =~ s/whsec_//r), 32, 'is of 32 bytes');
is_deeply(secrets($hook->{id}), [$secret =~ s/whsec_//r, ''],
          'it is what the sender signs by');

same_json($user->get($path), 200, $hook, 'GET: the same, but no secret');
is($user->get($path)->header('Cache-Control'), 'private, no-cache',
   'GET: Cache-Control');
same_json($user->get('/v1/webhooks'), 200,
          { data => [$hook], next_cursor => undef }, 'the list');

my $next = $user->post('/v1/webhooks', { %new, events => ['*'] });

isnt($next->json->{secret}, $secret, 'another has another secret');
is_deeply($next->json->{events}, ['*'], 'of all events');
status_is($user->delete($next->header('Location')), 204, 'DELETE');

for my $call (['GET'], ['DELETE'], ['PATCH', json => {}],
              ['PUT', json => \%new])
{
    my ($method, %o) = @$call;

    problem($user->request($method, $next->header('Location'), %o), 404,
            'not_found', "$method afterwards");
}


# changes

my $project = $skep->project($user, editor => $other);

$res = $user->patch($path, { project_id => $project });
status_is($res, 200, 'PATCH');
$hook = { %$hook, project_id => $project, version => 2,
          updated_at => $res->json->{updated_at} };
is_deeply($res->json, $hook, 'what it changes');
cmp_ok(sortable($hook->{updated_at}), 'gt', sortable($hook->{created_at}),
       'updated_at moved');
is($res->header('ETag'), '"2"', 'a new ETag');

for my $body ({}, { project_id => uc $project, enabled => $true }) {
    same_json($user->patch($path, $body), 200, $hook,
              'a PATCH that changes nothing');
}

$res = $user->put($path, { url => 'https://example.com/2',
                           events => ['comment.created', 'task.created'] });
status_is($res, 200, 'PUT');
$hook = { %$hook, project_id => undef, url => 'https://example.com/2',
          events => ['comment.created', 'task.created'], version => 3,
          updated_at => $res->json->{updated_at} };
is_deeply($res->json, $hook, 'replaces all');
same_json($user->get($path), 200, $hook, 'GET tells the same');

problem($user->patch($path, { enabled => $false },
                     headers => ['If-Match', '"2"']), 412, 'version_mismatch',
        'PATCH of a stale version');
problem($user->delete($path, headers => ['If-Match', '"2"']), 412,
        'version_mismatch', 'DELETE of a stale version');
status_is($user->patch($path, { enabled => $false },
                       headers => ['If-Match', '"3"']), 200,
          'PATCH of the right one');
is_deeply(secrets($hook->{id}), [$secret =~ s/whsec_//r, ''],
          'the secret is none of that');


# enabled again, it is as if nothing had been

sub fail_it ($enabled, $reason) {
    $pg->execute(<<~"SQL");
        UPDATE notify.webhooks SET enabled = $enabled, version = version + 1,
               disabled_reason = $reason, failing_since = now()
        SQL
}

sub held_against () {
    return $pg->query(<<~"SQL")->[0];
        SELECT disabled_reason, failing_since IS NOT NULL
        FROM notify.webhooks WHERE id = '$hook->{id}'
        SQL
}

fail_it('false', "'gone'");
is($user->get($path)->json->{disabled_reason}, 'gone', 'disabled, and why');
is($user->patch($path, { events => ['*'] })->json->{disabled_reason}, 'gone',
   'a change leaves it so');
is_deeply(held_against(), ['gone', 't'], 'and what failed');
$res = $user->patch($path, { enabled => $true });
is_deeply([$res->json->@{qw(enabled disabled_reason)}], [$true, undef],
          'enabled again');
is_deeply(held_against(), ['', 'f'], 'nothing is held against it');

fail_it('true', 'NULL');
$user->patch($path, { events => ['task.deleted'], enabled => $true });
is_deeply(held_against(), ['', 't'], 'it fails: another change');
$user->patch($path, { url => 'https://example.com/3' });
is_deeply(held_against(), ['', 'f'], 'another URL has not failed');


# what is refused; t/contract_fields.t has every field and bound

my $before = $pg->query('SELECT * FROM notify.webhooks ORDER BY id');

problem($user->post('/v1/webhooks', {}), 422, 'validation_failed',
        ['/url', 'required'], ['/events', 'required'], 'POST of nothing');
problem($user->post('/v1/webhooks', {
            url => 'http://me:x@127.0.0.1:0/#x', x => 1, secret => 'mine',
            events => ['task.created', 'task.created', 'webhook.disabled'],
        }), 422, 'validation_failed',
        ['/url', 'https_required'], ['/url', 'userinfo_not_allowed'],
        ['/url', 'address_not_allowed'], ['/url', 'invalid_port'],
        ['/url', 'fragment_not_allowed'], ['/x', 'unknown_field'],
        ['/secret', 'read_only'], ['/events/1', 'duplicate'],
        ['/events/2', 'invalid_value'], 'every fault at once');
problem($user->post('/v1/webhooks', { %new, url => 'https://' . 'x' x 2041 }),
        422, 'validation_failed', ['/url', 'too_long'],
        'a URL of 2,049 bytes');

for my $id (nobody, $other->inbox) {
    problem($user->post('/v1/webhooks', { %new, project_id => $id }), 422,
            'validation_failed', ['/project_id', 'not_found'],
            'POST for a project of others');
    problem($user->patch($path, { project_id => $id }), 422,
            'validation_failed', ['/project_id', 'not_found'], 'PATCH to one');
    problem($user->put($path, { %new, project_id => $id }), 422,
            'validation_failed', ['/project_id', 'not_found'], 'PUT of one');
}

problem($other->request(@$_), 404, 'not_found', "$_->[0] $_->[1] by another")
    for ['GET', $path], ['PATCH', $path, json => {}],
        ['PUT', $path, json => \%new], ['DELETE', $path],
        ['POST', "$path/rotate-secret"], ['POST', "$path/test"],
        ['GET', "$path/deliveries"],
        ['POST', "$path/deliveries/@{[nobody]}/retry"];
problem($skep->admin->get($path), 404, 'not_found', 'nor by an admin');
same_json($other->get('/v1/webhooks'), 200,
          { data => [], next_cursor => undef }, 'others have none');
is_deeply($pg->query('SELECT * FROM notify.webhooks ORDER BY id'), $before,
          'nothing of that was written');


# who leaves a project keeps the webhook, which is silent

my $guest = $other->post('/v1/webhooks', { %new, project_id => $project });

status_is($guest, 201, 'a webhook for a project');
status_is($user->delete("/v1/projects/$project/members/@{[$other->id]}"), 204,
          'its owner has to go');
$res = $other->patch($guest->header('Location'),
                     { project_id => $project, enabled => $false });
is($res->json->{project_id}, $project, 'it stays');
is($res->json->{enabled}, $false, 'and can be changed');
problem($other->post('/v1/webhooks', { %new, project_id => $project }), 422,
        'validation_failed', ['/project_id', 'not_found'],
        'another can not be made');


# a new secret: the old one signs beside it for a day

$res = $user->post("$path/rotate-secret");
status_is($res, 200, 'rotate-secret');
is_deeply([sort keys $res->json->%*], ['old_secret_until', 'secret'],
          'what it answers');
is($res->header('Cache-Control'), 'no-store', 'nobody keeps that');

my $rotated = $res->json->{secret};

isnt($rotated, $secret, 'it is a new one');
is_deeply(secrets($hook->{id}), [map { s/whsec_//r } $rotated, $secret],
          'the old one is still there');
is($pg->value(<<~"SQL"), 't', 'for a day');
    SELECT old_secret_until = '@{[$res->json->{old_secret_until}]}'
           AND old_secret_until - now() BETWEEN '23 h 59 min' AND '24 h'
    FROM notify.webhooks WHERE id = '$hook->{id}'
    SQL

$res = $user->post("$path/rotate-secret")->json;
is_deeply(secrets($hook->{id}), [map { s/whsec_//r } $res->{secret}, $rotated],
          'once more: of the old ones the latest');
problem($user->post('/v1/webhooks/' . nobody . '/rotate-secret'), 404,
        'not_found', 'of none');


# the account's end is theirs, too

status_is($user->request('DELETE', '/v1/me',
                         json => { password => $user->password }), 204,
          'the owner leaves');
is($pg->value("SELECT count(*) FROM notify.webhooks
               WHERE user_id = '@{[$user->id]}'"), 0, 'the webhooks are gone');

finish();
