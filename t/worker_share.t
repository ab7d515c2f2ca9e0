#!/usr/bin/env perl

# Workers share the load: whatever is delivered twice, killed in the middle or
# hangs, each event is in the inbox once.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

# what is swept is swept late: that it is done soon is the consumers' doing
my %conf = (sweep_after => '1h', claim_idle => '500ms', batch => 20);
my $skep = skep(worker => 2, worker_conf => \%conf);
my ($one, $two) = $skep->workers;
my $user = $skep->user;
my $outbox = Skep::Outbox->new($skep, $user);
my $events = 0;


sub once ($name) {
    $outbox->settled or diag($outbox->left . ' left');
    is($outbox->wrong($events), '', $name);
    ok(wait_until(10, sub { $outbox->pending == 0 }),
       "$name: all is acknowledged") or diag($outbox->pending);
}


# the registration is a mail, told of by nginx
ok($outbox->settled, 'nginx tells');
is($skep->pg->value('SELECT count(*) FROM notify.mails'), 1, 'of a mail');

$outbox->tell($outbox->add(100));
$events += 100;
once('two of them');

my ($by_one, $by_two) = map { $_->metrics->{entries_total} } $one, $two;

cmp_ok($by_one, '>', 0, 'one has read some of it');
cmp_ok($by_two, '>', 0, 'and so has the other');


# told twice, told late, told of what is gone

my @seqs = $outbox->add(50);
$events += 50;
$outbox->tell(@seqs, reverse(@seqs), $seqs[0]);
once('told again and again');
$outbox->tell(@seqs);
once('told of what is done');


# one hangs with what it has read: the other takes it over

$one->freeze;
@seqs = $outbox->add(60);
$events += 60;
$outbox->tell(@seqs);
ok($outbox->settled, 'one hangs: the other goes on');
ok(wait_until(10, sub { $outbox->pending == 0 }), 'and takes over');
$one->thaw;
once('it goes on');


# kill -9, again and again, while events come

for my $round (1 .. 5) {
    my $victim = $round % 2 ? $one : $two;

    $outbox->tell($outbox->add(40));
    $events += 40;
    sleep rand 0.02;
    $victim->kill_process;
    $outbox->tell($outbox->add(10));
    $events += 10;
    $victim->start;
}

once('kill -9');


# one by one they go; what is read by one that ended is read by the next

is($one->quit, 0, 'one ends');
$outbox->tell($outbox->add(10));
$events += 10;
once('the other is left');
is($two->quit, 0, 'it ends, too');

is($skep->redis->command('XINFO', 'CONSUMERS', 'skep', 'skep'), '',
   'who ends leaves the group');

$outbox->tell($outbox->add(10));
$events += 10;
$two->start;
once('what came meanwhile');

finish();
