#!/usr/bin/env perl

# What an auditor tries first: other ways to a call that is limited, others' ids
# in every place for one, fields that are not the client's, a token for what it
# is not, headers twice, hosts of another name.  What is looked at elsewhere in
# full is not here: docs/security-standards.md names the tests.

use v5.36;

use Skep::Client;
use Skep::Test;

my $skep = skep(
    redis => 1,
    http => <<~'EOT',
        server_tokens off;
        notify_stream skep;
        rate_limit_zone $rate_limit_client zone=login:1m rate=1r/h;
        EOT
    server => <<~'EOT',
        location = /v1/auth/login {
            auth_api on;
            rate_limit zone=login;
        }
        EOT
);
my $pg = $skep->pg;

is($pg->value('SELECT count(*) FROM auth.users'), 0,
   'nobody has an account before somebody registers');

my ($ann, $eve) = map { $skep->user } 1 .. 2;
my $client = Skep::Client->new(port => $skep->port);
my %login = (json => { email => $ann->email, password => $ann->password });


# a limit by location has no way around it

status_is($skep->post('/v1/auth/login', $login{json}), 200, 'a login');

for my $path ('/v1/auth/login', '//v1/auth/login', '/v1//auth///login',
              '/v1/auth/./login', '/v1/x/../auth/login', '/v1/auth/%6cogin',
              '/v1%2fauth%2flogin', '/v1/auth/login?', '/v1/auth/login#x',
              '/v1/auth/login/', '/v1/auth/login/.', '/v1/auth/login%20',
              '/v1/auth/login%2f', '/v1/auth/login;x', '/V1/auth/login',
              '/v1/auth/Login', '/v1/auth/login%00', '/v1/auth/login..',
              '/v1/auth/%256cogin', "http://localhost/v1/auth/login",
              '/v1/auth/l%6Fgin', '/%76%31/auth/login')
{
    my $status = $client->request('POST', $path, %login)->status;

    ok((grep { $status == $_ } 400, 404, 405, 429), "$path: $status");
}


# what is somebody else's, named in each place for it, is what does not exist

my $project = $ann->post('/v1/projects', { name => 'Hers' })->json->{id};
my $task = $ann->task(title => 'Hers', project_id => $project);
my $comment = $ann->post("/v1/tasks/$task->{id}/comments", { body => 'x' })
                  ->json->{id};
my $hook = $ann->post('/v1/webhooks', { url => 'https://example.com/',
                                        events => ['*'] })->json->{id};
my $session = $ann->get('/v1/sessions')->json->{data}[0]{id};
my $mine = $eve->task(title => 'Mine')->{id};
my $delivery = $ann->post("/v1/webhooks/$hook/test")->json->{id};

my %theirs = (project => $project, task => $task->{id}, comment => $comment,
              webhook => $hook, session => $session, user => $ann->id,
              delivery => $delivery);
