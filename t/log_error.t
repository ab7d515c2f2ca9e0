#!/usr/bin/env perl

# The error log: every line of a request has its id, those of PostgreSQL's
# answers as well; and no query.

use v5.36;

use Skep::Process qw(tempdir wait_until);
use Skep::Receiver;
use Skep::Test;

my $skep = skep(
    redis  => 1,
    set    => { api_pg_timeout => '1s', api_pg_write_connections => 1,
                api_pg_queue => 1 },
    http   => 'rate_limit_zone $auth_user zone=user:1m rate=1r/m;',
    server => <<~'EOT',
        location /limited {
            auth_token required;
            rate_limit zone=user;
            empty_gif;
        }
        location /away { proxy_pass http://127.0.0.1:%%PORT:nobody%%; }
        location /away/as-before {
            api_errors off;
            proxy_pass http://127.0.0.1:%%PORT:nobody%%;
        }
        EOT
    location => 'client_max_body_size 1k;',
);
my $user = $skep->user;
my $secret = 'query-that-is-secret';


# the lines with this id that match
sub lines ($id, $pattern) {
    my @found;

    wait_until(3, sub {
        @found = grep { /request_id: "\Q$id\E"/ && /$pattern/ }
                 split /\n/, $skep->nginx->log('error.log');
        return @found > 0;
    });

    return @found;
}

sub with ($id, @headers) {
    return (headers => ['X-Request-ID', $id, @headers]);
}


$user->get("/limited?$secret", plain => 1);
$user->get("/limited?$secret", with('limited'), plain => 1);
like((lines('limited', 'limiting requests'))[0],
     qr{, client: 127\.0\.0\.1, request_id: "limited", server: localhost, request: "GET /limited HTTP/1\.1", host: "},
     'a line of a module');

$skep->get("/v1/tasks?$secret",
           with('refused', Authorization => "Basic $secret",
                Referer => "http://a/?$secret"));
is(scalar lines('refused', 'access token refused'), 1, 'a token that is none');

$user->post('/v1/tasks', { title => 'x' x 2000 }, with('large'));
is(scalar lines('large', 'too large body'), 1, q{a line of nginx's own});

$skep->get("/away?$secret", with('away', Referer => "http://a/?$secret"));
like((lines('away', 'connect\(\) failed'))[0],
     qr{upstream: "http://127\.0\.0\.1:\d+/away", host: },
     'a server behind, with its path');

unlike($skep->nginx->log('error.log'), qr/\Q$secret\E/, 'no query anywhere');

$skep->get('/away/as-before?page=2', plain => 1,
           with('before', Referer => 'http://a/'));
like((lines('before', 'connect\(\) failed'))[0],
     qr{request: "GET /away/as-before\?page=2 HTTP/1.1".*, referrer: "http://a/"},
     q{where there is no API it is nginx's own, with the id});

$skep->get('/away');
like(($skep->nginx->log('error.log') =~ /(.*connect\(\) failed.*)/g)[-1],
     qr/request_id: "[0-9a-f-]{36}"/, 'an id that was made here');

$skep->client->send("GET /away/" . 'z' x 4000
                    . " HTTP/1.1\r\nHost: a\r\nX-Request-ID: long\r\n\r\n");
$skep->client->response;
is(scalar lines('long', 'connect\(\) failed'), 1,
   'a line that is cut has it still');


# what PostgreSQL says, of its statements

my $task = $user->task(title => 'x');

$skep->pg->execute(q{ALTER TABLE task.tasks ADD CONSTRAINT no_x
                     CHECK (title <> 'forbidden title') NOT VALID});
problem($user->post('/v1/tasks', { title => 'forbidden title' },
                    with('refusal')), 500, 'internal_error');
is(scalar lines('refusal', 'PostgreSQL: statement "task_create": 23514'), 1,
   'a statement that is refused');
unlike($skep->nginx->log('error.log'), qr/forbidden title/,
       'without what the client sent');
$skep->pg->execute('ALTER TABLE task.tasks DROP CONSTRAINT no_x');

my $lock = $skep->pg->session;
$lock->hold('SELECT FROM task.tasks FOR UPDATE');

problem($user->patch("/v1/tasks/$task->{id}", { title => 'y' }, with('slow')),
        504, 'database_timeout');
ok(scalar lines('slow', '"task_update"'), 'one that took too long');

# the one connection for writes has to be free again
is(scalar lines('slow', 'task_update.*57014'), 1, 'PostgreSQL gives it up');

# whose client has left when PostgreSQL gives it up

my $client = $skep->new_client;
$client->send($client->format_request(
    'PATCH', "/v1/tasks/$task->{id}", token => $user->token,
    json => { title => 'z' }, with('left')));
$skep->pg->blocked or fail('it does not wait');
$client->abort;
is(scalar lines('left', 'task_update.*57014'), 1,
   'of a request that is gone, too');

$lock->send('ROLLBACK;');
$lock->close;

# what was accepted and is lost: nobody waits for it

$lock = $skep->pg->session;
$lock->hold('LOCK TABLE auth.mail_tokens');
is($skep->post('/v1/auth/password-reset', { email => $user->email },
               with('reset'))->status, 202, 'a reset is accepted');
is(scalar lines('reset', 'reset that was accepted is lost'), 1, 'and lost');
$lock->send('ROLLBACK;');
$lock->close;


# what Redis says of what nobody waits for

$skep->redis->command('ACL', 'SETUSER', 'default', '-publish');
is($skep->login($user)->post('/v1/auth/logout', undef, with('logout'))->status,
   204, 'a session ends');
is(scalar lines('logout', '\] \S+ Redis: NOPERM'), 1, 'Redis refuses to tell');


$skep->pg->stop_server;
problem($user->get('/v1/tasks'), 503, 'database_unavailable');
problem($user->get('/v1/tasks', with('down')), 503, 'database_unavailable');
is(scalar lines('down', 'PostgreSQL is away'), 1, 'no PostgreSQL');

finish();
