#!/usr/bin/env perl

# updated_since: every change and every deletion comes once, also those whose
# transaction began early and ends late.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(workers => 2);
my $user = $skep->user;
my $other = $skep->user;
my $pg = $skep->pg;


# A page; the items' ids, deleted ones with "-" in front; the page itself.

sub page ($since, %o) {
    my $path = $o{path} // '/v1/tasks';
    my $query = 'updated_since=' . escape($since) . "&limit=" . ($o{limit} // 5)
                . ($o{project} ? "&project=$o{project}" : '')
                . (defined $o{cursor} ? "&cursor=$o{cursor}" : '');
    my $res = ($o{as} // $user)->get("$path?$query");

    status_is($res, 200, $query) if $res->status != 200;
    return $res->json;
}

sub ids ($page) {
    return map { $_->{deleted_at} ? "-$_->{id}" : $_->{id} } $page->{data}->@*;
}


# A walk: the ids, and the token.  between: called after each page.

sub walk ($since, %o) {
    my ($cursor, $token, @ids);

    for (1 .. 100) {
        my $page = page($since, %o, cursor => $cursor);

        push @ids, ids($page);
        $token //= $page->{sync_token};
        is($page->{sync_token}, $token, 'the same token on each page')
            if $page->{sync_token} ne $token;

        $cursor = $page->{next_cursor} // return (\@ids, $token);
        $o{between}->() if $o{between};
    }

    fail('the walk does not end');
    return (\@ids, $token);
}

sub is_set ($got, $want, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply([sort @$got], [sort @$want], $name);
}


my $epoch = '1970-01-01T00:00:00Z';

my ($ids, $token) = walk($epoch);

is_deeply($ids, [], 'nothing yet');
like($token, qr/\A[A-Za-z0-9_-]+\z/, 'a token');

my @tasks = map { $user->task(title => "Task $_") } 1 .. 12;
my @ids = map { $_->{id} } @tasks;

($ids, my $first) = walk($epoch);
is_deeply($ids, \@ids, 'all, in the order of their changes');
($ids, $token) = walk($token);
is_set($ids, \@ids, 'likewise since the first token');
($ids, $token) = walk($token);
is_set($ids, [], 'and nothing since then');


# an item is a whole task or a tombstone; a time's boundary is in

$user->delete("/v1/tasks/$ids[0]");
$user->patch("/v1/tasks/$ids[1]", { title => 'New' });

my $page = page($token);
my %item = map { $_->{id} => $_ } $page->{data}->@*;

is_deeply([sort keys $item{$ids[0]}->%*], ['deleted_at', 'id'], 'a tombstone');
is_deeply($item{$ids[1]}, $user->get("/v1/tasks/$ids[1]")->json, 'a task');
is($page->{next_cursor}, undef, 'no more');

my $updated_at = $item{$ids[1]}{updated_at};

is_deeply([ids(page($updated_at))], [$ids[1]], 'from that time on');
is_deeply([ids(page($updated_at =~ s/Z$/+00:00/r))], [$ids[1]],
          'whatever the offset');
($ids, $token) = walk($token);
is_set($ids, ["-$ids[0]", $ids[1]], 'one that changed, one that went');


# transactions that end late, in another order than they began

my @held = map { $pg->session } 1 .. 3;

sub hold ($n, $sql) { $held[$n]->hold($sql) }
sub release ($n) { $held[$n]->send('COMMIT;'); sleep 0.1 }

sub touch ($id) {
    return "UPDATE task.tasks SET title = title || '!', version = version + 1,
            updated_at = now(), changed = pg_current_xact_id()
            WHERE id = '$id';";
}

hold(0, touch($ids[2]));
hold(1, touch($ids[3]));
$user->patch("/v1/tasks/$ids[4]", { title => 'Committed first' });
hold(2, touch($ids[5]));

my %times;
my @tokens;

sub sync () {
    ($ids, $token) = walk($token, limit => 1);
    $times{$_}++ for @$ids;
    push @tokens, $token;
}

sync();
release(1);
sync();
$user->patch("/v1/tasks/$ids[6]", { title => 'And another' });
sync();
is_deeply(\%times, {}, 'what began after the oldest that runs waits for it');
release(0);
sync();
release(2);
sync();
sync();
is_deeply(\%times, { map { $_ => 1 } @ids[2 .. 6] },
          'each of them came once, however late it was committed');
isnt($tokens[-1], $tokens[0], 'the token moved on');


# the same by time: the token of a walk takes up what the walk could not see

hold(0, touch($ids[7]));
($ids, my $next) = walk($epoch, limit => 4);
ok(!grep({ $_ eq $ids[7] && $ids->[-1] eq $_ } @$ids),
   'the running change is not in it');
release(0);
($ids) = walk($next);
is_set($ids, [$ids[7]], 'it comes with the token');
$token = $next;
($ids, $token) = walk($token);


# changes between the pages of a walk: nothing twice, nothing lost

$user->patch("/v1/tasks/$_", { priority => 'high' }) for @ids[1 .. 11];

my $n = 0;
my @late;

hold(0, touch($ids[1]));                # waits at the last page yet

my ($seen, $after) = walk($token, limit => 2, between => sub {
    my $new = $user->task(title => 'New ' . $n);

    push @late, $new->{id}, $ids[11 - $n];
    $user->patch("/v1/tasks/$ids[11 - $n]", { title => "Later $n" });
    $n++;
});
release(0);

my %seen;
$seen{$_}++ for @$seen;
is_deeply([grep { $seen{$_} > 1 } keys %seen], [], 'nothing twice in a walk');
($ids, $token) = walk($after);
my %both = map { $_ => 1 } @$seen, @$ids;
is_deeply([grep { !$both{$_} } @ids[1 .. 11], @late], [],
          'nothing lost between two walks');
is_deeply([grep { my $id = $_; !grep { $_ eq $id } @$ids } @late, $ids[1]], [],
          'what changed during the walk comes with the next');


# a task that is moved: to another project of the caller's, out of sight, back

my $work = $user->project(name => 'Work');
my $away = $other->project(name => 'Away', members => [[$user, 'editor']]);

($ids, $token) = walk($token);
$user->patch("/v1/tasks/$ids[2]", { project_id => $work->{id} });
($ids, $token) = walk($token);
is_set($ids, [$ids[2]], 'moved within sight: the task alone');

my $inbox = $user->inbox;
my (undef, $of_inbox) = walk($epoch, project => $inbox);
my (undef, $of_work) = walk($epoch, project => $work->{id});

$user->patch("/v1/tasks/$ids[3]", { project_id => $work->{id} });
($ids, $of_inbox) = walk($of_inbox, project => $inbox);
is_set($ids, ["-$ids[3]"], 'one project: it has left');
($ids, $of_work) = walk($of_work, project => $work->{id});
is_set($ids, [$ids[3]], 'and has come to the other');
($ids, $token) = walk($token);
is_set($ids, [$ids[3]], 'all projects: it is there');

# from one project to another and on, then the user loses sight of the last
$user->patch("/v1/tasks/$ids[4]", { project_id => $work->{id} });
$user->patch("/v1/tasks/$ids[4]", { project_id => $away->{id} });
status_is($other->delete("/v1/projects/$away->{id}/members/" . $user->id), 204,
          'the user leaves');
($ids, $token) = walk($token);
is_set($ids, ["-$ids[4]"], 'out of sight: one tombstone');

my $moved = $page = page($updated_at, limit => 100);
is(scalar(grep { $_ eq "-$ids[4]" } ids($moved)), 1, 'and one by time');

$other->patch("/v1/tasks/$ids[4]", { title => 'Theirs' });
($ids, $token) = walk($token);
is_set($ids, [], 'what happens to it there is not told');

# a project joined: all that is in it is new
my $theirs = $other->task(title => 'Old', project_id => $away->{id});
($ids, $token) = walk($token);
status_is($other->post("/v1/projects/$away->{id}/members",
                       { user_id => $user->id, role => 'editor' }), 201,
          'the user joins again');
($ids, $token) = walk($token, limit => 1);
is_set($ids, [$ids[4], $theirs->{id}], 'all tasks of a project that was joined');
($ids, $token) = walk($token);
is_set($ids, [], 'once');


# more projects than a page has rows

for my $i (1 .. 12) {
    my $project = $user->project(name => "Project $i");
    $user->task(title => 'x', project_id => $project->{id}) for 1 .. $i % 4;
    $user->patch("/v1/tasks/$ids[$i % 11 + 1]", { title => "Round $i" })
        if $i % 3 == 0;
}

my $all = $pg->query(<<~"SQL");
    SELECT CASE WHEN t.deleted_at IS NOT NULL THEN '-' ELSE '' END || t.id
    FROM task.tasks t JOIN task.members m USING (project_id)
    WHERE m.user_id = '@{[$user->id]}' ORDER BY t.updated_at, t.id
    SQL

for my $limit (1, 3, 7, 100) {
    ($ids) = walk($epoch, limit => $limit);
    is_deeply($ids, [map { $_->[0] } @$all], "by time, pages of $limit");
}

my ($whole) = walk($first, limit => 100);
for my $limit (1, 4) {
    ($ids) = walk($first, limit => $limit);
    is_deeply($ids, $whole, "by token, pages of $limit");
}


# a row of another cluster, from which this one was restored

($ids, $token) = walk($token);

$pg->execute("UPDATE task.tasks SET changed = '99999999' WHERE id = '$ids[5]'");
($ids, $token) = walk($token);
is_set($ids, [$ids[5]], 'what was restored from elsewhere is told');
($ids, $token) = walk($token);
is_set($ids, [$ids[5]], 'and again, rather than not');

# a token of another cluster, which has seen more transactions
$pg->execute(<<~'SQL');
    DO $$
    BEGIN
        FOR i IN 1 .. 5000 LOOP
            PERFORM pg_current_xact_id();
            COMMIT;
        END LOOP;
    END $$
    SQL
(undef, my $future) = walk($token);

my $restored = skep(set => { api_secret_file => $skep->dir . '/secret' });
my $there = $restored->user;
my @there = map { $there->task->{id} } 1 .. 3;

is_deeply([ids(page($future, as => $there))], \@there,
          'a token from ahead of time: all is told');


# which parameters go with it, and whose cursors and tokens

sub refused ($query, @faults) {
    problem($user->get("/v1/tasks?$query"), 400, 'invalid_parameter', @faults,
            substr $query, 0, 60);
}

refused("updated_since=$epoch&$_->[0]=$_->[1]", [$_->[0], 'not_allowed'])
    for ['status', 'todo'], ['priority', 'low'], ['label', 'x'],
        ['assignee', 'me'], ['due_before', $epoch], ['due_after', $epoch],
        ['due', 'none'], ['q', 'x'], ['sort', 'created_at'];
refused("updated_since=$epoch&q=x&status=todo&limit=3",
        ['q', 'not_allowed'], ['status', 'not_allowed']);
refused('updated_since=yesterday', ['updated_since', 'invalid_format']);
refused('updated_since=', ['updated_since', 'too_short']);
refused('updated_since=' . 'x' x 121, ['updated_since', 'too_long']);
refused('updated_since=2026-02-30T00:00:00Z',
        ['updated_since', 'invalid_format']);
refused("updated_since=$of_inbox", ['updated_since', 'invalid_format']);
refused('updated_since=' . substr($token, 0, -1) . ($token =~ /A$/ ? 'B' : 'A'),
        ['updated_since', 'invalid_format']);

my $cursor = page($epoch, limit => 1)->{next_cursor};

refused("updated_since=$cursor", ['updated_since', 'invalid_format']);
refused("cursor=$cursor", ['cursor', 'invalid_value']);
refused("updated_since=$epoch&cursor=$token", ['cursor', 'invalid_value']);
refused("updated_since=$updated_at&cursor=$cursor", ['cursor', 'invalid_value']);
refused("updated_since=$first&cursor=$cursor", ['cursor', 'invalid_value']);
refused("updated_since=$epoch&project=$inbox&cursor=$cursor",
        ['cursor', 'invalid_value']);

# a project's own list
my $path = "/v1/projects/$inbox/tasks";

($ids, my $own) = walk($epoch, path => $path);
($whole) = walk($epoch, project => $inbox);
is_deeply($ids, $whole, 'the list of a project');
($ids) = walk($own, path => $path);
is_set($ids, [$ids[5]], 'its token');
status_is($other->get("$path?updated_since=$epoch"), 404, 'not to a stranger');
is_deeply([ids(page($epoch, project => $inbox, as => $other))], [],
          'nor is a filter');

# while a search or a sync hangs others are served
my $client = $skep->new_client;

$held[0]->send('BEGIN; LOCK TABLE task.departures IN ACCESS EXCLUSIVE MODE;');
sleep 0.2;
$client->send($client->format_request('GET', "/v1/tasks?updated_since=$epoch",
                                      token => $user->token));
sleep 0.1;
status_is($user->get('/v1/tasks'), 200, 'lists do not wait for a sync');
$user->task(title => 'Nor do writes');
$held[0]->send('COMMIT;');
status_is($client->response, 200, 'which is answered, too');

$_->close for @held;
finish();
