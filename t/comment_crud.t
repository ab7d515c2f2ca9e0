#!/usr/bin/env perl

# A comment's life: POST, GET, PATCH, DELETE, and what becomes of it when its
# task moves or goes.

use v5.36;
use utf8;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $task = $user->task(title => 'Discussed');
my $list = "/v1/tasks/$task->{id}/comments";
my $time = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\z/;
my $v7 = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/;


# the events of comments, the first first

sub events () {
    return map { [$_->@[0 .. 3], JSON::PP::decode_json($_->[4])] }
           $skep->pg->query(<<~'SQL')->@*;
        SELECT type, actor_id, project_id, task_id, data
        FROM notify.outbox WHERE type LIKE 'comment.%' ORDER BY id
        SQL
}


# a new one

my $text = "Größe: \x{1F41D}\n\ttwo lines, \"quoted\" \\ and <b>&amp;</b>";
my $res = $user->post($list, { body => $text });

status_is($res, 201, 'POST');

my $comment = $res->json;
my $path = "/v1/comments/$comment->{id}";

is_deeply([sort keys %$comment],
          [qw(author_id body created_at id task_id updated_at version)],
          'its fields, and no other');
like($comment->{id}, $v7, 'id is a UUIDv7');
is($comment->{task_id}, $task->{id}, 'task_id');
is($comment->{author_id}, $user->id, 'author_id is the caller');
is($comment->{body}, $text, 'body');
like($comment->{created_at}, $time, 'created_at');
is($comment->{updated_at}, $comment->{created_at}, 'updated_at');
is($comment->{version}, 1, 'version');
is($res->header('Location'), $path, 'Location');
is($res->header('ETag'), '"1"', 'ETag');

same_json($user->get($path), 200, $comment, 'GET');
is($user->get($path)->header('ETag'), '"1"', 'GET: ETag');
same_json($user->get($list), 200, { data => [$comment], next_cursor => undef },
          'the list of its task');
same_json($user->get("/v1/tasks/$task->{id}"), 200, $task,
          'the task is as it was');

my @events = events();

is(scalar @events, 1, 'one event');
is_deeply([$events[0]->@[0 .. 3]],
          ['comment.created', $user->id, $user->inbox, $task->{id}],
          'what, by whom, where');
is_deeply([sort keys $events[0][4]->%*], ['comment'], 'its data');

# times are PostgreSQL's there
my @same = grep { !/_at$/ } sort keys %$comment;

is_deeply([sort keys $events[0][4]{comment}->%*], [sort keys %$comment],
          'the comment, whole');
is_deeply([$events[0][4]{comment}->@{@same}], [$comment->@{@same}],
          'as it was answered');


# changes

$res = $user->patch($path, { body => 'Changed' }, type => 'application/merge-patch+json');
status_is($res, 200, 'PATCH');

my $changed = $res->json;

is_deeply($changed, { %$comment, body => 'Changed', version => 2,
                      updated_at => $changed->{updated_at} }, 'what it changes');
cmp_ok(sortable($changed->{updated_at}), 'gt', sortable($comment->{updated_at}),
       'updated_at moved');
is($res->header('ETag'), '"2"', 'a new ETag');
same_json($user->get($path), 200, $changed, 'GET tells the same');

for my $body ({}, { body => 'Changed' }) {
    $res = $user->patch($path, $body);
    same_json($res, 200, $changed, 'a PATCH that changes nothing');
    is($res->header('ETag'), '"2"', 'makes no new version');
}

problem($user->patch($path, { body => 'x' }, headers => ['If-Match', '"1"']),
        412, 'version_mismatch', 'PATCH with a stale version');
status_is($user->patch($path, { body => 'y' }, headers => ['If-Match', '"2"']),
          200, 'PATCH with the right one');
problem($user->delete($path, headers => ['If-Match', '"2"']), 412,
        'version_mismatch', 'DELETE with a stale version');
is(scalar(() = events()), 1, 'changes are no event');


# two at once with one version: one of them

my @clients = map { $skep->new_client } 1, 2;
my $odd = 0;

for my $round (1 .. 20) {
    my $version = $user->get($path)->json->{version};

    for my $i (0, 1) {
        $clients[$i]->send($clients[$i]->format_request(
            'PATCH', $path, token => $user->token,
            json    => { body => "Round $round of $i" },
            headers => ['If-Match', "\"$version\""],
        ));
    }

    my @status = sort map { $_->response->status } @clients;

    $odd++ if "@status" ne '200 412';
    diag("round $round: @status") if "@status" ne '200 412';
}

