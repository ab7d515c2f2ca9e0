#!/usr/bin/env perl

# GET /v1/projects/{id}/members: order and pages, while members come and go.

use v5.36;

use Skep::Test;

my $skep = skep();
my $owner = $skep->user(name => 'Owner');
my $project = $owner->project;
my $path = "/v1/projects/$project->{id}/members";
my @users = map { $skep->user } 1 .. 30;
my @members = $owner->get($path)->json->{data}->@*;

# not in the order of their ids
push @members, $owner->share($project, $_, 'viewer')
    for @users[map { $_ * 7 % 24 } 0 .. 23];


sub walk ($limit, $between = sub { }) {
    my (@items, @sizes);
    my $target = "$path?limit=$limit";

    for (1 .. 100) {
        my $res = $users[0]->get($target);
        status_is($res, 200, "GET $target") if $res->status != 200;

        my $page = $res->json;
        push @items, $page->{data}->@*;
        push @sizes, scalar $page->{data}->@*;
        return (\@items, \@sizes) if !defined $page->{next_cursor};

        $between->(scalar @sizes);
        ($target) = $res->header('Link') =~ /\A<([^>]+)>; rel="next"\z/;
    }

    fail('the walk does not end');
}

for my $limit (100, 25, 24, 7, 1) {
    my ($items, $sizes) = walk($limit);

    is_deeply($items, \@members, "in the order in which they came: $limit");
    is(scalar @$sizes, int((@members + $limit - 1) / $limit),
       'no empty page at the end');
}

is($owner->get($path)->json->{data}->@*, 20, 'by default 20');
problem($owner->get("$path?limit=0&sort=name&cursor=x"), 400,
        'invalid_parameter', ['limit', 'out_of_range'],
        ['sort', 'unknown_parameter'], 'what is refused');
problem($owner->get("$path?cursor=x"), 400, 'invalid_parameter',
        ['cursor', 'invalid_value'], 'a cursor that is none');

my $cursor = $owner->get("$path?limit=3")->json->{next_cursor};

problem($owner->get("/v1/projects?cursor=$cursor"), 400, 'invalid_parameter',
        ['cursor', 'invalid_value'], 'a cursor of another list');
problem($users[29]->get("$path?cursor=$cursor"), 404, 'not_found',
        'a stranger finds nothing, with a cursor neither');


# a walk while members come and go

my @more = @users[24 .. 29];
my %stood = map { $_->{user_id} => 1 } @members;

my ($seen) = walk(4, sub ($page) {
    $owner->share($project, shift @more, 'editor') if $page % 2 && @more;

    my $gone = $members[$page * 5 % @members];

    return if $gone->{role} eq 'owner' || $gone->{user_id} eq $users[0]->id
              || !delete $stood{$gone->{user_id}};
    status_is($owner->delete("$path/$gone->{user_id}"), 204, 'removed');
});
my %n;

$n{$_->{user_id}}++ for @$seen;

is_deeply([grep { $n{$_} > 1 } keys %n], [], 'nobody twice');
is_deeply([grep { !$n{$_} } keys %stood], [], 'nobody is missing');
is_deeply([map { $_->{user_id} } @$seen],
          [map { $_->{user_id} }
           sort { sortable($a->{added_at}) cmp sortable($b->{added_at}) }
           @$seen], 'in their order');


# a page after the last: all who came after have left

my $last = $owner->project(members => [[$users[0], 'viewer'],
                                       [$users[1], 'viewer']]);

$path = "/v1/projects/$last->{id}/members";
$cursor = $owner->get("$path?limit=2")->json->{next_cursor};
$owner->delete("$path/" . $users[1]->id);
same_json($owner->get("$path?cursor=$cursor"), 200,
          { data => [], next_cursor => undef }, 'an empty page is no 404');


# names are those of now; who deleted their account is a member no more

$path = "/v1/projects/$project->{id}/members";

my ($renamed, $gone) = @users[0, 24];

$renamed->patch('/v1/me', { name => 'New' });
status_is($gone->delete('/v1/me', json => { password => 'correct horse' }), 204,
          'an account is deleted');

my %name = map { $_->{user_id} => $_->{name} }
           $owner->get("$path?limit=100")->json->{data}->@*;

is($name{$renamed->id}, 'New', 'a new name');
ok(!exists $name{$gone->id}, 'who is gone is not in the list');

finish();
