#!/usr/bin/env perl

# Who may do what: every call on projects, members, tasks and comments by
# every role, in one table.
#
# Each cell is called on a project of its own, in which all roles are taken.
# What a caller may not see is answered, to the byte, as what does not exist;
# and a call that is refused leaves everything as it was.

use v5.36;

use Skep::Contract qw(fill routes);
use Skep::Test;

# who calls; "last" is the only owner, an "admin" of the instance is no member
my @roles = qw(anonymous stranger viewer editor owner last admin);

# [method, path, body, status of each role, with its code if it has several].
# In path and body, {self} is the caller, {inbox} their Inbox, {member} an
# editor, {someone} no member; of that member are the {task}, the one that is
# {done}, and the {comment}; {own} is a comment of the caller's.
my @table = (
    ['GET', '/v1/tasks', undef, '401 200 200 200 200 200 200'],
    ['POST', '/v1/tasks', { title => 'x' }, '401 201 201 201 201 201 201'],
    ['POST', '/v1/tasks', { title => 'x', project_id => '{project}' },
     '401 422 403 201 201 201 422'],
    ['POST', '/v1/tasks/bulk', { tasks => [{ title => 'x' },
                                           { title => 'y',
                                             project_id => '{project}' }] },
     '401 422 403 201 201 201 422'],
    ['PATCH', '/v1/tasks/bulk', { ids => ['{task}', '{done}'],
                                  patch => { title => 'x' } },
     '401 422 403 200 200 200 422'],
    ['PATCH', '/v1/tasks/bulk',
     { ids => ['{task}'], patch => { assignee_id => '{member}' } },
     '401 422 403 200 200 200 422'],
    ['PATCH', '/v1/tasks/bulk',
     { ids => ['{task}'], patch => { project_id => '{inbox}' } },
     '401 422 403 200 200 200 422'],
    ['GET', '/v1/tasks/{task}', undef, '401 404 200 200 200 200 404'],
    ['PUT', '/v1/tasks/{task}', { title => 'x' },
     '401 404 403 200 200 200 404'],
    ['PATCH', '/v1/tasks/{task}', { title => 'x' },
     '401 404 403 200 200 200 404'],
    ['PATCH', '/v1/tasks/{task}', { assignee_id => '{member}' },
     '401 404 403 200 200 200 404'],
    ['PATCH', '/v1/tasks/{task}', { project_id => '{inbox}' },
     '401 404 403 200 200 200 404'],
    ['DELETE', '/v1/tasks/{task}', undef, '401 404 403 204 204 204 404'],
    ['POST', '/v1/tasks/{task}/complete', undef,
     '401 404 403 200 200 200 404'],
    ['POST', '/v1/tasks/{done}/reopen', undef, '401 404 403 200 200 200 404'],

    ['GET', '/v1/projects', undef, '401 200 200 200 200 200 200'],
    ['POST', '/v1/projects', { name => 'x' }, '401 201 201 201 201 201 201'],
    ['GET', '/v1/projects/{project}', undef, '401 404 200 200 200 200 404'],
    ['PUT', '/v1/projects/{project}', { name => 'x' },
     '401 404 403 200 200 200 404'],
    ['PATCH', '/v1/projects/{project}', { name => 'x' },
     '401 404 403 200 200 200 404'],
    ['DELETE', '/v1/projects/{project}', undef, '401 404 403 403 204 204 404'],
    ['DELETE', '/v1/projects/{inbox}', undef, '401 409 409 409 409 409 409',
     'inbox_not_deletable'],

    ['GET', '/v1/projects/{project}/tasks', undef,
     '401 404 200 200 200 200 404'],
    ['GET', '/v1/projects/{project}/members', undef,
     '401 404 200 200 200 200 404'],
    ['POST', '/v1/projects/{project}/members',
     { email => '{email}', role => 'viewer' }, '401 404 403 403 201 201 404'],
    ['POST', '/v1/projects/{project}/members',
     { user_id => '{someone}', role => 'owner' },
     '401 404 403 403 201 201 404'],
    ['POST', '/v1/projects/{project}/members',
     { user_id => '{self}', role => 'owner' }, '401 404 403 403 409 409 404',
     'already_member'],
    ['POST', '/v1/projects/{inbox}/members',
     { user_id => '{someone}', role => 'viewer' },
     '401 409 409 409 409 409 409', 'inbox_not_shared'],
    ['PATCH', '/v1/projects/{project}/members/{member}', { role => 'viewer' },
     '401 404 403 403 200 200 404'],
    ['PATCH', '/v1/projects/{project}/members/{someone}', { role => 'owner' },
     '401 404 403 403 404 404 404'],
    ['PATCH', '/v1/projects/{project}/members/{self}', { role => 'viewer' },
     '401 404 403 403 200 409 404', 'last_owner'],
    ['DELETE', '/v1/projects/{project}/members/{member}', undef,
     '401 404 403 403 204 204 404'],
    ['DELETE', '/v1/projects/{project}/members/{self}', undef,
     '401 404 204 204 204 409 404', 'last_owner'],

    ['GET', '/v1/tasks/{task}/comments', undef, '401 404 200 200 200 200 404'],
    ['POST', '/v1/tasks/{task}/comments', { body => 'x' },
     '401 404 403 201 201 201 404'],
    ['GET', '/v1/comments/{comment}', undef, '401 404 200 200 200 200 404'],
    ['PATCH', '/v1/comments/{comment}', { body => 'x' },
     '401 404 403 403 403 403 404'],
    ['PATCH', '/v1/comments/{own}', { body => 'x' },
     '401 404 403 200 200 200 404'],
    ['DELETE', '/v1/comments/{comment}', undef, '401 404 403 403 204 204 404'],
    ['DELETE', '/v1/comments/{own}', undef, '401 404 403 204 204 204 404'],
);

