#!/usr/bin/env perl

# No statement reads a whole table that grows, or sorts more than some pages:
# the plans of all statements, and of every list as nginx asks for it, with a
# million tasks.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::Plan;
use Skep::Process qw(run source_dir tempdir wait_until);
use Skep::Test;
use Skep::User;

# what a list may sort or keep: a page (and the row that tells of a next one)
# of each of the caller's projects
use constant { LIMIT => 20, PROJECTS => 200 };
use constant ROWS => (LIMIT + 1) * PROJECTS;

# what it may read: what a filter lets through may be rare, but not too rare
use constant READS => 5 * ROWS;

my $json = JSON::PP->new;
my $skep = Skep::Server->new(pg_conf => [
    'shared_buffers = 256MB', 'max_wal_size = 4GB',
    "session_preload_libraries = 'auto_explain'",
    'auto_explain.log_analyze = on', 'auto_explain.log_timing = off',
    'auto_explain.log_format = json', 'auto_explain.log_nested_statements = on',
]);
my $pg = $skep->pg->start;


# a million tasks, and what else grows

my ($rc, $out) = run([source_dir() . '/bench/million/load.sh', $pg->psql],
                     timeout => 300);
is($rc, 0, 'a million tasks') or BAIL_OUT($out);

$pg->execute(<<~'SQL');
    CREATE FUNCTION pg_temp.id(kind text, n int) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS $$
        SELECT million.uuid(1700000000000 + n, kind, n)
    $$;

    INSERT INTO auth.users (id, email, name, password_hash)
    SELECT pg_temp.id('other', n), 'other' || n || '@example.org', 'Other',
           '$2b$'
    FROM generate_series(1, 20000) n;

    INSERT INTO auth.sessions (id, user_id, expires_at)
    SELECT pg_temp.id('session', n), pg_temp.id('other', 1 + n % 20000), now()
    FROM generate_series(1, 40000) n;

    INSERT INTO auth.refresh_tokens (hash, session_id, spent_at)
    SELECT sha256(n::text::bytea), pg_temp.id('session', 1 + n % 40000), now()
    FROM generate_series(1, 100000) n;

    INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, expires_at)
    SELECT sha256(n::text::bytea), pg_temp.id('other', 1 + n % 20000),
           'password_reset', 'user@example.com', now()
    FROM generate_series(1, 20000) n;

    INSERT INTO task.projects (id, owner_id, name, inbox)
    SELECT pg_temp.id('project', n), pg_temp.id('other', n), 'Inbox', true
    FROM generate_series(1, 20000) n;

    INSERT INTO task.members (project_id, user_id, role)
    SELECT pg_temp.id('project', n), pg_temp.id('other', 1 + (n + m) % 20000),
           'editor'
    FROM generate_series(1, 20000) n, generate_series(1, 5) m;

    INSERT INTO api.idempotency_keys (user_id, key, fingerprint, ids,
                                      created_at, stored_at)
    SELECT pg_temp.id('other', 1 + n % 2000), n::text,
           sha256(n::text::bytea), ARRAY[pg_temp.id('task', n)], now(),
           now() - n * interval '1 minute'
    FROM generate_series(1, 20000) n;

    INSERT INTO task.comments (id, task_id, author_id, body, created_at,
                               updated_at)
    SELECT million.uuid(1700000000000 + t.n * 20 + k, 'comment', t.n),
           t.id, t.created_by, repeat('x', 100), now(), now()
    FROM (SELECT id, created_by, row_number() OVER () AS n
          FROM task.tasks TABLESAMPLE system (2) REPEATABLE (1)) t
    CROSS JOIN LATERAL generate_series(1, t.n % 20) k;

    INSERT INTO task.departures (project_id, task_id, moved_at)
    SELECT t.project_id, million.uuid(1700000000000 + t.n, 'gone', t.n),
           t.updated_at
    FROM (SELECT project_id, updated_at, (row_number() OVER ())::int AS n
          FROM task.tasks TABLESAMPLE system (5) REPEATABLE (2)) t;

    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    SELECT pg_temp.id('event', n), 'task.created', pg_temp.id('other', 1),
           pg_temp.id('project', 1), '{}'
    FROM generate_series(1, 20000) n;

    INSERT INTO notify.dead_events (seq, id, type, actor_id, data, created_at,
                                    reason)
    SELECT -n, pg_temp.id('dead', n), 'task.created', pg_temp.id('other', 1),
           '{}', now(), 'x'
    FROM generate_series(1, 5000) n;

    INSERT INTO notify.events (n, id, type, actor_id, data, created_at)
    SELECT n, pg_temp.id('told', n), 'task.created', pg_temp.id('other', 1),
           '{}', now()
    FROM generate_series(1, 100000) n;

    UPDATE notify.position SET n = 100000;

    INSERT INTO notify.inbox (user_id, n, read_at)
    SELECT pg_temp.id('other', 1 + n % 1000), n, now()
    FROM generate_series(1, 100000) n;

    -- one user has a hundred unread ones below all that they have read
    INSERT INTO notify.inbox (user_id, n, read_at)
    SELECT pg_temp.id('other', 1), n, CASE WHEN n > 200 THEN now() END
    FROM generate_series(1, 100000) n
    ON CONFLICT DO NOTHING;

    INSERT INTO notify.settings (user_id)
    SELECT pg_temp.id('other', n) FROM generate_series(1, 10000) n;

    INSERT INTO notify.webhooks (id, user_id, url, events, secret)
    SELECT pg_temp.id('webhook', n), pg_temp.id('other', n), 'x', '{*}',
           sha256('x')
    FROM generate_series(1, 10000) n;

    INSERT INTO notify.deliveries (id, webhook_id, n, event_id, type, status)
    SELECT pg_temp.id('delivery', n), pg_temp.id('webhook', 1 + n % 1000), n,
           pg_temp.id('told', n), 'task.created',
           CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'delivered' END
    FROM generate_series(1, 100000) n;

    -- one webhook has half as many again, few of which failed
    INSERT INTO notify.deliveries (id, webhook_id, n, event_id, type, status)
    SELECT pg_temp.id('sent', n), pg_temp.id('webhook', 1), n,
           pg_temp.id('event', n), 'task.created',
           CASE n % 500 WHEN 0 THEN 'pending' WHEN 1 THEN 'failed'
                        ELSE 'delivered' END
    FROM generate_series(1, 50000) n;

    INSERT INTO notify.mails (id, user_id, type, n, status)
    SELECT pg_temp.id('mail', n), pg_temp.id('other', 1 + n % 1000),
           'task.created', n,
           CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'sent' END
    FROM generate_series(1, 100000) n;

    VACUUM ANALYZE;
    SQL

