#!/usr/bin/env perl

# /v1/me/notification-settings: what users want to be told, and that they are
# told so.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Skep::Test;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $skep = skep(workers => 2);
my $pg = $skep->pg;
my ($ann, $bob) = map { $skep->user } 1 .. 2;
my $path = '/v1/me/notification-settings';

my @types = types();
my %all = map { $_ => $true } @types;
my %none = map { $_ => $false } @types;
my %default = (own_actions => $true, in_app => { %all }, email => { %none });


# the types that nginx and the worker know

sub types () {
    my $text = slurp(source_dir() . '/worker/skep_wire.h');

    return map { /"([^"]+)"/g }
           $text =~ /SKEP_(?:OWN_)?EVENT_TYPES\(X\)(.*?[^\\])$/msg;
}

is_deeply([sort @types], [sort qw(
    task.created task.updated task.completed task.reopened task.deleted
    task.assigned comment.created project.member_added webhook.disabled)],
    'the types');


# A patch, and the settings that follow from it.

sub settings ($user, $patch, $name, %want) {
    my %settings = ($user->get($path)->json->%*, %want);

    for my $kind (qw(in_app email)) {
        $settings{$kind} = { $user->get($path)->json->{$kind}->%*,
                             $patch->{$kind}->%* } if $patch->{$kind};
    }
    $settings{own_actions} = $patch->{own_actions}
        if exists $patch->{own_actions};

    my $res = $user->patch($path, $patch);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    same_json($res, 200, \%settings, $name);
    same_json($user->get($path), 200, \%settings, "$name: it stays");
    return $res;
}

sub etag ($user) { return $user->get($path)->header('ETag') }

sub rows () { return $pg->value('SELECT count(*) FROM notify.settings') }


# the defaults

my $res = $ann->get($path);

