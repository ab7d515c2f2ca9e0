#!/usr/bin/env perl

# GET /v1/me

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $res = $user->get('/v1/me');

same_json($res, 200, $user->answer->{user}, 'the user, as register had it');
is($res->header('ETag'), '"1"', 'ETag');
is($res->header('Cache-Control'), 'private, no-cache', 'Cache-Control');
status_is($user->get('/v1/me', headers => ['If-None-Match', '"1"']), 304);
status_is($user->head('/v1/me'), 200, 'HEAD');
problem($skep->get('/v1/me'), 401, 'token_missing', 'without a token');

# a token that is good, of a user who is not there any more
$skep->pg->execute(<<~"SQL");
    DELETE FROM task.members WHERE user_id = '@{[$user->id]}';
    DELETE FROM task.projects WHERE owner_id = '@{[$user->id]}';
    DELETE FROM auth.users WHERE id = '@{[$user->id]}'
    SQL

my $gone = $user->get('/v1/me');
cmp_ok($gone->status, '>=', 401, 'a user who is gone');
cmp_ok($gone->status, '<=', 404, 'is told so');

finish();