is($odd, 0, 'two PATCHes with one version: one of them, always');


# what is refused; t/contract_fields.t has every field and bound

my $before = $skep->pg->query('SELECT * FROM task.comments ORDER BY id');

problem($user->post($list, {}), 422, 'validation_failed',
        ['/body', 'required'], 'POST without a body');
problem($user->post($list, { body => '', author_id => nobody, x => 1 }), 422,
        'validation_failed', ['/body', 'too_short'],
        ['/author_id', 'read_only'], ['/x', 'unknown_field'],
        'every fault at once');
problem($user->post('/v1/tasks/' . nobody . '/comments', { body => 'x' }), 404,
        'not_found', 'POST to a task that is not there');
problem($user->request('PUT', $path, json => { body => 'x' }), 405,
        'method_not_allowed', 'there is no PUT');
is($user->request('PUT', $path)->header('Allow'),
   'GET, HEAD, PATCH, DELETE, OPTIONS', 'Allow');
is_deeply($skep->pg->query('SELECT * FROM task.comments ORDER BY id'), $before,
          'nothing of that was written');


# deletion

my $gone = $user->post($list, { body => 'Gone' })->json;

$res = $user->delete("/v1/comments/$gone->{id}", headers => ['If-Match', '"1"']);
status_is($res, 204, 'DELETE');
is($res->body, '', 'without a body');

for my $call (['GET'], ['HEAD'], ['DELETE'], ['PATCH', json => { body => 'x' }])
{
    my ($method, %o) = @$call;

    status_is($user->request($method, "/v1/comments/$gone->{id}", %o), 404,
              "$method afterwards");
}

is_deeply([map { $_->{id} } $user->get($list)->json->{data}->@*],
          [$comment->{id}], 'the list is without it');
is_deeply($skep->pg->query(<<~"SQL"), [['t', '2', 'Gone']], 'a tombstone stays');
    SELECT deleted_at = updated_at AND deleted_at > created_at, version, body
    FROM task.comments WHERE id = '$gone->{id}'
    SQL


# a project of several

my $owner = $skep->user;
my $project = $skep->project($owner, editor => $user);
my $moved = $user->patch("/v1/tasks/$task->{id}", { project_id => $project });

status_is($moved, 200, 'the task moves to another project');
status_is($owner->get($path), 200, 'its comments move with it');
is(scalar $owner->get($list)->json->{data}->@*, 1, 'the list, too');

$owner->post($list, { body => 'Seen' });
is((events())[-1][2], $project, 'an event is of the project where the task is');


# the author leaves: the id stays

status_is($user->request('DELETE', '/v1/me',
                         json => { password => $user->password }), 204,
          'the author leaves');
is($owner->get($path)->json->{author_id}, $user->id, 'the comment stays theirs');


# with its task it goes

my $next = $owner->task(title => 'x', project_id => $project);
my $other = $owner->post("/v1/tasks/$next->{id}/comments",
                         { body => 'stays' })->json;

status_is($owner->delete("/v1/tasks/$task->{id}"), 204, 'the task is deleted');

for my $call (['GET', $path], ['PATCH', $path, json => { body => 'x' }],
              ['DELETE', $path], ['GET', $list],
              ['POST', $list, json => { body => 'x' }])
{
    problem($owner->request(@$call), 404, 'not_found',
            "$call->[0] $call->[1] afterwards");
}

status_is($owner->get("/v1/comments/$other->{id}"), 200,
          'the comments of others stay');


# and with its project

my $doomed = $skep->project($owner);
my $last = $owner->task(title => 'x', project_id => $doomed);

$list = "/v1/tasks/$last->{id}/comments";
$path = $owner->post($list, { body => 'x' })->header('Location');
status_is($owner->delete("/v1/projects/$doomed"), 204,
          'the project is deleted');

problem($owner->request(@$_), 404, 'not_found', "$_->[0] $_->[1] afterwards")
    for ['GET', $path], ['PATCH', $path, json => { body => 'x' }],
        ['DELETE', $path], ['GET', $list],
        ['POST', $list, json => { body => 'x' }];


# the comment and its event are one

$skep->pg->execute(<<~'SQL');
    ALTER TABLE notify.outbox ADD CONSTRAINT none CHECK (false) NOT VALID
    SQL

$list = "/v1/tasks/$next->{id}/comments";
problem($owner->post($list, { body => 'x' }), 500, 'internal_error',
        'no event, no comment');
is(scalar $owner->get($list)->json->{data}->@*, 1, 'none was written');

finish();
