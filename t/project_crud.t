#!/usr/bin/env perl

# A project's life: POST, GET, HEAD, PUT, PATCH; conditions; what is refused.

use v5.36;
use utf8;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $time = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\z/;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);


# the smallest project: every field has its default

my $res = $user->post('/v1/projects', { name => 'Garden' });

status_is($res, 201);

my $project = $res->json;
my $path = "/v1/projects/$project->{id}";

is($res->header('Location'), $path, 'Location');
is($res->header('ETag'), '"1"', 'ETag');
like($project->{id}, qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/,
     'the id is a UUIDv7');
like($project->{created_at}, $time, 'created_at');

is_deeply($project, {
    id          => $project->{id},
    name        => 'Garden',
    description => '',
    archived    => $false,
    owner_id    => $user->id,
    role        => 'owner',
    created_at  => $project->{created_at},
    updated_at  => $project->{created_at},
    version     => 1,
}, 'a new project has these members and no other');

same_json($user->get($path), 200, $project, 'GET is the same');
is($user->get($path)->header('ETag'), '"1"', 'GET has the ETag');
is($user->head($path)->header('ETag'), '"1"', 'HEAD, too');
is($user->head($path)->header('Content-Length'),
   length $user->get($path)->body, 'HEAD has the length of GET');

my $members = $user->get("$path/members")->json->{data};

like($members->[0]{added_at}, $time, 'when its maker became a member');
is_deeply($members, [{ user_id => $user->id, email => $user->email,
                       name => 'User 1', role => 'owner',
                       added_at => $members->[0]{added_at} }],
          'its only one');


# all fields, at their bounds

my %full = (name => 'ü' x 200, description => '𝄞' x 4000, archived => $true);

$res = $user->post('/v1/projects', \%full);
status_is($res, 201, 'every field');
is_deeply({ map { $_ => $res->json->{$_} } keys %full }, \%full,
          'as they were given');

status_is($user->post('/v1/projects', { name => 'x', archived => $false,
                                        description => '' }), 201,
          'the other bounds');


# a task in it

my $task = $user->task(project_id => $project->{id});
is($task->{project_id}, $project->{id}, 'holds tasks');


# PATCH

$res = $user->patch($path, { description => 'Beds and bees' });
status_is($res, 200, 'PATCH');
is($res->header('ETag'), '"2"', 'a new version');
is_deeply({ $res->json->%*, updated_at => undef },
          { %$project, description => 'Beds and bees', version => 2,
            updated_at => undef }, 'only that changed');
ok(sortable($res->json->{updated_at}) gt sortable($project->{updated_at}),
   'updated_at');

$project = $res->json;
same_json($user->patch($path, {}), 200, $project, 'an empty PATCH');
same_json($user->patch($path, { name => 'Garden', archived => $false }), 200,
          $project, 'a PATCH to what it is makes no new version');
same_json($user->put($path, { name => 'Garden',
                              description => 'Beds and bees' }), 200, $project,
          'a PUT of what it is neither');
same_json($user->get($path), 200, $project, 'it is as it was');

$res = $user->patch($path, { archived => $true },
                    type => 'application/merge-patch+json');
is($res->json->{archived}, $true, 'archived');
status_is($user->task(project_id => $project->{id}) && $res, 200,
          'an archived project takes tasks');


# PUT replaces whole

$res = $user->put($path, { name => 'Yard' });
status_is($res, 200, 'PUT');
is_deeply([@{$res->json}{qw(name description archived version)}],
          ['Yard', '', $false, 4], 'what is left out takes its default');


# the Inbox is a project as any other, but for what is said elsewhere

my $inbox = $user->inbox;

is($user->get("/v1/projects/$inbox")->json->{name}, 'Inbox', 'the Inbox');
is($user->patch("/v1/projects/$inbox", { name => 'In' })->json->{name}, 'In',
   'has another name');


# conditions

$path = '/v1/projects/' . $user->project->{id};

for my $method ('GET', 'HEAD') {
    status_is($user->request($method, $path,
                             headers => ['If-None-Match', '"0", W/"1"']), 304,
              "$method If-None-Match");
}
status_is($user->get($path, headers => ['If-None-Match', '"2"']), 200,
          'a stale If-None-Match');

