#!/usr/bin/env perl

# The role of nginx may do what the statements do, and nothing else.

use v5.36;

use Skep::Postgres;
use Skep::Process qw(tempdir);
use Skep::Test;

my $pg = Skep::Postgres->new(dir => tempdir())->start;


# What the role gets to hear of a statement.

sub says ($sql) {
    my ($rc, $out) = $pg->_psql([], "SET ROLE skep_nginx; $sql");

    return $out;
}

sub denied ($sql) {
    like(says($sql), qr/permission denied|must be (?:owner|superuser)/, $sql);
}


is_deeply($pg->query(<<~'SQL'), [['f', 'f', 'f', 'f', 'f', 't']],
    SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
           rolcanlogin
    FROM pg_roles WHERE rolname = 'skep_nginx'
    SQL
    'no privilege but to log in');

unlike(says('SELECT id FROM task.tasks'), qr/ERROR/, 'it reads tasks');

denied('CREATE TABLE public.t (i int)');
denied('CREATE TABLE task.t (i int)');
denied('CREATE TEMPORARY TABLE t (i int)');
denied('CREATE SCHEMA s');
denied('CREATE FUNCTION task.f() RETURNS int LANGUAGE sql RETURN 1');
denied('ALTER TABLE task.tasks ADD COLUMN c int');
denied('DROP TABLE task.tasks');
denied("TRUNCATE $_")
    for qw(auth.users auth.sessions auth.refresh_tokens auth.mail_tokens
           task.tasks task.projects task.comments task.departures
           notify.outbox);
denied("DELETE FROM $_")
    for qw(auth.users task.tasks task.projects task.members task.comments
           task.departures);
denied("UPDATE auth.users SET $_ = NULL") for qw(id created_at deleted_at);
denied("UPDATE auth.sessions SET $_ = NULL") for qw(id user_id created_at);
denied("UPDATE auth.refresh_tokens SET $_ = NULL") for qw(hash session_id);
denied('UPDATE auth.mail_tokens SET expires_at = NULL');
denied("INSERT INTO auth.users (id, email, name, password_hash, role)
        VALUES ('@{[nobody]}', 'x\@y', 'x', '\$x', 'admin')");
denied('UPDATE task.tasks SET created_by = NULL');
denied('UPDATE task.tasks SET id = NULL');
denied("INSERT INTO task.tasks (changed) VALUES ('1')");
denied("INSERT INTO task.departures (changed) VALUES ('1')");
denied("UPDATE task.departures SET $_ = NULL") for qw(project_id task_id);
denied("UPDATE task.members SET joined = NULL");
denied("UPDATE task.comments SET $_ = NULL")
    for qw(id task_id author_id created_at);
denied('UPDATE api.idempotency_keys SET user_id = NULL');
denied('UPDATE api.idempotency_keys SET key = NULL');
denied("UPDATE task.members SET role = 'owner'");
denied('SELECT FROM task.members FOR KEY SHARE');
denied("UPDATE task.projects SET $_ = NULL")
    for qw(id owner_id inbox created_at deleted_at);
denied("SELECT $_") for 'notify.event_id()',
    map { "task.$_" } "erase_project('@{[nobody]}')",
                      "members_changed('@{[nobody]}')",
                      "lock_project('@{[nobody]}', '@{[nobody]}')",
                      "member_left('@{[nobody]}', '@{[nobody]}', '@{[nobody]}')";
denied('SELECT data FROM notify.outbox');
denied('SELECT rolpassword FROM pg_authid');
denied("COPY task.tasks TO PROGRAM 'cat'");
denied("COPY task.tasks TO '/tmp/x'");
denied("SELECT pg_read_file('/etc/passwd')");
denied('ALTER SYSTEM SET fsync = off');

is($pg->value(<<~'SQL'), 0, 'another role has no way in');
    SELECT count(*) FROM (VALUES ('CONNECT'), ('TEMPORARY'), ('CREATE')) p (p)
    WHERE has_database_privilege('pg_monitor', 'skep', p)
    SQL

done_testing();
