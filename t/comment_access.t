#!/usr/bin/env perl

# Who may do what with whose comment: those who write in the project comment,
# the author changes it, the author and owners of the project delete it.
# t/contract_matrix.t has every call by every role.

use v5.36;

use Skep::Test;

my $skep = skep();
my %user = map { $_ => $skep->user(name => $_) }
           qw(owner second editor other viewer stranger);
my $project = $skep->project($user{owner}, owner => $user{second},
                             editor => $user{editor}, editor => $user{other},
                             viewer => $user{viewer});
my $task = $user{owner}->task(title => 'Shared', project_id => $project);
my $list = "/v1/tasks/$task->{id}/comments";


sub comment ($author) {
    my $res = $author->post($list, { body => "By $author->{name}" });

    status_is($res, 201, "$author->{name} comments");
    return '/v1/comments/' . $res->json->{id};
}

sub role ($user, $role) {
    $skep->pg->execute(<<~"SQL");
        UPDATE task.members SET role = '$role'
        WHERE user_id = '@{[$user->id]}' AND project_id = '$project'
        SQL
}


# [who, PATCH, DELETE] of a comment by the editor and by an owner

for my $row (['editor', [qw(owner 403 204)], [qw(second 403 204)],
              [qw(editor 200 204)], [qw(other 403 403)],
              [qw(viewer 403 403)], [qw(stranger 404 404)]],
             ['owner', [qw(owner 200 204)], [qw(second 403 204)],
              [qw(editor 403 403)], [qw(viewer 403 403)],
              [qw(stranger 404 404)]])
{
    my ($author, @rows) = @$row;

    for (@rows) {
        my ($who, $patch, $delete) = @$_;
        my $path = comment($user{$author});
        my $name = "$who on a comment of $author";

        status_is($user{$who}->get($path), $patch == 404 ? 404 : 200,
                  "$name: GET");
        status_is($user{$who}->patch($path, { body => "Of $who" }), $patch,
                  "$name: PATCH");
        is($user{owner}->get($path)->json->{body},
           $patch == 200 ? "Of $who" : "By $author", "$name: its text");
        status_is($user{$who}->delete($path), $delete, "$name: DELETE");
        status_is($user{owner}->get($path), $delete == 204 ? 404 : 200,
                  "$name: it is " . ($delete == 204 ? 'gone' : 'there'));
    }
}


# whoever may not, may not, whatever the version

my $path = comment($user{editor});

for my $method ('PATCH', 'DELETE') {
    problem($user{other}->request($method, $path,
                $method eq 'PATCH' ? (json => { body => 'x' }) : (),
                headers => ['If-Match', '"9"']),
            403, 'forbidden', "$method: forbidden before a stale version");
}


# an author who may write no more

role($user{editor}, 'viewer');

problem($user{editor}->patch($path, { body => 'x' }), 403, 'forbidden',
        'an author who is a viewer now: PATCH');
problem($user{editor}->delete($path), 403, 'forbidden', 'DELETE');
problem($user{editor}->post($list, { body => 'x' }), 403, 'forbidden', 'POST');
status_is($user{editor}->get($path), 200, 'GET');

role($user{editor}, 'editor');
status_is($user{editor}->patch($path, { body => 'x' }), 200,
          'and an editor again');

$skep->pg->execute(<<~"SQL");
    DELETE FROM task.members WHERE user_id = '@{[$user{editor}->id]}'
                               AND project_id = '$project'
    SQL

for my $call (['GET'], ['PATCH', json => { body => 'x' }], ['DELETE']) {
    my ($method, %o) = @$call;

    problem($user{editor}->request($method, $path, %o), 404, 'not_found',
            "an author who left: $method");
}

is($user{owner}->get($path)->json->{author_id}, $user{editor}->id,
   'the comment stays theirs');
status_is($user{second}->delete($path), 204, 'an owner can delete it');


# a task that moves to another's project takes its comments out of sight

$path = comment($user{other});
my $away = $user{owner}->inbox;

status_is($user{owner}->patch("/v1/tasks/$task->{id}",
                              { project_id => $away }), 200, 'the task moves');
problem($user{other}->get($path), 404, 'not_found',
        'out of the sight of who wrote one');
problem($user{other}->get($list), 404, 'not_found', 'the list, too');
status_is($user{owner}->get($path), 200, 'not of who moved it');

finish();
