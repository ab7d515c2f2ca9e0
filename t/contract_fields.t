#!/usr/bin/env perl

# Every field of every resource, by the rows of its table: what it takes, what
# it refuses and by which code, in every call that takes it.  A new field is
# covered by its row.

use v5.36;
use utf8;

use JSON::PP ();
use Skep::Contract qw(fields names routes);
use Skep::Test;

# a description of 20,000 characters, of 4 bytes each
my $skep = skep(location => 'client_max_body_size 1m;',
                http => 'notify_webhook_max 1000;');
my $pg = $skep->pg;
my %user = map { $_ => $skep->user(name => $_) } qw(owner member stranger);
my $owner = $user{owner};
my $project = $skep->project($owner, editor => $user{member});
my $viewed = $skep->project($user{stranger}, viewer => $owner);
my $task = $owner->task(title => 'x', project_id => $project)->{id};
my %route = map { ("$_->{method} $_->{path}" => 1) } routes();

my $bee = "\x{1F41D}";
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

# by the name of its table: the calls that take its fields.  {id} is one of it.
my %resource = (
    task => [
        ['create', 'POST', '/v1/tasks'],
        ['replace', 'PUT', '/v1/tasks/{id}'],
        ['patch', 'PATCH', '/v1/tasks/{id}'],
    ],
    task_project => [
        ['create', 'POST', '/v1/projects'],
        ['replace', 'PUT', '/v1/projects/{id}'],
        ['patch', 'PATCH', '/v1/projects/{id}'],
    ],
    task_comment => [
        ['create', 'POST', "/v1/tasks/$task/comments"],
        ['patch', 'PATCH', '/v1/comments/{id}'],
    ],
    notify_webhook => [
        ['create', 'POST', '/v1/webhooks'],
        ['replace', 'PUT', '/v1/webhooks/{id}'],
        ['patch', 'PATCH', '/v1/webhooks/{id}'],
    ],
);

# what a text is like that is more than its characters, by the name of its check:
# good ones, and what is wrong with others
my %checked = (
    ngx_notify_webhook_url => [
        ['https://example.com', 'https://8.8.8.8:8443/a?b=c',
         'https://example.com/' . 'x' x 2028],
        ['x', 'invalid_format'], ['http://example.com/', 'https_required'],
        ['https://', 'invalid_host'], ['https://10.0.0.1/', 'address_not_allowed'],
        ['https://a:b@example.com/', 'userinfo_not_allowed'],
        ['https://example.com:0/', 'invalid_port'],
        ['https://example.com/#x', 'fragment_not_allowed'],
        ["https://example.com/$bee", 'invalid_format'],
    ],
);


# A call as { kind, name, send => sub ($body), at => where faults point to }; of
# its answer, the thing.

sub calls ($table, $id, $valid) {
    my @calls = map { my ($kind, $method, $path) = @$_;

                      { kind => $kind, name => "$method $path", at => '',
                        send => sub ($body) {
                            $owner->request($method, $path =~ s/\{id\}/$id/r,
                                            json => $body);
                        },
                        thing => sub ($json) { $json } } }
                $resource{$table}->@*;

    return @calls if $table ne 'task' || !$route{'POST /v1/tasks/bulk'};

    return (@calls, {
        kind  => 'create', name => 'POST /v1/tasks/bulk', at => '/tasks/1',
        send  => sub ($body) {
            $owner->post('/v1/tasks/bulk', { tasks => [$valid, $body] });
        },
        thing => sub ($json) { $json->{data}[1] },
    }, {
        kind  => 'patch', name => 'PATCH /v1/tasks/bulk', at => '/patch',
        send  => sub ($body) {
            $owner->patch('/v1/tasks/bulk', { ids => [$task, $id],
                                              patch => $body });
        },
        thing => sub ($json) { $json->{data}[1] },
    });
}


# What is good for a field: [value, what the answer has; the same if left out]

