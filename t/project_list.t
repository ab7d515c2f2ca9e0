#!/usr/bin/env perl

# GET /v1/projects: order, pages, the filter, and walks while others write.

use v5.36;
use utf8;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my ($user, $other) = map { $skep->user } 1 .. 2;


# A walk by cursor: the items, and the pages' sizes.  $between is called after
# each page but the last.

sub walk ($query, $between = sub { }) {
    my (@items, @sizes);
    my $target = "/v1/projects?$query";

    for (1 .. 200) {
        my $res = $user->get($target);
        status_is($res, 200, "GET $target") if $res->status != 200;

        my $page = $res->json;
        push @items, $page->{data}->@*;
        push @sizes, scalar $page->{data}->@*;

        my ($link) = ($res->header('Link') // '')
                     =~ /\A<([^>]+)>; rel="next"\z/;

        fail("Link and next_cursor disagree: $target")
            if defined $page->{next_cursor} != defined $link;

        return (\@items, \@sizes) if !defined $page->{next_cursor};

        $between->();
        $target = $link;
    }

    fail("the walk of $query does not end");
}

sub ids ($items) { return [map { $_->{id} } @$items] }


# at first there is the Inbox

my $inbox = $user->get('/v1/projects');

is_deeply([map { $_->{name} } $inbox->json->{data}->@*], ['Inbox'],
          'the Inbox');
is($inbox->json->{next_cursor}, undef, 'and no next page');


# 30 projects: names that repeat, of all lengths, and of every role

my @projects = $inbox->json->{data}->@*;

for my $i (0 .. 29) {
    my $maker = $i % 3 ? $user : $other;
    my $name = ('Garden', 'garden', 'Ötzi', '𝄞' x 200, 'ü' x ($i * 6 + 1),
                "Nr $i")[$i % 6];
    my $project = $maker->project(name => $name,
                                  archived => $i % 4 ? \0 : \1);

    if ($i % 3 == 0) {
        $other->share($project, $user, ('owner', 'editor', 'viewer')[$i / 3 % 3]);
        $project = $user->get("/v1/projects/$project->{id}")->json;
    }

    push @projects, $project;
}

$other->project(name => 'Not yours');

# so that the order of updated_at is not that of created_at
for my $i (grep { $projects[$_]{role} ne 'viewer' } map { $_ * 17 % 31 } 0 .. 30)
{
    $projects[$i] = $user->patch("/v1/projects/$projects[$i]{id}",
                                 { description => "changed $i" })->json;
}

my @gone = map { $user->project(name => 'Gone') } 1 .. 2;
status_is($user->delete("/v1/projects/$_->{id}"), 204, 'deleted') for @gone;


# an item is the project as GET has it, with the caller's role

my ($items) = walk('limit=100');

is_deeply({ map { $_->{id} => $_ } @$items },
          { map { $_->{id} => $_ } @projects }, 'each project as it is');
is(scalar(grep { $_->{role} eq 'viewer' } @$items), 3, 'a viewer in some');
is_deeply(ids($user->get('/v1/projects')->json->{data}),
          [ids($items)->@[0 .. 19]], 'by default 20');
is_deeply(ids($items),
          ids([sort { sortable($b->{created_at}) cmp sortable($a->{created_at})
                      || $b->{id} cmp $a->{id} } @projects]),
          'the newest first');


# every order, whole and in pages.  What names are sorted by is for PostgreSQL
# to say.

my %at = map { $_->[0] => $_->[1] } $skep->pg->query(<<~'SQL')->@*;
    SELECT id, rank() OVER (ORDER BY name) FROM task.projects
    SQL
my %key = (
    created_at => sub ($p) { sortable($p->{created_at}) },
    updated_at => sub ($p) { sortable($p->{updated_at}) },
    name       => sub ($p) { sprintf '%05d', $at{$p->{id}} },
);

for my $sort (map { ($_, "-$_") } sort keys %key) {
    my $code = $key{$sort =~ s/^-//r};
    my @want = sort { $code->($a) cmp $code->($b) || $a->{id} cmp $b->{id} }
               @projects;
    @want = reverse @want if $sort =~ /^-/;

    my ($whole) = walk("limit=100&sort=$sort");
    my ($pages, $sizes) = walk("limit=7&sort=$sort");
    my ($single) = walk("sort=$sort&limit=1");

    is_deeply(ids($whole), ids(\@want), "$sort: in that order");
    is_deeply($pages, $whole, "$sort: in pages of 7");
    is_deeply($sizes, [7, 7, 7, 7, 3], "$sort: five pages");
    is_deeply($single, $whole, "$sort: one by one");
}

is_deeply([(walk('limit=31'))[1]->@*], [31], 'no empty page at the end');


# the filter

for my $archived ('true', 'false') {
    my ($some) = walk("limit=100&archived=$archived");
    my ($pages) = walk("limit=3&archived=$archived");

    is_deeply([sort { $a cmp $b } ids($some)->@*],
              [sort map { $_->{id} }
               grep { ($_->{archived} ? 'true' : 'false') eq $archived }
               @projects], "archived=$archived");
    is_deeply($pages, $some, 'in pages');
}


# what is refused

my $next = $user->get('/v1/projects?limit=3&sort=name')->json->{next_cursor};
my $long = $user->get('/v1/projects?limit=1&sort=-name')->json->{next_cursor};

cmp_ok(length $long, '>', 1000, 'a cursor at a long name');

for my $query ("sort=-name&cursor=$next", "cursor=$next",
               'sort=name&cursor=' . substr($next, 1), 'cursor=' . 'A' x 1100)
{
    problem($user->get("/v1/projects?$query"), 400, 'invalid_parameter',
            ['cursor', 'invalid_value'], 'a cursor of something else');
}

problem($user->get("/v1/tasks?cursor=$next"), 400, 'invalid_parameter',
        ['cursor', 'invalid_value'], 'a cursor of another list');
problem($user->get('/v1/projects?limit=0&sort=role&archived=1&name=x'), 400,
        'invalid_parameter', ['limit', 'out_of_range'],
        ['sort', 'invalid_value'], ['archived', 'invalid_type'],
        ['name', 'unknown_parameter'], 'all faults at once');


# walks while projects come and go: each that stood throughout comes once, in
# order; none comes twice

srand 20261121;

for my $sort (map { ($_, "-$_") } qw(created_at name)) {
    my %stood = map { $_->{id} => 1 } (walk('limit=100'))[0]->@*;
    my @new;

    my ($seen) = walk("limit=4&sort=$sort", sub {
        push @new, $user->project(name => join '', map { chr 97 + int rand 26 }
                                                   1 .. 3) for 1 .. 2;

        if (@new > 3) {
            my ($lost) = splice @new, int rand @new, 1;
            $user->delete("/v1/projects/$lost->{id}");
        }

        my @old = grep { $stood{$_} } ids(\@projects)->@*;
        my $lost = $old[int rand @old];
        my ($project) = grep { $_->{id} eq $lost } @projects;

        if ($project->{owner_id} eq $user->id && $project->{name} ne 'Inbox') {
            status_is($user->delete("/v1/projects/$lost"), 204, 'deleted');
            delete $stood{$lost};
            @projects = grep { $_->{id} ne $lost } @projects;
        }
    });

    my %n;
    $n{$_}++ for ids($seen)->@*;

    is_deeply([grep { $n{$_} > 1 } keys %n], [], "$sort: nothing twice");
    is_deeply([grep { !$n{$_} } keys %stood], [], "$sort: nothing is missing");

    $user->delete("/v1/projects/$_->{id}") for @new;
}

finish();
