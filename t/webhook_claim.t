#!/usr/bin/env perl

# What notify.claim_deliveries() lends, and to whom first.

use v5.36;

use Skep::Hooks;
use Test::More;

my $hooks = Skep::Hooks->new;
my $pg = $hooks->pg;
my %name;


# A webhook with so many deliveries, the first due that many seconds ago.

sub hook ($name, $n, $age, $set = 'enabled = true') {
    my $id = $hooks->hook;

    $name{$id} = $name;
    $pg->execute(<<~"SQL");
        UPDATE notify.webhooks SET $set WHERE id = '$id';
        INSERT INTO notify.deliveries (id, webhook_id, event_id, type, data,
                                       next_attempt_at)
        SELECT gen_random_uuid(), '$id', gen_random_uuid(), 'webhook.test',
               '{}', now() - make_interval(secs => $age - i * 0.001)
        FROM generate_series(1, $n) i
        SQL

    return $id;
}


# What is claimed, "NAME NAME ...", sorted; in a transaction that is undone,
# unless it is to stay.

sub claimed ($most, $each, $frail, $busy = '{}', $end = 'ROLLBACK') {
    my $rows = $pg->query(<<~"SQL");
        BEGIN;
        SET ROLE skep_worker;
        SELECT webhook_id FROM notify.claim_deliveries($most, $each, $frail,
                                                       '$busy', '1 hour');
        $end;
        SQL

    return join ' ', sort map { $name{$_->[0]} } grep { $_->[0] } @$rows;
}


is(claimed(10, 5, 10), '', 'nothing is due');

my $a = hook('a', 10, 100);
my $b = hook('b', 2, 50);
my $c = hook('c', 4, 10);

is(claimed(100, 3, 100), 'a a a b b c c c', 'so many of each');
is(claimed(3, 3, 100), 'a b c', 'the first of each before a second of any');
is(claimed(5, 3, 100), 'a a b b c', 'then the second, the oldest first');
is(claimed(2, 3, 100), 'a b', 'with little room the oldest');
is(claimed(100, 3, 100, "{$a,$a,$b}"), 'a b b c c c',
   'less what is under way');
is(claimed(2, 3, 100, "{$a}"), 'b c', 'who has one waits for those with none');
is(claimed(100, 3, 100, "{$a,$a,$a,$a}"), 'b b c c c', 'or more than enough');

my $f = hook('f', 5, 200, "failing_since = now() - interval '1 hour'");
my $g = hook('g', 5, 300, "failing_since = now() - interval '1 hour'");

is(claimed(100, 3, 100), 'a a a b b c c c f g', 'of what fails one each');
is(claimed(100, 3, 1), 'a a a b b c c c g', 'or fewer in all');
is(claimed(100, 3, 0), 'a a a b b c c c', 'or none');
is(claimed(9, 3, 100), 'a a a b b c c c g', 'and after the others');
is(claimed(100, 3, 100, "{$f}"), 'a a a b b c c c g', 'one at a time');


# a lease

is(claimed(100, 2, 0, '{}', 'COMMIT'), 'a a b b c c', 'taken');
is(claimed(100, 2, 0), 'a a c c', 'what is taken is not taken again');

$pg->execute(<<~'SQL');
    UPDATE notify.deliveries SET next_attempt_at = next_attempt_at
                                                   - interval '1 hour'
    SQL
is(claimed(100, 2, 0), 'a a b b c c', 'until its lease runs out');


# another worker's claim is stepped over, not waited for

my $other = $pg->session;

$other->hold("SELECT FROM notify.claim_deliveries(3, 1, 0, '{}', '1 hour')");
isnt(claimed(100, 1, 0), 'a b c', 'rows of another claim are not waited for');
$other->close;


# a disabled webhook's are taken off the queue: no url, and they have failed

my $d = hook('d', 150, 400, 'enabled = false');

is_deeply($pg->query(<<~"SQL"), [[100, 0]], 'a hundred at a time');
    SELECT count(*), count(url)
    FROM notify.claim_deliveries(1000, 5, 5, '{}', '1 hour')
    WHERE webhook_id = '$d'
    SQL
is_deeply($pg->query(<<~"SQL"), [['failed', 100], ['pending', 50]],
    SELECT status, count(*) FROM notify.deliveries WHERE webhook_id = '$d'
    GROUP BY 1 ORDER BY 1
    SQL
    'they have failed');

$hooks->finish;