sub good ($field) {
    my ($shape, @o) = $field->{shape}->@*;

    return ([$bee x $o[1]], ["e\x{301}" x ($o[1] / 2)], ['x' x $o[0]])
        if $shape eq 'STRING';
    return ([[map { "l$_" } 1 .. $o[0]]], [[$bee x $o[2]]], [['x' x $o[1]]],
            [[]], [['a', 'b', 'a'], ['a', 'b']])
        if $shape eq 'LABELS';
    return map { [$_] } names($o[0]) if $shape eq 'ENUM';
    return ([[names($o[0])]], [[reverse names($o[0])]],
            map { [[$_]] } names($o[0])) if $shape eq 'NAMES';
    return map { [$_] } $checked{$o[0]}[0]->@* if $shape eq 'CHECKED';
    return map { [$_], [uc $_, $_] } $project if $shape eq 'UUID';
    return map { [$_->id], [uc $_->id, $_->id] } @user{qw(owner member)}
        if $shape eq 'MEMBER';
    return [$true], [$false] if $shape eq 'BOOLEAN';
    return [$o[0] + 0], [$o[1] + 0] if $shape eq 'INTEGER';
    return (['2031-02-03T04:05:06Z'], ['0001-01-01T00:00:00Z'],
            ['9999-12-31T23:59:59.999999Z'],
            ['2031-02-03T04:05:06.5+02:00', '2031-02-03T02:05:06.5Z'])
        if $shape eq 'TIMESTAMP';
    die "a shape $shape: say here what is good for it";
}


# What is bad: [value, code, further pointer]

