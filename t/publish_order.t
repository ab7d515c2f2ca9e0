#!/usr/bin/env perl

# Writers of one task at the same time: the numbers of its events are in the
# order of its versions, and who sees one in the outbox sees those before it.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(workers => 2, redis => 1, set => { notify_stream => 'skep' });
my $user = $skep->user;
my @tasks = map { $user->task(title => "Task $_") } 1 .. 3;
my $ids = join ',', map { "'$_->{id}'" } @tasks;

# of each task, what is there to see is versions 1 .. n in the order of seq
my $disorder = <<~"SQL";
    SELECT count(*)
    FROM (SELECT (data #>> '{task,version}')::bigint AS version,
                 row_number() OVER (PARTITION BY task_id ORDER BY seq) AS place
          FROM notify.outbox WHERE task_id IN ($ids)) o
    WHERE version <> place
    SQL

my $n = 0;
my $load = $skep->load(connections => 24, next => sub {
    return {
        kind => 'patch', method => 'PATCH', token => $user->token,
        target => "/v1/tasks/$tasks[rand @tasks]{id}",
        json   => { title => "Title $$-" . $n++ },
        check  => sub ($res, $journal) {
            return $res->status == 200 ? undef : 'status ' . $res->status;
        },
    };
});

my ($looks, $bad) = (0, 0);

for (my $end = time + 3; time < $end; $looks++) {
    $bad += $skep->pg->value($disorder) != 0;
}

my $report = $load->stop;

load_is_clean($report, 'writers of the same tasks');
cmp_ok($report->count, '>', 100, 'hundreds of writes');
cmp_ok($looks, '>', 10, 'looked at again and again');
is($bad, 0, 'never was one there without those before it');
is($skep->pg->value($disorder), 0, 'nor in the end');

my $rows = $skep->pg->query(<<~"SQL");
    SELECT seq FROM notify.outbox WHERE task_id IN ($ids) ORDER BY seq
    SQL

my @seqs;
ok(wait_until(5, sub {
    @seqs = map { $_->{seq} }
            grep { ($_->{task_id} // '') ne '' } $skep->redis->entries('skep');
    return @seqs >= @$rows;
}), 'the stream has as many');
is_deeply([sort { $a <=> $b } @seqs], [map { $_->[0] } @$rows],
          'each of them once');

finish();
