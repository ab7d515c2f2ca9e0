#!/usr/bin/env perl

# POST /v1/auth/logout, GET /v1/sessions, DELETE /v1/sessions/{id}: what the
# database holds and what the calls answer.

use v5.36;

use JSON::PP ();
use Skep::JWT qw(jwt_parts);
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;


sub sid ($user) { return (jwt_parts($user->token, $skep->key))[1]{sid} }

sub ended ($user) {
    my $res = $skep->post('/v1/auth/refresh',
                          { refresh_token => $user->refresh_token });

    return $res->status == 401 && $res->json->{code} eq 'refresh_token_invalid'
           && $pg->value(<<~"SQL") eq 't';
               SELECT revoked_at IS NOT NULL FROM auth.sessions
               WHERE id = '@{[sid($user)]}'
               SQL
}

sub goes_on ($user) {
    return $pg->value(<<~"SQL") eq 't';
        SELECT revoked_at IS NULL FROM auth.sessions
        WHERE id = '@{[sid($user)]}'
        SQL
}


# one session

my $ann = $skep->user;
my $phone = $skep->login($ann);
my $bob = $skep->user;
my $res = $ann->post('/v1/auth/logout');

status_is($res, 204, 'logout');
is($res->body, '', 'no body');
ok(ended($ann), 'the session is over');
problem($ann->get('/v1/me'), 401, 'token_revoked', 'its token is refused');
ok(goes_on($phone), 'another goes on');
ok(goes_on($bob), 'and another user\'s');
status_is($phone->post('/v1/auth/logout?scope=session'), 204,
          'scope=session is the same');
ok(ended($phone), 'that one is over, too');


# all of them

my @sessions = map { $skep->login($ann) } 1 .. 3;

status_is($sessions[1]->post('/v1/auth/logout?scope=all'), 204, 'scope=all');
ok(ended($_), 'a session of theirs') for @sessions;
ok(goes_on($bob), 'another user\'s goes on');

for my $args ('scope=everything', 'scope=all&scope=all', 'x=1') {
    problem($bob->post("/v1/auth/logout?$args"), 400, 'invalid_parameter',
            ['scope', 'invalid_value'], $args) if $args eq 'scope=everything';
    status_is($bob->post("/v1/auth/logout?$args"), 400, $args);
}

problem($skep->post('/v1/auth/logout'), 401, 'token_missing', 'anonymous');
ok(goes_on($bob), 'no refused call ends a session');


# the list

my $carl = $skep->user;
my $old = $skep->login($carl);
my $tablet = $skep->login($carl, headers => ['User-Agent', 'tablet/1']);

$pg->execute(<<~"SQL");
    UPDATE auth.sessions SET expires_at = now() WHERE id = '@{[sid($old)]}'
    SQL

my $gone = $skep->login($carl);

status_is($gone->post('/v1/auth/logout'), 204, 'one ends');

my $list = $tablet->get('/v1/sessions');

status_is($list, 200, 'GET /v1/sessions');

my $data = $list->json->{data};

is(join(' ', map { $_->{id} } @$data), join(' ', sid($tablet), sid($carl)),
   'those that go on, the newest first');
is_deeply([sort keys $data->[0]->%*],
          [qw(created_at current expires_at id ip last_used_at user_agent)],
          'the members of a session');
is($data->[0]{user_agent}, 'tablet/1', 'user_agent');
is($data->[0]{ip}, '127.0.0.1', 'ip');
ok($data->[0]{current} && !$data->[1]{current}, 'current');
ok($carl->get('/v1/sessions')->json->{data}[1]{current},
   'as seen from the other one');
is($list->json->{next_cursor}, undef, 'no more');
unlike($list->body, qr/\Q@{[$carl->refresh_token]}\E|hash/, 'no secret');

# pages
$skep->login($carl) for 1 .. 3;

my ($target, @ids, $pages) = ('/v1/sessions?limit=2');

while ($target) {
    my $json = $carl->get($target)->json;

    $pages++;
    push @ids, map { $_->{id} } $json->{data}->@*;
    $target = $json->{next_cursor}
              && '/v1/sessions?limit=2&cursor=' . escape($json->{next_cursor});
}

is($pages, 3, 'three pages');
is_deeply(\@ids, [sort { $b cmp $a } @ids], 'in one order');
is(scalar @ids, 5, 'of five sessions');

my $cursor = $carl->get('/v1/sessions?limit=1')->json->{next_cursor};

problem($carl->get('/v1/tasks?cursor=' . escape($cursor)), 400,
        'invalid_parameter', ['cursor', 'invalid_value'],
        'the cursor of one list is no other\'s');
problem($carl->get('/v1/sessions?cursor=x'), 400, 'invalid_parameter',
        ['cursor', 'invalid_value'], 'no cursor');
problem($carl->get('/v1/sessions?limit=101'), 400, 'invalid_parameter',
        ['limit', 'out_of_range'], 'a limit');


# one by its id

my $path = '/v1/sessions/' . sid($tablet);

problem($bob->delete($path), 404, 'not_found', 'another user\'s session');
ok(goes_on($tablet), 'it goes on');
status_is($carl->delete($path), 204, 'one of their own');
ok(ended($tablet), 'it is over');
problem($carl->delete($path), 404, 'not_found', 'a second time');
problem($carl->delete('/v1/sessions/' . sid($old)), 404, 'not_found',
        'an expired one');
problem($carl->delete('/v1/sessions/' . nobody), 404, 'not_found', 'none');
problem($carl->delete('/v1/sessions/x'), 404, 'not_found', 'no id');
status_is($carl->delete('/v1/sessions/' . sid($carl)), 204, 'the current one');
ok(ended($carl), 'is over as well');


# a login forgets sessions that ended long ago

my $dora = $skep->user;
$skep->login($dora) for 1 .. 2;
$pg->execute(<<~"SQL");
    UPDATE auth.sessions
    SET revoked_at = CASE WHEN id = '@{[sid($dora)]}'
                          THEN now() - interval '31 d'
                          ELSE now() - interval '29 d' END
    WHERE user_id = '@{[$dora->id]}'
    SQL
$skep->login($dora);
is($pg->value(<<~"SQL"), 3, 'one of four was forgotten');
    SELECT count(*) FROM auth.sessions WHERE user_id = '@{[$dora->id]}'
    SQL

finish();