sub bad ($field) {
    my ($shape, @o) = $field->{shape}->@*;
    my @types = $shape =~ /^(?:LABELS|NAMES)$/ ? ('x', {}, 1, $true)
              : $shape eq 'BOOLEAN' ? ('true', 1, 0, [], {})
              : $shape eq 'INTEGER' ? ('1', 1.5, $true, [], {})
              : (1, 1.5, $true, [], {});
    my @bad = map { [$_, 'invalid_type'] } @types;

    push @bad, [undef, 'not_nullable'] if $field->{presence}[0] ne 'NULLABLE';

    return (@bad, $o[0] > 0 ? ['x' x ($o[0] - 1), 'too_short'] : (),
            ['x' x ($o[1] + 1), 'too_long'], [$bee x ($o[1] + 1), 'too_long'])
        if $shape eq 'STRING';
    return (@bad, [[map { "l$_" } 0 .. $o[0]], 'too_many'],
            [['a', 'x' x ($o[1] - 1)], 'too_short', '/1'],
            [['a', 'b', $bee x ($o[2] + 1)], 'too_long', '/2'],
            [[1], 'invalid_type', '/0'], [['a', undef], 'invalid_type', '/1'])
        if $shape eq 'LABELS';
    return (@bad, [[], 'too_short'],
            [[names($o[0]), (names($o[0]))[0]], 'too_many'],
            [['nonsense'], 'invalid_value', '/0'], [[1], 'invalid_type', '/0'],
            [[(names($o[0]))[0, 1, 0]], 'duplicate', '/2'])
        if $shape eq 'NAMES';
    return (@bad, ['', 'too_short'], ['x' x ($o[2] + 1), 'too_long'],
            [$bee x ($o[2] + 1), 'too_long'],
            $checked{$o[0]}->@[1 .. $checked{$o[0]}->$#*])
        if $shape eq 'CHECKED';
    return (@bad, map { [$_, 'invalid_value'] }
            '', 'nonsense', uc +(names($o[0]))[0], (names($o[0]))[0] . ' ')
        if $shape eq 'ENUM';
    return (@bad, map { [$_, 'invalid_format'] }
            '', 'x', '{' . nobody . '}', nobody =~ s/-//gr, nobody . '0', 'me')
        if $shape eq 'UUID' || $shape eq 'MEMBER';
    return (@bad, map { [$_, 'out_of_range'] } $o[0] - 1, $o[1] + 1)
        if $shape eq 'INTEGER';
    return (@bad, map { [$_, 'invalid_format'] }
            '', 'now', 'infinity', '2031-02-03', '2031-02-30T00:00:00Z',
            '10000-01-01T00:00:00Z', '0001-01-01T00:00:00+00:01')
        if $shape eq 'TIMESTAMP';
    return @bad;
}


# What an id is told that is not the caller's to name: [value, code]

sub foreign ($field) {
    my ($shape) = $field->{shape}->@*;

    return map { [$_, 'not_found'] } nobody, $user{stranger}->inbox,
                                     $user{member}->inbox
        if $shape eq 'UUID';
    return map { [$_, 'not_a_member'] } nobody, $user{stranger}->id
        if $shape eq 'MEMBER';
    return;
}


# What a field is when it is left out of a create or a replace.

sub preset ($field, $kind) {
    my ($presence, $text) = $field->{presence}->@*;
    my ($shape) = $field->{shape}->@*;

    return undef if $presence eq 'NULLABLE';
    return $kind eq 'create' ? $owner->inbox : $project if $text eq 'NULL';
    return [] if $shape eq 'LABELS';
    return $text eq 't' ? $true : $false if $shape eq 'BOOLEAN';
    return $shape eq 'INTEGER' ? $text + 0 : $text;
}


# everything that a call could have written

sub everything () {
    return $pg->value('SELECT ' . join ' || ', map {
        "(SELECT md5(coalesce(string_agg(x::text, ',' ORDER BY x::text), ''))
          FROM $_ x)"
    } qw(task.projects task.members task.tasks task.comments notify.outbox
         notify.webhooks));
}

sub text ($value) {
    my $text = Skep::Response::encode($value);

    utf8::decode($text);
    return length $text > 50 ? substr($text, 0, 40) . '...' : $text;
}

sub refused ($call, $body, @faults) {
    problem($call->{send}->($body), 422, 'validation_failed',
            map({ ["$call->{at}$_->[0]", $_->[1]] } @faults),
            "$call->{name}: " . text($body) . ': '
            . join ', ', map { "@$_" } @faults);
}

sub taken ($call, $body, $name, $want) {
    my $res = $call->{send}->($body);
    my $status = $call->{kind} eq 'create' ? 201 : 200;

    return status_is($res, $status, "$call->{name}: " . text($body))
        if $res->status != $status;
    is_deeply($call->{thing}->($res->json)->{$name}, $want,
              "$call->{name}: " . text($body));
}


for my $table (sort keys %resource) {
    my @fields = fields($table);
    my @writable = grep { $_->{writable} } @fields;
    my @read_only = grep { !$_->{writable} } @fields;
    my %good = map { $_->{name} => (good($_))[0][0] } @writable;

    # what creates one: all that is required, in the project of all
    my %valid = map { $_ => $good{$_} }
                map { $_->{name} }
                grep { $_->{presence}[0] eq 'REQUIRED'
                       || $_->{name} eq 'project_id' } @writable;
    my $thing = $owner->post($resource{$table}[0][2], \%valid)->json;
    my @calls = calls($table, $thing->{id}, \%valid);

    delete $thing->{secret};            # shown once

    cmp_ok(scalar @writable, '>=', 1, "$table: a table");
    is_deeply([sort keys %$thing], [sort map { $_->{name} } @fields],
              "$table: an answer has the fields of the table");

    # what is refused

    my $before = everything();

    for my $call (@calls) {
        my %base = $call->{kind} eq 'patch' ? () : %valid;

        for my $field (@read_only) {
            my $name = $field->{name};

            refused($call, { %base, $name => $_ }, ["/$name", 'read_only'])
                for $thing->{$name}, undef, {};
        }

        for my $name ('x', '', 'ID', 'deleted_at', 'changed', "$fields[0]{name} ",
                      '__proto__', $bee)
        {
            refused($call, { %base, $name => 1 }, ["/$name", 'unknown_field']);
        }

        refused($call, { %base, 'a/b~c' => 1 }, ['/a~1b~0c', 'unknown_field']);

        for my $field (@writable) {
            my $name = $field->{name};

            refused($call, { %base, $name => $_->[0] },
                    ["/$name" . ($_->[2] // ''), $_->[1]])
                for bad($field), foreign($field);

            next if $field->{presence}[0] ne 'REQUIRED'
                    || $call->{kind} eq 'patch';
            my %body = %base;
            delete $body{$name};
            refused($call, \%body, ["/$name", 'required']);
        }

        # all of that at once
        my %body = map { $_->{name} => (bad($_))[0][0] } @writable;
        my @faults = map { ["/$_->{name}", (bad($_))[0][1]] } @writable;

        refused($call, { %body, (map { $_->{name} => 1 } @read_only), x => 1 },
                @faults, (map { ["/$_->{name}", 'read_only'] } @read_only),
                ['/x', 'unknown_field']);
    }

    is(everything(), $before, "$table: nothing of that was written");

    # what is taken

    for my $call (@calls) {
        my %base = $call->{kind} eq 'patch' ? () : %valid;

        for my $field (@writable) {
            my $name = $field->{name};
            my ($presence) = $field->{presence}->@*;

            taken($call, { %base, $name => $_->[0] }, $name, $_->[-1])
                for good($field),
                    $presence eq 'NULLABLE' ? [undef] : ();

            # left out
            next if $presence eq 'REQUIRED' && $call->{kind} ne 'patch';
            my %body = $call->{kind} eq 'patch' ? %good : %base;
            my $last = (good($field))[0];

            $calls[-1]{kind} eq 'patch' or die 'no patch to set it by';
            status_is($calls[-1]{send}->({ $name => $last->[0] }), 200,
                      "$call->{name}: $name is something")
                if $call->{kind} ne 'create';
            delete $body{$name};
            taken($call, \%body, $name,
                  $call->{kind} eq 'patch' ? $last->[-1]
                                           : preset($field, $call->{kind}));
        }
    }
}


# members, who have no table: they are named by their e-mail or id

my %member = (role => { shape => ['ENUM', 'ngx_task_roles'],
                        presence => ['REQUIRED'] },
              user_id => { shape => ['UUID'], presence => ['PRESET'] });
my $members = "/v1/projects/$project/members";
my $someone = $skep->user;
my %someone = (user_id => $someone->id, role => 'viewer');
my $add = { name => 'POST members', at => '',
            send => sub ($body) { $owner->post($members, $body) } };
my $change = { name => 'PATCH member', at => '', send => sub ($body) {
                   $owner->patch("$members/@{[$user{member}->id]}", $body);
               } };
my $before = everything();

for my $value ('x', undef, {}) {
    refused($add, { %someone, $_ => $value }, ["/$_", 'read_only'])
        for qw(name added_at);
    refused($change, { $_ => $value }, ["/$_", 'read_only'])
        for qw(user_id email name added_at);
    refused($_, { ($_ == $add ? %someone : ()), x => $value },
            ['/x', 'unknown_field']) for $add, $change;
}

for my $case (bad($member{role})) {
    refused($_, { ($_ == $add ? %someone : ()), role => $case->[0] },
            ['/role', $case->[1]]) for $add, $change;
}

for my $case (bad($member{user_id}), map { [$_, 'not_found'] } nobody,
              $project, $task)
{
    refused($add, { role => 'viewer', user_id => $case->[0] },
            ['/user_id', $case->[1]]);
}

for my $case (['nobody@example.com', 'not_found'], ['x', 'invalid_format'],
              ['', 'invalid_format'], ['a' x 250 . '@example.com', 'too_long'],
              [1, 'invalid_type'], [undef, 'not_nullable'])
{
    refused($add, { role => 'viewer', email => $case->[0] },
            ['/email', $case->[1]]);
}

refused($add, { role => 'viewer' }, ['/email', 'required']);
refused($add, { user_id => $someone->id }, ['/role', 'required']);
refused($add, { %someone, email => $someone->email },
        ['/user_id', 'mutually_exclusive']);
refused($add, { email => 1, role => 1, name => 1, added_at => 1, x => 1 },
        ['/email', 'invalid_type'], ['/role', 'invalid_type'],
        ['/name', 'read_only'], ['/added_at', 'read_only'],
        ['/x', 'unknown_field']);
is(everything(), $before, 'members: nothing of that was written');

for my $role (names('ngx_task_roles')) {
    for my $by ('user_id', 'email') {
        my $new = $skep->user;
        my $value = $by eq 'email' ? uc $new->email : uc $new->id;

        same_json($owner->post($members, { $by => $value, role => $role }),
                  201, { user_id => $new->id, email => $new->email,
                         name => $new->{name}, role => $role,
                         added_at => $owner->get("$members?limit=100")
                                           ->json->{data}[-1]{added_at} },
                  "a member by $by as $role");
    }

    is($change->{send}->({ role => $role })->json->{role}, $role,
       "a member becomes $role");
    is($change->{send}->({})->json->{role}, $role, 'and stays it by {}');
}


# a project that the caller may only read

problem($owner->post('/v1/tasks', { title => 'x', project_id => $viewed }), 403,
        'forbidden', 'POST into a project that is only read');
problem($owner->patch("/v1/tasks/$task", { project_id => $viewed }), 403,
        'forbidden', 'a move into it');

finish();
