#!/usr/bin/env perl

# Who may do what: every route of accounts by every role, in one table, and
# tasks by users as admins and disabled ones; t/contract_matrix.t has the rest.
#
# "user" is the one that the path or the body is about; "other" is a user who
# has nothing to do with them; "disabled" was the user until an admin disabled
# them.  What is not theirs is answered as what does not exist.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::JWT qw(jwt_parts);
use Skep::Process qw(source_dir);
use Skep::Test;

my @roles = qw(anonymous user other admin disabled);

# [method, path, body, status for each role]; a body is made by code from the
# one that the call is about
my @table = (
    ['POST', '/v1/auth/register', \&account, 201, 201, 201, 201, 201],
    ['POST', '/v1/auth/login', \&credentials, 200, 200, 200, 200, 401],
    ['POST', '/v1/auth/refresh', \&refresh_token, 200, 200, 200, 200, 401],
    ['POST', '/v1/auth/logout', undef, 401, 204, 204, 204, 401],
    ['POST', '/v1/auth/logout?scope=all', undef, 401, 204, 204, 204, 401],
    ['POST', '/v1/auth/password-reset', \&address, 202, 202, 202, 202, 202],
    ['POST', '/v1/auth/password-reset/confirm', \&reset_token,
     204, 204, 204, 204, 422],
    ['POST', '/v1/auth/verify-email', \&mail_token, 204, 204, 204, 204, 422],
    ['POST', '/v1/auth/verify-email/resend', undef, 401, 204, 204, 204, 401],

    ['GET', '/v1/me', undef, 401, 200, 200, 200, 401],
    ['PATCH', '/v1/me', sub { { name => 'New' } }, 401, 200, 200, 200, 401],
    ['DELETE', '/v1/me', \&password, 401, 204, 204, 204, 401],
    ['PUT', '/v1/me/password', \&passwords, 401, 204, 204, 204, 401],

    ['GET', '/v1/sessions', undef, 401, 200, 200, 200, 401],
    ['DELETE', '/v1/sessions/{session}', undef, 401, 204, 404, 404, 401],

    ['GET', '/v1/users', undef, 401, 403, 403, 200, 401],
    ['GET', '/v1/users/{user}', undef, 401, 403, 403, 200, 401],
    ['PATCH', '/v1/users/{user}', sub { { role => 'admin' } },
     401, 403, 403, 200, 401],

    ['GET', '/v1/tasks', undef, 401, 200, 200, 200, 401],
    ['POST', '/v1/tasks', \&task, 401, 201, 422, 422, 401],
    ['GET', '/v1/tasks/{task}', undef, 401, 200, 404, 404, 401],
    ['PUT', '/v1/tasks/{task}', \&task, 401, 200, 404, 404, 401],
    ['PATCH', '/v1/tasks/{task}', \&task, 401, 200, 404, 404, 401],
    ['DELETE', '/v1/tasks/{task}', undef, 401, 204, 404, 404, 401],
    ['POST', '/v1/tasks/{task}/complete', undef, 401, 200, 404, 404, 401],
    ['POST', '/v1/tasks/{task}/reopen', undef, 401, 200, 404, 404, 401],
);

my %code = (401 => qr/^(?:token_missing|token_revoked|invalid_credentials
                          |refresh_token_invalid)$/x,
            403 => qr/^forbidden$/, 404 => qr/^not_found$/,
            422 => qr/^validation_failed$/);

my $skep = skep();
my $pg = $skep->pg;
my $admin = $skep->admin;


# bodies, by ($about, $actor): the one that the call is about, who calls

sub account ($about, $actor) {
    state $n = 0;

    return { email => 'new' . $n++ . '@example.com', name => 'New',
             password => 'correct horse' };
}

sub credentials ($about, $actor) {
    return { email => $about->email, password => $about->password };
}

sub refresh_token ($about, $actor) {
    return { refresh_token => $about->refresh_token };
}

