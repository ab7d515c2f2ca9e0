#!/usr/bin/env perl

# What is committed is added to the stream: every type of event, once, as the
# outbox has it; and no secret.

use v5.36;

use JSON::PP ();
use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep(redis => 1, set => { notify_stream => 'skep:events' });
my $redis = $skep->redis;
my $last;


# The entries since the last call, when there are so many, or nothing comes any
# more.

sub entries ($n) {
    my @entries;

    wait_until($n ? 5 : 0.15, sub {
        @entries = $redis->entries('skep:events', $last);
        return $n && @entries >= $n;
    });

    $last = $entries[-1]{entry} if @entries;
    return @entries;
}

# The outbox's rows of those, in the form of entries.

sub outbox (@entries) {
    my $seqs = join ',', map { $_->{seq} } @entries;

    return map {
        my %row;
        @row{qw(seq id type timestamp actor_id project_id task_id data trace)}
            = @$_;
        $row{data} = JSON::PP::decode_json($row{data});
        +{ map { $_ => $row{$_} } grep { ($row{$_} // '') ne '' } keys %row };
    } $skep->pg->query(<<~"SQL")->@*;
        SELECT seq, id, type, notify.time(created_at), actor_id, project_id,
               task_id, data, trace
        FROM notify.outbox WHERE seq IN ($seqs) ORDER BY seq
        SQL
}

# These types were added, and are what the outbox holds; the entries.

sub published ($name, @types) {
    my @entries = entries(scalar @types);

    is_deeply([map { $_->{type} } @entries], \@types, "$name: @types")
        or return;

    for my $entry (@entries) {
        delete $entry->{entry};
        $entry->{data} = JSON::PP::decode_json(
            do { my $text = $entry->{data}; utf8::encode($text); $text }
        );
    }

    is_deeply(\@entries, [outbox(@entries)], "$name: as in the outbox");
    return @entries;
}

sub silent ($name) {
    is(scalar(my @none = entries(0)), 0, "$name: nothing");
}

# Mails: that there is one, and nothing else.

sub hinted ($name, $type) {
    my @entries = entries(1);

    is_deeply([map { [sort keys %$_] } @entries], [[qw(entry id seq trace type)]],
              "$name: a number, an id, a type, a trace") or return;
    is($entries[0]{type}, "auth.${type}_requested", "$name: $type");
    is_deeply([map { $_->@{qw(id type trace)} } outbox(@entries)],
              [$entries[0]->@{qw(id type trace)}], "$name: as in the outbox");
}


# accounts

my $user = $skep->user;
hinted('a registration', 'email_verification');

my $other = $skep->user;
hinted('another one', 'email_verification');

$user->post('/v1/auth/verify-email/resend');
hinted('a new mail', 'email_verification');

$skep->post('/v1/auth/password-reset', { email => $user->email });
hinted('a new password', 'password_reset');

$skep->post('/v1/auth/password-reset', { email => 'nobody@example.com' });
silent('of nobody');

$other->patch('/v1/me', { name => 'Other' });
silent('a new name');

my $moved = 'moved-' . $other->email;
$other->patch('/v1/me', { email => $moved,
                          current_password => $other->password });
hinted('a new address', 'email_verification');


# tasks

my $text = "Gr\x{f6}\x{df}e \x{1F41D} \"quoted\" \\ \n\t +00:00";
my $task = $user->task(title => $text, labels => ['a', '"b"'],
                       due_at => '2030-01-02T05:04:05.6+02:00');
my $path = "/v1/tasks/$task->{id}";
my ($entry) = published('POST', 'task.created');

is_deeply($entry->{data}, { task => $task }, 'the data are the answer');
is($entry->{actor_id}, $user->id, 'actor_id');
is($entry->{project_id}, $task->{project_id}, 'project_id');
is($entry->{task_id}, $task->{id}, 'task_id');

$task = $user->patch($path, { due_at => '2031-01-01T00:00:00Z' })->json;
($entry) = published('PATCH', 'task.updated');
is_deeply($entry->{data}, {
    task    => $task,
    changes => { due_at => ['2030-01-02T03:04:05.6Z', '2031-01-01T00:00:00Z'] },
}, 'and what changed');

$user->patch($path, { due_at => '2031-01-01T00:00:00Z' });
silent('a PATCH to what it is');
$user->patch($path, { title => '' });
silent('an invalid one');
$user->patch($path, { title => 'x' }, headers => ['If-Match', '"1"']);
silent('a stale one');
$user->get($path);
silent('a GET');

$user->put($path, { title => 'Put' });
published('PUT', 'task.updated');
$user->patch($path, { assignee_id => $user->id });
published('an assignment', 'task.assigned');
$user->post("$path/complete");
published('complete', 'task.completed');
$user->post("$path/complete");
silent('complete again');
$user->post("$path/reopen");
published('reopen', 'task.reopened');

is($user->delete($path)->status, 204, 'DELETE');
published('DELETE', 'task.deleted');
$user->delete($path);
silent('DELETE again');


# more than a packet holds

my $large = $user->task(title => 'Large', description => "\x{1F41D}" x 15_000);
($entry) = published('a large one', 'task.created');
is($entry->{data}{task}{description}, $large->{description}, 'to its end');


# comments and members

my $project = $user->project(name => 'Shared');
silent('a project');

$task = $user->task(project_id => $project->{id});
published('a task in it', 'task.created');

my $comment = $user->post("/v1/tasks/$task->{id}/comments",
                          { body => $text })->json;
($entry) = published('a comment', 'comment.created');
is_deeply($entry->{data}, { comment => $comment }, 'the data are the answer');
is($entry->{task_id}, $task->{id}, 'of its task');

$user->patch("/v1/comments/$comment->{id}", { body => 'x' });
silent('a comment that is changed');

my $member = $user->post("/v1/projects/$project->{id}/members",
                         { email => $moved, role => 'editor' })->json;
($entry) = published('a member', 'project.member_added');
is_deeply($entry->{data}, { member => $member }, 'the data are the answer');
ok(!exists $entry->{task_id}, 'of no task');


# many at once

my $bulk = $user->post('/v1/tasks/bulk', {
    tasks => [map { { title => "Bulk $_", project_id => $project->{id} } }
              1 .. 100],
})->json;
published('100 tasks', ('task.created') x 100);

my @ids = map { $_->{id} } $bulk->{data}->@[0 .. 9];
$user->patch("/v1/tasks/$ids[4]", { status => 'done' });
published('one of them', 'task.completed');
$user->patch('/v1/tasks/bulk', { ids => \@ids, patch => { status => 'done' } });
my @entries = published('ten of them, but one', ('task.completed') x 9);
is_deeply([sort map { $_->{task_id} } @entries], [sort @ids[0 .. 3, 5 .. 9]],
          'not what was so already');
$user->patch('/v1/tasks/bulk', {
    ids => [@ids, nobody], patch => { status => 'todo' },
});
silent('all or none');


# what was answered before is not published again

for my $call (
    ['/v1/tasks', { title => 'Keyed' }, 'task.created'],
    ['/v1/tasks/bulk', { tasks => [{ title => 'Keyed' }] }, 'task.created'],
    ["/v1/tasks/$task->{id}/comments", { body => 'Keyed' }, 'comment.created'],
    ["/v1/projects/@{[$user->project(name => 'Keyed')->{id}]}/members",
     { email => $moved, role => 'viewer' }, 'project.member_added'],
) {
    my ($target, $json, $type) = @$call;
    my @key = (headers => ['Idempotency-Key', "key-$target"]);

    status_is($user->post($target, $json, @key), 201, "$target with a key");
    published("$target with a key", $type);

    my $again = $user->post($target, $json, @key);
    is($again->header('Idempotent-Replayed'), 'true', "$target: again");
    silent("$target: again");
}


# a client that is gone: what it asked for is done

my $lock = $skep->pg->session;

$lock->hold('LOCK TABLE notify.outbox IN EXCLUSIVE MODE');

my $client = $skep->new_client;
$client->send($client->format_request('POST', '/v1/tasks',
                                      json => { title => 'Gone' },
                                      token => $user->token));
$skep->pg->blocked or fail('the statement does not wait');
$client->abort;
$lock->send('COMMIT;');
($entry) = published('a client that is gone', 'task.created');
is($entry->{data}{task}{title}, 'Gone', 'its task');
$lock->close;


# no secret anywhere

my $all = $redis->command('XRANGE', 'skep:events', '-', '+');
my @secrets = map { $skep->mailed($_, 'email_verification'),
                    $skep->mailed($_, 'password_reset') } $user, $other;

cmp_ok(scalar @secrets, '>=', 5, 'tokens were mailed');
is(scalar(grep { index($all, $_) >= 0 } @secrets), 0,
   'none of them is in the stream');
unlike($all, qr/expires_at/, 'nor what else is in such mails');
unlike($all, qr/@{[quotemeta $user->email]}/, 'nor the address');


# by a reload another stream, or none

$skep->reconfigure(set => { notify_stream => 'other maxlen=10' });
$skep->reload;
ok(wait_until(5, sub {
    $user->task(title => 'Other');
    return scalar(my @found = $redis->entries('other'));
}), 'another stream');
silent('the stream of before');

$user->post('/v1/tasks/bulk', { tasks => [({ title => 'Many' }) x 100] })
    for 1 .. 4;
ok(wait_until(5, sub { ($redis->entries('other'))[-1]{seq}
                       == $skep->pg->value('SELECT max(seq) FROM notify.outbox') }),
   'all were added');
cmp_ok($redis->command('XLEN', 'other'), '<', 300, 'the oldest went');

$skep->reconfigure(set => { notify_stream => 'off' });
$skep->reload;
$redis->command('DEL', 'other');
$user->task(title => 'None');
silent('no stream');
is($redis->command('EXISTS', 'other'), 0, 'nor the other one');

finish();