my %code = (401 => 'token_missing', 403 => 'forbidden', 404 => 'not_found',
            422 => 'validation_failed');

my $skep = skep();
my $pg = $skep->pg;
my %user = map { $_ => $skep->user(name => $_) }
           qw(stranger viewer editor owner second member someone);

$user{admin} = $skep->admin;
$user{last} = $user{owner};


# A project for each role to call about: ids by role, then by name.

sub worlds () {
    my (%worlds, @sql);

    for my $role (@roles) {
        my $caller = $user{$role} // $user{someone};
        my %id = map { $_ => new_id() } qw(project task done comment own);
        my @members = (['owner', 'owner'], ['viewer', 'viewer'],
                       ['editor', 'editor'], ['member', 'editor'],
                       $role eq 'last' ? () : ['second', 'owner']);

        push @sql, <<~"SQL";
            INSERT INTO task.projects (id, owner_id, name)
            VALUES ('$id{project}', '@{[$user{owner}->id]}', 'A project');
            INSERT INTO task.tasks (id, project_id, title, status, created_by,
                                    created_at, updated_at)
            SELECT v.id::uuid, '$id{project}', 'A task',
                   v.status::task.status, '@{[$user{member}->id]}',
                   now(), now()
            FROM (VALUES ('$id{task}', 'todo'), ('$id{done}', 'done'))
                 v (id, status);
            INSERT INTO task.comments (id, task_id, author_id, body, created_at,
                                       updated_at)
            VALUES ('$id{comment}', '$id{task}', '@{[$user{member}->id]}',
                    'A comment', now(), now()),
                   ('$id{own}', '$id{task}', '@{[$caller->id]}', 'Own', now(),
                    now());
            SQL
        push @sql, map { <<~"SQL" } @members;
            INSERT INTO task.members (project_id, user_id, role)
            VALUES ('$id{project}', '@{[$user{$_->[0]}->id]}', '$_->[1]');
            SQL

        $worlds{$role} = {
            %id, self => $caller->id, inbox => $caller->inbox,
            member => $user{member}->id, someone => $user{someone}->id,
            email => $user{someone}->email,
        };
    }

    $pg->execute(join '', @sql);
    return \%worlds;
}

sub new_id () {
    state $n = 0;

    return sprintf '01890000-0000-7000-8000-00000001%04x', $n++;
}

# what there is of each project, as a digest