my @calls = (
    ['POST', '/v1/tasks', project => sub ($id) {
        +{ title => 'x', project_id => $id } }],
    ['PATCH', "/v1/tasks/$mine", project => sub ($id) {
        +{ project_id => $id } }],
    ['PUT', "/v1/tasks/$mine", project => sub ($id) {
        +{ title => 'x', project_id => $id } }],
    ['PATCH', "/v1/tasks/$mine", user => sub ($id) {
        +{ assignee_id => $id } }],
    ['POST', '/v1/tasks/bulk', project => sub ($id) {
        +{ tasks => [{ title => 'x', project_id => $id }] } }],
    ['PATCH', '/v1/tasks/bulk', task => sub ($id) {
        +{ ids => [$id], patch => { title => 'Hers no more' } } }],
    ['POST', '/v1/webhooks', project => sub ($id) {
        +{ url => 'https://example.com/', events => ['*'],
           project_id => $id } }],
    ['GET', '/v1/tasks?project=ID', 'project'],
    ['GET', '/v1/tasks?assignee=ID', 'user'],
    ['GET', '/v1/tasks?updated_since=2020-01-01T00:00:00Z&project=ID',
     'project'],
    ['POST', '/v1/projects/ID/members', project => sub ($id) {
        +{ user_id => $eve->id, role => 'owner' } }],
    (map { [$_->[0], $_->[1], $_->[2], ($_->[3]) x !!$_->[3]] }
     ['GET', '/v1/projects/ID', 'project'],
     ['GET', '/v1/projects/ID/tasks', 'project'],
     ['GET', '/v1/projects/ID/members', 'project'],
     ['DELETE', '/v1/projects/ID', 'project'],
     ['DELETE', "/v1/projects/ID/members/@{[$ann->id]}", 'project'],
     ['GET', '/v1/tasks/ID', 'task'], ['DELETE', '/v1/tasks/ID', 'task'],
     ['POST', '/v1/tasks/ID/complete', 'task'],
     ['GET', '/v1/tasks/ID/comments', 'task'],
     ['GET', '/v1/comments/ID', 'comment'],
     ['DELETE', '/v1/comments/ID', 'comment'],
     ['GET', '/v1/webhooks/ID', 'webhook'],
     ['DELETE', '/v1/webhooks/ID', 'webhook'],
     ['POST', '/v1/webhooks/ID/rotate-secret', 'webhook'],
     ['POST', '/v1/webhooks/ID/test', 'webhook'],
     ['GET', '/v1/webhooks/ID/deliveries', 'webhook'],
     ['POST', "/v1/webhooks/$hook/deliveries/ID/retry", 'delivery'],
     ['DELETE', '/v1/sessions/ID', 'session'],
     ['GET', '/v1/users/ID', 'user'], ['PATCH', '/v1/users/ID', 'user',
                                       sub ($id) { +{ disabled => \1 } }]),
);

sub told ($call, $id) {
    my ($method, $target, undef, $body) = @$call;
    my $res = $eve->request($method, $target =~ s/ID/$id/r,
                            $body ? (json => $body->($id)) : ());
    my $text = $res->body =~ s/"request_id":"[^"]*"//r =~ s/\Q$id\E/ID/gr;

    # of one's own, made or changed by the call
    $text =~ s/"(?:id|sync_token|created_at|updated_at|version)":"?[^",}]*"?//g;
    return $res->status . " $text";
}

for my $call (@calls) {
    my $theirs = told($call, $theirs{$call->[2]});

    is($theirs, told($call, nobody), "$call->[0] $call->[1]: $call->[2]");
    unlike($theirs, qr/Hers|\A20[14]/, 'nothing of hers')
        if $theirs !~ /"data":\[\]/;
}

is($ann->get("/v1/tasks/$task->{id}")->json->{version}, 1,
   'nothing of hers was changed');
status_is($ann->get('/v1/me'), 200, 'nor was she');


# fields that are not the client's

for my $field (qw(id role version created_at updated_at email_verified)) {
    problem($skep->post('/v1/auth/register', {
        email => 'mass@example.com', password => 'correct horse', name => 'x',
        $field => $field eq 'role' ? 'admin' : 1,
    }), 422, 'validation_failed', ["/$field", 'read_only'], "register: $field");
    problem($eve->patch('/v1/me', { $field => $field eq 'role' ? 'admin' : 1 }),
            422, 'validation_failed', ["/$field", 'read_only'], "me: $field");
}

for my $field (qw(disabled password password_hash deleted_at __proto__ sid)) {
    problem($eve->patch('/v1/me', { $field => 'x' }), 422, 'validation_failed',
            ["/$field", 'unknown_field'], "me: $field");
}

is($pg->value("SELECT role FROM auth.users WHERE id = '@{[$eve->id]}'"), 'user',
   'a user stays one');


# a token for what it is not

my ($verify) = $skep->mailed($eve, 'email_verification');
my %token = (access => $eve->token, refresh => $eve->refresh_token,
             mail => $verify);

