#!/usr/bin/env perl

# A change of the schema, a new version that uses it, and both taken back, under
# load, by the blocks of docs/operations.md: no request fails.

use v5.36;

use File::Copy qw(copy);
use File::Temp ();
use Skep::File qw(slurp);
use Skep::Mix;
use Skep::Process qw(build_dir children run source_dir);
use Skep::Test;
use Skep::Variant;
use Skep::Witness;
use Time::HiRes qw(sleep);

sub does ($name, $rc, $out) {
    is($rc, 0, $name) or die "$out\n";
}

my $docs = slurp(source_dir() . '/docs/operations.md');

# the SQL that stands there under that name

sub block ($name) {
    my ($sql) = $docs =~ /^<!-- \Q$name\E -->\n```sql\n(.*?)^```\n<!-- end/ms
        or die "docs/operations.md has no block \"$name\"\n";

    return $sql;
}


# the next version: a field that a task may have

my $next = Skep::Variant->new(docs => 1);

does('the next version', $next->command('patch', '-p0', '--quiet', '-i',
                                        source_dir() . '/t/data/field.patch'));
does('its migration', $next->command('sh', '-c', 'cd sql && exec sqitch add'
     . ' estimate --requires task --requires grants --note Estimates.'));
does("its $_", $next->make($_)) for qw(ngx_api_module ngx_task_module);


# what is documented, for both versions at once

my $schemas = Skep::Witness::openapi()->doc->{components}{schemas};

$schemas->{$_}{properties}{estimate} = { type => ['integer', 'null'] }
    for qw(Task TaskPatch);


# modules where they can be replaced, as a package does it

my $modules = File::Temp->newdir('modules-XXXXXX', DIR => build_dir());

chmod 0755, $modules or die "chmod $modules: $!";

sub install ($from) {
    for my $file (glob "$from/*.so") {
        my $to = "$modules/" . $file =~ s{.*/}{}r;

        copy($file, "$to.new") or die "$to: $!";
        rename "$to.new", $to or die "$to: $!";
    }
}

install(build_dir() . '/modules');

my $skep = skep(workers => 2, worker => 1, daemon => 1,
                modules_dir => "$modules",
                set => { api_shutdown_delay => '1s' });
my ($nginx, $pg) = ($skep->nginx, $skep->pg);
my $mix = Skep::Mix->new($skep);
my $user = $mix->{users}[0];
my $rows = 3000;

for my $n (1 .. $rows / 100) {
    status_is($user->post('/v1/tasks/bulk', { tasks => [
        map { { title => "Old $n.$_" } } 1 .. 100 ] }), 201, "tasks $n")
        or die "no tasks\n";
}

my $path = '/v1/tasks/' . $user->task(title => 'One')->{id};

sub sqitch (@command) {
    does("sqitch $command[0]", run(
        ['sqitch', @command, $pg->uri], dir => $next->dir . '/sql',
        env => { $pg->sqitch_env->%*, PGOPTIONS => '-c lock_timeout=2s' }));
}

sub upgrade ($name, $from) {
    install($from);

    my $old = $nginx->upgrade;
    my @workers = grep { $_ != $nginx->pid } children($old);

    sleep 0.5;
    kill 'WINCH', $old;
    ok($nginx->gone(20, @workers), "$name: the workers of before leave");
    ok($nginx->finish($old), "$name: and their master");
    $skep->client->close;
    ok($skep->wait_ready(5), "$name: ready");
}


my $load = $skep->load(connections => 64, next => $mix->requests);

sleep 1;


# expand, then the version that uses it

ok(!exists $user->get($path)->json->{estimate}, 'the field is not there yet');
sqitch('deploy', '--verify');
sleep 0.5;
upgrade('the new version', $next->modules);
is($user->get($path)->json->{estimate}, undef, 'the field is there');
status_is($user->patch($path, { estimate => 90 }), 200, 'and can be set');


# backfill

$pg->execute(block('backfill'));
is($pg->value(<<~'SQL'), $rows, 'what was there is filled, once');
    SELECT count(*) FROM task.tasks
    WHERE title LIKE 'Old %' AND estimate = 60 AND version = 2
    SQL
is($user->get($path)->json->{estimate}, 90, 'what was set stays');
$pg->execute('CREATE TABLE filled AS SELECT id FROM task.tasks
              WHERE estimate = 60');


# constrain

$pg->execute(block('constrain'));
is($pg->value(<<~'SQL'), 't', 'the constraint holds for all');
    SELECT convalidated FROM pg_constraint WHERE conname LIKE '%estimate%'
    SQL
status_is($user->patch($path, { estimate => 91 }), 200, 'it is lived with');
sleep 0.5;


# the version without it, then contract

upgrade('the old version', build_dir() . '/modules');
ok(!exists $user->get($path)->json->{estimate}, 'the field is not used');
$pg->execute(block('contract'));
sleep 1;

my $report = $load->stop;

load_is_clean($report, 'no request failed');
is($report->count(status => '5xx'), 0, 'nor was refused');
is($report->retried, 0, 'nor had to be sent twice');
$mix->verify($report, silent =>
             '(EXISTS (SELECT FROM filled f WHERE f.id = t.id))::int');
unlike($nginx->log, qr/PostgreSQL refused|statement "/,
       'no statement failed');

finish();
