#!/usr/bin/env perl

# What is old is deleted, table by table and in slices; what is younger, or still
# of use, stays.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;

my %ages = (
    purge_sessions => '7d', purge_idempotency_keys => '24h',
    purge_tombstones => '90d', purge_inbox_read => '90d',
    purge_inbox_deleted => '1d', purge_inbox => '365d',
    purge_deliveries => '30d', purge_mails => '7d', purge_dead => '90d',
);
my $skep = skep(worker => 1, worker_conf => {
    sweep_after => '200ms', sweep_interval => '50ms', purge_interval => '1h',
    purge_batch => 7, %ages,
});
my ($pg, $worker) = ($skep->pg, $skep->worker);

ok(wait_until(10, sub { $worker->metrics->{purge_rounds_total} == 1 }),
   'it begins with a round');

my $user = $skep->user;
my $id = $user->id;
my $project = $skep->project($user);
my $old = $skep->project($user);


# The worker purges once, with these ages instead; whether it does.

sub purge (%conf) {
    my $before = $worker->metrics->{purge_rounds_total};

    $worker->configure(sweep_after => '200ms', sweep_interval => '50ms',
                       purge_interval => '1h', purge_batch => 7, %ages, %conf);
    $worker->signal('HUP');

    return wait_until(30, sub {
        $worker->metrics->{purge_rounds_total} > $before;
    });
}

sub count ($what) {
    return $pg->value("SELECT count(*) FROM $what");
}

sub purged ($table) {
    return $worker->metrics->{qq(purged_total{table="$table"})};
}


# of each kind: $n that are old, and some that are not

my $n = 30;