sub address ($about, $actor) { return { email => $about->email } }

sub reset_token ($about, $actor) {
    return { token => $about->{reset}, new_password => 'battery staple' };
}

sub mail_token ($about, $actor) {
    return { token => ($skep->mailed($about, 'email_verification'))[0] };
}

sub password ($about, $actor) {
    return { password => ($actor // $about)->password };
}

sub passwords ($about, $actor) {
    return { current_password => ($actor // $about)->password,
             new_password => 'battery staple' };
}

sub task ($about, $actor) {
    return { title => 'Another', project_id => $about->inbox };
}


# a user to be called about, with a task, and a token to reset the password

sub someone () {
    my $user = $skep->user;

    $user->{task} = $user->task->{id};
    $user->{session} = (jwt_parts($user->token, $skep->key))[1]{sid};
    $user->{reset} = 'reset-' . $user->id;
    $pg->execute(<<~"SQL");
        INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, expires_at)
        VALUES (sha256('$user->{reset}'), '@{[$user->id]}', 'password_reset',
                '@{[$user->email]}', now() + interval '1 h')
        SQL
    return $user;
}

# who calls, by role

sub actor ($role, $about) {
    return undef if $role eq 'anonymous';
    return $skep->user if $role eq 'other';
    return $skep->admin if $role eq 'admin';
    return $about if $role eq 'user';

    my $res = $admin->patch('/v1/users/' . $about->id,
                            { disabled => JSON::PP::true });
    die 'not disabled: ' . $res->status if $res->status != 200;

    return $about;
}

sub path ($path, $about) {
    my %id = (session => $about->{session}, task => $about->{task},
              user => $about->id);

    return $path =~ s/\{(\w+)\}/$id{$1}/gr;
}

sub call ($actor, $method, $path, $body, $about) {
    return ($actor // $skep)->request($method, $path,
        $body ? (json => $body->($about, $actor)) : ());
}

# an answer without what is of one request
sub same ($res) {
    my $json = eval { $res->json };
    my %body = ref $json eq 'HASH' ? %$json : ();

    delete $body{request_id};
    return [$res->status, $res->header('WWW-Authenticate'), \%body];
}


for my $row (@table) {
    my ($method, $path, $body, @want) = @$row;

    for my $i (0 .. $#roles) {
        my $role = $roles[$i];
        my $about = someone();
        my $actor = actor($role, $about);
        my $res = call($actor, $method, path($path, $about), $body, $about);
        my $name = "$method $path: $role";

        if (!status_is($res, $want[$i], "$name: $want[$i]")) {
            next;
        }

        if ($res->status >= 400) {
            like($res->json->{code}, $code{$res->status}, "$name: code");
            ok(defined $res->header('WWW-Authenticate'), "$name: challenge")
                if $res->status == 401;
        }

        # nothing tells what is another's from what does not exist
        if (($role eq 'other' || $role eq 'admin' && $res->status == 404)
            && $path =~ /\{/)
        {
            my $none = $path =~ s/\{\w+\}/nobody()/er;

            is_deeply(same(call($actor, $method, $none, $body, $about)),
                      same($res), "$name: as if it did not exist");
        }
    }
}


# every route is in the table

my %seen = map { ("$_->[0] " . $_->[1] =~ s/\?.*|(?<=\{)\w+(?=\})//gr => 1) }
           @table;
my @routes;

for my $file (glob source_dir() . '/ngx_auth_module/*.c') {
    my $text = slurp($file);

    while ($text =~ /\{ NGX_HTTP_(\w+), ngx_string\("(\/v1[^"]*)"\)/g) {
        push @routes, "$1 " . $2 =~ s/(?<=\{)\w+(?=\})//r;
    }
}

cmp_ok(scalar @routes, '>=', 17, 'routes: ' . @routes);
is(join("\n", grep { !$seen{$_} } @routes), '', 'each is in the table');

finish();
