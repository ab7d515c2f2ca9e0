#!/usr/bin/env perl

# DELETE /v1/me: what goes, what stays, and who can't leave.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;


# A project of these members, [user, role], of whom the first is its owner.

sub project (@members) {
    my $owner = shift @members;

    return $owner->[0]->project(members => \@members)->{id};
}

sub leave ($user, %o) {
    return $user->delete('/v1/me', json => { password => $user->password },
                         %o);
}

sub rows ($sql) { return $pg->value($sql) }


# what is needed

my $ann = $skep->user(email => 'ann@example.com', name => 'Ann Lee');
my $id = $ann->id;

problem($ann->delete('/v1/me'), 415, 'unsupported_media_type', 'no body');
problem($ann->delete('/v1/me', json => {}), 422, 'validation_failed',
        ['/password', 'required'], 'no password');
problem($ann->delete('/v1/me', json => { password => 'wrong horse' }), 401,
        'invalid_credentials', 'a wrong password');
problem(leave($ann, headers => ['If-Match', '"7"']), 412, 'version_mismatch',
        'a stale If-Match');
status_is($ann->get('/v1/me'), 200, 'the account is there');


# an account with a task, a session, a mail under way

my $task = $ann->task(title => 'Left behind');
my $phone = $skep->login($ann);

status_is($skep->post('/v1/auth/password-reset',
                      { email => 'ann@example.com' }), 202, 'a reset');
my $reset;                              # it is written after the answer
wait_until(5, sub { ($reset) = $skep->mailed($ann, 'password_reset') });

my $res = leave($ann, headers => ['If-Match', '"1"']);

status_is($res, 204, 'DELETE /v1/me');
is($res->body, '', 'no body');

is_deeply($pg->query(<<~"SQL"),
    SELECT email, name, password_hash, role, email_verified,
           deleted_at IS NOT NULL, disabled_at IS NOT NULL, version
    FROM auth.users WHERE id = '$id'
    SQL
    [['', 'Deleted user', '', 'user', 'f', 't', 't', 2]],
    'the row stays, and tells nothing');
is(rows(<<~"SQL"), 0, 'its sessions are revoked, and tell nothing');
    SELECT count(*) FROM auth.sessions WHERE user_id = '$id'
    AND (revoked_at IS NULL OR ip IS NOT NULL OR user_agent IS NOT NULL)
    SQL
is(rows("SELECT count(*) FROM auth.sessions WHERE user_id = '$id'"), 2,
   'there are two');
is(rows(<<~"SQL"), 0, 'no refresh token is left');
    SELECT count(*) FROM auth.refresh_tokens t JOIN auth.sessions s
    ON s.id = t.session_id WHERE s.user_id = '$id'
    SQL
is(rows("SELECT count(*) FROM auth.mail_tokens WHERE user_id = '$id'"), 0,
   'nor one of a mail');
is(rows("SELECT count(*) FROM task.members WHERE user_id = '$id'"), 0,
   'no membership');
is(rows(<<~"SQL"), 't', 'the project Inbox is deleted');
    SELECT deleted_at IS NOT NULL FROM task.projects WHERE owner_id = '$id'
    SQL
is(rows("SELECT created_by FROM task.tasks WHERE id = '$task->{id}'"), $id,
   'its task tells still who made it');

for my $user ($ann, $phone) {
    problem($skep->post('/v1/auth/refresh',
                        { refresh_token => $user->refresh_token }),
            401, 'refresh_token_invalid', 'no refresh');
}

problem($_->get('/v1/me'), 401, 'token_revoked', 'the token is refused')
    for $ann, $phone;
problem($skep->post('/v1/auth/login', { email => 'ann@example.com',
                                        password => $ann->password }),
        401, 'invalid_credentials', 'no login');
problem($skep->post('/v1/auth/password-reset/confirm',
                    { token => $reset, new_password => 'another horse' }),
        422, 'validation_failed', ['/token', 'invalid_token'], 'no reset');

my $again = $skep->user(email => 'ann@example.com');
isnt($again->id, $id, 'the address is free for another account');
is($again->get('/v1/tasks')->json->{data}->@*, 0, 'which inherits nothing');
status_is(leave($again), 204, 'and can be deleted as well');


# projects that others use

my ($olga, $otto, $eva) = map { $skep->user } 1 .. 3;
my $shared = project([$olga, 'owner'], [$eva, 'editor']);
my $own = project([$olga, 'owner']);
my $job = $eva->task(title => 'Shared', project_id => $shared,
                     assignee_id => $olga->id);

problem(leave($olga), 409, 'last_owner', 'the last owner of one');
status_is($olga->get('/v1/me'), 200, 'the account is there');
is(rows("SELECT deleted_at IS NULL FROM task.projects WHERE id = '$own'"),
   't', 'and all its projects');

$olga->share({ id => $shared }, $otto, 'owner');
status_is(leave($olga), 204, 'with another owner it can be left');
is(rows("SELECT owner_id FROM task.projects WHERE id = '$shared'"), $otto->id,
   'who owns it now');
is(rows("SELECT deleted_at IS NOT NULL FROM task.projects WHERE id = '$own'"),
   't', 'a project of their own is deleted');

my $now = $eva->get("/v1/tasks/$job->{id}")->json;
is($now->{assignee_id}, undef, 'what was assigned to them is free');
is($now->{version}, 2, 'in a new version');
is(rows(<<~"SQL"), 'task.updated', 'with its event');
    SELECT type FROM notify.outbox
    WHERE task_id = '$job->{id}' AND actor_id = '@{[$olga->id]}'
    SQL
status_is(leave($eva), 204, 'an editor may leave');
status_is(leave($otto), 204, 'and then the last owner');


# two last owners who leave at once: one stays

for my $round (1 .. 3) {
    my @owners = map { $skep->user } 1 .. 2;
    my $third = $skep->user;
    my $project = project([$owners[0], 'owner'], [$owners[1], 'owner'],
                          [$third, 'viewer']);
    my @clients = map { $skep->new_client } @owners;

    for my $i (0, 1) {
        $clients[$i]->send($clients[$i]->format_request('DELETE', '/v1/me',
            token => $owners[$i]->token,
            json => { password => $owners[$i]->password }));
    }

    is(join(' ', sort map { $_->response->status } @clients), '204 409',
       "of two last owners at once one leaves, $round");
    is(rows(<<~"SQL"), 1, 'the project has an owner');
        SELECT count(*) FROM task.members
        WHERE project_id = '$project' AND role = 'owner'
        SQL
}


# the same account twice at once

my $twice = $skep->user;
my @clients = map { $skep->new_client } 1 .. 3;

$_->send($_->format_request('DELETE', '/v1/me', token => $twice->token,
         json => { password => $twice->password })) for @clients;
is(join(' ', sort map { $_->response->status } @clients), '204 401 401',
   'three times at once: once');

finish();
