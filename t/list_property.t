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
my @between = map { "2030-01-0${_}T12:00:00Z" } 1 .. 4;

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
        title       => join(' ', one(@words), some(@words)),
        description => join(' ', rand() < 0.5 ? some(@words) : ()),
        status      => one(@statuses),
        priority    => one(@priorities),
        labels      => [some(@labels)],
        due_at      => one(@due),
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
                        some(qw(title description status priority labels due_at));

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
    UPDATE task.tasks t
    SET updated_at = date_trunc('hour', t.created_at) - n % 5 * interval '1 h'
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM task.tasks) x
    WHERE x.id = t.id AND n % 3 > 0
    SQL

$tasks{$_} = $user->get("/v1/tasks/$_")->json for keys %tasks;


# The filters: what to ask for, and whether a task is to be in the answer.

sub of_list ($field, @of) {
    my %want = map { $_ => 1 } one(@of), some(@of);

    return (join(',', sort keys %want), sub ($t) { $want{$t->{$field}} });
}

my %filters = (
    status   => sub () { of_list('status', @statuses) },
    priority => sub () { of_list('priority', @priorities) },
    project  => sub () {
        my $project = one(@projects);
        return ($project, sub ($t) { $t->{project_id} eq $project });
    },
    label => sub () {
        my $label = one(@labels);
        return ($label, sub ($t) { grep { $_ eq $label } $t->{labels}->@* });
    },
    assignee => sub () {
        my $who = one('me', 'none', $users[1]->id);
        my $id = $who eq 'me' ? $user->id : $who;
        return ($who, sub ($t) { ($t->{assignee_id} // 'none') eq $id });
    },
    due => sub () { ('none', sub ($t) { !defined $t->{due_at} }) },
    due_before => sub () {
        my $time = one(@between);
        return ($time, sub ($t) { ($t->{due_at} // 'never') lt $time });
    },
    due_after => sub () {
        my $time = one(@between);
        return ($time, sub ($t) { ($t->{due_at} // '') gt $time });
    },
    q => sub () {
        my @query = (one(@words), rand() < 0.3 ? one(@words) : ());
        $query[-1] = substr $query[-1], 0, 1 + int rand 4;

        my @found = map { qr/\b$_\b/ } @query;
        $found[-1] = qr/\b$query[-1]/;

        return (join(' ', @query), sub ($t) {
            my $text = "$t->{title} $t->{description}";
            return !grep { $text !~ $_ } @found;
        });
    },
);

# none, one or some of them: the list to ask for, and the code
sub random_list () {
    my @names = sort keys %filters;
    my %chosen = map { splice(@names, rand @names, 1) => 1 }
                 1 .. one(0, 1, 1, 1, 2, 3);

    delete @chosen{'due_before', 'due_after'} if $chosen{due};

    my (@query, @code);
    my $path = '/v1/tasks';

    for my $name (sort keys %chosen) {
        my ($value, $code) = $filters{$name}->();

        push @code, $code;

        if ($name eq 'project' && rand() < 0.5) {
            $path = "/v1/projects/$value/tasks";
        } else {
            push @query, "$name=" . escape($value);
        }
    }

    return ($path, \@query, sub ($t) {
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


# Whether a may stand before b; a sign of 0 says that any may.

sub in_order ($sign, $a, $b) {
    return !$sign || !defined $b if !defined $a;
    return 1 if !defined $b;
    return $sign * ($a cmp $b) <= 0;
}


# Walks a list by its cursors, with changes in between; what was wrong.

my ($pages, $stayed) = (0, 0);

sub walk ($target, $limit, $matches, $key, $sign) {
    my (@wrong, %seen, $last);
    my $next = '';

    # what stands: the keys of the tasks that were in the list all the time
    my %stood = map { $_->{id} => $key->($_) // 'null' }
                grep { $matches->($_) } values %tasks;

    for my $n (1 .. 400) {
        my $res = $user->get($target . $next);
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

        my $cursor = $page->{next_cursor};

        $next = defined $cursor ? "&cursor=$cursor" : undef;
        last if !defined $next;

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
    push @wrong, 'it does not end' if defined $next;
    push @wrong, map { "$_ is missing" } grep { !exists $seen{$_} }
                                         sort keys %stood;

    return @wrong;
}


for my $n (1 .. WALKS) {
    my ($path, $query, $matches) = random_list();
    my $limit = one(1 .. 12, 50);
    my ($key, $sign);

    # a search without a sort comes by rank, which follows from the text

    if ("@$query" =~ /\bq=/ && rand() < 0.5) {
        ($key, $sign) = (sub ($t) { "$t->{title}\n$t->{description}" }, 0);

    } else {
        my $sort = one(sort keys %keys);

        ($key, $sign) = ($keys{$sort}, one(1, -1));
        push @$query, 'sort=' . ($sign < 0 ? '-' : '') . $sort;
    }

    my $target = join '&', "$path?limit=$limit", @$query;

    insert() while keys %tasks < 100;

    my @wrong = walk($target, $limit, $matches, $key, $sign);

    ok(!@wrong, "walk $n: $target")
        or diag("SKEP_SEED=$seed\n",
                map { "$_\n" } @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);
}

cmp_ok($pages, '>', 3 * WALKS, "$pages pages");
cmp_ok($stayed, '>', 10 * WALKS, "$stayed times a task stood throughout");

finish();