sub state_of ($worlds) {
    my $ids = join ', ', map { "('$_->{project}'::uuid)" } values %$worlds;

    return { map { @$_ } $pg->query(<<~"SQL")->@* };
        SELECT p.id, md5(concat(
            (SELECT p FROM task.projects p WHERE p.id = i.id),
            (SELECT json_agg(m ORDER BY m.user_id) FROM task.members m
             WHERE m.project_id = i.id),
            (SELECT json_agg(t ORDER BY t.id) FROM task.tasks t
             WHERE t.project_id = i.id),
            (SELECT json_agg(c ORDER BY c.id) FROM task.comments c
             JOIN task.tasks t ON t.id = c.task_id WHERE t.project_id = i.id),
            (SELECT count(*) FROM notify.outbox o WHERE o.project_id = i.id)))
        FROM (VALUES $ids) i (id) JOIN task.projects p ON p.id = i.id
        SQL
}

sub call ($role, $method, $path, $body, $world) {
    my $caller = $role eq 'anonymous' ? $skep : $user{$role};

    return $caller->request($method, fill($path, $world),
                            headers => ['X-Request-ID', 'matrix'],
                            $body ? (json => fill($body, $world)) : ());
}

# an answer but for the time

sub bytes ($res) {
    return $res->head =~ s/^Date:[^\n]*\n//mr . $res->body;
}

# The same call about what does not exist: of the ids that are in it, each
# alone, and all; and in the path, what is no id.  {self} is known to be there.

sub elsewhere ($path, $body, $world) {
    my $text = Skep::Response::encode([$path, $body]);
    my %name = map { $_ => 1 } grep { !/^(?:self|inbox|email)$/ }
               $text =~ /\{(\w+)\}/g;
    my @worlds = map { my $name = $_;
                       ({ %$world, $name => nobody },
                        $path =~ /\{$name\}/
                            ? { %$world, $name => 'x' } : ()) }
                 sort keys %name;

    my $n = 0;

    return (@worlds, { %$world, map { $_ => substr(nobody, 0, 35) . ++$n }
                                keys %name });
}


sub check_cell ($row, $role, $status, $world) {
    my ($method, $path, $body, undef, $odd) = @$row;
    my $name = "$method $path by $role: $status";
    my $res = call($role, $method, $path, $body, $world);

    return if !status_is($res, $status, $name) || $status < 400;

    problem($res, $status, $code{$status} // $odd,
            (map { [$_->@{qw(pointer code)}] }
             ($res->json->{errors} // [])->@*), "$name: its code");

    return if $status != 404 && $status != 422;

    my @odd = grep { bytes(call($role, $method, $path, $body, $_))
                     ne bytes($res) } elsewhere($path, $body, $world);

    is(scalar @odd, 0, "$name, as what does not exist") || diag($res->body);
}

for my $row (@table) {
    my ($method, $path, $body, $cells) = @$row;
    my @status = split ' ', $cells;
    my $worlds = worlds();
    my $before = state_of($worlds);

    die "$method $path: " . @status . ' cells' if @status != @roles;
    check_cell($row, $roles[$_], $status[$_], $worlds->{$roles[$_]})
        for 0 .. $#roles;

    my $after = state_of($worlds);
    my $writes = $method ne 'GET'
                 && Skep::Response::encode([$path, $body])
                    =~ /\{(?:project|task|done|comment|own)\}/;
    my @odd = grep {
        my $id = $worlds->{$roles[$_]}{project};

        ($before->{$id} ne $after->{$id})
            != ($writes && $status[$_] < 400 ? 1 : 0);
    } 0 .. $#roles;

    is("@roles[@odd]", '', "$method $path: writes where it says so, and only "
                           . 'there');
}


# every route is in the table, by what is in braces

my %seen = map { ("$_->[0] " . $_->[1] =~ s/\{\w+\}/{}/gr => 1) } @table;
my @routes = map { "$_->{method} " . $_->{path} =~ s/\{\w+\}/{}/gr } routes();

cmp_ok(scalar @routes, '>=', 13, 'routes: ' . @routes);
is(join("\n", grep { !$seen{$_} } @routes), '', 'each is in the table');

finish();
