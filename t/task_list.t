#!/usr/bin/env perl

# GET /v1/tasks: order, pages, cursors, the status filter.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $stranger = $skep->user;


# Follows next_cursor, or Link, to the end; the items, and the pages' sizes.

sub walk ($query, $by = 'next_cursor') {
    my (@items, @sizes);
    my $target = "/v1/tasks?$query";

    for (1 .. 100) {
        my $res = $user->get($target);
        status_is($res, 200, "GET $target") if $res->status != 200;

        my $page = $res->json;
        push @items, $page->{data}->@*;
        push @sizes, scalar $page->{data}->@*;

        my ($next) = ($res->header('Link') // '')
                     =~ /\A<([^>]+)>; rel="next"\z/;

        if (defined $page->{next_cursor} != defined $next) {
            fail("Link and next_cursor disagree: $target");
        }

        return (\@items, \@sizes) if !defined $page->{next_cursor};

        $target = $by eq 'Link' ? $next
                  : "/v1/tasks?$query" . ($query ? '&' : '')
                    . 'cursor=' . escape($page->{next_cursor});
    }

    fail("the walk of $query does not end");
    return (\@items, \@sizes);
}


# nothing yet

my $res = $user->get('/v1/tasks');

same_json($res, 200, { data => [], next_cursor => undef }, 'no tasks');
is($res->header('Link'), undef, 'no Link');


# 45 tasks: due dates that repeat, and some without

my @priorities = qw(none low medium high urgent);
my @statuses = qw(todo in_progress done cancelled);
my @tasks;

for my $i (0 .. 44) {
    push @tasks, $user->task(
        title    => "Task $i",
        status   => $statuses[$i % 4],
        priority => $priorities[$i * 7 % 5],
        due_at   => $i % 3 == 0 ? undef
                    : sprintf('2030-01-%02dT00:00:00Z', 1 + $i * 11 % 9),
    );
}

$stranger->task(title => 'Not yours');

# so that the order of updated_at is not that of created_at
for my $i (map { $_ * 17 % 45 } 0 .. 44) {
    $tasks[$i] = $user->patch("/v1/tasks/$tasks[$i]{id}",
                              { description => "changed $i" })->json;
}

$user->delete('/v1/tasks/' . $user->task(title => 'Deleted')->{id});


# the default: 20, the newest first

$res = $user->get('/v1/tasks');

is_deeply([map { $_->{id} } $res->json->{data}->@*],
          [map { $_->{id} } reverse @tasks[25 .. 44]],
          'by default, 20, the newest first');
is_deeply($res->json->{data}[0], $tasks[44], 'an item is a whole task');
like($res->header('Link'),
     qr{\A<[^>]*/v1/tasks\?cursor=[A-Za-z0-9_-]+>; rel="next"\z}, 'Link');
like($res->json->{next_cursor}, qr/\A[A-Za-z0-9_-]+\z/,
     'the cursor needs no escaping');
is($res->header('ETag'), undef, 'a list has no ETag of a version');
is($res->header('Cache-Control'), 'private, no-cache', 'Cache-Control');


# every sort, in pages of 7, forwards and backwards

my %key = (
    created_at => sub ($t) { sortable($t->{created_at}) },
    updated_at => sub ($t) { sortable($t->{updated_at}) },
    due_at     => sub ($t) { sortable($t->{due_at}) },
    priority   => sub ($t) { my %n = map { $priorities[$_] => $_ } 0 .. 4;
                             $n{$t->{priority}} },
);

for my $sort (map { ($_, "-$_") } sort keys %key) {
    my $code = $key{$sort =~ s/^-//r};
    my $sign = $sort =~ /^-/ ? -1 : 1;
    my $whole = $user->get("/v1/tasks?limit=100&sort=$sort")->json;
    my @whole = map { $_->{id} } $whole->{data}->@*;

    is($whole->{next_cursor}, undef, "$sort: one page holds all");
    is_deeply([sort @whole], [sort map { $_->{id} } @tasks],
              "$sort: every task once");

    my ($wrong, $last) = (0);

    for my $task ($whole->{data}->@*) {
        my $key = $code->($task);

        if ($last && !defined $last->[0]) {
            $wrong++ if defined $key;           # null is last, both ways

        } elsif ($last && defined $key) {
            $wrong++ if $sign * ($key cmp $last->[0]) < 0;
        }

        $last = [$key];
    }

    is($wrong, 0, "$sort: in that order, null last");

    my ($items, $sizes) = walk("limit=7&sort=$sort");

    is_deeply([map { $_->{id} } @$items], \@whole, "$sort: pages of 7");
    is_deeply($sizes, [7, 7, 7, 7, 7, 7, 3], "$sort: seven pages");
}


# Link keeps the query

my ($items) = walk('limit=9&sort=due_at&status=todo,done', 'Link');
my $whole = $user->get('/v1/tasks?limit=100&sort=due_at&status=todo,done');

is_deeply($items, $whole->json->{data}, 'Link keeps limit, sort and status');


# the number of items is a multiple of the limit: no empty page at the end

my (undef, $sizes) = walk('limit=15');
is_deeply($sizes, [15, 15, 15], 'no empty page at the end');
(undef, $sizes) = walk('limit=45');
is_deeply($sizes, [45], 'the limit itself');
(undef, $sizes) = walk('limit=44');
is_deeply($sizes, [44, 1], 'one more');
(undef, $sizes) = walk('limit=1');
is(scalar @$sizes, 45, 'one by one');


# the status filter

for my $status (@statuses, 'todo,done', 'done,todo', 'in_progress,cancelled') {
    my %in = map { $_ => 1 } split /,/, $status;
    my $got = $user->get("/v1/tasks?limit=100&status=$status")->json->{data};

    is_deeply([map { $_->{id} } @$got],
              [map { $_->{id} } reverse grep { $in{$_->{status}} } @tasks],
              "status=$status");
}

($items) = walk('limit=4&status=todo');
is(scalar @$items, 12, 'a filter with pages');
status_is($user->get('/v1/tasks?status=todo%2Cdone'), 200,
          'a comma may be escaped');


# a page does not move when tasks come and go meanwhile

my $first = $user->get('/v1/tasks?limit=10')->json;
my $new = $user->task(title => 'Newer than all');

$user->delete("/v1/tasks/$first->{data}[9]{id}");      # the cursor's own row

my $second = $user->get('/v1/tasks?limit=10&cursor='
                        . escape($first->{next_cursor}))->json;

is_deeply([map { $_->{id} } $second->{data}->@*],
          [map { $_->{id} } reverse @tasks[25 .. 34]],
          'the second page follows the first, whatever happened to it');


# projects shared with the caller are in it, others are not

my $project = $stranger->project;
my $shared = $stranger->task(title => 'Shared', project_id => $project->{id});

$stranger->share($project, $user, 'viewer');

is($user->get('/v1/tasks?limit=1')->json->{data}[0]{id}, $shared->{id},
   'a shared project counts');
($items) = walk('limit=7&sort=priority');
is(scalar @$items, 46, 'in every page once');


# who is in many projects is known as such after a list, and then gets what a
# worker that does not know it would give

my $busy = $skep->user;
my @projects = map { $busy->project(name => "Project $_")->{id} } 1 .. 23;
my @many = map { $busy->task(title => "Task $_",
                             project_id => $projects[$_ % 5 ? $_ % 23 : 7])->{id} }
           1 .. 60;

for my $time ('the first time', 'the second', 'the third') {
    my $page = $busy->get('/v1/tasks?limit=20')->json;
    my $next = $busy->get('/v1/tasks?limit=20&cursor='
                          . escape($page->{next_cursor}))->json;

    is_deeply([map { $_->{id} } $page->{data}->@*, $next->{data}->@*],
              [reverse @many[20 .. 59]], "of many projects, $time");
}

finish();
