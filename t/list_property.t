#!/usr/bin/env perl

# Lists keep their promises, whatever the data, the filter, the sort, the size
# of a page, and whatever happens between two pages: nothing comes twice,
# nothing is missing that stood throughout, and the order is right.
#
# SKEP_SEED=n repeats a run.

use v5.36;

use Skep::Test;

use constant WALKS => 80;

my $seed = $ENV{SKEP_SEED} // int rand 1e9;

srand $seed;
note("SKEP_SEED=$seed");

my $skep = skep(workers => 2);
my @users = map { $skep->user } 1 .. 3;
my $user = $users[0];


# Few values, so that many are equal.

my @statuses = qw(todo in_progress done cancelled);
my @priorities = qw(none low medium high urgent);
my %rank = map { $priorities[$_] => $_ } keys @priorities;
my @labels = qw(home office later);
my @words = qw(alfa bravo kilo lima tango);
my @due = (undef, undef, map { "2030-01-0${_}T00:00:00Z" } 1 .. 4);

sub one (@of) { return $of[rand @of] }
sub some (@of) { return grep { rand() < 0.4 } @of }


# Projects: the user's own Inbox, three that they share, and one that is not
# theirs.

my @projects = $user->inbox;
my $hidden;

for my $n (1 .. 4) {
    my ($id) = $skep->pg->value('SELECT gen_random_uuid()');
    my $role = $n < 4 ? "('$id', '@{[$user->id]}', 'editor')," : '';

    $skep->pg->execute(<<~"SQL");
        INSERT INTO task.projects (id, owner_id, name)
        VALUES ('$id', '@{[$users[1]->id]}', 'Project $n');
        INSERT INTO task.members (project_id, user_id, role)
        VALUES $role ('$id', '@{[$users[1]->id]}', 'owner'),
               ('$id', '@{[$users[2]->id]}', 'editor')
        SQL
    $n < 4 ? push @projects, $id : ($hidden = $id);
}


# What the tasks are by now, by their ids; those that the user can't see are
# not in it.

my %tasks;

sub random_fields () {
    my $project = one(@projects);

    return (
        title    => join(' ', one(@words), some(@words)),
        status   => one(@statuses),
        priority => one(@priorities),
        labels   => [some(@labels)],
        due_at   => one(@due),
        project_id  => $project,
        assignee_id => one(undef, $user->id,
                           $project eq $projects[0] ? () : $users[1]->id),
    );
}

sub insert () {
    my $task = $user->task(random_fields());

    $tasks{$task->{id}} = $task;
}

# some fields, or a project that the user loses sight of
sub update () {
    my $id = one(sort keys %tasks) // return;
    my %new = random_fields();

    if (rand() < 0.1) {
        $skep->pg->execute(<<~"SQL");
            UPDATE task.tasks SET project_id = '$hidden' WHERE id = '$id'
            SQL
        delete $tasks{$id};
        return;
    }

    delete @new{'project_id', 'assignee_id'} if rand() < 0.5;
    delete $new{$_} for grep { exists $new{$_} }
                        some(qw(title status priority labels due_at));

    my $res = $user->patch("/v1/tasks/$id", \%new);

    status_is($res, 200, 'PATCH') if $res->status != 200;
    $tasks{$id} = $res->json;
}

sub remove () {
    my $id = one(sort keys %tasks) // return;
    my $res = $user->delete("/v1/tasks/$id");

    status_is($res, 204, 'DELETE') if $res->status != 204;
    delete $tasks{$id};
}

insert() for 1 .. 120;

# many were updated at the same time

$skep->pg->execute(<<~'SQL');
    UPDATE task.tasks
    SET updated_at = created_at + (abs(hashtext(id::text)) % 5) * interval '1 h'
    WHERE abs(hashtext(id::text)) % 3 > 0;

    UPDATE task.tasks SET updated_at = date_trunc('hour', updated_at)
    WHERE updated_at > now();
    SQL

$tasks{$_} = $user->get("/v1/tasks/$_")->json for keys %tasks;


# The filters: what to ask for, and whether a task is to be in the answer.

my %filters = (
    status => sub () {
        my %want = map { $_ => 1 } one(@statuses), some(@statuses);
        return (join(',', sort keys %want), sub ($t) { $want{$t->{status}} });
    },
);

