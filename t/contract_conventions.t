#!/usr/bin/env perl

# The conventions of the API on every route of projects, members, tasks, comments,
# notifications and webhooks: the routes are read from the sources, so that a new
# one is covered, or named as one that this test can't call yet.

use v5.36;

use MIME::Base64 qw(decode_base64url encode_base64url);
use Skep::Contract qw(routes);
use Skep::Test;

# of ngx_notify_module
my $notify = qr{^/v1/(?:notifications|me/notification-settings|webhooks)
                (?!/stream)}x;

# what shows a secret is kept by nobody
my $secret = qr{^POST\ /v1/webhooks(?:/\{\}/rotate-secret)?$}x;

my $skep = skep(http => 'notify_webhook_max 1000;');
my $owner = $skep->user;
my $member = $skep->user;
my @routes = (routes(), grep { $_->{path} =~ $notify } routes('notify'));
my (%methods, %route);

for my $route (@routes) {
    my $path = $route->{path} =~ s/\{\w+\}/{}/gr;

    $methods{$path}{$route->{method}} = 1;
    $route{"$route->{method} $path"} = $route;
}

# what each body may be: good ones, or code that makes one
my %body = (
    'POST /v1/tasks' => { title => 'x' },
    'POST /v1/tasks/bulk' => { tasks => [{ title => 'x' }, { title => 'y' }] },
    'PATCH /v1/tasks/bulk' => sub {
        return { ids => [$owner->task->{id}], patch => { title => 'x' } };
    },
    'PUT /v1/tasks/{}' => { title => 'y' },
    'PATCH /v1/tasks/{}' => { title => 'z' },
    'POST /v1/tasks/{}/comments' => { body => 'x' },
    'PATCH /v1/comments/{}' => { body => 'y' },
    'POST /v1/projects' => { name => 'x' },
    'PUT /v1/projects/{}' => { name => 'y' },
    'PATCH /v1/projects/{}' => { name => 'z' },
    'POST /v1/projects/{}/members' => { user_id => $member->id,
                                        role => 'viewer' },
    'PATCH /v1/projects/{}/members/{}' => { role => 'viewer' },
    'POST /v1/webhooks' => { url => 'https://example.com/', events => ['*'] },
    'PUT /v1/webhooks/{}' => { url => 'https://example.com/2',
                               events => ['task.created'] },
    'PATCH /v1/webhooks/{}' => { url => 'https://example.com/3' },
    'PATCH /v1/me/notification-settings' => { email => { 'task.created' => \1 } },
);

# what is listed, and how to make one more there; the path of the list that the
# test fills
my $project = $skep->project($owner, editor => $member);
my $task = $owner->task(title => 'Discussed', project_id => $project)->{id};

my $hook = webhook();

my %list = (
    '/v1/tasks' => ['/v1/tasks', sub { $owner->task }],
    '/v1/tasks/{}/comments' => ["/v1/tasks/$task/comments", sub { comment() }],
    '/v1/projects' => ['/v1/projects', sub { $owner->project }],
    '/v1/projects/{}/tasks' => ["/v1/projects/$project/tasks",
        sub { $owner->task(project_id => $project) }],
    '/v1/projects/{}/members' => ["/v1/projects/$project/members",
        sub { $owner->share({ id => $project }, $skep->user, 'viewer') }],
    '/v1/notifications' => ['/v1/notifications', sub { notification() }],
    '/v1/webhooks' => ['/v1/webhooks', sub { webhook() }],
    '/v1/webhooks/{}/deliveries' => ["/v1/webhooks/$hook/deliveries",
                                     sub { delivery($hook) }],
);


# A new thing, by its collection; its id.

sub comment () {
    return $owner->post("/v1/tasks/$task/comments", { body => 'x' })->json->{id};
}

sub notification () {
    $owner->task(project_id => $project);
    $skep->pg->fan_out;
    return $owner->get('/v1/notifications?limit=1')->json->{data}[0]{id};
}

sub webhook () {
    return $owner->post('/v1/webhooks', { url => 'https://example.com/',
                                          events => ['*'] })->json->{id};
}

sub delivery ($hook) {
    return $owner->post("/v1/webhooks/$hook/test")->json->{id};
}

