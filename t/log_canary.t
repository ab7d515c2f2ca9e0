#!/usr/bin/env perl

# No token, password, secret, connection string or e-mail address in any log,
# nor what users write: each is a text that is nowhere else, a canary, in a walk
# through the API on which things break.  Those of nginx and the worker are at
# level info, PostgreSQL's is as it comes.

use v5.36;

use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Skep::File qw(slurp);
use Skep::Mailing;
use Skep::Process qw(wait_until);
use Skep::Receiver;
use Skep::Test;

my %canary;                             # text => what it is

sub canary ($what) {
    state $n = 0;
    my $text = sprintf 'canary%02d%08x', $n++, rand 0xffffffff;

    $canary{$text} = $what;
    return $text;
}

# what the server made is one as well
sub found ($what, $text) {
    $canary{$text} = $what if defined $text;
    return $text // die "no $what";
}

my $redis_password = canary('the password of Redis');
my $smtp_password = canary('the password of SMTP');

my $skep = Skep::Server->new(
    allow_log => qr{none" failed},
    redis => { requirepass => $redis_password },
    set   => {
        notify_stream => 'skep', notify_webhook_http => 'on',
        notify_webhook_allow_address => '127.0.0.0/8',
        api_pg_timeout => '1s',
    },
    access_log => 1,
    http  => 'rate_limit_zone $auth_account zone=account:1m rate=20r/m;'
             . 'api_redis_password_file %%DIR%%/../redis-password;',
    server => <<~'EOT',
        location /behind {
            auth_token required;
            auth_forward_identity on;
            proxy_pass http://127.0.0.1:%%PORT:nobody%%;
        }
        location = /v1/auth/login {
            auth_api on;
            rate_limit zone=account burst=8 nodelay;
        }
        EOT
);
my $dir = $skep->dir;

$skep->write_file('redis-password', "$redis_password\n");

$skep->start;

my $pg = $skep->pg;
my $receiver = Skep::Receiver->new(dir => $dir);
my $m = Skep::Mailing->new(
    skep => $skep, tls => 'starttls', login => ['skep', $smtp_password],
    conf => {
        redis => $skep->redis->address,
        redis_password_file => "$dir/redis-password",
        stream => 'skep', sweep_interval => '200ms', event_tries => 2,
        webhook_allow_http => 'on', webhook_allow_address => '127.0.0.1',
        webhook_schedule => '100ms', smtp_schedule => '100ms 100ms',
    },
);

$canary{$skep->key} = 'the key that signs tokens';
$canary{+Skep::Postgres::PASSWORD} = 'the password of PostgreSQL';
$canary{'dbname='} = 'a connection string';
$canary{$skep->{secret}} = 'the key that signs cursors';


# an account, from its beginning

my $mailbox = canary('an e-mail address');
my $email = "$mailbox\@example.com";
my $password = canary('a password');
my $ada = $skep->user(email => $email, password => $password,
                      name => canary('a name'));

sub tokens ($from) {
    found('an access token', $from->token);
    found('the signature of one', (split /\./, $from->token)[2]);
    found('a refresh token', $from->refresh_token);
    return $from;
}

tokens($ada);
tokens($skep->login($ada));
$skep->post('/v1/auth/register', { email => $email, name => 'x',
                                   password => canary('a password') });
$skep->post('/v1/auth/register', { email => canary('no e-mail'), name => '',
                                   password => 'x' });

for my $try (1 .. 12) {                 # the limit refuses the last
    $skep->post('/v1/auth/login', { email => $email,
                                    password => canary('a wrong password') });
}

$skep->post('/v1/auth/login', { email => canary('a name') . '@example.com',
                                password => canary('a password') });

my $next = $skep->post('/v1/auth/refresh', { refresh_token => $ada->refresh_token })->json;
found('a refresh token', $next->{refresh_token});
found('an access token', $next->{access_token});
$skep->post('/v1/auth/refresh', { refresh_token => canary('a refresh token') });

my $changed = canary('a new password');
$ada->put('/v1/me/password', { current_password => $password,
                               new_password => $changed });
$ada->patch('/v1/me', { email => canary('an e-mail address') . '@example.com',
                        current_password => canary('a wrong password') });
$skep->post('/v1/auth/password-reset', { email => $email });
$skep->post('/v1/auth/password-reset/confirm',
            { token => canary('a mail token'), new_password => canary('a password') });
$skep->post('/v1/auth/verify-email', { token => canary('a mail token') });
$m->fan_out;

# the token of the mail
my $mail = $m->sink->mail(1);
my ($verify) = $mail->text =~ /token=([\w-]{43})/;
found('a mail token', $verify);
is($skep->post('/v1/auth/verify-email', { token => $verify })->status, 204,
   'a mail with its token came');


# tokens, by all the ways that are none

for my $headers ([Authorization => 'Bearer ' . canary('a bearer token')],
                 [Authorization => 'Basic ' . encode_base64('a:' . canary('a password'), '')],
                 [Authorization => 'Bearer ' . $ada->token . canary('its tail')],
                 [Authorization => canary('a scheme') . ' x'],
                 [Authorization => 'Bearer ' . $skep->token($ada, { exp => 1 })],
                 [Cookie => 'token=' . canary('a cookie')],
                 ['X-Api-Key' => canary('a key in a header')],
                 ['X-Request-ID' => canary('a bad id') . '"'],
                 [traceparent => canary('a bad traceparent')],
                 ['Idempotency-Key' => canary('a key')],
                 ['If-Match' => '"' . canary('a tag') . '"'],
                 [Referer => 'http://a/?' . canary('a page')])
{
    $skep->get('/v1/tasks', headers => $headers);
    $skep->get('/behind', headers => $headers, plain => 1);
    $ada->get('/behind', headers => $headers, plain => 1)
        if $headers->[0] ne 'Authorization';
}

for my $query ('access_token=', 'q=', 'label=', 'limit=', 'cursor=', 'nothing=') {
    my $target = "?$query" . canary("a query, $query");

    $ada->get("/v1/tasks$target");
    $skep->get("/v1/tasks$target");
    $skep->get("/nowhere$target");
    $ada->get("/behind$target", plain => 1);
}


# bodies, well-formed and not

my $project = $ada->project(name => canary('a project'));
my $task = $ada->task(title => canary('a title'), description => canary('a text'),
                      labels => [canary('a label')], project_id => $project->{id});

$ada->patch("/v1/tasks/$task->{id}", { title => canary('a title') });
$ada->post("/v1/tasks/$task->{id}/comments", { body => canary('a comment') });
$ada->post("/v1/projects/$project->{id}/members",
           { email => canary('an e-mail address') . '@example.com',
             role => 'editor' });
$ada->post('/v1/tasks', { title => canary('a title') x 200 });
$ada->post('/v1/tasks', { canary('a member') => 1 });
$ada->request('POST', '/v1/tasks', type => 'application/json',
              body => '{"title":"' . canary('what is no JSON'));
$ada->request('POST', '/v1/tasks', type => 'text/' . canary('a type'),
              body => canary('a text'));
$ada->request('POST', '/v1/tasks', type => 'application/json',
              body => '{"title":"' . canary('what is large') . 'x' x 70000 . '"}');
$skep->post('/v1/auth/login', { email => $email, password => canary('a password'),
                                canary('a member') => 1 });


# webhooks and mails that fail

$receiver->answer('/hook', { status => 500, body => canary('an answer') });

my $hook = $ada->post('/v1/webhooks', {
    url => $receiver->url('/hook?key=' . canary(q{a secret in a webhook's URL})),
    events => ['*'],
})->json;

found(q{a webhook's secret}, $hook->{secret});
found('the same without its prefix', $hook->{secret} =~ s/^whsec_//r);
$ada->post('/v1/webhooks', { url => 'http://' . canary('a host') . '.invalid/',
                             events => ['task.created'] });
$ada->post('/v1/webhooks', { url => 'http://10.0.0.1/' . canary('a path'),
                             events => ['task.created'] });

$m->sink->answers("RCPT 550 <$email> is not here", "RCPT 450 <$email> later",
                  'DATA 554 ' . canary('an answer'));
$skep->post('/v1/auth/password-reset', { email => $email }) for 1 .. 3;
$ada->task(title => canary('a title'));
$m->fan_out;
$receiver->wait_for('/hook?key', 1, 1);
ok(wait_until(15, sub { $m->log =~ /delivery .* given up/ }),
   'a webhook was given up');
ok(wait_until(15, sub { $m->log =~ /mail .* is given up/ }), 'so was a mail');


# what PostgreSQL refuses, with the values that it quotes

$pg->execute(<<~'SQL');
    ALTER TABLE auth.users ADD CONSTRAINT refused
        CHECK (name NOT LIKE 'refused%') NOT VALID;
    ALTER TABLE task.tasks ADD CONSTRAINT refused
        CHECK (title NOT LIKE 'refused%') NOT VALID;
    ALTER TABLE notify.events ADD CONSTRAINT refused
        CHECK (data::text NOT LIKE '%poison%') NOT VALID;
    CREATE UNIQUE INDEX refused ON task.tasks (title);
    SQL

my $twice = canary('a title that is there');

status_is($skep->post('/v1/auth/register', {
    email => canary('an e-mail address') . '@example.com',
    password => canary('a password'), name => 'refused ' . canary('a name'),
}), 500, 'an account is refused by PostgreSQL');
status_is($ada->post('/v1/tasks', { title => 'refused ' . canary('a title') }),
          500, 'and a task');
status_is($ada->post('/v1/tasks', { title => $twice }), 201, 'one is unique');
status_is($ada->post('/v1/tasks', { title => $twice }), 500, 'but once');

$ada->task(title => canary('a title') . ' poison');
ok(wait_until(15, sub { $m->log =~ /is put aside/ }), 'and an event');

my $lock = $pg->session;
$lock->hold('SELECT FROM task.tasks FOR UPDATE');
status_is($ada->patch("/v1/tasks/$task->{id}", { title => canary('a title') }),
          504, 'a change takes too long');
$lock->send('ROLLBACK;');
$lock->close;


# what is away

$pg->execute(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE usename IN ('skep_nginx', 'skep_worker')});
$ada->post('/v1/tasks', { title => canary('a title') }) for 1 .. 2;

$skep->redis->kill_server;
$ada->post('/v1/tasks', { title => canary('a title') });
$skep->post('/v1/auth/login', { email => $email, password => $changed });

$pg->stop_server;
$ada->post('/v1/tasks', { title => canary('a title') });
$skep->post('/v1/auth/login', { email => $email, password => $changed });
$skep->post('/v1/auth/password-reset', { email => $email });

# one that does not let anybody in
$skep->redis->{settings}{requirepass} = canary('another password of Redis');
$skep->redis->start;
$pg->start;
$pg->execute("ALTER ROLE skep_nginx PASSWORD '" . canary('another password') . "'");
$pg->execute(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE usename = 'skep_nginx'});
ok(wait_until(10, sub { $skep->nginx->log =~ /password authentication failed/ }),
   'nginx is not let in');
$ada->get('/v1/tasks');

$m->configure(pg_password_file => "$dir/secret", pg => 'dbname=' . canary('a database'));
kill 'HUP', $m->{pid};
wait_until(5, sub { $m->log =~ /does not exist|not permitted|failed/ });
$m->stop_worker;
$skep->reconfigure(set => { $skep->{options}{set}->%*, auth_key => "HS256 $dir/none" });
$skep->nginx->hup;
wait_until(5, sub { $skep->nginx->log =~ /none" failed/ });


# and now the logs

my %log = (
    'the error log'  => $skep->nginx->log,
    'the access log' => $skep->nginx->log('json.log'),
    q{the worker's}  => $m->log,
    # without what the test itself said to it
    q{PostgreSQL's}  => slurp($pg->log_file)
                        =~ s/^.*ALTER ROLE skep_nginx PASSWORD.*\n//mgr,
    q{Redis's}       => $skep->redis->log_text,
);

# each has something to look into
like($log{'the error log'}, qr/PostgreSQL: statement "\w+": 23514/,
     'the error log has the refusal');
like($log{'the error log'}, qr/access token refused/, 'and bad tokens');
like($log{q{the worker's}}, qr/was refused/, q{the worker's its own});
like($log{q{PostgreSQL's}}, qr/skep_nginx ERROR:.*violates check constraint/,
     q{PostgreSQL's, too});
cmp_ok(scalar(() = $log{'the access log'} =~ /"status":/g), '>', 80,
       'the access log has requests');

# and the search finds what is there: nginx's own format has the query
like($skep->nginx->log('access.log'), qr/access_token=canary/,
     'one log that nobody uses has some of it');

cmp_ok(scalar keys %canary, '>', 80, 'canaries');

for my $name (sort keys %log) {
    my @leaks = grep { index($log{$name}, $_) >= 0 } sort keys %canary;

    is(scalar @leaks, 0, "$name has no canary");

    for my $text (@leaks) {
        my ($line) = $log{$name} =~ /^(.*\Q$text\E.*)$/m;
        diag("$canary{$text}: $line");
    }

    unlike($log{$name}, qr/canary|\@example\.com/, 'nor a piece of one');
    unlike($log{$name}, qr/eyJ[\w-]{10}|\$2[aby]\$|whsec_/,
           'nor what looks like a token, a hash or a secret');
}

$m->sink->stop_server;
$receiver->stop_server;
finish($skep);
