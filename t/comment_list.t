#!/usr/bin/env perl

# The comments of a task: order, pages, cursors.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $task = $user->task(title => 'Discussed');
my $list = "/v1/tasks/$task->{id}/comments";
my $other = $user->task(title => 'Another');

same_json($user->get($list), 200, { data => [], next_cursor => undef },
          'no comment yet');

my @comments = map { comment("Comment $_") } 1 .. 25;

comment("Of another $_", $other) for 1 .. 3;


sub comment ($body, $on = $task) {
    return $user->post("/v1/tasks/$on->{id}/comments",
                       { body => $body })->json;
}

sub ids (@rows) { return [map { $_->{id} } @rows] }

# All rows by cursor; between pages does what it is told.

sub walk ($query, $between = sub { }) {
    my (@rows, $cursor);

    for my $page (1 .. 50) {
        my $res = $user->get("$list?$query"
                             . ($cursor ? "&cursor=$cursor" : ''));

        return fail("page $page: " . $res->status) if $res->status != 200;
        push @rows, $res->json->{data}->@*;
        $cursor = $res->json->{next_cursor};

        is($res->header('Link') // '',
           $cursor ? "<$list?$query&cursor=$cursor>; rel=\"next\"" : '',
           "$query, page $page: Link");
        return @rows if !$cursor;
        $between->($page);
    }

    fail('it does not end');
}


# order

my $res = $user->get($list);

is_deeply($res->json->{data}, [@comments[0 .. 19]],
          'the first 20, the oldest first');
ok($res->json->{next_cursor}, 'and there are more');
is_deeply([walk('limit=7')], \@comments, 'all, by pages');
is_deeply([walk('sort=created_at&limit=100')], \@comments, 'on one page');
is_deeply([walk('sort=-created_at&limit=7')], [reverse @comments],
          'the latest first');
is_deeply([walk('limit=25')], \@comments, 'a page that just holds them');


# pages stay in place

my @late;
my @rows = walk('limit=5', sub ($page) {
    push @late, comment("Late $page") if $page <= 3;
    $user->delete("/v1/comments/$comments[$page - 1]{id}");     # behind
    $user->delete("/v1/comments/$comments[24 - $page]{id}");    # ahead
});
my %row;

$row{$_->{id}}++ for @rows;
is(scalar(grep { $_ > 1 } values %row), 0, 'nothing comes twice');
is_deeply(ids(@rows), [sort keys %row], 'all in order');
is(scalar(grep { !$row{$_->{id}} } @comments[0 .. 18], $comments[24], @late),
   0, 'what stood, and what was added to the end, is there');


# what is refused

sub refused ($query, @fault) {
    problem($user->get("$list?$query"), 400, 'invalid_parameter', [@fault],
            $query);
}

refused('limit=0', 'limit', 'out_of_range');
refused('limit=101', 'limit', 'out_of_range');
refused('sort=updated_at', 'sort', 'invalid_value');
refused('status=todo', 'status', 'unknown_parameter');

my $cursor = $user->get("$list?limit=2")->json->{next_cursor};

refused("sort=-created_at&cursor=$cursor", 'cursor', 'invalid_value');
problem($user->get("/v1/tasks?sort=created_at&cursor=$cursor"), 400,
        'invalid_parameter', ['cursor', 'invalid_value'],
        'a cursor of comments for a list of tasks');

my $tasks = $user->get('/v1/tasks?sort=created_at&limit=1')->json->{next_cursor};

refused("cursor=$tasks", 'cursor', 'invalid_value');

problem($user->get('/v1/tasks/' . nobody . '/comments'), 404, 'not_found',
        'of a task that is not there');
problem($user->get('/v1/tasks/' . nobody . '/comments?limit=0'), 400,
        'invalid_parameter', ['limit', 'out_of_range'],
        'the query is looked at first');
status_is($user->head($list), 200, 'HEAD');

finish();
