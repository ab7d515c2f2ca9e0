#!/usr/bin/env perl

# Backups are taken under load and restored, by the blocks of docs/operations.md:
# a dump; a base backup and the WAL up to a kill -9, and up to a moment.  What
# was acknowledged is there, and all works.

use v5.36;

use File::Path qw(make_path remove_tree);
use Skep::File qw(slurp);
use Skep::Mix;
use Skep::Postgres;
use Skep::Process qw(run source_dir spawn stop tempdir wait_until);
use Skep::Redis;
use Skep::Test;
use Time::HiRes qw(sleep);

my $docs = slurp(source_dir() . '/docs/operations.md');

my $backup = tempdir();
my $skep = skep(workers => 2, redis => 1, worker => 1);
my $pg = $skep->pg;
my $user = $pg->{user};

mkdir "$backup/wal" or die "$backup/wal: $!";


# the command that stands there under that name

sub block ($name) {
    my ($text) = $docs =~ /^<!-- \Q$name\E -->\n```sh\n(.*?)^```\n<!-- end/ms
        or die "docs/operations.md has no block \"$name\"\n";

    return ('sh', '-euc', $text);
}

# how it finds PostgreSQL, and what else it wants to know

sub env ($pg, %more) {
    return { PGHOST => $pg->{dir}, PGPORT => $pg->{port}, PGUSER => 'postgres',
             PATH => Skep::Postgres::bin('x') =~ s{/x\z}{}r . ":$ENV{PATH}",
             BACKUP => $backup, %more };
}

sub does ($name, $pg, %more) {
    my ($rc, $out) = run([block($name)], env => env($pg, %more));

    is($rc, 0, "the block \"$name\"") or die "$out\n";
    return $out;
}

# another cluster, whose data are to come

sub another ($name) {
    my $dir = tempdir() . "/$name";

    mkdir $dir, 0755 or die "$dir: $!";
    return Skep::Postgres->new(dir => $dir);
}

sub empty ($pg) {
    remove_tree($pg->{data}, { keep_root => 1 });
}

# a restored directory is its server's
sub own ($pg) {
    run(['chown', '-R', "$user:", $pg->{data}, $backup]) if $> == 0;
}


# All works with this PostgreSQL: those who were there before log in, and what
# they do is told.

sub journey ($name, $pg, @users) {
    my $redis = Skep::Redis->new(dir => tempdir(), settings => {});
    my $new = Skep::Server->new(
        worker => 1, redis => 1,
        beside => { pg => $pg, redis => $redis, key => $skep->key,
                    secret => $skep->{secret} },
    );

    $new->start;

    my ($ada, $grace) = map { $new->login($_) } @users;
    my $project = $new->project($ada, editor => $grace);
    my $task = $ada->task(title => $name, project_id => $project);

    status_is($grace->post("/v1/tasks/$task->{id}/complete"), 200,
              "$name: a task is completed");
    ok(wait_until(10, sub {
           my $inbox = $ada->get('/v1/notifications?unread=true')->json;
           return grep { $_->{type} eq 'task.completed'
                         && $_->{data}{task}{id} eq $task->{id} }
                  $inbox->{data}->@*;
       }), "$name: and its owner is told");

    my ($rc, $out) = run(['sqitch', 'verify', $pg->uri],
                         dir => source_dir() . '/sql',
                         env => $pg->sqitch_env);

    is($rc, 0, "$name: sqitch verify") or diag($out);
    is($pg->value(<<~'SQL'), 2, "$name: errors are terse for both roles");
        SELECT count(*) FROM pg_db_role_setting, pg_roles r, pg_database d
        WHERE r.oid = setrole AND d.oid = setdatabase AND datname = 'skep'
          AND rolname IN ('skep_nginx', 'skep_worker')
          AND 'log_error_verbosity=terse' = ANY (setconfig)
        SQL

    is($_->quit, 0, "$name: the worker ends well") for $new->workers;
    $new->client->close;
    ok(defined $new->nginx->quit, "$name: nginx quits");
    $redis->stop_server;
}