# the latest; members and deliveries are of that
my ($shared, $hooked);

my %new = (
    projects => sub { $shared = $owner->project; $shared->{id} },
    members  => sub { $owner->share($shared, $member, 'editor')->{user_id} },
    tasks    => sub { $owner->task(project_id => $project)->{id} },
    comments => sub { comment() },
    notifications => sub { notification() },
    webhooks => sub { $hooked = webhook() },
    deliveries => sub { delivery($hooked) },
);

# A path with things of its own: "/v1/tasks/{}".

sub fresh ($path) {
    return $path =~ s{/(\w+)/\{\}}{"/$1/" . $new{$1}->()}ger;
}

sub nothing ($path) { return $path =~ s/\{\}/nobody/ger }

sub body ($key) {
    return ref $body{$key} eq 'CODE' ? $body{$key}->() : $body{$key};
}

sub call ($method, $target, $route, %o) {
    return $owner->request($method, $target,
        $route->{body} ? (json => body("$method $route->{key}")) : (), %o);
}

$route{$_}{key} = $_ =~ s/^\w+ //r for keys %route;


# the tables above have what the routes need

is(join("\n", grep { $route{$_}{body} && !$body{$_} } sort keys %route), '',
   'each route that takes a body has one here');
is(join("\n", grep { !$route{$_} } sort keys %body), '', 'and no other has');
is(join("\n", grep { /^GET (.*)/ && $route{$_}{args} && !$list{$1} }
              sort keys %route), '', 'each list is here');
is(join("\n", grep { !$route{"GET $_"} } sort keys %list), '', 'and no other');
is(join("\n", grep { !$new{$_} } map { m{/(\w+)/\{\}}g } keys %methods), '',
   'each thing can be made');


# methods

for my $path (sort keys %methods) {
    my %has = $methods{$path}->%*;
    my $target = nothing($path);
    my $allow = join ', ', $has{GET} ? ('GET', 'HEAD') : (),
                grep({ $has{$_} } qw(POST PUT PATCH DELETE)), 'OPTIONS';
    my $res = $owner->request('OPTIONS', $target);

    status_is($res, 204, "OPTIONS $path");
    is($res->header('Allow'), $allow, "OPTIONS $path: Allow");
    is($res->body, '', "OPTIONS $path: no body");

    for my $method (grep { !$has{$_} }
                    qw(GET POST PUT PATCH DELETE PROPFIND MADE-UP))
    {
        $res = $owner->request($method, $target);
        problem($res, 405, 'method_not_allowed', "$method $path");
        is($res->header('Allow'), $allow, "$method $path: Allow");
    }

    if (!$has{GET}) {
        $res = $owner->head($target);
        status_is($res, 405, "HEAD $path");
        is($res->header('Allow'), $allow, "HEAD $path: Allow");
    }
}


# HEAD is GET without a body

sub head_of ($res) {
    return $res->head =~ s/^(?:Date|X-Request-ID|Connection):[^\n]*\n//gmir;
}

for my $key (grep { /^GET / } sort keys %route) {
    my $path = $route{$key}{key};

    for my $target (fresh($path), nothing($path), fresh($path) . '?x=1') {
        my ($get, $head) = map { $owner->request($_, $target) } 'GET', 'HEAD';
        my $name = "HEAD $path: " . $get->status;

        is($head->body, '', "$name: no body");

        # the id of the request is in the body of a problem, not in its length
        is(head_of($head), head_of($get), "$name: what GET tells");
    }
}


# queries