# no filter, one, or some
sub random_filter () {
    my (@query, @code);
    my @names = (one(sort keys %filters), some(sort keys %filters));
    my %names = map { $_ => 1 } rand() < 0.2 ? () : rand() < 0.7 ? $names[0]
                                                                 : @names;

    for my $name (sort keys %names) {
        my ($value, $code) = $filters{$name}->();

        push @query, ($name =~ s/:.*//r) . '=' . escape($value);
        push @code, $code;
    }

    return (join('', map { "&$_" } @query), sub ($t) {
        $_->($t) or return 0 for @code;
        return 1;
    });
}


# The sorts: a text by which tasks compare; undef is last.

my %keys = (
    created_at => sub ($t) { sortable($t->{created_at}) },
    updated_at => sub ($t) { sortable($t->{updated_at}) },
    due_at     => sub ($t) { sortable($t->{due_at}) },
    priority   => sub ($t) { $rank{$t->{priority}} },
);


# Whether a may stand before b.

sub in_order ($sign, $a, $b) {
    return !defined $b if !defined $a;
    return 1 if !defined $b;
    return $sign * ($a cmp $b) <= 0;
}


# Walks a list by its cursors, with changes in between; what was wrong.

my ($pages, $stayed) = (0, 0);

sub walk ($query, $limit, $matches, $key, $sign) {
    my $target = "/v1/tasks?limit=$limit$query";
    my (@wrong, %seen, $last);

    # what stands: the keys of the tasks that were in the list all the time
    my %stood = map { $_->{id} => $key->($_) // 'null' }
                grep { $matches->($_) } values %tasks;

    for my $n (1 .. 400) {
        my $res = $user->get($target . ($last ? "&cursor=$last->{cursor}" : ''));
        return "page $n: " . $res->status . ' ' . $res->body
            if $res->status != 200;

        my $page = $res->json;
        my @items = $page->{data}->@*;

        $pages++;
        push @wrong, 'a page of ' . @items if @items > $limit;

        for my $item (@items) {
            my $id = $item->{id};
            my $is = $key->($item);
            my $task = $tasks{$id};

            push @wrong, "$id is not to be seen" if !$task;
            push @wrong, "$id does not match" if $task && !$matches->($task);
            push @wrong, "$id is not what it is"
                if $task && Skep::Response::encode($task)
                            ne Skep::Response::encode($item);
            push @wrong, "$id comes twice"
                if exists $seen{$id} && $seen{$id} eq ($is // 'null');
            push @wrong, "$id is out of order"
                if $last && !in_order($sign, $last->{key}, $is);

            $seen{$id} = $is // 'null';
            $last = { key => $is };
        }

        $last->{cursor} = $page->{next_cursor} // last;
        push @wrong, 'a page of ' . @items . ' is not the last'
            if @items < $limit;

        next if $n > 12;            # so that it comes to an end

        for (1 .. rand 4) {
            one(\&insert, \&update, \&update, \&remove)->();
        }

        for my $id (keys %stood) {
            my $task = $tasks{$id};

            delete $stood{$id}
                if !$task || !$matches->($task)
                   || $stood{$id} ne ($key->($task) // 'null');
        }
    }

    $stayed += keys %stood;
    push @wrong, 'it does not end' if $last && defined $last->{cursor};
    push @wrong, map { "$_ is missing" } grep { !exists $seen{$_} }
                                         sort keys %stood;

    return @wrong;
}


for my $n (1 .. WALKS) {
    my ($query, $matches) = random_filter();
    my $sort = one(sort keys %keys);
    my $sign = one(1, -1);
    my $limit = one(1 .. 12, 50);

    insert() while keys %tasks < 100;

    $query .= "&sort=" . ($sign < 0 ? '-' : '') . $sort;

    my @wrong = walk($query, $limit, $matches, $keys{$sort}, $sign);

    ok(!@wrong, "walk $n: limit=$limit$query")
        or diag("SKEP_SEED=$seed\n",
                map { "$_\n" } @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);
}

cmp_ok($pages, '>', 3 * WALKS, "$pages pages");
cmp_ok($stayed, '>', 10 * WALKS, "$stayed times a task stood throughout");

finish();