# a dump, under load: what was acknowledged before is in it

my $mix = Skep::Mix->new($skep);
my @users = $mix->{users}->@[0, 1];
my $load = $skep->load(connections => 16, next => $mix->requests);

sleep 1;

my $before = $load->stop;

$load = $skep->load(connections => 16, next => $mix->requests);
does('dump', $pg);
load_is_clean($load->stop, 'a dump is not in the way');

my $dumped = another('dumped')->start;

$dumped->_psql([], 'DROP DATABASE skep', 'postgres');
$dumped->_psql([], "DROP ROLE $_", 'postgres') for qw(skep_nginx skep_worker);
does('restore-dump', $dumped);
$mix->verify($before, pg => $dumped);
journey('dump', $dumped, @users);
$dumped->stop_server;


# the WAL is received, and a base taken, under load

$pg->append('pg_hba.conf', 'local replication postgres peer map=skep');
$pg->execute('SELECT pg_reload_conf()');

my $receiver = spawn(cmd => [block('wal')], name => 'pg_receivewal',
                     out => "$backup/log", env => env($pg));

ok(wait_until(10, sub {
       $pg->value('SELECT count(*) FROM pg_stat_replication');
   }), 'the WAL is received') or diag(`cat $backup/log`);
$pg->execute("ALTER SYSTEM SET synchronous_standby_names = 'skep_wal'");
$pg->execute('SELECT pg_reload_conf()');
ok(wait_until(10, sub {
       $pg->value('SELECT sync_state FROM pg_stat_replication') eq 'sync';
   }), 'and acknowledged');

$load = $skep->load(connections => 16, next => $mix->requests);
does('base', $pg);
sleep 1;

my $first = $load->stop;

load_is_clean($first, 'a base backup is not in the way');


# an accident, which is noticed late

my $victim = $skep->user;
my @lost = map { $victim->task(title => "Lost $_")->{id} } 1 .. 5;
my $moment = $pg->value('SELECT clock_timestamp()');

sleep 0.1;
$pg->execute("DELETE FROM task.tasks WHERE created_by = '@{[$victim->id]}'");


# and the end of the machine

$load = $skep->load(connections => 16,
                    next => $mix->requests(allow => [503, 504]));
sleep 1.5;
$pg->kill_server;
sleep 0.3;

my $last = $load->stop;

load_is_clean($last, 'until the end');
stop($receiver, 'INT');
empty($pg);

does('restore-base', $pg, PGDATA => $pg->{data});
own($pg);
$pg->start;
ok(wait_until(30, sub { $pg->value('SELECT pg_is_in_recovery()') eq 'f' }),
   'PostgreSQL is there again, from the backup');
ok($skep->wait_ready(10), 'nginx finds it');
$mix->verify($first);
$mix->verify($last);
is($pg->value(<<~"SQL"), 0, 'the accident has happened');
    SELECT count(*) FROM task.tasks WHERE created_by = '@{[$victim->id]}'
    SQL
ok($skep->worker->ready, 'so does the worker');
journey('base backup and WAL', $pg, @users);


# the moment before the accident

my $earlier = another('earlier');

empty($earlier);
does('restore-base', $earlier, PGDATA => $earlier->{data});
does('restore-time', $earlier, PGDATA => $earlier->{data},
     MOMENT => $moment);
own($earlier);

$earlier->append('postgresql.auto.conf',
                 "unix_socket_directories = '$earlier->{dir}'");
$earlier->start;
ok(wait_until(30, sub {
       $earlier->value('SELECT pg_is_in_recovery()') eq 'f';
   }), 'a moment before');
is($earlier->value(<<~"SQL"), 5, 'the accident has not happened');
    SELECT count(*) FROM task.tasks WHERE created_by = '@{[$victim->id]}'
    SQL
$mix->verify($first, pg => $earlier);
journey('a moment', $earlier, @users);
$earlier->stop_server;

finish();