for my $what (sort keys %token) {
    problem($skep->get('/v1/me', token => $token{$what}), 401, 'token_invalid',
            "$what token as access token") if $what ne 'access';
    problem($skep->post('/v1/auth/refresh',
                        { refresh_token => $token{$what} }),
            401, 'refresh_token_invalid', "$what token as refresh token")
        if $what ne 'refresh' && length $token{$what} <= 512;
    problem($skep->post('/v1/auth/password-reset/confirm',
                        { token => $token{$what}, new_password => 'x' x 12 }),
            422, 'validation_failed', ['/token', 'invalid_token'],
            "$what token to reset a password")
        if length $token{$what} <= 512;
}

is(length $verify, 43, '256 bits in mails');


# a session is begun by the server, whatever the client brings

my $again = $skep->post('/v1/auth/register', {
    email => 'fixed@example.com', password => 'correct horse', name => 'x',
}, token => $eve->token)->json;

isnt($again->{user}{id}, $eve->id, 'the token of another');
is($skep->get('/v1/sessions', token => $again->{access_token})
   ->json->{data}[0]{id} eq $eve->get('/v1/sessions')->json->{data}[0]{id}, '',
   'and a session of its own');


# headers

$client->close;

for my $pair (["Bearer @{[$ann->token]}", "Bearer @{[$eve->token]}"],
              ["Bearer @{[$ann->token]}", 'Bearer x'],
              ['Basic x', "Bearer @{[$ann->token]}"])
{
    $client->send("GET /v1/me HTTP/1.1\r\nHost: x\r\n"
                  . join('', map { "Authorization: $_\r\n" } @$pair) . "\r\n");
    my $status = $client->response(method => 'GET')->status;

    ok($status == 400 || $status == 401, "Authorization twice: $status");
    $client->close;
}

for my $value ("Bearer @{[$ann->token]}, Bearer @{[$eve->token]}",
               "Bearer @{[$ann->token]} @{[$eve->token]}",
               "Token @{[$ann->token]}", $ann->token, 'Bearer', 'Bearer ')
{
    my $res = $skep->get('/v1/me', headers => ['Authorization', $value]);

    is($res->status, 401, 'Authorization: ' . substr $value, 0, 10);
}

for my $call (['POST', '/v1/tasks', json => { title => 'x' }],
              ['GET', '/v1/tasks?limit=1'], ['GET', '/v1/nothing'],
              ['GET', '/docs'], ['POST', '/v1/tasks', json => {}])
{
    my $res = $ann->request($call->@*, plain => 1,
                            headers => ['Host', 'evil.example',
                                        'X-Forwarded-Host', 'evil.example',
                                        'X-Original-URL', '/v1/users',
                                        'X-HTTP-Method-Override', 'DELETE']);

    unlike($res->head . $res->body, qr/evil/, "@$call[0, 1]: no host in it");
    is(join(',', $res->headers('Set-Cookie')), '', 'no cookie');
    unlike($res->header('Server') // '', qr/\d/, 'no version');
}

# what a page of another origin may send without asking first

for my $type ('text/plain', 'application/x-www-form-urlencoded',
              'multipart/form-data; boundary=x')
{
    problem($ann->post('/v1/tasks', undef, body => '{"title":"x"}',
                       type => $type), 415, 'unsupported_media_type', $type);
}

$client->send("TRACE /v1/me HTTP/1.1\r\nHost: x\r\nX-Canary: seen\r\n\r\n");
my $res = $client->response(method => 'TRACE');
status_is($res, 405, 'TRACE');
unlike($res->body, qr/seen/, 'says nothing back');


# an e-mail address that looks like another, or is it to the database alone

for my $email ("\x{212a}im\@example.com", "m\x{131}ke\@example.com",
               "ann\x{200b}\@example.com", "ann\@ex\x{430}mple.com")
{
    problem($skep->post('/v1/auth/register', {
        email => $email, password => 'correct horse', name => 'x',
    }), 422, 'validation_failed', ['/email', 'invalid_format'],
            'an address of other letters');
}


# secrets are in no answer

for my $path ('/v1/me', '/v1/sessions', '/v1/webhooks', "/v1/webhooks/$hook",
              "/v1/webhooks/$hook/deliveries", '/v1/notifications')
{
    unlike($ann->get($path)->body, qr/whsec_|\$2[aby]\$|hash|secret|_token/,
           "$path: no secret");
}

finish();
