#!/usr/bin/env perl

# No statement reads a whole table that grows: EXPLAIN of each, against a large
# set of data.

use v5.36;

use Skep::Postgres;
use Skep::Process qw(run source_dir tempdir);
use Skep::Test;

my $dir = tempdir();
my $pg = Skep::Postgres->new(dir => $dir)->start;


# The statements as nginx prepares them: [name, SQL, number of parameters].

sub statements ($feature) {
    my $name = "ngx_${feature}_sql";
    my $root = source_dir();
    my ($rc, $out) = run([
        "$root/sql/embed",
        (map { ('-f', $_) } glob "$root/ngx_${feature}_module/*_fields.h"),
        glob("$root/sql/statements/$feature/*.sql"), $name, $dir,
    ]);
    die "sql/embed: $out" if $rc;

    open my $fh, '<', "$dir/$name.c" or die "$name.c: $!";
    my $c = do { local $/; <$fh> };
    my @statements;

    while ($c =~ /\{ "(\w+)",\n((?: *".*"\n?)*),\n *(\d+), NGX_API_PG_/g) {
        my ($name, $text, $n) = ($1, $2, $3);
        my $sql = join '', $text =~ /"(.*)"/g;

        $sql =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
        push @statements, [$name, $sql, $n];
    }

    return @statements;
}


# 2,000 users of 2 projects each, with 60,000 tasks, some of them deleted

$pg->execute(<<~'SQL');
    CREATE FUNCTION pg_temp.id(kind int, n int) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS $$
        SELECT ('01890000-' || lpad(to_hex(kind), 4, '0') || '-7000-8000-'
                || lpad(to_hex(n), 12, '0'))::uuid
    $$;

    INSERT INTO auth.users (id, email, name, password_hash)
    SELECT pg_temp.id(1, n), 'user' || n || '@example.com', 'User', '$2b$'
    FROM generate_series(1, 2000) n;

    INSERT INTO auth.sessions (id, user_id, expires_at)
    SELECT pg_temp.id(2, n), pg_temp.id(1, 1 + n % 2000), now()
    FROM generate_series(1, 6000) n;

    INSERT INTO auth.refresh_tokens (hash, session_id, spent_at)
    SELECT sha256(n::text::bytea), pg_temp.id(2, 1 + n % 6000), now()
    FROM generate_series(1, 30000) n;

    INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, expires_at)
    SELECT sha256(n::text::bytea), pg_temp.id(1, 1 + n % 2000),
           'password_reset', 'user@example.com', now()
    FROM generate_series(1, 6000) n;

    INSERT INTO task.projects (id, owner_id, name, inbox)
    SELECT pg_temp.id(3, n), pg_temp.id(1, 1 + n % 2000), 'Project', n <= 2000
    FROM generate_series(1, 4000) n;

    INSERT INTO task.members (project_id, user_id, role)
    SELECT pg_temp.id(3, n), pg_temp.id(1, 1 + (n + m) % 2000),
           (ARRAY['owner', 'editor', 'viewer'])[1 + m]::task.role
    FROM generate_series(1, 4000) n, generate_series(0, 2) m;

    INSERT INTO api.idempotency_keys (user_id, key, fingerprint, ids,
                                      created_at, stored_at)
    SELECT pg_temp.id(1, 1 + n % 2000), n::text, sha256(n::text::bytea),
           ARRAY[pg_temp.id(4, n)], now(), now() - n * interval '1 minute'
    FROM generate_series(1, 6000) n;

    INSERT INTO task.tasks (id, project_id, title, description, created_by,
                            created_at, updated_at, due_at, deleted_at)
    SELECT pg_temp.id(4, n), pg_temp.id(3, 1 + n % 4000), 'Task ' || n,
           repeat('x', 200), pg_temp.id(1, 1 + n % 2000), now(), now(),
           CASE WHEN n % 3 > 0 THEN now() END,
           CASE WHEN n % 20 = 0 THEN now() END
    FROM generate_series(1, 60000) n;

    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    SELECT pg_temp.id(5, n), 'task.created', pg_temp.id(1, 1), pg_temp.id(3, 1),
           '{}'
    FROM generate_series(1, 10000) n;

    VACUUM ANALYZE;
    SQL

my %seen;

for my $statement (map { statements($_) } qw(auth task)) {
    my ($name, $sql, $n) = @$statement;
    my $arguments = $n ? '(' . join(', ', ('NULL') x $n) . ')' : '';
    my $plan = join "\n", map { $_->[0] } $pg->query(<<~"SQL")->@*;
        SET plan_cache_mode = force_generic_plan;
        PREPARE statement AS $sql;
        EXPLAIN (COSTS off) EXECUTE statement$arguments;
        SQL

    $seen{$name}++;
    like($plan, qr/Scan|Insert|Update|Result/, "$name: a plan");
    unlike($plan, qr/Seq Scan on (?!(?:pg_temp|information_schema))/,
           "$name: no table is read whole") or diag($plan);
}

ok($seen{$_}, "$_ was looked at")
    for qw(user_by_email user_register refresh session_list
           admin_user_list reset_request task_get task_update task_create task_create_keyed
           task_list_created_at_desc task_delete);

done_testing();
