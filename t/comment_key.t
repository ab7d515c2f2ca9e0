#!/usr/bin/env perl

# POST of a comment with an Idempotency-Key: one comment, one event, and the
# first answer again.  t/idempotency_*.t have the rest.

use v5.36;

use Skep::Test;

my $skep = skep();
my $owner = $skep->user;
my $user = $skep->user;
my $project = $skep->project($owner, editor => $user);
my $task = $user->task(title => 'Discussed', project_id => $project);
my $list = "/v1/tasks/$task->{id}/comments";

sub create ($key, $body, $path = $list) {
    return $user->post($path, { body => $body },
                       headers => ['Idempotency-Key', $key]);
}

sub written () {
    return $skep->pg->query(<<~'SQL')->[0];
        SELECT (SELECT count(*) FROM task.comments),
               (SELECT count(*) FROM notify.outbox
                WHERE type = 'comment.created'),
               (SELECT count(*) FROM api.idempotency_keys)
        SQL
}


my $first = create('one', 'First');

status_is($first, 201, 'with a key');
is($first->header('Idempotent-Replayed'), undef, 'is no replay');
same_json($user->get($first->header('Location')), 200, $first->json,
          'it is there');
replayed(create('one', 'First'), $first, 'again');

problem(create('one', 'Another'), 422, 'idempotency_key_reused',
        'the key with another body');

my $other = $user->task(title => 'Another', project_id => $project);

problem(create('one', 'First', "/v1/tasks/$other->{id}/comments"), 422,
        'idempotency_key_reused', 'the key for another task');
is_deeply(written(), [1, 1, 1], 'one comment, one event');


# what became of it since is another matter

$user->patch($first->header('Location'), { body => 'Changed' });
replayed(create('one', 'First'), $first, 'of one that was changed');
$user->delete($first->header('Location'));
replayed(create('one', 'First'), $first, 'of one that was deleted');

$skep->pg->execute(<<~"SQL");
    DELETE FROM task.members WHERE user_id = '@{[$user->id]}'
                               AND project_id = '$project'
    SQL
replayed(create('one', 'First'), $first, 'by one who has left since');
problem(create('two', 'Second'), 404, 'not_found', 'who makes no other');
is_deeply(written(), [1, 1, 1], 'nothing more was written');

finish();
