#!/usr/bin/env perl

# Members who come, go and are assigned at the same moment.

use v5.36;

use Skep::File qw(slurp);
use Skep::Test;

my $skep = skep(workers => 2);
my $pg = $skep->pg;
my ($ann, $bob, $cid) = map { $skep->user } 1 .. 3;
my @clients = map { $skep->new_client } 1 .. 8;


# Sends requests at once, [user, method, target, json], each on a connection of
# its own, in an order that differs from round to round; the responses in the
# order of the requests.

sub at_once (@calls) {
    state $round = 0;
    my @res;

    $round++;

    for my $i (map { ($_ + $round) % @calls } 0 .. $#calls) {
        my ($user, $method, $target, $json) = $calls[$i]->@*;

        $clients[$i]->send($clients[$i]->format_request($method, $target,
            token => $user->token, $json ? (json => $json) : ()));
    }

    for my $i (0 .. $#calls) {
        my $res = $clients[$i]->response(method => $calls[$i][1]);

        $skep->check($res, $calls[$i][1]);
        push @res, $res;
    }

    return @res;
}

# Holds a lock while a code sends requests, until so many wait for it.

sub held ($lock, @sends) {
    my $session = $pg->session->hold($lock);
    my $n = 0;

    for my $send (@sends) {
        $send->();
        $pg->blocked(++$n) or die "never $n that wait";
    }

    $session->send('COMMIT;');
    $session->close;
}

# Sends one request, as at_once() does.

sub one ($i, $user, $method, $target, $json = undef) {
    $clients[$i]->send($clients[$i]->format_request($method, $target,
        token => $user->token, $json ? (json => $json) : ()));
}

sub statuses (@res) { return join ' ', sort map { $_->status } @res }
sub owned ($by, @more) { return $by->project(members => [@more]) }

sub membership ($project, $user) {
    return "/v1/projects/$project->{id}/members/" . $user->id;
}

# how many owners a project has, and whether whose it is is one of them

sub owners ($project) {
    return join ' ', $pg->query(<<~"SQL")->[0]->@*;
        SELECT count(*), bool_or(m.user_id = p.owner_id)
        FROM task.projects p JOIN task.members m ON m.project_id = p.id
        WHERE p.id = '$project->{id}' AND m.role = 'owner'
        SQL
}

# Counts how often each outcome of a race came; the rounds, and what is raced.

sub tally ($rounds, $race) {
    my %n;

    $n{$race->($_)}++ for 1 .. $rounds;
    return \%n;
}


# two owners who leave: one stays

my $n = tally(100, sub ($round) {
    my $project = owned($ann, [$bob, 'owner']);
    my @res = at_once(map { [$_, 'DELETE', membership($project, $_)] } $ann,
                      $bob);
    my ($refused) = grep { $_->status == 409 } @res;

    return join ', ', statuses(@res), $refused && $refused->json->{code},
                owners($project);
});
is_deeply($n, { '204 409, last_owner, 1 t' => 100 },
          'two owners leave at once: one does, 100 times');


for my $first (0, 1) {
    my $project = owned($ann, [$bob, 'owner']);
    my @both = ($ann, $bob)[$first, 1 - $first];

    held("SELECT FROM task.projects WHERE id = '$project->{id}' FOR UPDATE",
         map { my $i = $_;
               sub { one($i, $both[$i], 'DELETE',
                         membership($project, $both[$i])) } } 0, 1);

    my @res = map { $clients[$_]->response } 0, 1;

    is(statuses(@res) . ' ' . owners($project), '204 409 1 t',
       'likewise when both are known to be under way');
}


# who demote themselves, or leave while the other one demotes themselves