is_deeply([ map { $_->[0] } $pg->query(<<~'SQL')->@* ], [],
    SELECT c.oid::regclass
    FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.reltuples < 3000
      AND s.nspname IN ('api', 'auth', 'notify', 'task')
      AND c.oid <> 'notify.position'::regclass      -- has one row for ever
    ORDER BY 1
    SQL
    'no table is so small that it is better read whole');


sub faults ($plan) {
    return grep { $_ ne 'reads all of position' }
           Skep::Plan::faults($plan, ROWS, READS);
}


# Checks a plan against the rules.

sub plan_ok ($plan, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @faults = faults($plan);

    return is(join('; ', @faults), '', $name) || diag(Skep::Plan::text($plan));
}


# The plan of a statement with such arguments.

sub plan_of ($sql, $options, @arguments) {
    return planned('force_generic_plan', $sql, $options, @arguments);
}

sub planned ($mode, $sql, $options, @arguments) {
    my $arguments = @arguments ? '(' . join(', ', @arguments) . ')' : '';

    return $json->decode($pg->value(<<~"SQL"))->[0];
        SET plan_cache_mode = $mode;
        PREPARE statement AS $sql;
        EXPLAIN (FORMAT json, $options) EXECUTE statement$arguments;
        SQL
}


# the rules tell a bad plan, guessed or executed

my $heavy = $pg->value(q{SELECT user_id FROM million.callers
                         WHERE name = 'heavy'});

