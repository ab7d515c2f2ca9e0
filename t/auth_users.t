#!/usr/bin/env perl

# GET /v1/users, GET and PATCH /v1/users/{id}: for admins.

use v5.36;

use JSON::PP ();
use Skep::JWT qw(jwt_parts);
use Skep::Test;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $skep = skep();
my $pg = $skep->pg;
my $admin = $skep->admin;
my $ann = $skep->user;
my $path = '/v1/users/' . $ann->id;


# one

my $res = $admin->get($path);

status_is($res, 200, 'a user');
same_json($res, 200, { $ann->answer->{user}->%*, disabled => $false },
          'as they see themselves, and whether they are disabled');
is($res->header('ETag'), '"1"', 'ETag');
status_is($admin->get($path, headers => ['If-None-Match', '"1"']), 304,
          'If-None-Match');
problem($admin->get('/v1/users/' . nobody), 404, 'not_found', 'nobody');
problem($admin->get('/v1/users/x'), 404, 'not_found', 'no id');


# all

my @users = map { $skep->user } 1 .. 4;
my $left = $skep->user;
status_is($left->delete('/v1/me', json => { password => $left->password }),
          204, 'one leaves');
problem($admin->get('/v1/users/' . $left->id), 404, 'not_found',
        'who left is no user');

$res = $admin->get('/v1/users');
status_is($res, 200, 'the list');
is_deeply([map { $_->{id} } $res->json->{data}->@*],
          [reverse map { $_->id } $admin, $ann, @users],
          'everyone, the newest first');
is_deeply([sort keys $res->json->{data}[0]->%*],
          [qw(created_at disabled email email_verified id name role updated_at
              version)], 'members');
unlike($res->body, qr/\$2[aby]\$/, 'no hash');

my ($target, @ids) = '/v1/users?limit=3';

while ($target) {
    my $json = $admin->get($target)->json;

    cmp_ok(scalar $json->{data}->@*, '<=', 3, 'a page');
    push @ids, map { $_->{id} } $json->{data}->@*;
    $target = $json->{next_cursor}
              && '/v1/users?limit=3&cursor=' . escape($json->{next_cursor});
}

is_deeply(\@ids, [reverse map { $_->id } $admin, $ann, @users],
          'the same in pages');
problem($admin->get('/v1/users?role=admin'), 400, 'invalid_parameter',
        ['role', 'unknown_parameter'], 'an unknown parameter');


# others

for my $user ($ann, $users[0]) {
    problem($user->get('/v1/users'), 403, 'forbidden', 'the list: a user');
    problem($user->get($path), 403, 'forbidden', 'one: a user');
    problem($user->get('/v1/users/' . nobody), 403, 'forbidden',
            'nobody: the same');
    problem($user->patch($path, { role => 'admin' }), 403, 'forbidden',
            'a change: a user');
    problem($user->patch('/v1/users/' . nobody, { role => 'admin' }), 403,
            'forbidden', 'a change of nobody: the same');
}

problem($skep->get('/v1/users', token => $skep->token($ann,
                                                      { role => 'admin' })),
        403, 'forbidden', 'it is the role of now, not that of the token');


# the role

$res = $admin->patch($path, { role => 'admin' },
                     headers => ['If-Match', '"1"']);
status_is($res, 200, 'an admin more');
is($res->json->{role}, 'admin', 'role');
is($res->json->{version}, 2, 'version');
is($res->header('ETag'), '"2"', 'ETag');
status_is($ann->get('/v1/users'), 200, 'at once');
is($admin->patch($path, { role => 'admin' })->json->{version}, 2,
   'the same again makes no version');
problem($admin->patch($path, { role => 'user' },
                      headers => ['If-Match', '"1"']),
        412, 'version_mismatch', 'a stale If-Match');

status_is($admin->patch($path, { role => 'user' }), 200, 'one less');
problem($skep->post('/v1/auth/refresh',
                    { refresh_token => $ann->refresh_token }),
        401, 'refresh_token_invalid', 'their sessions are over');
$ann = $skep->login($ann);
is((jwt_parts($ann->token, $skep->key))[1]{role}, 'user',
   'a new one has the role of a user');
problem($ann->get('/v1/users'), 403, 'forbidden', 'and no more');


# disabled

$res = $admin->patch($path, { disabled => $true });
status_is($res, 200, 'disable');
ok($res->json->{disabled}, 'it is so');
is($pg->value(<<~"SQL"), 0, 'every session is revoked');
    SELECT count(*) FROM auth.sessions
    WHERE user_id = '@{[$ann->id]}' AND revoked_at IS NULL
    SQL
problem($skep->post('/v1/auth/login', { email => $ann->email,
                                        password => $ann->password }),
        401, 'invalid_credentials', 'no login');
problem($ann->get('/v1/me'), 401, 'token_revoked', 'the token is refused');
is($admin->patch($path, { disabled => $true })->json->{version},
   $res->json->{version}, 'the same again makes no version');

$res = $admin->patch($path, { disabled => $false, role => 'user' });
status_is($res, 200, 'enable');
ok(!$res->json->{disabled}, 'it is so');
problem($skep->post('/v1/auth/refresh',
                    { refresh_token => $ann->refresh_token }),
        401, 'refresh_token_invalid', 'what was revoked stays so');
$ann = $skep->login($ann);
status_is($ann->get('/v1/me'), 200, 'a login');


# a login and a refresh that race with being disabled leave no session

for my $round (1 .. 5) {
    my $user = $skep->user;
    my @clients = map { $skep->new_client } 1 .. 8;
    my $off = $skep->new_client;

    for my $i (0 .. $#clients) {
        my ($call, $body) = $i % 2
            ? ('login', { email => $user->email,
                          password => $user->password })
            : ('refresh', { refresh_token => $user->refresh_token });

        $clients[$i]->send($clients[$i]->format_request('POST',
            "/v1/auth/$call", json => $body));
    }

    $off->send($off->format_request('PATCH', '/v1/users/' . $user->id,
        token => $admin->token, json => { disabled => $true }));
    is($off->response->status, 200, "round $round: disabled");
    my @status = map { $_->response->status } @clients;
    is($pg->value(<<~"SQL"), 0, "no session goes on (@status)");
        SELECT count(*) FROM auth.sessions
        WHERE user_id = '@{[$user->id]}' AND revoked_at IS NULL
        SQL
}


# oneself

my $self = '/v1/users/' . $admin->id;

problem($admin->patch($self, { role => 'user' }), 422, 'validation_failed',
        ['/role', 'read_only'], 'their own role');
problem($admin->patch($self, { disabled => $true }), 422, 'validation_failed',
        ['/disabled', 'read_only'], 'themselves');
status_is($admin->patch($self, { role => 'admin', disabled => $false }), 200,
          'what changes nothing');
status_is($admin->get('/v1/users'), 200, 'still an admin');


# faults

problem($admin->patch($path, { role => 'root', disabled => 1, id => nobody,
                               email => 'x', name => 'x', version => 1,
                               x => 1 }),
        422, 'validation_failed', ['/role', 'invalid_value'],
        ['/disabled', 'invalid_type'], ['/id', 'read_only'],
        ['/email', 'read_only'], ['/name', 'read_only'],
        ['/version', 'read_only'], ['/x', 'unknown_field'],
        'every fault at once');
problem($admin->patch('/v1/users/' . nobody, { role => 'admin' }), 404,
        'not_found', 'nobody');
problem($admin->patch('/v1/users/' . $left->id, { disabled => $false }), 404,
        'not_found', 'who left can\'t be brought back');

finish();
