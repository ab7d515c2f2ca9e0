#!/usr/bin/env perl

# The roles of nginx and of the worker may do what their statements do, and
# nothing else.

use v5.36;

use Skep::Postgres;
use Skep::Process qw(tempdir);
use Skep::Test;

my $pg = Skep::Postgres->new(dir => tempdir())->start;


# What a role gets to hear of a statement.

sub says ($sql, $role = 'skep_nginx') {
    my ($rc, $out) = $pg->_psql([], "SET ROLE $role; $sql");

    return $out;
}

sub denied ($sql, $role = 'skep_nginx') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    like(says($sql, $role),
         qr/permission denied|must be (?:owner|superuser)/, "$role: $sql");
}


is_deeply($pg->query(<<~'SQL'), [(['f', 'f', 'f', 'f', 'f', 't']) x 2],
    SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
           rolcanlogin
    FROM pg_roles WHERE rolname IN ('skep_nginx', 'skep_worker')
    SQL
    'no privilege but to log in');

unlike(says('SELECT id FROM task.tasks'), qr/ERROR/, 'it reads tasks');

for my $role (qw(skep_nginx skep_worker)) {
    denied($_, $role)
        for 'CREATE TABLE public.t (i int)', 'CREATE TABLE task.t (i int)',
            'CREATE TABLE notify.t (i int)', 'CREATE TEMPORARY TABLE t (i int)',
            'CREATE SCHEMA s',
            'CREATE FUNCTION notify.f() RETURNS int LANGUAGE sql RETURN 1',
            'SELECT data FROM notify.outbox', 'DELETE FROM notify.outbox',
            'UPDATE notify.outbox SET data = NULL',
            'UPDATE notify.position SET n = 0',
            "UPDATE notify.events SET data = '{}'",
            'UPDATE notify.inbox SET user_id = NULL',
            'INSERT INTO notify.inbox DEFAULT VALUES',
            'INSERT INTO notify.events DEFAULT VALUES',
            'SELECT data FROM notify.dead_events',
            'SELECT secret FROM notify.webhooks',
            'SELECT old_secret FROM notify.webhooks',
            'UPDATE notify.webhooks SET user_id = NULL',
            'SELECT data FROM notify.mails',
            'SELECT rolpassword FROM pg_authid',
            "SELECT pg_read_file('/etc/passwd')",
            'ALTER SYSTEM SET fsync = off';
}

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
denied("COPY task.tasks TO PROGRAM 'cat'");
denied("COPY task.tasks TO '/tmp/x'");
denied("SELECT notify.$_") for 'fan_out(1, 1)', "bury(1, 'x')";
denied('UPDATE notify.settings SET user_id = NULL');
denied('UPDATE notify.inbox SET n = 0');
denied('DELETE FROM notify.inbox');

denied($_, 'skep_worker')
    for 'SELECT id FROM task.tasks', 'SELECT password_hash FROM auth.users',
        'UPDATE auth.users SET email = NULL',
        'SELECT hash FROM auth.refresh_tokens',
        "COPY notify.events TO PROGRAM 'cat'";
unlike(says('SELECT * FROM notify.fan_out(1, 1)', 'skep_worker'), qr/ERROR/,
       'the worker fans out');

is($pg->value(<<~'SQL'), 0, 'another role has no way in');
    SELECT count(*) FROM (VALUES ('CONNECT'), ('TEMPORARY'), ('CREATE')) p (p)
    WHERE has_database_privilege('pg_monitor', 'skep', p)
    SQL

done_testing();
