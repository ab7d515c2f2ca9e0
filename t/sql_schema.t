#!/usr/bin/env perl

# docs/schema.md is what dev.d/schema makes of the database as it is.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(run source_dir);
use Test::More;

my ($rc, $made) = run([source_dir() . '/dev.d/schema']);

is($rc, 0, 'dev.d/schema') or diag($made);

my $file = source_dir() . '/docs/schema.md';
my $kept = slurp($file);

ok($made eq $kept, 'docs/schema.md is current; else: ./dev schema');

# and it is not empty
for my $table (qw(auth.users auth.sessions task.projects task.tasks
                  notify.outbox notify.events api.idempotency_keys))
{
    like($made, qr/^### \Q$table\E$/m, $table);
}

like($made, qr/^ +task_projects \|\|\.\.o\{ task_tasks : "project_id"$/m,
     'what belongs to what');
like($made, qr/^### task\.tasks\n(?:\n|- .*\n)*- skep_worker: nothing$/m,
     'and who may do what');
unlike($made, qr/sqitch_/, 'nothing of sqitch');

done_testing();
