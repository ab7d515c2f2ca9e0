#!/usr/bin/env perl

# conf/examples/: each is taken as it is, and does what its comments say.

use v5.36;

use Skep::Example;
use Skep::Postgres;
use Skep::Process qw(run spawn tempdir wait_until);
use Skep::Redis;
use Skep::Stream;
use Skep::Test;

my $dir = tempdir();
my $pg = Skep::Postgres->new(dir => $dir)->start;
my $redis = Skep::Redis->new(dir => $dir)->start;
my $secrets = Skep::Example->secrets;
my @servers;

# one that other examples don't share its ports with
sub example ($name, $port, %o) {
    my $example = Skep::Example->new(
        name => $name, port => $port, pg => $pg, redis => $redis,
        secrets => $secrets, %o,
    );

    my ($ok, $out) = $example->nginx->test_configuration;

    ok($ok, "$name: nginx -t") or diag($out);
    unlike($out, qr/\[(?:warn|error|alert|emerg)\]/, "$name: in silence");

    return $example->start;
}

is_deeply([Skep::Example->names],
          [qw(all-in-one behind-proxy gateway limits-locations
              limits-redis limits service-auth service-common service-notify service-task tls)],
          'this test has all of the examples');


# what is behind a gateway or a location with proxy_pass: it says what it was
# told

my $reports = Skep::Nginx->new(dir => tempdir(), conf => <<~"EOT")->start;
    http {
        @{[Skep::Nginx::http_paths()]}
        server {
            listen 127.0.0.1:%%PORT%%;
            location / { return 200 "\$http_x_auth_user \$http_x_auth_role"; }
        }
    }
    EOT


# The same on each: an account, a task, a notification's settings.

sub journey ($server, $name) {
    ok($server->wait_ready(10), "$name: ready") if $name ne 'gateway';

    my $user = $server->user(email => "$name\@example.com");
    my $task = $user->task(title => "by $name");

    is($user->get("/v1/tasks/$task->{id}")->json->{title}, "by $name",
       "$name: a task");
    is($user->get('/v1/me')->json->{email}, "$name\@example.com",
       "$name: an account");
    status_is($user->get('/v1/me/notification-settings'), 200,
              "$name: settings");
    status_is($user->get('/v1/webhooks'), 200, "$name: webhooks");
    status_is($user->get('/v1/projects'), 200, "$name: projects");
    problem($server->get('/v1/tasks'), 401, 'token_missing',
            "$name: without a token");
    problem($server->get('/v1/nothing'), 404, 'not_found', "$name: no such");
    problem($server->post('/v1/tasks', { title => 'x' x 70000 },
                          token => $user->token), 413, 'payload_too_large',
            "$name: too large");

    metrics($server, $name);

    return $user;
}

# What Prometheus sees, on the port that the example has for it.