for my $options ('ANALYZE off', 'ANALYZE, TIMING off') {
    my $sum = plan_of('SELECT count(*) FROM task.tasks t WHERE t.title = $1',
                      $options, q{'x'});
    my $sort = plan_of(<<~'SQL', $options, "'$heavy'");
        SELECT t.* FROM task.members m JOIN task.tasks t USING (project_id)
        WHERE m.user_id = $1 AND t.deleted_at IS NULL
        ORDER BY t.title LIMIT 21
        SQL
    my $each = plan_of(<<~'SQL', $options, "'$heavy'");
        SELECT t.* FROM task.members m
        CROSS JOIN LATERAL (SELECT * FROM task.tasks t
                            WHERE t.project_id = m.project_id
                              AND t.deleted_at IS NULL
                            ORDER BY t.title LIMIT 21) t
        WHERE m.user_id = $1
        SQL
    my $index = plan_of('SELECT id FROM task.tasks ORDER BY id', $options);

    like((faults($sum))[0], qr/^reads all of tasks$/,
         "($options) a table that is read whole is a fault");
    like((faults($index))[0], qr/^reads all of tasks/,
         "($options) an index that is read whole is one");

    next if $options eq 'ANALYZE off';

    like((faults($sort))[0], qr/^Sort of \d{5,} rows$/,
         "($options) all tasks of a user sorted are one");
    like((faults($each))[0], qr/^Sort of \d{5,} rows$/,
         "($options) and so they are project by project");
}


# Every statement as nginx and the worker prepare it: [name, SQL, number of
# parameters, lane]; those of the worker have none.