same_json($res, 200, \%default, 'the defaults');
is($res->header('ETag'), '"1"', 'version 1');
like($res->body, qr/\A\{"own_actions":true,"in_app":\{ *"task.created"/,
     'in their order');
is(rows(), 0, 'which need no row');
status_is($ann->get($path, headers => ['If-None-Match', '"1"']), 304);
problem($skep->get($path), 401, 'token_missing');
problem($skep->patch($path, {}), 401, 'token_missing');


# patches

is(settings($ann, { own_actions => $false }, 'own actions')->header('ETag'),
   '"2"', 'version 2');
is(rows(), 1, 'one row');
settings($ann, { in_app => { 'task.created' => $false,
                             'comment.created' => $false } }, 'types');
settings($ann, { in_app => { 'task.created' => $true },
                 email => { 'task.assigned' => $true } }, 'on and off');
settings($ann, { email => { %all } }, 'all by e-mail');
settings($ann, { in_app => { %none } }, 'none in the inbox');
settings($ann, { own_actions => $true, in_app => { %all },
                 email => { 'task.deleted' => $false } }, 'all kinds at once');
is(etag($ann), '"7"', 'a version each');
is_deeply($pg->query('SELECT user_id, own_actions, in_app_off
                      FROM notify.settings'),
          [[$ann->id, 't', '{}']], 'types stand for what is not the default');
same_json($bob->get($path), 200, \%default, "others' are as they were");

for my $patch ({}, { in_app => {} }, { in_app => {}, email => {} },
               { own_actions => $true }, { in_app => { %all } },
               { email => { 'task.deleted' => $false,
                            'task.created' => $true } })
{
    $res = $ann->patch($path, $patch);
    status_is($res, 200, Skep::Response::encode($patch));
    is($res->header('ETag'), '"7"', 'what changes nothing is no new version');
}

$res = $bob->patch($path, { own_actions => $true, email => { %none } });
same_json($res, 200, \%default, 'the defaults as a patch');
is($res->header('ETag'), '"1"', 'are version 1');
is(settings($bob, { own_actions => $false }, 'and what follows')
   ->header('ETag'), '"2"', 'is version 2');

status_is($bob->request('PATCH', $path, body => '{"own_actions":true}',
                        type => 'application/merge-patch+json'), 200,
          'a merge patch by its name');


# If-Match

my $cid = $skep->user;

for my $user ($cid, $bob) {
    my $now = etag($user);

    problem($user->patch($path, { own_actions => $false },
                         headers => ['If-Match', $_]), 412,
            'version_mismatch', "If-Match: $_, it is $now") for '"99"', 'x';
    is(etag($user), $now, 'nothing was changed');
    status_is($user->patch($path, { own_actions => $false },
                           headers => ['If-Match', "\"99\", $now"]), 200,
              "If-Match: $now");
    problem($user->patch($path, { own_actions => $true },
                         headers => ['If-Match', $now]), 412,
            'version_mismatch', 'the old one');
    status_is($user->patch($path, { own_actions => $true },
                           headers => ['If-Match', '*']), 200, 'If-Match: *');
}


# what is refused: every fault at once, and nothing is changed

my $now = $bob->get($path)->body;

for (
    [{ own_actions => 'yes' }, ['/own_actions', 'invalid_type']],
    [{ own_actions => undef }, ['/own_actions', 'not_nullable']],
    [{ own_actions => 1 }, ['/own_actions', 'invalid_type']],
    [{ in_app => undef }, ['/in_app', 'not_nullable']],
    [{ in_app => [] }, ['/in_app', 'invalid_type']],
    [{ in_app => $true }, ['/in_app', 'invalid_type']],
    [{ in_app => { 'task.created' => 'on' } },
     ['/in_app/task.created', 'invalid_type']],
    [{ in_app => { 'task.created' => undef } },
     ['/in_app/task.created', 'not_nullable']],
    [{ in_app => { 'task.moved' => $true } },
     ['/in_app/task.moved', 'unknown_field']],
    [{ email => { '*' => $true } }, ['/email/*', 'unknown_field']],
    [{ email => { 'webhook.test' => $true } },
     ['/email/webhook.test', 'unknown_field']],
    [{ email => { 'a/b~c' => $true } }, ['/email/a~1b~0c', 'unknown_field']],
    [{ id => 'x' }, ['/id', 'unknown_field']],
) {
    problem($bob->patch($path, $_->[0]), 422, 'validation_failed',
            $_->@[1 .. $#$_], Skep::Response::encode($_->[0]));
}

$res = $bob->patch($path, { own_actions => 'no', sms => {},
                            in_app => { 'task.created' => $false, x => $true },
                            email => { y => $true, 'task.updated' => 0 } });
is_deeply([sort map { "$_->{pointer} $_->{code}" } $res->json->{errors}->@*],
          ['/email/task.updated invalid_type', '/email/y unknown_field',
           '/in_app/x unknown_field', '/own_actions invalid_type',
           '/sms unknown_field'], 'all faults');
is($bob->get($path)->body, $now, 'nothing was changed');
problem($bob->get("$path?x=1"), 400, 'invalid_parameter',
        ['x', 'unknown_parameter']);
problem($bob->put($path, \%default), 405, 'method_not_allowed', 'no PUT');


# many patches at once, the first ones of a user: none is lost

for my $round (1 .. 10) {
    my $dan = $skep->user;
    my @clients = map { $skep->new_client } @types;

    $clients[$_]->send($clients[$_]->format_request('PATCH', $path,
        token => $dan->token, json => { email => { $types[$_] => $true } }))
        for 0 .. $#types;

    my @status = map { $_->response->status } @clients;

    is_deeply([\@status, $dan->get($path)->json->{email}, etag($dan)],
              [[(200) x @types], { %all }, '"' . (1 + @types) . '"'],
              "patches at once, $round");
}

# and of those that name a version, one
my $eve = $skep->user;
my @clients = map { $skep->new_client } @types;

$clients[$_]->send($clients[$_]->format_request('PATCH', $path,
    token => $eve->token, headers => ['If-Match', '"1"'],
    json => { email => { $types[$_] => $true } })) for 0 .. $#types;
is_deeply([sort map { $_->response->status } @clients],
          [200, (412) x (@types - 1)], 'patches of one version');
is(scalar(grep { $_ } values $eve->get($path)->json->{email}->%*), 1,
   'one was taken');


# so it is told

sub told ($user) {
    return [map { $_->{type} } $user->get('/v1/notifications')->json->{data}->@*];
}

my $fay = $skep->user;
my $project = $fay->project;

$fay->patch($path, { own_actions => $false });
$fay->task;
$pg->fan_out;
is_deeply(told($fay), [], 'own actions are not told');
$fay->patch($path, { own_actions => $true });
$fay->task;
$pg->fan_out;
is_deeply(told($fay), ['task.created'], 'or they are');
$fay->patch($path, { in_app => { 'task.created' => $false },
                     email => { 'task.created' => $true } });
$fay->task;
$pg->fan_out;
is_deeply(told($fay), ['task.created'], 'a type that is off');
is_deeply($pg->query("SELECT type, status FROM notify.mails
                      WHERE user_id = '@{[$fay->id]}'
                        AND type NOT LIKE 'auth.%'"),
          [['task.created', 'pending']], 'goes by e-mail');

finish();