for my $key (sort keys %route) {
    my ($route, $path) = ($route{$key}, $route{$key}{key});
    my $target = nothing($path);
    my ($method) = $key =~ /^(\w+)/;
    my @refused = (
        ['x=1', ['x', 'unknown_parameter']],
        ['x', ['x', 'unknown_parameter']],
        ['x=1&y=2', ['x', 'unknown_parameter'], ['y', 'unknown_parameter']],
        ['%zz=1', ['%zz', 'invalid_format']],
        ['Limit=1', ['Limit', 'unknown_parameter']],
    );

    push @refused, (
        ['limit=0', ['limit', 'out_of_range']],
        ['limit=101', ['limit', 'out_of_range']],
        ['limit=ten', ['limit', 'invalid_type']],
        ['limit=', ['limit', 'invalid_type']],
        ['limit=1&limit=1', ['limit', 'repeated']],
        ['cursor=', ['cursor', 'invalid_value']],
        ['cursor=%ff', ['cursor', 'invalid_format']],
        ['limit=0&x=1', ['limit', 'out_of_range'], ['x', 'unknown_parameter']],
    ) if $route->{args};

    # the others have one order
    push @refused, (
        ['sort=nonsense', ['sort', 'invalid_value']],
        ['sort=', ['sort', 'invalid_value']],
        ['limit=0&x=1&sort=x', ['limit', 'out_of_range'],
         ['x', 'unknown_parameter'], ['sort', 'invalid_value']],
    ) if $route->{args} && $path !~ m{/(?:members|notifications|deliveries)$};

    problem(call($method, "$target?$_->[0]", $route), 400, 'invalid_parameter',
            $_->@[1 .. $#$_], "$key?$_->[0]") for @refused;
}


# bodies

for my $key (grep { $route{$_}{body} } sort keys %route) {
    my ($method, $path) = split ' ', $key;
    my $target = fresh($path);
    my $good = Skep::Response::encode(body($key));
    my $before = $methods{$path}{GET} ? $owner->get($target)->body : undef;

    for my $type ('text/plain', 'application/x-www-form-urlencoded',
                  'application/jsonx', 'application/vnd.api+json', '',
                  $method eq 'PATCH' ? () : 'application/merge-patch+json')
    {
        problem($owner->request($method, $target, body => $good,
                                type => $type),
                415, 'unsupported_media_type', "$key: type \"$type\"");
    }

    problem($owner->request($method, $target, body => $good), 415,
            'unsupported_media_type', "$key: no type");

    my @json = (type => 'application/json');

    for (['nothing', ''], ['half', '{"x":'], ['two', "$good$good"],
         ['a name twice', '{"x":1,"x":1}'], ['U+0000', '{"x":"\\u0000"}'],
         ['not UTF-8', "{\"x\":\"\xff\"}"],
         ['17 levels', '{"x":' . '[' x 16 . ']' x 16 . '}'])
    {
        problem($owner->request($method, $target, body => $_->[1], @json), 400,
                'malformed_json', "$key: $_->[0]");
    }

    problem($owner->request($method, $target, body => $_, @json), 422,
            'validation_failed', ['', 'invalid_type'], "$key: $_")
        for '[]', '"x"', '1', 'null', 'true';

    problem($owner->request($method, $target, @json,
                            body => '{"x":"' . 'x' x 65536 . '"}'),
            413, 'payload_too_large', "$key: over 64 KiB");

    is($owner->get($target)->body, $before, "$key: nothing was changed")
        if defined $before && !$list{$path};

    for my $type ('application/json; charset=utf-8', 'Application/JSON',
                  $method eq 'PATCH' ? 'application/merge-patch+json' : ())
    {
        my $res = $owner->request($method, fresh($path), body => $good,
                                  type => $type);

        status_is($res, $method eq 'POST' ? 201 : 200, "$key: type \"$type\"");
    }
}


# a request's id, and what every answer has (Skep::Server looks for more)

for my $key (sort keys %route) {
    my ($method, $path) = split ' ', $key;

    for my $target (fresh($path), nothing($path)) {
        my $res = call($method, $target, $route{$key},
                       headers => ['X-Request-ID', 'a.B-9_' . 'x' x 58]);

        is($res->header('X-Request-ID'), 'a.B-9_' . 'x' x 58,
           "$key: the request's id (" . $res->status . ')');
        is($res->header('X-Content-Type-Options'), 'nosniff', "$key: nosniff");
        is($res->header('Cache-Control'),
           $key =~ $secret && $res->status < 300 ? 'no-store'
                                                 : 'private, no-cache',
           "$key: Cache-Control");
    }

    for my $id ('two words', 'x' x 65, "caf\xc3\xa9", '') {
        my $res = call($method, nothing($path), $route{$key},
                       headers => ['X-Request-ID', $id]);

        like($res->header('X-Request-ID'), qr/\A[A-Za-z0-9._-]{1,64}\z/,
             "$key: instead of the id \"" . substr($id, 0, 9) . '"');
    }
}


# conditions: every item by itself has a version

my @items = grep { m{/(?:\{\}|notification-settings)$} && $methods{$_}{GET} }
            sort keys %methods;

# what an ETag is: the version, which not all show

sub version_of ($res) {
    my $version = $res->json->{version} // return $res->header('ETag') =~
                                                  /\A("[1-9]\d*")\z/ && $1;

    return qq{"$version"};
}

sub conditions ($path) {
    my $target = fresh($path);
    my $res = $owner->get($target);
    my $etag = $res->header('ETag');

    is($etag, version_of($res), "$path: ETag");

    for my $method ('GET', 'HEAD') {
        for my $value ($etag, "W/$etag", "\"x\", $etag", '*') {
            $res = $owner->request($method, $target,
                                   headers => ['If-None-Match', $value]);
            status_is($res, 304, "$method $path: If-None-Match: $value");
            is($res->body, '', '304: no body');
            is($res->header('ETag'), $etag, '304: ETag');
            is($res->header('Cache-Control'), 'private, no-cache',
               '304: Cache-Control');
            is($res->header('Content-Type'), undef, '304: no type');
        }

        status_is($owner->request($method, $target,
                                  headers => ['If-None-Match', '"99"']), 200,
                  "$method $path: If-None-Match of another");
    }

    for my $method (grep { $methods{$path}{$_} } qw(PUT PATCH DELETE)) {
        my $route = $route{"$method $path"};
        my $before = $owner->get($target)->body;

        problem(call($method, $target, $route, headers => ['If-Match', $_]),
                412, 'version_mismatch', "$method $path: If-Match: $_")
            for '"99"', '"98", "99"', 'nonsense';
        is($owner->get($target)->body, $before, "$method $path: as it was");
        problem(call($method, nothing($path), $route,
                     headers => ['If-Match', '"1"']), 404, 'not_found',
                "$method $path: If-Match of what does not exist")
            if $path =~ /\{\}/;

        for my $condition (sub ($etag) { $etag }, sub ($etag) { '*' },
                           sub ($etag) { "\"99\", $etag" })
        {
            my $other = fresh($path);
            my $value = $condition->($owner->get($other)->header('ETag'));

            $res = call($method, $other, $route,
                        headers => ['If-Match', $value]);
            status_is($res, $method eq 'DELETE' ? 204 : 200,
                      "$method $path: If-Match: $value");
            next if $method eq 'DELETE';
            is($res->header('ETag'), version_of($res),
               "$method $path: the new ETag");
            is($owner->get($other)->body, $res->body,
               "$method $path: answers what GET does");
        }
    }
}

conditions($_) for @items;


# what was deleted; without a body

for my $key (grep { /^DELETE / } sort keys %route) {
    my $path = $route{$key}{key};
    my $target = fresh($path);
    my $res = $owner->delete($target);

    status_is($res, 204, $key);
    is($res->body, '', "$key: no body");
    is($res->header($_), undef, "$key: no $_") for 'Content-Type', 'ETag';
    problem($owner->delete($target), 404, 'not_found', "$key again");
}


# what was created is at its Location

for my $key (grep { /^POST / && $route{$_}{body} } sort keys %route) {
    my ($method, $path) = split ' ', $key;
    my $res = call($method, fresh($path), $route{$key});

    next if !status_is($res, 201, $key);

    # of many at once there is none
    next if $path =~ m{/bulk$};

    my $location = $res->header('Location');

    like($location, qr{\A/v1/[a-z]+/[0-9a-f-]{36}}, "$key: Location") or next;

    # a member is seen in the list alone
    next if $path =~ m{/members$};

    my $at = $owner->get($location);

    status_is($at, 200, "$key: it is there");

    # shown once
    my $body = $res->body =~ s/,"secret":"whsec_[^"]+"\}\z/}/r;

    is($at->body, $body, "$key: and the same");
    is($at->header('ETag'), $res->header('ETag'), "$key: ETag");
}


# lists

my %cursor;

sub pages ($path, $query) {
    my ($target, @pages) = "$path?$query";

    while (1) {
        my $res = $owner->get($target);

        return if !status_is($res, 200, $target);

        my $json = $res->json;
        my ($link, @more) = $res->headers('Link');

        is_deeply([sort keys %$json], ['data', 'next_cursor'],
                  "$path: data and next_cursor");
        push @pages, $json->{data};
        is(scalar @more, 0, "$path: one Link");

        if (!defined $json->{next_cursor}) {
            is($link, undef, "$path: no Link on the last page");
            return @pages;
        }

        ($target) = $link =~ /\A<([^>]+)>; rel="next"\z/
            or return fail("$path: Link: $link");
        is($target, "$path?" . join('&', $query || (),
                                    "cursor=$json->{next_cursor}"),
           "$path: Link is the same query with the cursor");
        return fail("$path: it does not end") if @pages > 60;
    }
}

for my $key (sort keys %list) {
    my ($path, $make) = $list{$key}->@*;

    $make->() for scalar $owner->get("$path?limit=100")->json->{data}->@* .. 20;

    my @all = map { @$_ } pages($path, 'limit=100');

    cmp_ok(scalar @all, '>', 20, "$key: there are some");

    my ($first, @rest) = pages($path, '');

    is(scalar @$first, 20, "$key: 20 by default");
    is_deeply([@$first, map { @$_ } @rest], \@all, "$key: all by Link");

    my @pages = pages($path, 'limit=9');

    is_deeply([map { scalar @$_ } @pages[0 .. $#pages - 1]],
              [(9) x (@pages - 1)], "$key: pages of 9");
    is_deeply([map { @$_ } @pages], \@all, "$key: the same");

    $cursor{$key} = $owner->get("$path?limit=2")->json->{next_cursor};

    my $bytes = decode_base64url($cursor{$key});
    my @taken = grep {
        my $text = encode_base64url($_);
        my $res = $owner->get("$path?limit=2&cursor=$text");

        $res->status != 400
            || $res->json->{errors}[0]{code} ne 'invalid_value';
    } substr($bytes, 1), substr($bytes, 0, -1), "$bytes\0", $bytes x 2,
      map { my $odd = $bytes;
            substr($odd, $_, 1) ^.= "\x10";
            $odd } 0 .. length($bytes) - 1;

    is(scalar @taken, 0, "$key: a tampered cursor is refused");
}

# a cursor is of one list and one order
for my $key (sort keys %list) {
    my ($path) = $list{$key}->@*;

    status_is($owner->get("$path?limit=2&cursor=$cursor{$key}"), 200,
              "$key: its own cursor");
    problem($owner->get("$path?limit=2&cursor=$cursor{$_}"), 400,
            'invalid_parameter', ['cursor', 'invalid_value'],
            "$key: a cursor of $_")
        for grep { $_ ne $key && !shared($_, $key) } sort keys %list;
}

# the tasks of a project are tasks: both lists have the same order
sub shared (@keys) { return 2 == grep { m{/tasks$} } @keys }


# task_require_if_match, which is about what ngx_task_module serves

$skep->reconfigure(location => 'task_require_if_match on;');
$skep->reload;

for my $path (grep { $_ !~ $notify } @items) {
    my $target = fresh($path);
    my $before = $owner->get($target);

    for my $method (grep { $methods{$path}{$_} } qw(PUT PATCH DELETE)) {
        my $route = $route{"$method $path"};

        problem(call($method, $target, $route), 428, 'precondition_required',
                "$method $path: without If-Match");
        problem(call($method, nothing($path), $route), 428,
                'precondition_required',
                "$method $path: of what does not exist likewise");
    }

    is($owner->get($target)->body, $before->body, "$path: as it was");
    status_is(call('PATCH', $target, $route{"PATCH $path"},
                   headers => ['If-Match', $before->header('ETag')]), 200,
              "PATCH $path: with If-Match");
}

for my $key (grep { /^POST / } sort keys %route) {
    my ($method, $path) = split ' ', $key;
    my $res = call($method, fresh($path), $route{$key});

    cmp_ok($res->status, '<', 300, "$key: needs none");
}

finish();
