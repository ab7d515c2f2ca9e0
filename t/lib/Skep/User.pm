package Skep::User;

# A registered user: requests with the token.

use v5.36;

use Carp qw(croak);


sub new ($class, $server, $answer, $account) {
    return bless {
        server => $server,
        token  => $answer->{access_token},
        answer => $answer,
        %$account,
        id     => $answer->{user}{id},
    }, $class;
}


sub id ($self) { return $self->{id} }
sub email ($self) { return $self->{email} }
sub password ($self) { return $self->{password} }
sub token ($self) { return $self->{token} }
sub answer ($self) { return $self->{answer} }
sub refresh_token ($self) { return $self->{answer}{refresh_token} }


sub request ($self, $method, $target, %o) {
    return $self->{server}->request($method, $target,
                                    token => $self->{token}, %o);
}


sub get ($self, $target, %o) { return $self->request('GET', $target, %o) }
sub head ($self, $target, %o) { return $self->request('HEAD', $target, %o) }
sub delete ($self, $target, %o) { return $self->request('DELETE', $target, %o) }

sub post ($self, $target, $json = undef, %o) {
    return $self->request('POST', $target,
                          defined $json ? (json => $json) : (), %o);
}

sub put ($self, $target, $json, %o) {
    return $self->request('PUT', $target, json => $json, %o);
}

sub patch ($self, $target, $json, %o) {
    return $self->request('PATCH', $target, json => $json, %o);
}


# A new task of theirs, as the API returns it.

sub task ($self, %fields) {
    my $res = $self->post('/v1/tasks', { title => 'A task', %fields });

    croak 'no task: ' . $res->status . ' ' . $res->body
        if $res->status != 201;

    return $res->json;
}


# A new project of theirs, as the API returns it.  members: [[user, role], ...].

sub project ($self, %fields) {
    my $members = delete $fields{members} // [];
    my $res = $self->post('/v1/projects', { name => 'A project', %fields });

    croak 'no project: ' . $res->status . ' ' . $res->body
        if $res->status != 201;

    my $project = $res->json;

    $self->share($project, @$_) for @$members;
    return $project;
}


# Adds a member to a project; the member, as the API returns it.

sub share ($self, $project, $user, $role) {
    my $res = $self->post("/v1/projects/$project->{id}/members",
                          { user_id => $user->id, role => $role });

    croak 'no member: ' . $res->status . ' ' . $res->body
        if $res->status != 201;

    return $res->json;
}


# The id of their Inbox.

sub inbox ($self) {
    return $self->{inbox} //= $self->{server}->pg->value(<<~"SQL");
        SELECT id FROM task.projects WHERE inbox AND owner_id = '$self->{id}'
        SQL
}


1;
