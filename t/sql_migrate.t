#!/usr/bin/env perl

# Each change of the schema deploys, verifies, reverts, and deploys again.

use v5.36;

use Skep::Postgres;
use Skep::Process qw(run source_dir tempdir);
use Skep::Test;

my $pg = Skep::Postgres->new(dir => tempdir())->start;


sub sqitch (@command) {
    my ($rc, $out) = run(['sqitch', @command, $pg->uri],
                         dir => source_dir() . '/sql', env => $pg->sqitch_env);

    return is($rc, 0, "sqitch @command") || diag($out);
}

# what there is: tables, columns, constraints, indexes, types, privileges
sub schema () {
    return $pg->query(<<~'SQL');
        SELECT table_schema || '.' || table_name || '.' || column_name || ' '
               || data_type || ' ' || is_nullable || ' '
               || coalesce(column_default, '')
        FROM information_schema.columns
        WHERE table_schema IN ('auth', 'task', 'notify', 'api', 'public')
        UNION ALL
        SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace::regnamespace::text
             IN ('auth', 'task', 'notify', 'api', 'public')
        UNION ALL
        SELECT indexdef FROM pg_indexes
        WHERE schemaname IN ('auth', 'task', 'notify', 'api', 'public')
        UNION ALL
        SELECT grantee || ' ' || privilege_type || ' ' || table_schema || '.'
               || table_name || '.' || column_name
        FROM information_schema.column_privileges
        WHERE table_schema IN ('auth', 'task', 'notify', 'api', 'public')
        UNION ALL
        SELECT nspname || ' ' || coalesce(nspacl::text, '') FROM pg_namespace
        WHERE nspname IN ('auth', 'task', 'notify', 'api')
        ORDER BY 1
        SQL
}


my $before = schema();

cmp_ok(scalar @$before, '>', 100, 'there is a schema');
sqitch('verify');
sqitch('deploy');
is_deeply(schema(), $before, 'to deploy again changes nothing');

sqitch('revert', '-y');
is_deeply($pg->query(<<~'SQL'), [], 'all is gone');
    SELECT nspname FROM pg_namespace WHERE nspname IN ('auth', 'task', 'notify', 'api')
    SQL
is($pg->value(<<~'SQL'), 0, 'the roles, too');
    SELECT count(*) FROM pg_roles WHERE rolname LIKE 'skep%'
    SQL

sqitch('deploy', '--verify');
is_deeply(schema(), $before, 'and is there again, as it was');

# one by one, back and forth
my @plan = map { $_->[0] } $pg->query(<<~'SQL')->@*;
    SELECT change FROM sqitch.changes ORDER BY planned_at
    SQL

cmp_ok(scalar @plan, '>=', 5, 'changes: ' . join ' ', @plan);

for my $change (reverse @plan) {
    sqitch('revert', '-y', '--to', "$change^") if $change ne $plan[0];
}

sqitch('deploy', '--verify');
is_deeply(schema(), $before, 'one by one as well');

done_testing();
