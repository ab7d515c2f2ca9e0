#!/usr/bin/env perl

# Members of a project: add, list, change, remove, leave; who may, and what is
# refused.

use v5.36;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;
my %user = map { $_ => $skep->user(name => ucfirst) }
           qw(owner editor viewer stranger guest);
my $owner = $user{owner};
my $project = $owner->project(
    name    => 'Shared',
    members => [map { [$user{$_}, $_] } qw(editor viewer)],
);
my $path = "/v1/projects/$project->{id}";
my $members = "$path/members";

sub member ($user) { return "$members/" . $user->id }
sub version () { return $owner->get($path)->json->{version} }

sub rows () {
    return $pg->query('SELECT (SELECT count(*) FROM task.members),
                              (SELECT count(*) FROM notify.outbox)');
}


# POST: by e-mail, whatever its case, and by id

my $before = $pg->value('SELECT count(*) FROM notify.outbox');
my $res = $owner->post($members, { email => uc $user{guest}->email,
                                   role => 'viewer' });

status_is($res, 201, 'added by e-mail');
is($res->header('Location'), member($user{guest}), 'Location');
is($res->header('ETag'), undef, 'a member has no version');
is($res->header('Cache-Control'), 'private, no-cache', 'Cache-Control');

my $guest = $res->json;

like($guest->{added_at}, qr/\A\d{4}-\d\d-\d\dT[\d:.]+Z\z/, 'added_at');
is_deeply($guest, { user_id => $user{guest}->id, email => $user{guest}->email,
                    name => 'Guest', role => 'viewer',
                    added_at => $guest->{added_at} }, 'the member');
is($user{guest}->get($path)->json->{role}, 'viewer', 'who sees the project');

my $events = $pg->query(<<~'SQL');
    SELECT type, actor_id, project_id, task_id, data, id FROM notify.outbox
    ORDER BY created_at DESC, id DESC LIMIT 1
    SQL
my ($type, $actor, $where, $task, $data, $id) = $events->[0]->@*;

is($pg->value('SELECT count(*) FROM notify.outbox'), $before + 1, 'one event');
is_deeply([$type, $actor, $where, $task],
          ['project.member_added', $owner->id, $project->{id}, ''],
          'its type, by whom, where');
like($id, qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7/, 'its id is a UUIDv7');

my $told = JSON::PP::decode_json($data);

is_deeply([sort keys %$told], ['member'], 'its data is the member');
is_deeply([sort keys $told->{member}->%*], [sort keys %$guest],
          'with all fields');
is_deeply({ $told->{member}->%*, added_at => undef },
          { %$guest, added_at => undef }, 'as in the answer');

problem($owner->post($members, { user_id => $user{guest}->id,
                                 role => 'editor' }),
        409, 'already_member', 'a member already');
problem($owner->post($members, { user_id => $owner->id, role => 'viewer' }),
        409, 'already_member', 'oneself');
is($user{guest}->get($path)->json->{role}, 'viewer', 'changes nothing');

status_is($user{guest}->delete(member($user{guest})), 204, 'left');

$res = $owner->post($members, { user_id => uc $user{guest}->id,
                                role => 'owner' });
status_is($res, 201, 'added by id, again');
is($res->json->{role}, 'owner', 'in another role');
status_is($owner->delete(member($user{guest})), 204,
          'an owner removes another');
problem($user{guest}->get($path), 404, 'not_found', 'who sees nothing more');


# POST: faults

$before = rows();

sub invalid ($body, @faults) {
    problem($owner->post($members, $body), 422, 'validation_failed', @faults);
}

my $email = $user{guest}->email;

invalid({}, ['/email', 'required'], ['/role', 'required']);
invalid({ role => 'viewer' }, ['/email', 'required']);
invalid({ email => $email }, ['/role', 'required']);
invalid({ email => $email, user_id => $user{guest}->id, role => 'viewer' },
        ['/user_id', 'mutually_exclusive']);
invalid({ email => undef, role => 'viewer' }, ['/email', 'not_nullable']);
invalid({ email => 'x', role => 'viewer' }, ['/email', 'invalid_format']);
invalid({ user_id => 'x', role => 'viewer' }, ['/user_id', 'invalid_format']);
invalid({ user_id => undef, role => 'viewer' }, ['/user_id', 'not_nullable']);
invalid({ email => $email, role => 'admin' }, ['/role', 'invalid_value']);
invalid({ email => $email, role => undef }, ['/role', 'not_nullable']);
invalid({ email => $email, role => 'viewer', name => 'x', added_at => 'x',
          project_id => nobody },
        ['/name', 'read_only'], ['/added_at', 'read_only'],
        ['/project_id', 'unknown_field']);
invalid({ email => 'nobody@example.com', role => 'viewer' },
        ['/email', 'not_found']);
invalid({ user_id => nobody, role => 'viewer' }, ['/user_id', 'not_found']);

# users who can't log in any more
my ($disabled, $deleted) = map { $skep->user } 1 .. 2;

$skep->admin->patch('/v1/users/' . $disabled->id, { disabled => \1 });
status_is($deleted->delete('/v1/me', json => { password => 'correct horse' }),
          204, 'an account is deleted');
$before = rows();

for my $user ($disabled, $deleted) {
    invalid({ user_id => $user->id, role => 'viewer' },
            ['/user_id', 'not_found']);
    invalid({ email => $user->email, role => 'viewer' },
            ['/email', 'not_found']);
}

problem($owner->post('/v1/projects/' . $owner->inbox . '/members',
                     { email => $email, role => 'viewer' }),
        409, 'inbox_not_shared', 'the Inbox');
problem($owner->post('/v1/projects/' . $owner->inbox . '/members',
                     { email => 'nobody@example.com', role => 'viewer' }),
        409, 'inbox_not_shared', 'whoever it is');
is_deeply(rows(), $before, 'nothing of that was written');


# PATCH

my $version = version();

$res = $owner->patch(member($user{viewer}), { role => 'editor' });
status_is($res, 200, 'PATCH');
is_deeply([@{$res->json}{qw(user_id email name role)}],
          [$user{viewer}->id, $user{viewer}->email, 'Viewer', 'editor'],
          'the member as it is now');
is(version(), $version + 1, 'the project has a new version');
status_is($user{viewer}->get($path, headers => ['If-None-Match',
                                                "\"$version\""]), 200,
          'so the member does not keep the role of before');

same_json($owner->patch(member($user{viewer}), { role => 'editor' }), 200,
          $res->json, 'to what it is');
same_json($owner->patch(member($user{viewer}), {}), 200, $res->json,
          'an empty PATCH');
is(version(), $version + 1, 'make no new version');

for my $fault ([{ role => 'admin' }, ['/role', 'invalid_value']],
               [{ role => undef }, ['/role', 'not_nullable']],
               [{ user_id => nobody }, ['/user_id', 'read_only']],
               [{ email => 'x@example.com' }, ['/email', 'read_only']],
               [{ name => 'x', added_at => 'x' }, ['/name', 'read_only'],
                ['/added_at', 'read_only']],
               [{ colour => 'x' }, ['/colour', 'unknown_field']])
{
    my ($body, @faults) = @$fault;
    problem($owner->patch(member($user{viewer}), $body), 422,
            'validation_failed', @faults);
}

status_is($owner->patch(member($user{viewer}), { role => 'viewer' }), 200,
          'and back');


# who may: each call of each role; changes are of somebody else

my %may = (
    stranger => { map { $_ => 404 } qw(list add patch remove) },
    viewer   => { list => 200, add => 403, patch => 403, remove => 403 },
    editor   => { list => 200, add => 403, patch => 403, remove => 403 },
    owner    => { list => 200, add => 201, patch => 200, remove => 204 },
);
my $admin = $skep->admin;
my $third = $skep->user;

$may{admin} = $may{stranger};
$user{admin} = $admin;
$owner->share($project, $third, 'viewer');

sub call ($user, $call, $target) {
    return $call eq 'list' ? $user->get($members)
           : $call eq 'add' ? $user->post($members, { user_id => $target,
                                                      role => 'viewer' })
           : $call eq 'patch' ? $user->patch("$members/$target",
                                             { role => 'editor' })
           : $user->delete("$members/$target");
}

for my $role (qw(stranger admin viewer editor owner)) {
    for my $call (qw(list add patch remove)) {
        my $target = $call eq 'add' ? $user{guest}->id : $third->id;
        my $want = $may{$role}{$call};
        my $res = call($user{$role}, $call, $target);

        if ($want >= 400) {
            problem($res, $want, $want == 403 ? 'forbidden' : 'not_found',
                    "$role: $call");

        } else {
            status_is($res, $want, "$role: $call");
        }

        next if $want != 403 || $call eq 'add';
        problem(call($user{$role}, $call, nobody), 403, 'forbidden',
                "$role: $call of nobody: no more is told");
    }
}

problem($owner->patch("$members/@{[nobody]}", { role => 'editor' }), 404,
        'not_found', 'owner: PATCH of who is no member');
problem($owner->delete(member($user{stranger})), 404, 'not_found',
        'owner: DELETE of who is no member');
problem($owner->delete("$members/x"), 404, 'not_found', 'a malformed id');
problem($owner->get(member($user{viewer})), 405, 'method_not_allowed',
        'a member is in the list only');
problem($user{viewer}->patch(member($user{viewer}), { role => 'owner' }), 403,
        'forbidden', 'nobody promotes themselves');
problem($user{editor}->patch(member($user{editor}), { role => 'viewer' }), 403,
        'forbidden', 'nor demotes');


# the last owner stays

for my $target ($path, '/v1/projects/' . $owner->inbox) {
    my $self = "$target/members/" . $owner->id;

    problem($owner->delete($self), 409, 'last_owner', 'leaving');
    problem($owner->patch($self, { role => 'editor' }), 409, 'last_owner',
            'demotion');
    status_is($owner->patch($self, { role => 'owner' }), 200,
              'to stay owner is no change');
}

status_is($owner->patch(member($user{editor}), { role => 'owner' }), 200,
          'another owner');
status_is($owner->patch(member($owner), { role => 'viewer' }), 200,
          'now the first may be demoted');
is($user{editor}->get($path)->json->{owner_id}, $user{editor}->id,
   'and the project is the other one\'s');
problem($owner->delete(member($user{editor})), 403, 'forbidden',
        'who is no owner any more removes nobody');
problem($user{editor}->delete(member($user{editor})), 409, 'last_owner',
        'and the other one is the last');

status_is($user{editor}->patch(member($owner), { role => 'owner' }), 200,
          'promoted again');
$version = version();
is($owner->get($path)->json->{owner_id}, $user{editor}->id,
   'it stays whose it is');
status_is($user{editor}->delete(member($user{editor})), 204, 'an owner leaves');
is($owner->get($path)->json->{owner_id}, $owner->id, 'it goes to the other');
is(version(), $version + 1, 'in a new version');


# of several owners it goes to the one who has been there longest

my $many = $owner->project;
my @heirs = map { $skep->user } 1 .. 3;

$owner->share($many, $heirs[$_], $_ == 2 ? 'viewer' : 'owner') for 2, 1, 0;
status_is($owner->delete("/v1/projects/$many->{id}/members/" . $owner->id),
          204, 'the owner leaves');
is($heirs[2]->get("/v1/projects/$many->{id}")->json->{owner_id},
   $heirs[1]->id, 'the longest-standing owner, not a viewer');


# removing and leaving unassign

for my $how ('leaves', 'is removed') {
    my $p = $owner->project(members => [[$user{guest}, 'editor']]);
    my $other = $owner->project(members => [[$user{guest}, 'editor']]);
    my $by = $how eq 'leaves' ? $user{guest} : $owner;
    my %task = map {
        my ($name, %fields) = @$_;
        ($name => $owner->task(project_id => $p->{id}, title => $name,
                               %fields));
    } ['theirs', assignee_id => $user{guest}->id],
      ['done', assignee_id => $user{guest}->id, status => 'done'],
      ['deleted', assignee_id => $user{guest}->id],
      ['mine', assignee_id => $owner->id],
      ['nobody'];

    $task{elsewhere} = $owner->task(project_id => $other->{id},
                                    assignee_id => $user{guest}->id);
    $owner->delete("/v1/tasks/$task{deleted}{id}");

    my $n = $pg->value('SELECT count(*) FROM notify.outbox');

    status_is($by->delete("/v1/projects/$p->{id}/members/"
                          . $user{guest}->id), 204, "a member $how");

    for my $name (qw(theirs done)) {
        my $now = $owner->get("/v1/tasks/$task{$name}{id}")->json;

        is($now->{assignee_id}, undef, "$how: what was theirs is free: $name");
        is($now->{version}, 2, 'in a new version');
        ok(sortable($now->{updated_at})
           gt sortable($task{$name}{updated_at}), 'updated_at');
        is($now->{status}, $task{$name}{status}, 'else as it was');

        my $rows = $pg->query(<<~"SQL");
            SELECT id, type, actor_id, project_id, data FROM notify.outbox
            WHERE task_id = '$now->{id}' ORDER BY id DESC LIMIT 1
            SQL
        my ($id, $type, $actor, $project, $data) = $rows->[0]->@*;
        my $event = JSON::PP::decode_json($data);

        like($id, qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/,
             'its event');
        is_deeply([$type, $actor, $project],
                  ['task.updated', $by->id, $p->{id}], 'by whom, where');
        is_deeply($event->{changes},
                  { assignee_id => [$user{guest}->id, undef] }, 'changes');
        is_deeply([sort keys $event->{task}->%*], [sort keys %$now],
                  'with every field of a task and no other');
        is($event->{task}{assignee_id}, undef, 'as it is now');
    }

    is($pg->value('SELECT count(*) FROM notify.outbox'), $n + 2,
       'and no other event');
    same_json($owner->get("/v1/tasks/$task{$_}{id}"), 200, $task{$_},
              "$how: $_ is untouched") for qw(mine nobody elsewhere);
}


# as GET of the list tells all that

my $list = $owner->get($members)->json;

is_deeply([map { [$_->{user_id}, $_->{role}] } $list->{data}->@*],
          [[$owner->id, 'owner'], [$user{viewer}->id, 'viewer'],
           [$user{guest}->id, 'viewer']], 'in the order in which they came');

finish();