sub metrics ($server, $name, $port = 9463) {
    my $client = Skep::Client->new(port => $server->port($port));
    my $text = $client->request('GET', '/metrics')->body;

    $client->close;
    like($text, qr/^skep_build_info\{/m, "$name: metrics");
}

# The other application is reached with a token, and told whose it is.

sub protects ($server, $user, $name) {
    my $res = $server->get('/reports/x', token => $user->token, plain => 1,
                           headers => ['X-Auth-User', 'root']);

    is($res->body, $user->id . ' user', "$name: the other one is told who");
    problem($server->get('/reports/x', plain => 1), 401, 'token_missing',
            "$name: the other one is not for everybody");
}


subtest 'all in one' => sub {
    my $server = example('all-in-one', 8080,
                         ports => { 9000 => $reports->port });
    my $www = $server->nginx->file('www');

    mkdir $www, 0755 or die "$www: $!";
    $server->nginx->write_file('www/index.html', 'the page');

    protects($server, journey($server, 'all-in-one'), 'all-in-one');
    is($server->get('/', plain => 1)->body, 'the page', 'the page');
    is($server->get('/tasks/7', plain => 1)->body, 'the page',
       'its own paths are its own matter');
    like($server->user->get('/v1/tasks')->header('RateLimit') // '',
         qr/\A"user";r=\d+/, 'a limit');
    push @servers, $server;
};


subtest 'a gateway and services' => sub {
    my %ports = (9000 => $reports->port);
    my %service = map {
        my ($name, $port) = @$_;
        ($name => example("service-$name", $port, ports => \%ports))
    } ['auth', 8081], ['task', 8082], ['notify', 8083];
    my $server = example('gateway', 8080, ports => \%ports);

    ok($_->wait_ready(10), 'a service is ready') for values %service;
    metrics($_, 'a service', $_->{port}) for values %service;

    my $user = journey($server, 'gateway');

    protects($server, $user, 'gateway');
    status_is($server->get('/livez'), 200, 'the gateway lives');
    is($server->get('/readyz')->json->{status}, 'ok', 'and is ready');
    problem($server->get('/elsewhere'), 404, 'not_found',
            'what no service has');

    my $res = $server->get('/v1/tasks', token => $user->token,
                           headers => ['X-Request-ID', 'one-id']);

    is(join(',', $res->headers('X-Request-ID')), 'one-id',
       'one request id, through and back');

    # each serves its own calls alone
    my @as = (token => $user->token, plain => 1);

    problem($service{auth}->get('/v1/tasks', @as), 404, 'not_found',
            'no tasks by the service of accounts');
    problem($service{task}->get('/v1/me', @as), 404, 'not_found',
            'no accounts by that of tasks');
    status_is($service{task}->get('/v1/tasks', token => $user->token), 200,
              'which takes the tokens of the other');

    unlike($service{task}->nginx->log('nginx.conf'), qr/token\.pem/,
           'and has no key to make any');
    is($server->get('/.well-known/jwks.json', plain => 1)
       ->json->{keys}[0]{alg}, 'ES256',
       'the public key');

    # a stream comes through as it happens
    my $stream = Skep::Stream->open($user);

    $user->task(title => 'live');
    $pg->fan_out;

    my $event = $stream->event(10);

    is($event->{type} // '', 'task.created', 'the stream is live');
    $stream->close;

    # a session that ends is refused at once, by all
    status_is($user->post('/v1/auth/logout'), 204, 'logged out');
    ok(wait_until(5, sub {
           $server->get('/reports/x', token => $user->token, plain => 1)
                  ->status == 401
       }), 'by the gateway');
    problem($user->get('/v1/tasks'), 401, 'token_revoked', 'by a service');

    # away
    my $other = $server->user;

    $service{task}->nginx->quit;
    problem($other->get('/v1/tasks', plain => 1), 502, 'bad_gateway',
            'one service is away');
    status_is($other->get('/v1/me'), 200, 'the others are not');
    push @servers, $server, values %service;
};


subtest 'TLS' => sub {
    # as 1.25.1 and newer have it
    my ($rc, $version) = run(['nginx', '-v']);
    my $new = $version =~ m{nginx/1\.(\d+)} && $1 >= 26;
    my $server = example('tls', 80, change => sub ($text) {
        $text =~ s/( ssl) http2;/$1; http2 on;/ if $new;
        return $text;
    });
    my $ca = ['--cacert', "$secrets/fullchain.pem"];
    my $url = 'https://localhost:' . $server->port(443);

    sub curl (@words) {
        my ($rc, $out) = run(['curl', '-sS', '-m', '10', @words]);
        return $out;
    }

    ok(wait_until(10, sub { curl(@$ca, "$url/readyz") =~ /"ok"|\{/ }),
       'it is ready');

    my $out = curl(@$ca, '-i', "$url/v1/tasks");

    like($out, qr/\AHTTP\/2 401/, 'HTTP/2');
    like($out, qr/^strict-transport-security: max-age=63072000\r$/m, 'HSTS');
    like($out, qr/"code":\s*"token_missing"/, 'a problem');

    like(curl("$url/livez"), qr/certificate/, 'who does not trust it');
    like(curl(@$ca, '--tls-max', '1.1', "$url/livez"), qr/alert|error|no /i,
         'TLS 1.1 is refused');
    like(curl(@$ca, '--tls-max', '1.2', "$url/livez"), qr/\{/, 'TLS 1.2 is not');

    my $user = curl(@$ca, '-H', 'Content-Type: application/json', '-d',
        '{"email":"tls@example.com","password":"correct horse","name":"T"}',
        "$url/v1/auth/register");

    like($user, qr/"access_token"/, 'an account');

    my $plain = $server->get('/v1/tasks?limit=2', plain => 1,
                             headers => ['Host', 'elsewhere.example']);

    status_is($plain, 308, 'in the clear: sent on');
    is($plain->header('Location'), 'https://api.example.com/v1/tasks?limit=2',
       'to the name of this server, whatever host was asked for');
    status_is($server->get('/v1/tasks', plain => 1, token => 'x'), 403,
              'a token in the clear is refused');
    push @servers, $server;
};


subtest 'behind a proxy' => sub {
    my $server = example('behind-proxy', 8080);

    journey($server, 'behind-proxy');

    # whom the log names
    my $seen = sub (@forwarded) {
        my $id = 'seen-' . join '-', map { s/\W//gr } @forwarded;

        $server->get('/livez', headers => [
            'X-Request-ID', $id, map { ('X-Forwarded-For', $_) } @forwarded,
        ]);

        my $line;
        wait_until(5, sub {
            ($line) = $server->nginx->log('access.log')
                      =~ /^(\S+ via \S+) .* id=\Q$id\E$/m;
        });

        return $line;
    };

    is($seen->('192.0.2.7'), '192.0.2.7 via 127.0.0.1', 'the client');
    is($seen->('203.0.113.9, 192.0.2.7'), '192.0.2.7 via 127.0.0.1',
       'not whom the client says it is');
    is($seen->('203.0.113.9, 192.0.2.7, 10.1.2.3'),
       '192.0.2.7 via 127.0.0.1', 'behind two proxies');
    is($seen->('not an address'), '127.0.0.1 via 127.0.0.1', 'nonsense');

    my $user = $server->user;
    my $res = $server->post('/v1/auth/login', {
        email => $user->email, password => $user->password,
    }, headers => ['X-Forwarded-For', '203.0.113.9, 192.0.2.6']);

    my ($session) = grep { $_->{current} } $server->get(
        '/v1/sessions', token => $res->json->{access_token}
    )->json->{data}->@*;

    is($session->{ip}, '192.0.2.6', 'a session is of the client');

    # so limits are of clients
    my $login = sub ($from) {
        return $server->post('/v1/auth/login', {
            email => 'nobody@example.com', password => 'wrong password',
        }, headers => ['X-Forwarded-For', $from])->status;
    };

    ok((grep { $login->('192.0.2.7') == 429 } 1 .. 40), 'one is limited');
    is($login->('192.0.2.8'), 401, 'another one is not');
    push @servers, $server;
};


is($reports->quit, 0, 'the other application ends');
finish(@servers);
