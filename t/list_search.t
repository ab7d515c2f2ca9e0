#!/usr/bin/env perl

# q: words, all of them, the last by its beginning; ranked, or in an order; and
# whatever a user may type.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $stranger = $skep->user;

my %id = map { $_->[0] => $user->task(title => $_->[1],
                                      description => $_->[2] // '')->{id} }
    ['bees',  'Feed the bees'],
    ['hive',  'Paint the hive', 'before the bees come back'],
    ['well',  'A well-known apiary'],
    ['mail',  'Write to keeper@example.com about https://example.com/hives'],
    ['quote', q{It's "quoted" \\ and & | ! <-> (odd) :* %}],
    ['wide',  "\x{17d}lu\x{165}ou\x{10d}k\x{fd} k\x{16f}\x{148} \x{4f60}\x{597d}"],
    ['both',  'Bees and hive', 'bees bees bees'],
    ['ver',   'Upgrade to 2.10.3'];
my %name = reverse %id;

$stranger->task(title => 'Feed the bees');

sub found ($q, $more = '') {
    my $res = $user->get('/v1/tasks?limit=100&q=' . escape($q) . $more);

    return ['status ' . $res->status] if $res->status != 200;
    return [map { $name{$_->{id}} // '?' } $res->json->{data}->@*];
}

sub finds ($q, @names) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $show = $q =~ s/([^ -~])/sprintf '\\x{%x}', ord $1/ger;

    is_deeply([sort { $a cmp $b } found($q)->@*], [sort @names], "q=$show");
    is_deeply([sort { $a cmp $b } found($q, '&sort=due_at')->@*], [sort @names],
              "q=$show, sorted");
}

finds('bees', qw(bees hive both));
finds('BEES', qw(bees hive both));
finds('be', qw(bees hive both));
finds('ees');
finds('feed bees', 'bees');
finds('bees feed', 'bees');
finds('fe bees');
finds('bees fe', 'bees');
finds('  bees   feed  ', 'bees');
finds("bees\tfeed\n", 'bees');
finds('bees -', qw(bees hive both));
finds('well-known', 'well');
finds('well-kn', 'well');
finds('known', 'well');
finds('keeper@example.com', 'mail');
finds('keeper', 'mail');
finds("it's", 'quote');
finds(q{"quoted"}, 'quote');
finds('and odd', 'quote');
finds("\x{17e}lu\x{165}ou\x{10d}k\x{fd}", 'wide');
finds("K\x{16e}\x{147} \x{17e}lu", 'wide');
finds("\x{4f60}", 'wide');
finds('2.10.3', 'ver');

# syntax of tsquery is none
finds($_) for 'bees & nothing', 'nothing | bees', 'zzz:*',
              "bees' | 'feed | 'hive", 'feed:A wasps';
finds('!bees', qw(bees hive both));
finds('the <-> feed', 'bees');
finds('bees:*', qw(bees hive both));
finds('!hive', qw(hive both));
finds("bee\\", qw(bees hive both));

problem($user->get('/v1/tasks?q=' . escape($_)), 400, 'invalid_parameter',
        ['q', 'invalid_value'], "no word in $_")
    for ' ', "'", '&', '!', ':*', '\\', '<->', '()', '"', '- --', '%', '$',
        "\x{2014}";
problem($user->get('/v1/tasks?q='), 400, 'invalid_parameter',
        ['q', 'too_short'], 'empty');
problem($user->get('/v1/tasks?q=' . 'a' x 501), 400, 'invalid_parameter',
        ['q', 'too_long'], 'too long');
problem($user->get('/v1/tasks?q=a%00b'), 400, 'invalid_parameter',
        ['q', 'invalid_value'], 'U+0000');
problem($user->get('/v1/tasks?q=a&q=b'), 400, 'invalid_parameter',
        ['q', 'repeated'], 'twice');
status_is($user->get('/v1/tasks?q=' . 'a' x 500), 200, 'the longest');
status_is($user->get('/v1/tasks?q=' . escape('x ' x 250)), 200, 'many words');

# any byte that may stand in a text
for my $c (map { chr } 1 .. 0x7f, 0xa0, 0x2028, 0x1f41d) {
    my $res = $user->get('/v1/tasks?q=' . escape("bees ${c}x${c} a$c"
                                                 . chr 0x100));
    status_is($res, 200, sprintf 'U+%04X', ord $c) if $res->status != 200;
}


# rank: a title counts for more than a description, ties are newest first

is_deeply(found('bees'), [qw(both bees hive)], 'by rank');
is_deeply(found('bees', '&sort=created_at'), [qw(bees hive both)], 'or sorted');
is_deeply(found('bees', '&sort=-created_at'), [qw(both hive bees)], 'either way');
is_deeply(found('bees', '&status=done'), [], 'with a filter');

my @many = map { $user->task(title => "Swarm $_", labels => ['x'],
                             description => 'swarm ' x ($_ % 4))->{id} } 1 .. 30;
my @want = map { $_->[0] } $skep->pg->query(<<~"SQL")->@*;
    SELECT id FROM task.tasks
    WHERE title LIKE 'Swarm%'
    ORDER BY ts_rank(search, '''swarm'':*') DESC, id DESC
    SQL

for my $limit (1, 4, 7, 30) {
    my ($cursor, @got) = ('');

    while (1) {
        my $page = $user->get("/v1/tasks?q=swarm&limit=$limit$cursor")->json;

        push @got, map { $_->{id} } $page->{data}->@*;
        last if !defined $page->{next_cursor};
        $cursor = "&cursor=$page->{next_cursor}";
    }

    is_deeply(\@got, \@want, "by rank, pages of $limit");
}

# a page follows the other, whatever came and went
my $page = $user->get('/v1/tasks?q=swarm&limit=10')->json;

$user->task(title => 'Swarm swarm swarm swarm', description => 'swarm swarm');
$user->delete("/v1/tasks/$want[9]");
my $second = $user->get("/v1/tasks?q=swarm&limit=20&cursor=$page->{next_cursor}");
is_deeply([map { $_->{id} } $second->json->{data}->@*], [@want[10 .. 29]],
          'the second page');

problem($user->get("/v1/tasks?$_&limit=10&cursor=$page->{next_cursor}"), 400,
        'invalid_parameter', ['cursor', 'invalid_value'], "the cursor with $_")
    for 'q=swar', 'q=swarm&sort=created_at', 'q=swarm&status=todo',
        'sort=created_at';


# more tasks than are looked through: words are found by their index, or in the
# order of the list where they are frequent; of those the newest 100 are ranked

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.tasks (id, project_id, title, description, created_by,
                            created_at, updated_at)
    SELECT ('01880000-' || lpad(to_hex(n), 4, '0')
            || '-7000-8000-000000000000')::uuid,
           '@{[$user->inbox]}',
           CASE WHEN n % 3 = 0 THEN 'Frequent ' ELSE 'Other ' END || n,
           CASE WHEN n % 3 = 0 AND n % 7 = 0 THEN 'frequent' ELSE '' END,
           '@{[$user->id]}', now(), now()
    FROM generate_series(1, 9000) n;
    UPDATE task.tasks SET deleted_at = now()
    WHERE id IN ('$want[0]', '$want[1]');
    ANALYZE task.tasks;
    SQL

finds('bees', qw(bees hive both));
is(scalar found('swarm')->@*, 28, 'by its index');
is(scalar found('swarm', '&sort=due_at')->@*, 28, 'sorted');
is(scalar found('swarm', '&label=x')->@*, 27, 'with a label');

is(scalar found('frequent', '&sort=-updated_at')->@*, 100, 'a frequent word');

my ($cursor, @ids) = ('');

for (1 .. 20) {
    my $page = $user->get("/v1/tasks?q=frequent&limit=10$cursor")->json;

    push @ids, map { $_->{id} } $page->{data}->@*;
    last if !defined $page->{next_cursor};
    $cursor = "&cursor=$page->{next_cursor}";
}

is_deeply(\@ids, [map { $_->[0] } $skep->pg->query(<<~"SQL")->@*],
    SELECT id
    FROM (SELECT id, ts_rank(search, '''frequent'':*') AS rank
          FROM task.tasks WHERE title LIKE 'Frequent%'
          ORDER BY id DESC LIMIT 100) t
    ORDER BY rank DESC, id DESC
    SQL
    'a frequent word by rank: of the newest');

finish();
