#!/usr/bin/env perl

# Every filter of GET /v1/tasks, alone and with others, in every order, against
# the same in Perl; with few projects, with more than a page has rows, and with
# more tasks than are looked through one by one.

use v5.36;

use Skep::Test;

my $seed = $ENV{SKEP_SEED} // int rand 1e9;

srand $seed;
note("SKEP_SEED=$seed");

my $skep = skep();
my $user = $skep->user;
my $other = $skep->user;

my @priorities = qw(none low medium high urgent);
my %rank = map { $priorities[$_] => $_ } 0 .. 4;
my $early = '2030-01-03T00:00:00Z';
my $late = '2030-01-06T12:00:00Z';

# 8 projects, one of them not the user's
my @projects = ($user->inbox,
                map { $other->project(members => [[$user, 'viewer']])->{id} }
                1 .. 6);
my $hidden = $other->project->{id};

$skep->pg->execute(<<~"SQL");
    SELECT setseed(0.@{[$seed % 1000]});
    INSERT INTO task.tasks (id, project_id, title, status, priority, labels,
                            due_at, assignee_id, created_by, created_at,
                            updated_at, deleted_at)
    SELECT ('01890000-' || lpad(to_hex(n), 4, '0') || '-7000-8000-'
            || substr(md5(random()::text), 1, 12))::uuid,
           p.ids[1 + n % 8],
           (ARRAY['Bees', 'Bees and bears', 'Bears', 'Hives'])[1 + (random() * 3)::int],
           (enum_range(NULL::task.status))[1 + floor(power(random(), 2) * 4)],
           (enum_range(NULL::task.priority))[1 + floor(random() * 5)],
           CASE WHEN random() < .4 THEN '{}'
                WHEN random() < .5 THEN ARRAY['home', 'a "quoted", \\one']
                ELSE ARRAY['office', U&'\\017Elut'] END,
           CASE WHEN random() < .7
                THEN '2030-01-01Z'::timestamptz + floor(random() * 8) * interval '1 day'
           END,
           CASE WHEN random() < .4 THEN '@{[$user->id]}'::uuid
                WHEN random() < .5 THEN '@{[$other->id]}'::uuid END,
           '@{[$other->id]}', now(), now() - floor(random() * 40) * interval '1 s',
           CASE WHEN random() < .1 THEN now() END
    FROM generate_series(1, 400) n,
         (SELECT ARRAY['@{[join "','", @projects, $hidden]}']::uuid[] AS ids) p;
    SQL

my @tasks = grep { $_->{project_id} ne $hidden } map {
    my %t;
    @t{qw(id project_id title status priority labels due_at assignee_id
          updated_at)} = @$_;
    $t{labels} = [split /\x1d/, $t{labels}];
    $t{$_} = undef for grep { $t{$_} eq '' } qw(due_at assignee_id);
    \%t;
} $skep->pg->query(<<~'SQL')->@*;
    SELECT id, project_id, title, status, priority,
           array_to_string(labels, E'\x1d'),
           to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           assignee_id,
           to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')
    FROM task.tasks WHERE deleted_at IS NULL
    SQL

for my $task (@tasks) {                 # bytes -> text
    utf8::decode($_) for $task->{labels}->@*;
}


# [query, the same in Perl]