for my $other (['PATCH', { role => 'viewer' }, '200 409'],
               ['DELETE', undef, undef])
{
    my ($method, $json, $want) = @$other;

    $n = tally(40, sub ($round) {
        my $project = owned($ann, [$bob, 'owner']);
        my @res = at_once(
            [$ann, 'PATCH', membership($project, $ann), { role => 'editor' }],
            [$bob, $method, membership($project, $bob), $json]);
        my $got = statuses(@res);

        $got = 'one' if !$want && $got =~ /\A20[04] 409\z/;
        return "$got, " . owners($project);
    });
    is_deeply($n, { ($want // 'one') . ', 1 t' => 40 },
              "one demotes themselves, the other one: $method");
}


# who remove or demote each other: who comes second may not any more

$n = tally(40, sub ($round) {
    my $project = owned($ann, [$bob, 'owner']);

    return statuses(at_once(
        [$ann, 'DELETE', membership($project, $bob)],
        [$bob, 'DELETE', membership($project, $ann)],
    )) . ', ' . owners($project);
});
is_deeply($n, { '204 404, 1 t' => 40 }, 'two owners remove each other');

$n = tally(40, sub ($round) {
    my $project = owned($ann, [$bob, 'owner']);

    return statuses(at_once(
        [$ann, 'PATCH', membership($project, $bob), { role => 'viewer' }],
        [$bob, 'PATCH', membership($project, $ann), { role => 'viewer' }],
    )) . ', ' . owners($project);
});
is_deeply($n, { '200 403, 1 t' => 40 }, 'two owners demote each other');


# who is added by two

$n = tally(40, sub ($round) {
    my $project = owned($ann, [$bob, 'owner']);
    my $path = "/v1/projects/$project->{id}/members";
    my @res = at_once(
        [$ann, 'POST', $path, { email => $cid->email, role => 'editor' }],
        [$bob, 'POST', $path, { user_id => $cid->id, role => 'viewer' }]);
    my ($added) = grep { $_->status == 201 } @res;

    return join ', ', statuses(@res),
        $added && $cid->get("/v1/projects/$project->{id}")->json->{role}
                  eq $added->json->{role},
        $pg->value(<<~"SQL");
            SELECT count(*) FROM notify.outbox
            WHERE project_id = '$project->{id}' AND type = 'project.member_added'
            SQL
});
is_deeply($n, { '201 409, 1, 2' => 40 }, 'one user is added twice at once');


# who is added again while they leave

$n = tally(40, sub ($round) {
    my $project = owned($ann, [$cid, 'viewer']);
    my $path = "/v1/projects/$project->{id}/members";
    my ($left, $added) = at_once(
        [$cid, 'DELETE', membership($project, $cid)],
        [$ann, 'POST', $path, { user_id => $cid->id, role => 'viewer' }]);
    my $is = $cid->get("/v1/projects/$project->{id}")->status;

    return join ' ', $left->status,
        $added->status . $is eq '201200' || $added->status . $is eq '409404';
});
is_deeply($n, { '204 1' => 40 }, 'one user leaves and is added at once');


# tasks that are assigned to somebody who leaves or is removed: whatever comes
# first, none is theirs in the end, and nobody waits for each other

$n = tally(100, sub ($round) {
    my $project = owned($ann, [$bob, 'editor'], [$cid, 'viewer']);
    my @tasks = map { $ann->task(project_id => $project->{id},
                                 $_ < 2 ? (assignee_id => $cid->id) : ()) }
                1 .. 4;
    my $moved = $ann->task;
    my %assign = (assignee_id => $cid->id);
    my @res = at_once(
        [$round % 2 ? $cid : $ann, 'DELETE', membership($project, $cid)],
        [$bob, 'PATCH', "/v1/tasks/$tasks[0]{id}", { title => 'changed' }],
        [$ann, 'PATCH', "/v1/tasks/$tasks[1]{id}", \%assign],
        [$bob, 'PUT', "/v1/tasks/$tasks[2]{id}",
         { title => 'y', project_id => $project->{id}, %assign }],
        [$ann, 'PATCH', "/v1/tasks/$moved->{id}",
         { project_id => $project->{id}, %assign }],
        [$bob, 'POST', '/v1/tasks',
         { title => 'new', project_id => $project->{id}, %assign }],
        [$ann, 'POST', '/v1/tasks/bulk',
         { tasks => [map { { title => 'new', project_id => $project->{id},
                             %assign } } 1 .. 3] }],
        [$bob, 'PATCH', '/v1/tasks/bulk',
         { ids => [map { $_->{id} } @tasks[3, 2, 1, 0]], patch => \%assign }],
    );
    my $left = $pg->value(<<~"SQL");
        SELECT count(*) FROM task.tasks
        WHERE project_id = '$project->{id}'
          AND assignee_id = '@{[$cid->id]}'
        SQL
    my @odd = grep { $_->status !~ /\A(?:20[014]|422)\z/ } @res;

    diag(map { $_->status . ' ' . $_->body . "\n" } @odd) if @odd;
    return join ' ', $res[0]->status, "left $left", 'odd ' . @odd;
});
is_deeply($n, { '204 left 0 odd 0' => 100 },
          'nothing is assigned to who has left');


# the same, step by step.  An assignment that has begun is waited for, and
# undone; one that begins when the member is about to leave is refused.

$pg->execute(<<~'SQL');                 # a write waits at its event
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(42);
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER wait BEFORE INSERT ON notify.outbox
        FOR EACH ROW EXECUTE FUNCTION wait();
    SQL

for my $begins ('assignment', 'removal') {
    my $project = owned($ann, [$cid, 'viewer']);
    my ($task, $other) = map { $ann->task(project_id => $project->{id}, %$_) }
                         {}, { assignee_id => $cid->id };
    my $assign = sub { one(0, $ann, 'PATCH', "/v1/tasks/$task->{id}",
                           { assignee_id => $cid->id }) };
    my $remove = sub { one(1, $ann, 'DELETE', membership($project, $cid)) };

    held('SELECT pg_advisory_xact_lock(42)',
         $begins eq 'assignment' ? ($assign, $remove) : ($remove, sub {
             $assign->();
             problem($clients[0]->response, 422, 'validation_failed',
                     ['/assignee_id', 'not_a_member'],
                     'who is about to leave is assigned nothing');
             one(0, $ann, 'PATCH', "/v1/tasks/$other->{id}", { title => 'x' });
         }));

    status_is($clients[0]->response, 200, "$begins first: PATCH");
    status_is($clients[1]->response, 204, "$begins first: DELETE");
    is($ann->get("/v1/tasks/$_->{id}")->json->{assignee_id}, undef,
       "$begins first: it is nobody's") for $task, $other;
}

$pg->execute('DROP TRIGGER wait ON notify.outbox');


# a change and its version: each task that was unassigned tells by an event

is($pg->value(<<~'SQL'), 0, 'each version has its event');
    SELECT count(*) FROM task.tasks t
    WHERE t.version <> (SELECT count(*) FROM notify.outbox o
                        WHERE o.task_id = t.id)
    SQL


# an account that is deleted while its owner is added to projects and assigned:
# many at a time, since a password takes its time to be verified

my ($added, $refused) = (0, 0);

$n = tally(10, sub ($round) {
    my $dora = $skep->user;
    my $old = owned($ann, [$dora, 'owner'], [$bob, 'editor']);
    my @new = map { owned($ann) } 1 .. 30;
    my %count;

    $clients[0]->send($clients[0]->format_request('DELETE', '/v1/me',
        token => $dora->token, json => { password => $dora->password }));

    for my $i (0 .. $#new) {
        my $client = $clients[1 + $i % 6];

        $client->send($client->format_request(
            'POST', "/v1/projects/$new[$i]{id}/members", token => $ann->token,
            json => { ($i % 2 ? (email => $dora->email)
                              : (user_id => $dora->id)), role => 'owner' }));
        $client->send($client->format_request('POST', '/v1/tasks',
            token => $bob->token,
            json => { title => 'x', project_id => $old->{id},
                      assignee_id => $dora->id }));
    }

    for my $i (0 .. $#new) {
        $count{$clients[1 + $i % 6]->response->status}++ for 1, 2;
    }

    $added += $count{201} // 0;
    $refused += $count{422} // 0;

    return join ' ', $clients[0]->response->status,
        scalar(grep { !/201|422/ } keys %count), owners($old),
        $pg->value(<<~"SQL");
            SELECT (SELECT count(*) FROM task.members
                    WHERE user_id = '@{[$dora->id]}')
                   + (SELECT count(*) FROM task.tasks t
                      WHERE assignee_id = '@{[$dora->id]}')
            SQL
});
is_deeply($n, { '204 0 1 t 0' => 10 },
          'a deleted account is no member and has no task');
note("$added added before, $refused refused after");


# two owners delete their accounts, each to be followed by the other in one
# project and by a third in the end

$n = tally(15, sub ($round) {
    my @gone = map { $skep->user } 1 .. 2;
    my @projects = map {
        my ($first, $second) = $_ ? reverse @gone : @gone;

        owned($first, [$second, 'owner'], [$ann, 'owner']);
    } 0, 1;

    return join ' ', statuses(at_once(map {
        [$_, 'DELETE', '/v1/me', { password => $_->password }]
    } @gone)), map { owners($_) } @projects;
});
is_deeply($n, { '204 204 1 t 1 t' => 15 }, 'two accounts are deleted at once');

my @gone = map { $skep->user } 1 .. 2;
my $project = owned($gone[0], [$gone[1], 'owner'], [$ann, 'owner']);

held("SELECT FROM task.projects WHERE id = '$project->{id}' FOR UPDATE",
     map { my $i = $_;
           sub { one($i, $gone[$i], 'DELETE', '/v1/me',
                     { password => $gone[$i]->password }) } } 0, 1);
is(statuses(map { $clients[$_]->response } 0, 1) . ' ' . owners($project),
   '204 204 1 t', 'likewise when both are known to be under way');


# a project that is made while the account is deleted is deleted with it, or not
# made at all: with a key and without

for my $key ([], ['Idempotency-Key', 'made']) {
    for my $first (0, 1) {
        my $user = $skep->user;
        my $id = $user->id;
        my @sends = (
            sub {
                one(0, $user, 'DELETE', '/v1/me',
                    { password => $user->password });
            },
            sub {
                $clients[1]->send($clients[1]->format_request('POST',
                    '/v1/projects', token => $user->token,
                    json => { name => 'Late' }, headers => $key));
            },
        );

        held("SELECT FROM auth.users WHERE id = '$id' FOR UPDATE",
             @sends[$first, 1 - $first]);

        is(join(' ', map { $clients[$_]->response->status } 0, 1),
           $first ? '204 201' : '204 404',
           $first ? 'a project and then no account' : 'no account, no project');
        is($pg->value(<<~"SQL"), 0, 'no project is left');
            SELECT count(*) FROM task.projects p
            WHERE p.owner_id = '$id' AND p.deleted_at IS NULL
            OR EXISTS (SELECT FROM task.members m WHERE m.user_id = '$id')
            SQL
    }
}


# all that without a deadlock: those would be tried again, a second later

unlike(slurp($pg->log_file), qr/deadlock/, 'nobody waits for each other');

finish();
