#!/usr/bin/env perl

# A request that is repeated with its Idempotency-Key gets the first answer
# again, whatever became of the thing.

use v5.36;

use Skep::Test;

my $skep = skep(workers => 2);
my $user = $skep->user;
my $other = $skep->user;
my $project = '01890000-0000-7000-8000-0000000000aa';

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.projects (id, owner_id, name)
    VALUES ('$project', '@{[$other->id]}', 'Shared');
    INSERT INTO task.members (project_id, user_id, role)
    VALUES ('$project', '@{[$other->id]}', 'owner'),
           ('$project', '@{[$user->id]}', 'editor')
    SQL

sub create ($who, $key, $json, $path = '/v1/tasks') {
    return $who->post($path, $json, headers => ['Idempotency-Key', $key]);
}

sub tasks () { return $skep->pg->value('SELECT count(*) FROM task.tasks') }
sub events () { return $skep->pg->value('SELECT count(*) FROM notify.outbox') }


# every kind of field

my @bodies = (
    { title => 'Plain' },
    { title => 'Done', status => 'done' },
    { title => "\x{1F41D} \"quoted\" \\ \x{7f}\n\t</script>",
      description => "\x{e9}" x 20000, status => 'cancelled',
      priority => 'urgent', labels => ['b', 'a', 'b', '{}', 'NULL', '"'],
      due_at => '2030-01-02T03:04:05.123456+02:00', project_id => $project,
      assignee_id => $other->id },
    { title => 'Nulls', due_at => undef, assignee_id => undef, labels => [] },
    { title => 'In capitals', project_id => uc $project, priority => 'low',
      due_at => '2030-01-02t03:04:05z' },
);
my @first;

for my $i (0 .. $#bodies) {
    my $before = tasks();
    my $n = events();
    my $first = create($user, "body-$i", $bodies[$i]);

    status_is($first, 201, "body $i: 201");
    is($first->header('ETag'), '"1"', 'with an ETag');
    is($first->header('Location'), '/v1/tasks/' . $first->json->{id},
       'with a Location');
    same_json($user->get($first->header('Location')), 200, $first->json,
              'what was told is what is stored');

    replayed(create($user, "body-$i", $bodies[$i]), $first, "body $i");
    is(tasks(), $before + 1, 'one task');
    is(events(), $n + 1, 'one event');
    push @first, $first;
}

# a key of the same form as one without
my $keyless = $user->post('/v1/tasks', $bodies[2])->json;
my $keyed = $first[2]->json;

delete $_->@{qw(id created_at updated_at)} for $keyless, $keyed;
is_deeply($keyed, $keyless, 'a task made with a key is as one made without');


# whatever became of it

my $plain = $first[0];
my $path = $plain->header('Location');

status_is($user->patch($path, { title => 'Changed', status => 'done' }), 200,
          'it was changed');
replayed(create($user, 'body-0', $bodies[0]), $plain, 'changed');
status_is($user->patch($path, { project_id => $project }), 200, 'moved');
replayed(create($user, 'body-0', $bodies[0]), $plain, 'moved');
status_is($user->delete($path), 204, 'deleted');
replayed(create($user, 'body-0', $bodies[0]), $plain, 'deleted');

$skep->pg->execute(<<~"SQL");
    DELETE FROM task.members
    WHERE user_id = '@{[$user->id]}' AND project_id = '$project'
    SQL
problem($user->get($first[2]->header('Location')), 404, 'not_found',
        'the caller has left');
replayed(create($user, 'body-2', $bodies[2]), $first[2], 'left');
is(tasks(), @bodies + 1, 'no further task');


# the same key with something else

my $reused = sub ($name, @request) {
    my $before = tasks();

    problem(create($user, 'body-1', @request), 422, 'idempotency_key_reused',
            $name);
    is(tasks(), $before, 'nothing is made');
};

$reused->('another body', { title => 'Other' });
$reused->('one more field', { title => 'Done', status => 'done',
                              priority => 'none' });

my $res = $user->request('POST', '/v1/tasks', type => 'application/json',
                         body => '{ "title":"Done", "status":"done"}',
                         headers => ['Idempotency-Key', 'body-1']);
problem($res, 422, 'idempotency_key_reused', 'the same in other bytes');

# a fault in the body is told before
problem(create($user, 'body-1', { title => '' }), 422, 'validation_failed',
        ['/title', 'too_short'], 'a body that is at fault');


# whose it is

my $theirs = create($other, 'body-1', $bodies[1]);
status_is($theirs, 201, 'the same key of another user');
is($theirs->header('Idempotent-Replayed'), undef, 'is another key');
isnt($theirs->json->{id}, $first[1]->json->{id}, 'for another task');

replayed(create($skep->login($user), 'body-1', $bodies[1]), $first[1],
         'by another session of the same user');


# for 24 hours

sub aged ($key, $age) {
    $skep->pg->execute(<<~"SQL");
        UPDATE api.idempotency_keys SET stored_at = now() - interval '$age'
        WHERE key = '$key' AND user_id = '@{[$user->id]}'
        SQL
}

aged('body-1', '23 hours 59 minutes');
replayed(create($user, 'body-1', $bodies[1]), $first[1], 'almost a day later');

aged('body-1', '24 hours');
my $new = create($user, 'body-1', { title => 'New' });
status_is($new, 201, 'a day later the key is free');
is($new->header('Idempotent-Replayed'), undef, 'it is no replay');
is($new->json->{title}, 'New', 'but the new one');
replayed(create($user, 'body-1', { title => 'New' }), $new,
         'from then on it is the new one\'s');
is($skep->pg->value(<<~"SQL"), 't', 'for a day from now');
    SELECT stored_at > now() - interval '1 minute' FROM api.idempotency_keys
    WHERE key = 'body-1' AND user_id = '@{[$user->id]}'
    SQL


# those that are too old go by and by, whoever's they are

aged("body-$_", '25 hours') for 0, 2, 3;
create($other, 'fresh-1', { title => 'x' });
create($other, 'fresh-2', { title => 'x' });
is_deeply($skep->pg->query(<<~'SQL'), [['body-1'], ['body-1'], ['body-4'],
    SELECT key FROM api.idempotency_keys ORDER BY key
    SQL
                                       ['fresh-1'], ['fresh-2']],
          'old keys are deleted, the others stay');

# and with the account
status_is($user->request('DELETE', '/v1/me',
                         json => { password => $user->password }), 204,
          'who deletes the account');
is($skep->pg->value(<<~"SQL"), 0, 'leaves no key');
    SELECT count(*) FROM api.idempotency_keys
    WHERE user_id = '@{[$user->id]}'
    SQL
is($skep->pg->value('SELECT count(*) FROM api.idempotency_keys'), 3,
   'but those of others');

finish();