for my $case (
    # table, kept, old
    ['auth.sessions', <<~"SQL", 12],
        INSERT INTO auth.sessions (id, user_id, expires_at, revoked_at)
        SELECT gen_random_uuid(), '$id',
               CASE WHEN n <= $n THEN now() - interval '8 days'
                    WHEN n <= $n + 5 THEN now() - interval '6 days'
                    ELSE now() + interval '9 days' END,
               CASE WHEN n > $n + 10 THEN now() - interval '6 days' END
        FROM generate_series(1, $n + 11) n
        SQL
    ['auth.mail_tokens', <<~"SQL", 6],
        INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, expires_at)
        SELECT sha256(n::text::bytea), '$id', 'password_reset', 'x\@y',
               now() - CASE WHEN n <= $n THEN interval '8 days'
                            ELSE interval '6 days' END
        FROM generate_series(1, $n + 5) n
        SQL
    ['api.idempotency_keys', <<~"SQL", 5],
        INSERT INTO api.idempotency_keys (user_id, key, fingerprint, ids,
                                          created_at, stored_at)
        SELECT '$id', n::text, '', '{}', now(),
               now() - CASE WHEN n <= $n THEN interval '25 hours'
                            ELSE interval '23 hours' END
        FROM generate_series(1, $n + 5) n
        SQL
    ['task.comments', <<~"SQL", 10],
        INSERT INTO task.comments (id, task_id, author_id, body, created_at,
                                   updated_at, deleted_at)
        SELECT gen_random_uuid(), gen_random_uuid(), '$id', 'x', now(), now(),
               CASE WHEN n <= $n THEN now() - interval '91 days'
                    WHEN n <= $n + 5 THEN now() - interval '89 days' END
        FROM generate_series(1, $n + 10) n
        SQL
    ['task.departures', <<~"SQL", 5],
        INSERT INTO task.departures (project_id, task_id, moved_at)
        SELECT '$project', gen_random_uuid(),
               now() - CASE WHEN n <= $n THEN interval '91 days'
                            ELSE interval '89 days' END
        FROM generate_series(1, $n + 5) n
        SQL
    ['task.tasks', <<~"SQL", 10],
        INSERT INTO task.tasks (id, project_id, title, created_by, created_at,
                                updated_at, deleted_at)
        SELECT gen_random_uuid(), '$project', 'x', '$id', now(), now(),
               CASE WHEN n <= $n THEN now() - interval '91 days'
                    WHEN n <= $n + 5 THEN now() - interval '89 days' END
        FROM generate_series(1, $n + 10) n
        SQL
    ['task.projects', <<~"SQL", 4 + 3],
        INSERT INTO task.projects (id, owner_id, name, deleted_at)
        SELECT gen_random_uuid(), '$id', 'x',
               now() - CASE WHEN n <= $n THEN interval '91 days'
                            ELSE interval '89 days' END
        FROM generate_series(1, $n + 4) n
        SQL
    ['notify.mails', <<~"SQL", 11],
        INSERT INTO notify.mails (id, user_id, type, status, created_at,
                                  next_attempt_at)
        SELECT gen_random_uuid(), '$id', 'task.created',
               CASE WHEN n <= $n + 5 THEN 'sent' ELSE 'pending' END,
               now() - CASE WHEN n <= $n OR n > $n + 5 THEN interval '8 days'
                            ELSE interval '6 days' END,
               now() + interval '1 day'
        FROM generate_series(1, $n + 10) n
        SQL
    ['notify.dead_events', <<~"SQL", 5],
        INSERT INTO notify.dead_events (seq, id, type, actor_id, data,
                                        created_at, reason, died_at)
        SELECT n, gen_random_uuid(), 'x', '$id', '{}', now(), 'x',
               now() - CASE WHEN n <= $n THEN interval '91 days'
                            ELSE interval '89 days' END
        FROM generate_series(1, $n + 5) n
        SQL
) {
    my ($table, $sql, $kept) = @$case;
    my $before = count($table);

    $pg->execute($sql);
    my $all = count($table);

    cmp_ok($all - $before, '>=', $n, "$table: filled");

    ok(purge(map { $_ => 0 } keys %ages), "$table: nothing is to be purged");
    is(count($table), $all, "$table: and nothing is");

    ok(purge(), "$table: purged");
    is($all - count($table), $n, "$table: what is old is gone");
    is(count($table), $kept, "$table: what is not is there");
    is(purged($table =~ s/.*\.//r), $n, "$table: it counts");
}


# with its task goes what there is of it

my $task = $user->task(project_id => $project, title => 'x')->{id};

$user->post("/v1/tasks/$task/comments", { body => 'x' }) for 1 .. 20;
$user->delete("/v1/tasks/$task");
$pg->execute(<<~"SQL");
    UPDATE task.tasks SET deleted_at = now() - interval '91 days'
    WHERE id = '$task';
    INSERT INTO task.departures (project_id, task_id, moved_at)
    VALUES ('$old', '$task', now())
    SQL
purge();
is(count("task.comments WHERE task_id = '$task'"), 0, 'its comments');
is(count("task.departures WHERE task_id = '$task'"), 0, 'its departures');
is(count("task.tasks WHERE id = '$task'"), 0, 'the task');

# a project with its tasks, those that slipped in as well

$task = $user->task(project_id => $old, title => 'x')->{id};
is($user->delete("/v1/projects/$old")->status, 204, 'a project is deleted');
$pg->execute(<<~"SQL");
    UPDATE task.projects SET deleted_at = now() - interval '91 days'
    WHERE id = '$old';
    UPDATE task.tasks SET deleted_at = NULL WHERE id = '$task'
    SQL
purge();
is(count("task.projects WHERE id = '$old'"), 1, 'it waits for its task');
purge();
is(count("task.tasks WHERE id = '$task'"), 0, 'which is gone');
purge();
is(count("task.projects WHERE id = '$old'"), 0, 'and then it is gone, too');


# a session goes with its tokens, and the user is still logged in

my $session = $skep->login($user);

$pg->execute(<<~"SQL");
    UPDATE auth.sessions SET revoked_at = now() - interval '8 days'
    WHERE id = (SELECT id FROM auth.sessions WHERE user_id = '$id'
                AND revoked_at IS NULL AND expires_at > now()
                ORDER BY created_at DESC, id DESC LIMIT 1)
    SQL
my $tokens = count('auth.refresh_tokens');
purge();
is(count('auth.refresh_tokens'), $tokens - 1, 'a revoked session, its token');
is($user->get('/v1/me')->status, 200, 'others are as good as before');


# inboxes and events: read, deleted and very old rows; then events that nothing
# refers to

$pg->execute(<<~"SQL");
    DELETE FROM notify.inbox;
    DELETE FROM notify.deliveries;
    DELETE FROM notify.events;
    DELETE FROM notify.mails;

    INSERT INTO notify.webhooks (id, user_id, url, events, secret)
    VALUES ('@{[nobody]}', '$id', 'https://x.example', '{*}', sha256('x'));

    INSERT INTO notify.events (n, id, type, actor_id, data, created_at)
    SELECT n, gen_random_uuid(), 'task.created', '$id', '{}',
           now() - CASE WHEN n <= 100 THEN interval '366 days'
                        WHEN n <= 200 THEN interval '100 days'
                        WHEN n <= 300 THEN interval '40 days'
                        ELSE interval '2 hours' END
    FROM generate_series(1, 400) n;

    INSERT INTO notify.inbox (user_id, n, read_at, deleted_at)
    SELECT '$id', n,
           CASE WHEN n BETWEEN 101 AND 150 THEN now() - interval '91 days'
                WHEN n BETWEEN 151 AND 160 THEN now() END,
           CASE WHEN n BETWEEN 171 AND 180 THEN now() - interval '2 days'
                WHEN n BETWEEN 181 AND 190 THEN now() END
    FROM generate_series(1, 390) n;

    INSERT INTO notify.deliveries (id, webhook_id, n, event_id, type, status,
                                   created_at, next_attempt_at)
    SELECT overlay(gen_random_uuid()::text PLACING
                   substr(h, 1, 8) || '-' || substr(h, 9, 4)
                   FROM 1 FOR 13)::uuid,
           '@{[nobody]}', e.n, e.id, e.type,
           CASE WHEN e.n % 10 = 0 THEN 'pending' ELSE 'delivered' END,
           e.created_at, now() + interval '1 day'
    FROM notify.events e
    CROSS JOIN LATERAL (
        SELECT lpad(to_hex((extract(epoch FROM e.created_at)
                            * 1000)::bigint), 12, '0') AS h) h
    WHERE e.n <= 100 OR e.n BETWEEN 391 AND 400;

    INSERT INTO notify.mails (id, user_id, type, n, status, next_attempt_at)
    SELECT gen_random_uuid(), '$id', 'task.created', n, 'pending',
           now() + interval '1 day'
    FROM generate_series(1, 5) n
    SQL

purge();
is(count('notify.inbox WHERE n <= 100'), 0, 'inbox: very old ones are gone');
is(count('notify.inbox WHERE n BETWEEN 101 AND 150'), 0,
   'those read long ago');
is(count('notify.inbox WHERE n BETWEEN 151 AND 170'), 20,
   'not those read of late, or not at all');
is(count('notify.inbox WHERE n BETWEEN 171 AND 180'), 0,
   'those deleted some time ago');
is(count('notify.inbox WHERE n > 180'), 210, 'and nothing else');
is(count('notify.deliveries WHERE n <= 100'), 10,
   'deliveries: old ones that are done are gone');
is(count('notify.deliveries WHERE n > 100'), 10, 'younger ones are there');
is($pg->value(<<~'SQL'), 'none', 'events: those referred to are there, no other');
    SELECT coalesce(string_agg(n::text, ' ' ORDER BY n), 'none')
    FROM generate_series(1, 400) n
    WHERE EXISTS (SELECT FROM notify.events e WHERE e.n = n.n)
       <> (EXISTS (SELECT FROM notify.inbox i WHERE i.n = n.n)
           OR EXISTS (SELECT FROM notify.deliveries d WHERE d.n = n.n)
           OR EXISTS (SELECT FROM notify.mails m WHERE m.n = n.n))
    SQL

is(purged('inbox'), 160, 'inbox: it counts');

finish();
