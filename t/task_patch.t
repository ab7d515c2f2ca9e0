#!/usr/bin/env perl

# PATCH is a merge patch (RFC 7396): what is named changes, null empties.

use v5.36;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $task = $user->task(
    title => 'Paint the fence', description => 'White', labels => ['garden'],
    priority => 'low', due_at => '2030-01-01T00:00:00Z',
    assignee_id => $user->id,
);
my $path = "/v1/tasks/$task->{id}";


# Applies a patch that must work: the task as it was, with these changes.

sub patches ($name, $patch, %changes) {
    my $res = $user->patch($path, $patch);

    status_is($res, 200, $name) or return;

    my $new = $res->json;
    my $version = $task->{version} + 1;

    is($res->header('ETag'), "\"$version\"", "$name: ETag");
    is_deeply($new, { %$task, %changes, updated_at => $new->{updated_at},
                      version => $version }, "$name: the rest stays");
    cmp_ok(sortable($new->{updated_at}), 'gt', sortable($task->{updated_at}),
           "$name: updated_at grows");
    same_json($user->get($path), 200, $new, "$name: it was stored");

    $task = $new;
}


patches('the title', { title => 'Paint the shed' }, title => 'Paint the shed');
patches('two fields', { priority => 'urgent', description => '' },
        priority => 'urgent', description => '');
patches('a list is replaced whole', { labels => ['a', 'b'] },
        labels => ['a', 'b']);
patches('an empty list', { labels => [] }, labels => []);
patches('null empties a time', { due_at => undef }, due_at => undef);
patches('null empties the assignee', { assignee_id => undef },
        assignee_id => undef);
patches('set again', { due_at => '2031-05-05T10:00:00+02:00' },
        due_at => '2031-05-05T08:00:00Z');


# the status takes completed_at along

my $res = $user->patch($path, { status => 'done' });
like($res->json->{completed_at}, qr/Z\z/, 'done sets completed_at');
my $completed = $res->json->{completed_at};

$res = $user->patch($path, { title => 'Still done' });
is($res->json->{completed_at}, $completed, 'it stays with other changes');

$res = $user->patch($path, { status => 'in_progress' });
is($res->json->{completed_at}, undef, 'and goes with the status');
is($res->json->{status}, 'in_progress', 'which is as asked for');


# the media type may say that it is a merge patch

$res = $user->patch($path, { title => 'Typed' },
                    type => 'application/merge-patch+json');
status_is($res, 200, 'application/merge-patch+json');
is($res->json->{title}, 'Typed', 'is understood');

$res = $user->patch($path, { title => 'Typed again' },
                    type => 'Application/Merge-Patch+JSON; charset=utf-8');
status_is($res, 200, 'in any case, with a parameter');


# an empty patch changes nothing

my $before = $user->get($path)->json;

$res = $user->patch($path, {});
status_is($res, 200, 'an empty patch');
is($res->json->{title}, $before->{title}, 'leaves the task as it is');


# what may not be null

my $version = $user->get($path)->json->{version};

for my $field (qw(title description status priority labels project_id)) {
    problem($user->patch($path, { $field => undef }), 422,
            'validation_failed', ["/$field", 'not_nullable'],
            "null for $field");
}

problem($user->patch($path, { title => undef, status => 'x', due_at => 'now',
                              version => 1, nonsense => 1 }),
        422, 'validation_failed',
        ['/title', 'not_nullable'], ['/status', 'invalid_value'],
        ['/due_at', 'invalid_format'], ['/version', 'read_only'],
        ['/nonsense', 'unknown_field'],
        'all faults are told at once');

is($user->get($path)->json->{version}, $version, 'none of them was stored');

problem($user->patch('/v1/tasks/' . nobody, { title => 'x' }), 404,
        'not_found', 'PATCH of what is not there');

finish();