sub statements ($feature) {
    my $name = $feature eq 'worker' ? 'skep_sql' : "ngx_${feature}_sql";
    my $root = source_dir();
    my $dir = $skep->dir;
    my ($rc, $out) = run([
        "$root/sql/embed",
        (map { ('-f', $_) } glob "$root/ngx_${feature}_module/*_fields.h"),
        glob("$root/sql/statements/*.sql"),
        glob("$root/sql/statements/$feature/*.sql"), $name, $dir,
    ]);
    die "sql/embed: $out" if $rc;

    my $c = slurp("$dir/$name.c");
    my @statements;

    while ($c =~ /\{ "(\w+)",\n((?: *".*"\n?)*),\n *(\d+)(?:, NGX_API_PG_(\w+), ([01]))? \}/g) {
        my ($name, $text, $lane) = ($1, $2, $4 // '');
        my $n = $3 + ($5 // 0);         # with the trace
        my $sql = join '', $text =~ /"(.*)"/g;

        $sql =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
        push @statements, [$name, $sql, $n, $lane];
    }

    is(scalar @statements, scalar(() = $c =~ /^    \{ "/gm),
       "the statements of $feature");
    return @statements;
}

# those of the lane "search" are planned with their arguments: see below
my %searches;

for my $feature (map { m{([^/]+)/$} } glob source_dir() . '/sql/statements/*/') {
    for (statements($feature)) {
        my ($name, $sql, $n, $lane) = @$_;

        if ($lane eq 'SEARCH') {
            $searches{$sql} = $name;
        } else {
            plan_ok(plan_of($sql, 'ANALYZE off', ('NULL') x $n), $name);
        }
    }
}


# What is read for all who follow a stream, few or many, after a gap.

my ($gap) = grep { $searches{$_} eq 'stream_gap' } keys %searches;

for my $n (1, 1000) {
    my $users = $pg->value(<<~"SQL");
        SELECT array_agg(user_id)
        FROM (SELECT DISTINCT user_id FROM notify.inbox LIMIT $n) AS u
        SQL

    plan_ok(planned('force_custom_plan', $gap, 'ANALYZE, TIMING off',
                    "'$users'", 99_900, 100), "stream_gap, $n users");
}

delete $searches{$gap};


# The statements inside of functions that nginx or the worker may call and that
# write: each is called for a user and a project like most.

my ($project, $owner, $member) = $pg->query(<<~'SQL')->[0]->@*;
    SELECT id, members[1], members[2] FROM million.projects
    WHERE cardinality(members) > 2 AND weight BETWEEN 14 AND 16
    ORDER BY p LIMIT 1
    SQL
my $guest = $pg->value(<<~'SQL');
    SELECT u.id FROM million.users u
    WHERE u.n > 2 AND NOT EXISTS (SELECT FROM million.projects p
                                  WHERE p.p > 1000 AND p.members[1] = u.id)
    ORDER BY u.n LIMIT 1
    SQL
my ($hook, $hooked) = $pg->query(<<~'SQL')->[0]->@*;
    SELECT w.id, w.user_id FROM notify.webhooks w
    WHERE w.id = (SELECT webhook_id FROM notify.deliveries
                  GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
    SQL
my %calls = (
    (map { ("api.purge_$_" => q{('1 day', 100)}) }
     qw(comments dead_events deliveries departures idempotency_keys mail_tokens
        mails projects sessions tasks)),
    'api.purge_events'     => q{(50000, 100)},
    'api.purge_inbox'      => qq{(50000, '$guest', '1 day', '1 day', '1 day',
                                  100)},
    'auth.delete_user'     => qq{('$guest', '\$2b\$10\$none', NULL)},
    'auth.revoke_sessions' => qq{('$guest', NULL)},
    'notify.bury'          => q{((SELECT min(seq) FROM notify.outbox), 'x')},
    'notify.claim_deliveries' => q{(100, 5, 100, '{}', '1 minute')},
    'notify.claim_mails'   => q{(100, '2 minutes')},
    'notify.fan_out'       => q{(9223372036854775807, 100)},
    'notify.queues'        => '()',
    'notify.record_deliveries' => q{((
        SELECT json_agg(json_build_object(
                   'id', d.id, 'webhook', d.webhook_id, 'lease',
                   d.next_attempt_at, 'delivered', false, 'gone', true,
                   'duration', 1))
        FROM (SELECT * FROM notify.deliveries WHERE status = 'pending'
              ORDER BY webhook_id, next_attempt_at LIMIT 10) d), '5 days')},
    'notify.record_mails'  => q{(
        ARRAY(SELECT id FROM notify.mails WHERE status = 'pending' LIMIT 10),
        array_fill('pending'::text, '{10}'), array_fill(60::float8, '{10}'),
        array_fill('x'::text, '{10}'))},
    'notify.rotate_secret' => qq{('$hooked', '$hook', sha256('y'))},
    'notify.trace_of_delivery' => qq{('$guest')},
    'notify.trace_of_mail' => qq{('$guest')},
    'notify.webhook_room'  => qq{('$hooked', 20)},
    'task.change_member'   => qq{('$owner', '$project', '$member', 'viewer')},
    'task.delete_project'  => qq{('$owner', '$project', NULL)},
    'task.hold_member'     => qq{('$project', '$member')},
    'task.remove_member'   => qq{('$owner', '$project', '$member')},
);

for my $row ($pg->query(<<~'SQL')->@*) {
    SELECT oid::regproc FROM pg_proc
    WHERE proacl::text ~ '(skep_nginx|skep_worker)=X' AND provolatile = 'v'
    ORDER BY 1
    SQL
    my ($name) = @$row;
    my $call = $calls{$name} // '';

    my ($rc, $out) = run([$pg->psql, '-v', 'ON_ERROR_STOP=1'], stdin => <<~"SQL");
        SET auto_explain.log_level = notice;
        SET auto_explain.log_min_duration = 0;
        BEGIN;
        SELECT * FROM $name$call;
        ROLLBACK;
        SQL
    my @plans = map { $json->decode($_) } $out =~ /  plan:\n(\{\n.*?\n\})/gs;

    is($rc, 0, "$name: a call") or diag($out);
    cmp_ok(scalar @plans, '>', 1, "$name: plans of statements in it");

    my ($bad) = grep { grep { /^reads all/ } faults($_) } @plans;

    ok(!$bad, "$name: no table is read whole")
        or diag(Skep::Plan::text($bad));
}


# Lists, as nginx asks for them: auto_explain writes the plan of each, executed,
# into the log of PostgreSQL.

$pg->execute('ALTER ROLE skep_nginx SET auto_explain.log_min_duration = 0');
$skep->start;

open my $log, '<', $pg->log_file or die "the log of PostgreSQL: $!";
seek $log, 0, 2;

# the plans since this was asked the last time, of statements that see tasks or
# deliveries
sub plans () {
    my $text = '';
    my @plans;

    # the last one may be half written
    wait_until(5, sub {
        seek $log, 0, 1;        # beyond what was the end
        $text .= do { local $/; readline $log } // '';
        @plans = eval {
            map { $json->decode($_) } $text =~ /  plan:\n((?:\t.*\n?)+)/g;
        };
        return !$@;
    }) or die $@;

    return grep { $_->{'Query Text'} =~ /task\.tasks|notify\.deliveries/ }
           @plans;
}

# What is wrong with the first two pages of a list.
sub list_faults ($user, $target) {
    my @faults;

    for my $page (1, 2) {
        plans();

        my $res = $user->get($target);
        my @plans = plans();

        if ($res->status != 200 || @plans != 1) {
            push @faults, "$target: " . $res->status . ', ' . @plans . ' plans';
            last;
        }

        delete $searches{$plans[0]{'Query Text'}};

        my @bad = faults($plans[0]);

        push @faults, "$target: @bad" if @bad;
        note("$target\n", Skep::Plan::text($plans[0])) if @bad;

        my $next = $res->json->{next_cursor} // last;
        $target .= "&cursor=$next";
    }

    return @faults;
}

my @sorts = map { ($_, "-$_") } qw(created_at updated_at due_at priority);
my %term = map { @$_ } $pg->query('SELECT kind, word FROM million.terms')->@*;
my ($now, $soon) = $pg->query(<<~'SQL')->[0]->@*;
    SELECT to_char(at, f), to_char(at + interval '7 days', f)
    FROM million.time, (VALUES ('YYYY-MM-DD"T"HH24:MI:SS"Z"')) v (f)
    SQL

for ($pg->query('SELECT name, user_id FROM million.callers')->@*) {
    my ($name, $id) = @$_;
    my $user = Skep::User->new($skep, { user => { id => $id } }, {});
    my ($project, $number, $other) = $pg->query(<<~"SQL")->[0]->@*;
        SELECT p.id, p.p, o.user_id
        FROM task.members m
        JOIN million.projects p ON p.id = m.project_id
        JOIN task.members o ON (o.project_id, o.user_id <> m.user_id) = (p.id, true)
        WHERE m.user_id = '$id'
        ORDER BY p.weight DESC, o.user_id LIMIT 1
        SQL
    my @filters = (
        '', (map { "status=$_" } qw(todo in_progress done cancelled)),
        'status=todo,in_progress', 'priority=urgent', 'priority=none,low',
        'label=bug', 'label=gift', 'label=audit', "label=p$number-2",
        'assignee=me', 'assignee=none', "assignee=$other",
        "due_before=$now", "due_after=$now",
        "due_after=$now&due_before=$soon", 'due=none',
        "project=$project", "project=$project&status=in_progress",
        'status=todo&priority=high,urgent&label=bug',
        (map { "q=$_" } values %term), "q=$term{medium}%20$term{frequent}",
        "q=$term{frequent}&status=todo",
    );

    $user->{token} = $skep->token($user);

    for my $filter (@filters) {
        my @queries = map { join '&', 'limit=' . LIMIT, $filter || (),
                            $_ ? "sort=$_" : () }
                      @sorts, $filter =~ /^q=/ ? '' : ();

        is_deeply([ map { list_faults($user, "/v1/tasks?$_") } @queries ], [],
                  "$name, " . ($filter || 'no filter'));
    }

    my $token = $user->get("/v1/tasks?updated_since=$now")->json->{sync_token};

    is_deeply([ map { list_faults($user, "/v1/tasks?limit=" . LIMIT . "&$_") }
                "updated_since=1970-01-01T00:00:00Z",
                "updated_since=$token", "updated_since=$now",
                "updated_since=$now&project=$project" ], [], "$name, sync");

    is_deeply([ map { list_faults($user, "/v1/projects/$project/tasks?sort=$_") }
                @sorts ], [], "$name, a project's");
}

# deliveries of a webhook that has many

my $heavy_hook = Skep::User->new($skep, { user => { id => $hooked } }, {});

$heavy_hook->{token} = $skep->token($heavy_hook);
is_deeply([ map { list_faults($heavy_hook, "/v1/webhooks/$hook/deliveries?$_") }
            'limit=20', map { "limit=20&status=$_" }
            'pending', 'delivered', 'failed', 'pending,failed',
            'pending,delivered,failed' ], [], 'deliveries');

is_deeply([ sort values %searches ], [], 'all searches were looked at');

finish($skep);
