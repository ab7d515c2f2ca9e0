#!/usr/bin/env perl

# Notifications: /v1/notifications and what is below.

use v5.36;

use Skep::Test;

my $skep = skep(workers => 2);
my $pg = $skep->pg;
my ($ann, $bob, $cid) = map { $skep->user } 1 .. 3;
my $list = '/v1/notifications';


sub told ($user, $query = '') {
    return $user->get("$list?limit=100$query")->json->{data};
}

sub types ($user) { return [map { $_->{type} } told($user)->@*] }

sub ids (@rows) { return [map { $_->{id} } @rows] }


# nothing yet

same_json($ann->get($list), 200, { data => [], next_cursor => undef },
          'no notification');
same_json($ann->get("$list?unread=true"), 200,
          { data => [], next_cursor => undef }, 'and none that is unread');
status_is($ann->post("$list/read-all"), 204, 'nothing to be read');
problem($ann->get($list . '/' . nobody), 404, 'not_found');


# what is told of every type, by what the API says of it

my $project = $ann->project;
$pg->fan_out;
is_deeply(told($ann), [], 'a project is no event');

my $member = $ann->share($project, $bob, 'editor');
my $task = $ann->task(project_id => $project->{id}, title => 'Tell them');
my $path = "/v1/tasks/$task->{id}";
my $updated = $bob->patch($path, { title => 'Told', due_at =>
                                   '2031-02-03T04:05:06.5+02:00' })->json;
my $assigned = $ann->patch($path, { assignee_id => $bob->id })->json;
my $comment = $bob->post("$path/comments", { body => 'Done soon' })->json;
my $done = $bob->post("$path/complete")->json;
my $open = $ann->post("$path/reopen")->json;

$ann->delete($path);
is($pg->fan_out, 8, 'an event each');

my @rows = told($ann)->@*;
my @want = (
    ['project.member_added', $ann, undef, { member => $member }],
    ['task.created', $ann, $task->{id}, { task => $task }],
    ['task.updated', $bob, $task->{id}, { task => $updated, changes => {
        title => ['Tell them', 'Told'],
        due_at => [undef, '2031-02-03T02:05:06.5Z'] } }],
    ['task.assigned', $ann, $task->{id}, { task => $assigned, changes => {
        assignee_id => [undef, $bob->id] } }],
    ['comment.created', $bob, $task->{id}, { comment => $comment }],
    ['task.completed', $bob, $task->{id}, { task => $done, changes => {
        status => ['todo', 'done'] } }],
    ['task.reopened', $ann, $task->{id}, { task => $open, changes => {
        status => ['done', 'todo'] } }],
    ['task.deleted', $ann, $task->{id}],
);

is(scalar @rows, scalar @want, 'a notification for each');

