#!/usr/bin/env perl

# The API in a location whose "auth_token" is "off" or "optional": what needs a
# caller has none, and says so; it is never taken for anybody's.

use v5.36;

use Skep::Test;

my $skep = skep(servers => <<~'EOT');
    server {
        listen 127.0.0.1:%%PORT:off%%;
        api_errors on;

        location / {
            auth_token off;
            auth_api on;
            task_api on;
            notify_api on;
        }
    }

    server {
        listen 127.0.0.1:%%PORT:optional%%;
        api_errors on;

        location / {
            auth_token optional;
            auth_api on;
            task_api on;
            notify_api on;
        }
    }
    EOT
my $user = $skep->user;
my $task = $user->task(title => 'mine');

my @calls = (
    ['GET', '/v1/me'], ['GET', '/v1/sessions'], ['GET', '/v1/tasks'],
    ['GET', "/v1/tasks/$task->{id}"], ['DELETE', "/v1/tasks/$task->{id}"],
    ['POST', '/v1/tasks', { title => 'x' }], ['GET', '/v1/projects'],
    ['GET', '/v1/notifications'], ['GET', '/v1/notifications/stream'],
    ['GET', '/v1/webhooks'], ['GET', '/v1/users'],
);

sub ask ($server, $method, $path, $body = undef, %o) {
    my $client = $skep->new_client(port => $skep->nginx->port($server));
    my $res = $client->request($method, $path, %o,
                               defined $body ? (json => $body) : ());

    $client->close;
    return $res;
}

for my $server (qw(off optional)) {
    for my $call (@calls) {
        problem(ask($server, @$call[0 .. $#$call]), 401, 'token_missing',
                "$server: $call->[0] $call->[1]");
    }

    # what needs none is served
    my $login = ask($server, 'POST', '/v1/auth/login', {
        email => $user->email, password => $user->password });

    is($login->status, 200, "$server: login");
}

# a token is not looked at where it is "off", and is one where it is "optional"

for my $call (@calls) {
    my ($method, $path, $body) = @$call;

    next if $method ne 'GET' || $path =~ m{/stream|/users};

    problem(ask('off', $method, $path, $body, token => $user->token),
            401, 'token_missing', "off, with a token: $path");
    is(ask('optional', $method, $path, $body, token => $user->token)->status,
       200, "optional, with a token: $path");
}

problem(ask('optional', 'GET', '/v1/me', undef, token => 'nonsense'), 401,
        'token_invalid', 'optional, with a bad token');
is($user->get("/v1/tasks/$task->{id}")->json->{title}, 'mine',
   'the task is still there');

finish();