problem($user->patch($path, { name => 'x' }, headers => ['If-Match', '"2"']),
        412, 'version_mismatch', 'PATCH: a stale If-Match');
problem($user->put($path, { name => 'x' }, headers => ['If-Match', '"x"']),
        412, 'version_mismatch', 'PUT: a stale If-Match');
problem($user->delete($path, headers => ['If-Match', '"2"']), 412,
        'version_mismatch', 'DELETE: a stale If-Match');
is($user->get($path)->json->{version}, 1, 'which changes nothing');
status_is($user->patch($path, { name => 'x' }, headers => ['If-Match', '"1"']),
          200, 'PATCH If-Match');
status_is($user->put($path, { name => 'y' }, headers => ['If-Match', '"2"']),
          200, 'PUT If-Match');
status_is($user->delete($path, headers => ['If-Match', '"3"']), 204,
          'DELETE If-Match');
problem($user->patch($path, { name => 'x' }, headers => ['If-Match', '*']),
        404, 'not_found', 'and then there is nothing to match');


# what is refused

$path = '/v1/projects/' . $user->project->{id};

sub invalid ($body, @faults) {
    my $text = join ', ', map { "@$_" } @faults;

    problem($user->post('/v1/projects', $body), 422, 'validation_failed',
            @faults, "POST: $text");
    problem($user->put($path, $body), 422, 'validation_failed', @faults,
            "PUT: $text");

    my @partial = grep { $_->[1] ne 'required' } @faults;

    problem($user->patch($path, $body), 422, 'validation_failed', @partial,
            "PATCH: $text") if @partial;
}

invalid({}, ['/name', 'required']);
invalid({ name => '' }, ['/name', 'too_short']);
invalid({ name => 'x' x 201 }, ['/name', 'too_long']);
invalid({ name => undef }, ['/name', 'not_nullable']);
invalid({ name => 7 }, ['/name', 'invalid_type']);
invalid({ name => 'x', description => 'x' x 4001 },
        ['/description', 'too_long']);
invalid({ name => 'x', description => undef },
        ['/description', 'not_nullable']);
invalid({ name => 'x', archived => 'yes' }, ['/archived', 'invalid_type']);
invalid({ name => 'x', archived => undef }, ['/archived', 'not_nullable']);
invalid({ name => 'x', colour => 'red' }, ['/colour', 'unknown_field']);
invalid({ name => 'x', inbox => $true }, ['/inbox', 'unknown_field']);
invalid({ name => 'x', map { $_ => $project->{$_} } qw(id owner_id role
          created_at updated_at version) },
        map { ["/$_", 'read_only'] } qw(id owner_id role created_at updated_at
                                        version));

problem($user->request('POST', '/v1/projects', body => '{"name":"x"'), 415,
        'unsupported_media_type', 'no media type');
problem($user->post("/v1/projects?x=1", { name => 'x' }), 400,
        'invalid_parameter', ['x', 'unknown_parameter'], 'a parameter');

for my $id (nobody, 'x', '1', uc $project->{id} . '0') {
    for my $method (qw(GET PUT PATCH DELETE)) {
        my $json = $method =~ /P/ ? { name => 'x' } : undef;

        problem($user->request($method, "/v1/projects/$id",
                               $json ? (json => $json) : ()),
                404, 'not_found', "$method of $id");
    }
}

$res = $user->post($path, { name => 'x' });
problem($res, 405, 'method_not_allowed', 'POST to a project');
is(join(',', sort split /, */, $res->header('Allow')),
   'DELETE,GET,HEAD,OPTIONS,PATCH,PUT', 'Allow');


# task_require_if_match

$skep->reconfigure(location => 'task_require_if_match on;');
$skep->reload;

problem($user->patch($path, { name => 'x' }), 428, 'precondition_required',
        'PATCH without If-Match');
problem($user->put($path, { name => 'x' }), 428, 'precondition_required',
        'PUT without If-Match');
problem($user->delete($path), 428, 'precondition_required',
        'DELETE without If-Match');
status_is($user->post('/v1/projects', { name => 'x' }), 201,
          'POST needs none');
status_is($user->delete($path, headers => ['If-Match', '"1"']), 204,
          'DELETE with If-Match');

finish();