for my $i (0 .. $#want) {
    my ($type, $actor, $about, $data) = $want[$i]->@*;
    my $row = $rows[$#want - $i];

    # times are compared as what they are
    for my $pair ($row->{data}{changes} // {}, ($data // {})->{changes} // {}) {
        delete $pair->{completed_at};
    }

    is_deeply([$row->@{qw(type actor_id project_id task_id read_at)},
               $row->{event_id}],
              [$type, $actor->id, $project->{id}, $about, undef, $row->{id}],
              "$type: who and where");
    is_deeply(times_of($row->{data}), times_of($data), "$type: what")
        if $data;
}

sub times_of ($data) {
    return ref $data eq 'HASH'
               ? { map { $_ => times_of($data->{$_}) } keys %$data }
         : ref $data eq 'ARRAY' ? [map { times_of($_) } @$data]
         : ($data // '') =~ /\A\d{4}-\d\d-\d\dT/
               ? sortable($data)
         : $data;
}

is($rows[0]{data}{task}{id}, $task->{id}, 'task.deleted: what');
is_deeply(ids(told($bob)->@*), ids(@rows), 'all of them to the other member');
is_deeply(told($cid), [], 'none to who is no member');


# one

my $id = $rows[0]{id};
my $res = $ann->get("$list/$id");

same_json($res, 200, $rows[0], 'one, as in the list');
is($res->header('ETag'), '"1"', 'its ETag');
status_is($ann->get("$list/$id", headers => ['If-None-Match', '"1"']), 304);

$res = $ann->post("$list/$id/read");
status_is($res, 200, 'read');
my $read = $res->json;
like($read->{read_at}, qr/\A\d{4}-.*Z\z/, 'read_at');
is_deeply({ %$read, read_at => undef }, $rows[0], 'all else as it was');
is($res->header('ETag'), '"2"', 'another ETag');
same_json($ann->get("$list/$id"), 200, $read, 'so it stays');
same_json($ann->post("$list/$id/read"), 200, $read, 'the second time, too');
status_is($ann->get("$list/$id", headers => ['If-None-Match', '"1"']), 200,
          'what is not as the client has it');
is($bob->get("$list/$id")->json->{read_at}, undef,
   "others' is not read for that");


# unread

is_deeply(ids(told($ann, '&unread=true')->@*), ids(@rows[1 .. $#rows]),
          'those that are unread');
is_deeply(ids(told($ann, '&unread=false')->@*), ids(@rows), 'or all');
problem($ann->get("$list?unread=yes"), 400, 'invalid_parameter',
        ['unread', 'invalid_type']);


# another's is none, to the byte

sub bytes ($res) {
    return $res->head =~ s/^Date:[^\n]*\n//mr . $res->body;
}

for (['GET', ''], ['POST', '/read'], ['DELETE', '']) {
    my ($method, $what) = @$_;
    my @res = map { $cid->request($method, "$list/$_$what",
                                  headers => ['X-Request-ID', 'x']) }
              $id, nobody, 'x';

    problem($res[0], 404, 'not_found', "$method $what of another's");
    is(bytes($_), bytes($res[0]), 'as what does not exist') for @res[1, 2];
    problem($skep->request($method, "$list/$id$what"), 401, 'token_missing');
}
problem($skep->get($list), 401, 'token_missing');
problem($skep->post("$list/read-all"), 401, 'token_missing');


# deleted

problem($ann->delete("$list/$id", headers => ['If-Match', '"1"']), 412,
        'version_mismatch', 'DELETE of what was read meanwhile');
status_is($ann->delete("$list/$id", headers => ['If-Match', '"2"']), 204,
          'DELETE');
problem($ann->get("$list/$id"), 404, 'not_found', 'it is gone');
problem($ann->post("$list/$id/read"), 404, 'not_found', 'for POST');
problem($ann->delete("$list/$id"), 404, 'not_found', 'for DELETE');
is_deeply(ids(told($ann)->@*), ids(@rows[1 .. $#rows]), 'in the list');
status_is($bob->get("$list/$id"), 200, "others' is there");
status_is($ann->delete("$list/$rows[1]{id}"), 204, 'DELETE of an unread one');
is_deeply(ids(told($ann, '&unread=true')->@*), ids(@rows[2 .. $#rows]),
          'it is not unread either');


# who leaves a project keeps what they were told, and is told no more

$ann->delete("/v1/projects/$project->{id}/members/@{[$bob->id]}");
$ann->task(project_id => $project->{id});
$pg->fan_out;
is_deeply(ids(told($bob)->@*), ids(@rows), 'who has left');


# pages: by number, the latest first, in place while more come

my $other = $cid->project(members => [[$bob, 'viewer']]);
$cid->task(project_id => $other->{id}, title => "Task $_") for 1 .. 24;
$pg->fan_out;

my @all = told($cid)->@*;

is(scalar @all, 25, 'a member and tasks');
is_deeply([map { $_->{data}{task}{title} // '' } @all],
          [(map { 'Task ' . (25 - $_) } 1 .. 24), ''], 'the latest first');

for my $unread ('', '&unread=true') {
    my (@walked, $cursor);

    for my $page (1 .. 10) {
        my $res = $cid->get("$list?limit=7$unread"
                            . ($cursor ? "&cursor=$cursor" : ''));

        push @walked, $res->json->{data}->@*;
        $cursor = $res->json->{next_cursor} // last;

        is($res->header('Link'),
           "<$list?limit=7$unread&cursor=$cursor>; rel=\"next\"", 'Link');
        $cid->task(project_id => $other->{id});
        $pg->fan_out;
    }

    is_deeply(ids(@walked), ids(@all), "all, once$unread");
    @all = told($cid)->@*;
}

my $cursor = $cid->get("$list?limit=2")->json->{next_cursor};

problem($cid->get("$list?limit=2&unread=true&cursor=$cursor"), 400,
        'invalid_parameter', ['cursor', 'invalid_value'],
        'a cursor of another list');

# many at once, of which some are read and some deleted
$cid->post("$list/$all[$_]{id}/read") for grep { $_ % 3 == 0 } 0 .. $#all;
$cid->delete("$list/$all[$_]{id}") for grep { $_ % 3 == 1 } 0 .. $#all;
is_deeply(ids(told($cid, '&unread=true')->@*),
          ids(@all[grep { $_ % 3 == 2 } 0 .. $#all]), 'what is unread');
is_deeply(ids(told($cid)->@*),
          ids(@all[grep { $_ % 3 != 1 } 0 .. $#all]), 'what is not deleted');


# all are read, however many: in parts, and what comes meanwhile is not

my $who = $cid->id;
my $before = told($cid, '&unread=true');
my $kept = told($cid)->[0];

$pg->execute(<<~"SQL");
    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    SELECT notify.event_id(), 'project.member_added', '$who',
           '$other->{id}', '{}'
    FROM generate_series(1, 2500)
    SQL
is($pg->fan_out, 2500, '2,500 more');

# the first part waits for the oldest of all
my $session = $pg->session;
my $client = $skep->new_client;

$session->hold(<<~"SQL");
    UPDATE notify.inbox SET read_at = NULL
    WHERE (n, user_id) = (SELECT n, user_id FROM notify.inbox
                          WHERE user_id = '$who' AND read_at IS NULL
                            AND deleted_at IS NULL
                          ORDER BY n LIMIT 1);
    SQL
$client->send($client->format_request('POST', "$list/read-all",
                                      token => $cid->token));
ok($pg->blocked, 'read-all is under way');

$cid->task(project_id => $other->{id}, title => 'Meanwhile');
is($pg->fan_out, 1, 'meanwhile one more comes');
$session->send('COMMIT;');
$session->close;

my $answer = $client->response;

status_is($answer, 204, 'read-all');
is($answer->body, '', 'no body');
is_deeply([map { $_->{data}{task}{title} } told($cid, '&unread=true')->@*],
          ['Meanwhile'], 'what came meanwhile is unread, all else is read');
is($pg->value("SELECT count(*) FROM notify.inbox
               WHERE user_id = '$who' AND read_at IS NULL
                 AND deleted_at IS NULL"), 1, 'whatever page it is on');
is($cid->get("$list/$kept->{id}")->json->{read_at}, $kept->{read_at},
   'what was read was read then') if $kept->{read_at};
is($pg->value("SELECT count(*) FROM notify.inbox
               WHERE user_id <> '$who' AND read_at IS NOT NULL"), 1,
   "others' are as they were");

status_is($cid->post("$list/read-all"), 204, 'again');
is_deeply(told($cid, '&unread=true'), [], 'all');


# calls at the same moment on one notification

$cid->task(project_id => $other->{id});
$pg->fan_out;
$id = told($cid)->[0]{id};

my @clients = map { $skep->new_client } 1 .. 8;

for my $i (0 .. $#clients) {
    my @call = $i % 4 == 3 ? ('DELETE', "$list/$id")
                           : ('POST', "$list/$id/read");

    $clients[$i]->send($clients[$i]->format_request(@call,
                                                    token => $cid->token));
}

my @res = map { $_->response } @clients;
my %read_at = map { $_->status == 200 ? ($_->json->{read_at} => 1) : () } @res;

is(scalar(grep { $_->status == 204 } @res), 1, 'one of two deletes it');
is(scalar(grep { $_->status !~ /\A(?:200|204|404)\z/ } @res), 0,
   'nobody fails');
cmp_ok(scalar keys %read_at, '<=', 1, 'it is read once');
problem($cid->get("$list/$id"), 404, 'not_found', 'and it is gone');


# an account that is deleted: its inbox, too

$cid->patch('/v1/me/notification-settings', { own_actions => \0 });
status_is($cid->delete("/v1/projects/$other->{id}"), 204);
status_is($cid->delete('/v1/me', json => { password => $cid->password }), 204);
is_deeply($pg->query(<<~"SQL")->[0], [0, 0, 0],
    SELECT (SELECT count(*) FROM notify.inbox WHERE user_id = '$who'),
           (SELECT count(*) FROM notify.settings WHERE user_id = '$who'),
           (SELECT count(*) FROM notify.mails WHERE user_id = '$who')
    SQL
    'who deletes the account leaves nothing');
cmp_ok(scalar told($bob)->@*, '>', 0, "others' inboxes are there");

finish();
