#!/usr/bin/env perl

# ETag, If-None-Match, If-Match (RFC 9110, 13) and task_require_if_match.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $task = $user->task(title => 'One');
my $path = "/v1/tasks/$task->{id}";

$task = $user->patch($path, { title => 'Two' })->json;
is($user->get($path)->header('ETag'), '"2"', 'the ETag is the version');


# If-None-Match: weak comparison, lists, *

sub fresh ($value, $name = $value) {
    for my $method ('GET', 'HEAD') {
        my $res = $user->request($method, $path,
                                 headers => ['If-None-Match', $value]);

        status_is($res, 304, "If-None-Match: $name: $method");
        is($res->body, '', 'no body');
        is($res->header('ETag'), '"2"', 'but the ETag');
        is($res->header('Cache-Control'), 'private, no-cache',
           'and Cache-Control');
    }
}

sub stale ($value) {
    status_is($user->get($path, headers => ['If-None-Match', $value]), 200,
              "If-None-Match: $value");
}

fresh('"2"');
fresh('W/"2"');
fresh('"1", "2"');
fresh('"1","2","3"');
fresh(' "x" ,  W/"2"', 'a list with spaces');
fresh('"a,b", "2"');
fresh('*');
stale('"1"');
stale('2');
stale('"22"');
stale('"2 "');
stale('""');
stale('"1", "3"');
stale('"x2"');
stale('"a\\"2"');
stale('"2"x');
stale('"2", x');

status_is($user->get($path, headers => ['If-Modified-Since',
                                        'Thu, 31 Dec 2037 00:00:00 GMT']),
          200, 'If-Modified-Since is about nothing here');
status_is($user->get($path, headers => ['If-None-Match', '"1"',
                                        'If-Modified-Since',
                                        'Thu, 31 Dec 2037 00:00:00 GMT']),
          200, 'nor beside If-None-Match');


# If-Match

sub held ($method, $value, $status) {
    my %json = $method eq 'DELETE' ? () : (json => { title => "By $value" });
    my $target = $path;

    # something else to delete
    if ($method eq 'DELETE') {
        my $new = $user->task(title => 'x');
        $target = "/v1/tasks/$new->{id}";
        $user->patch($target, { title => 'y' });
        $value =~ s/VERSION/2/;

    } else {
        my $version = $user->get($path)->json->{version};
        $value =~ s/VERSION/$version/;
    }

    my $res = $user->request($method, $target, %json,
                             headers => ['If-Match', $value]);

    if ($status == 412) {
        problem($res, 412, 'version_mismatch', "$method If-Match: $value");
    } else {
        status_is($res, $status, "$method If-Match: $value");
    }
}

for my $call (['PUT', 200], ['PATCH', 200], ['DELETE', 204]) {
    my ($method, $ok) = @$call;

    held($method, '"VERSION"', $ok);
    held($method, '"999", "VERSION"', $ok);
    held($method, '"VERSION" ,"x"', $ok);
    held($method, '*', $ok);
    held($method, '"999"', 412);
    held($method, '"998", "999"', 412);
    held($method, '"x"', 412);
    held($method, 'VERSION', 412);
    held($method, '""', 412);
    held($method, '"99999999999999999999"', 412);
    held($method, '"VERSION', 412);
    held($method, '"-1"', 412);
    held($method, '"0VERSION"', 412);
    held($method, 'W/"999"', 412);
    held($method, '"VERSION"x', 412);
    held($method, '"VERSION" "999"', 412);
    held($method, '"VERSION", *', 412);

    # what gzip does to an ETag does not lock its client out
    held($method, 'W/"VERSION"', $ok);
}

# a stale version with a fault in the body: the body is looked at first
problem($user->patch($path, { title => '' }, headers => ['If-Match', '"1"']),
        422, 'validation_failed', ['/title', 'too_short'],
        'an invalid body and a stale version');

# If-Match of what is not there
problem($user->patch('/v1/tasks/' . nobody, { title => 'x' },
                     headers => ['If-Match', '*']), 404, 'not_found',
        'If-Match: * of what is not there');


# complete and reopen take it, too

my $new = $user->task(title => 'x');

problem($user->post("/v1/tasks/$new->{id}/complete", undef,
                    headers => ['If-Match', '"5"']), 412, 'version_mismatch',
        'complete with a stale version');
status_is($user->post("/v1/tasks/$new->{id}/complete", undef,
                      headers => ['If-Match', '"1"']), 200,
          'complete with the right one');


# task_require_if_match

$skep->reconfigure(location => 'task_require_if_match on;');
$skep->reload;

my $version = $user->get($path)->json->{version};

problem($user->patch($path, { title => 'x' }), 428, 'precondition_required',
        'PATCH without If-Match');
problem($user->put($path, { title => 'x' }), 428, 'precondition_required',
        'PUT without If-Match');
problem($user->delete($path), 428, 'precondition_required',
        'DELETE without If-Match');
is($user->get($path)->json->{version}, $version, 'changed nothing');
status_is($user->patch($path, { title => 'x' },
                       headers => ['If-Match', "\"$version\""]), 200,
          'PATCH with If-Match');
status_is($user->put($path, { title => 'y' }, headers => ['If-Match', '*']),
          200, 'PUT with *');
status_is($user->post('/v1/tasks', { title => 'x' }), 201, 'POST needs none');
status_is($user->post("/v1/tasks/$new->{id}/reopen"), 200,
          'nor does reopen');
status_is($user->delete($path, headers => ['If-Match', '*']), 204,
          'DELETE with *');

finish();