my %filters = (
    project  => [map { my $p = $_; ["project=$p", sub ($t) { $t->{project_id} eq $p }] }
                 @projects[0, 3], uc $projects[1], $hidden, nobody],
    status   => [map { my %in = map { $_ => 1 } split /,/;
                       ["status=$_", sub ($t) { $in{$t->{status}} }] }
                 'todo', 'done', 'cancelled', 'todo,in_progress',
                 'done,todo,cancelled'],
    priority => [map { my %in = map { $_ => 1 } split /,/;
                       ["priority=$_", sub ($t) { $in{$t->{priority}} }] }
                 'none', 'urgent', 'high,urgent', 'low,none'],
    label    => [map { my $l = $_; ['label=' . escape($l),
                                    sub ($t) { grep { $_ eq $l } $t->{labels}->@* }] }
                 'home', 'office', 'Home', 'a "quoted", \\one', "\x{17e}lut",
                 'nowhere', '{home}', 'hom'],
    assignee => [['assignee=me', sub ($t) { ($t->{assignee_id} // '') eq $user->id }],
                 ['assignee=none', sub ($t) { !defined $t->{assignee_id} }],
                 ['assignee=' . $other->id,
                  sub ($t) { ($t->{assignee_id} // '') eq $other->id }],
                 ['assignee=' . nobody, sub ($t) { 0 }]],
    due      => [["due_before=$early", sub ($t) { ($t->{due_at} // '9') lt $early }],
                 ["due_after=$early", sub ($t) { ($t->{due_at} // '') gt $early }],
                 ["due_after=$early&due_before=$late",
                  sub ($t) { my $d = $t->{due_at} // ''; $d gt $early && $d lt $late }],
                 ["due_after=$late&due_before=$early", sub ($t) { 0 }],
                 ['due=none', sub ($t) { !defined $t->{due_at} }],
                 ["due=none&due_after=$early", sub ($t) { 0 }]],
    q        => [['q=bee', sub ($t) { $t->{title} =~ /bees/i }],
                 ['q=bears+BEES', sub ($t) { $t->{title} eq 'Bees and bears' }],
                 ['q=wasps', sub ($t) { 0 }]],
);
$filters{project}[2][1] = sub ($t) { $t->{project_id} eq $projects[1] };

my %key = (
    created_at => sub ($t) { $t->{id} },
    updated_at => sub ($t) { $t->{updated_at} },
    due_at     => sub ($t) { $t->{due_at} },
    priority   => sub ($t) { $rank{$t->{priority}} },
);
my @sorts = map { ($_, "-$_") } sort keys %key;


sub expected ($sort, @checks) {
    my $sign = $sort =~ /^-/ ? -1 : 1;
    my $key = $key{$sort =~ s/^-//r};

    return map { $_->{id} } sort {
        my ($x, $y) = ($key->($a), $key->($b));

        defined $x != defined $y ? defined $y <=> defined $x
        : $sign * (($x // '') cmp ($y // '') || $a->{id} cmp $b->{id})
    } grep { my $t = $_; !grep { !$_->($t) } @checks } @tasks;
}


# the ids of all pages

sub walk ($query) {
    my ($cursor, @ids) = ('');

    for (1 .. 500) {
        my $res = $user->get("/v1/tasks?$query$cursor");

        if ($res->status != 200) {
            status_is($res, 200, $query);
            return \@ids;
        }

        push @ids, map { $_->{id} } $res->json->{data}->@*;
        return \@ids if !defined $res->json->{next_cursor};
        $cursor = '&cursor=' . $res->json->{next_cursor};
    }

    return [@ids, 'no end'];
}


sub compare ($sort, $limit, @filters) {
    my $query = join '&', "sort=$sort", "limit=$limit", map { $_->[0] } @filters;
    my @want = expected($sort, map { $_->[1] } @filters);

    is_deeply(walk($query), \@want, "$query: " . @want);
}


sub round ($combinations) {
    for my $name (sort keys %filters) {
        for my $filter ($filters{$name}->@*) {
            compare($_, 30, $filter) for @sorts[rand @sorts, rand @sorts];
        }

        my ($first) = $filters{$name}->@*;
        compare($_, 7, $first) for @sorts;
    }

    for (1 .. $combinations) {
        my @some = grep { rand() < .35 } sort keys %filters;

        compare($sorts[rand @sorts], 1 + int rand 25,
                map { $filters{$_}[rand $filters{$_}->@*] } @some);
    }
}

round(80);


# the same with more tasks of the user's than are looked through one by one, by
# which words and labels are found by their indexes; all of them are done and
# belong to nobody, under no label and late

$skep->pg->execute(<<~"SQL");
    INSERT INTO task.tasks (id, project_id, title, status, created_by,
                            created_at, updated_at, deleted_at)
    SELECT gen_random_uuid(), '$projects[4]', 'Ants', 'done',
           '@{[$other->id]}', now(), now(), NULL
    FROM generate_series(1, 3500);
    ANALYZE task.tasks;
    SQL

$filters{$_}[0] and compare('-updated_at', 9, $filters{$_}[0]) for qw(label q);
compare('due_at', 9, $_) for $filters{label}->@*, $filters{q}->@*;
compare('-created_at', 9, $filters{q}[0], $filters{label}[0]);
compare('-due_at', 9, $filters{q}[0], $filters{status}[3]);
compare('priority', 9, $filters{label}[1], $filters{project}[1]);

finish();
