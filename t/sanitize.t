#!/usr/bin/env perl

# nginx itself, the modules and the worker under AddressSanitizer, UBSan and
# LeakSanitizer: the calls of a day, what strangers send, and what fails in the
# middle.  Nothing is reported.  The whole suite runs on this build by
# ./dev test asan.

use v5.36;

# before anything asks where the build is
use lib 't/lib';
use Skep::Sanitizer 'build';

use Skep::JWT qw(jwt_keys);
use Skep::Process qw(wait_until);
use Skep::Receiver;
use Skep::Stream;
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = Skep::Server->new(
    worker => 1, metrics => 1, workers => 2,
    allow_log => qr/exited on signal 9/,
    worker_conf => {
        webhook_allow_http => 'on', webhook_allow_address => '127.0.0.1',
    },
    set => {
        notify_webhook_http => 'on',
        notify_webhook_allow_address => '127.0.0.1',
    },
);
my ($rsa) = jwt_keys($skep->dir, 'rsa:2048');
my ($ec) = jwt_keys($skep->dir, 'ec:P-256');
my $dir = $skep->dir;

$skep->reconfigure(set => {
    $skep->{options}{set}->%*,
    auth_key => "ES256 $ec; auth_key RS256 $rsa; auth_key HS256 $dir/key",
});
$skep->start;

my $receiver = Skep::Receiver->new(dir => $dir);


# the calls of a day

my ($owner, $other) = map { $skep->user } 1 .. 2;
my $project = $skep->project($owner, editor => $other);
my $stream = Skep::Stream->open($other);

my $hook = $owner->post('/v1/webhooks', {
    url => $receiver->url('/hook'), events => ['task.created'],
    project_id => $project,
});
status_is($hook, 201, 'a webhook');

my @tasks = map { $owner->task(title => "Task $_ \x{1f41d}",
                               project_id => $project) } 1 .. 5;
my $path = "/v1/tasks/$tasks[0]{id}";

my @day = (
    [200, 'PATCH', $path, { title => 'Another', labels => ['a', 'b'] }],
    [200, 'POST', "$path/complete"],
    [200, 'POST', "$path/reopen"],
    [201, 'POST', "$path/comments", { body => 'A comment' }],
    [200, 'GET', "$path/comments"],
    [200, 'GET', '/v1/tasks?limit=2&sort=-created_at'],
    [200, 'GET', '/v1/tasks?status=todo&label=a'],
    [200, 'GET', '/v1/tasks?q=another'],
    [200, 'GET', '/v1/projects'],
    [200, 'GET', "/v1/projects/$project/members"],
    [200, 'GET', '/v1/notifications'],
    [200, 'GET', '/v1/sessions'],
    [200, 'GET', '/v1/webhooks'],
    [200, 'GET', '/v1/me'],
    [204, 'DELETE', "/v1/tasks/$tasks[1]{id}"],
    [404, 'GET', "/v1/tasks/$tasks[1]{id}"],
    [404, 'GET', '/v1/nothing'],
    [405, 'PUT', '/v1/tasks', {}],
);

for my $call (@day) {
    my ($status, $method, $target, $json) = @$call;

    status_is($owner->request($method, $target,
                              defined $json ? (json => $json) : ()),
              $status, "$method $target");
}

status_is($skep->post('/v1/auth/refresh', {
    refresh_token => $owner->refresh_token,
}), 200, 'a refresh');
status_is($skep->login($other)->post('/v1/auth/logout'), 204, 'a logout');
ok(wait_until(20, sub { $receiver->requests('/hook') >= 5 }), 'webhooks come');
ok($stream->event(10), 'and events, live');
$stream->abort;
$skep->metrics;


# what strangers send: whatever is answered, or nothing

my $long = 'x' x 20_000;
my $token = $owner->token;
my @bodies = (
    '', '{', '[]', 'null', '"', '{"title":1}', '{"title":"\\ud800"}',
    "{\"title\":\"\xff\xfe\"}", '{"title":"a","title":"b"}', "{\"\0\":1}",
    '[' x 2000, '{"a":' x 500, "{\"title\":\"$long\"}", '{"due_at":"9999-99"}',
    '{"title":"a","labels":[' . join(',', ('"t"') x 500) . ']}', "\x1f\x8b\x08",
    '{"title":1e999,"priority":-0.0,"version":99999999999999999999}',
);
my @targets = (
    '/v1/tasks?limit=-1', '/v1/tasks?limit=99999999999999999999',
    '/v1/tasks?cursor=' . 'A' x 3000, '/v1/tasks?cursor=%00%ff', '/v1/tasks?q=%',
    '/v1/tasks/%2e%2e%2f', '/v1/tasks/' . nobody . '%00', "/v1/tasks?$long",
    '/v1/tasks?' . join('&', map { "a$_=$_" } 1 .. 200), '/v1//tasks', '*',
    'http://other.example/v1/tasks', '/v1/tasks?sort=' . ',' x 500,
);
my @tokens = ('', 'x', '..', 'a.b.c', $token . 'x', substr($token, 0, -3),
              $token =~ s/\..*\./.e30./r, 'eyJhbGciOiJub25lIn0.e30.', $long,
              "\xff\xfe", $skep->token($owner, { exp => -1 }),
              $skep->token($owner, { role => [], sub => {} }));

sub sent ($bytes, $wait = 1) {
    my $client = $skep->new_client(timeout => 5);

    delete $client->{witness};
    eval {
        $client->send($bytes);
        $client->response if $wait;
    };
    $client->abort;
}

sub request ($method, $target, $bearer, $body = '') {
    return "$method $target HTTP/1.1\r\nHost: localhost\r\n"
           . "Authorization: Bearer $bearer\r\n"
           . "Content-Type: application/json\r\nContent-Length: "
           . length($body) . "\r\n\r\n$body";
}

for my $body (@bodies) {
    sent(request('POST', $_, $token, $body))
        for '/v1/tasks', '/v1/tasks/bulk', '/v1/webhooks', '/v1/auth/login';
    sent(request('PATCH', $path, $token, $body));
}

sent(request('GET', $_, $token)) for @targets;
sent(request('GET', '/v1/me', $_)) for @tokens;
sent(request('GET', '/v1/tasks', $token) x 50);

# cut off, and gone before the answer
my $whole = request('POST', '/v1/tasks', $token, '{"title":"Gone"}');

sent(substr($whole, 0, $_ * length($whole) / 20), 0) for 1 .. 19;
sent($whole, 0) for 1 .. 20;
status_is($owner->get('/v1/me'), 200, 'it serves');


# what fails in the middle

sub busy ($code) {
    my @clients = map { $skep->new_client(timeout => 10) } 1 .. 10;

    for my $client (@clients) {
        delete $client->{witness};
        $client->send($whole . request('GET', '/v1/tasks', $token));
    }

    $code->();

    for my $client (@clients) {
        eval { $client->response for 1 .. 2 };
        $client->close;
    }

    $skep->client->close;
    ok($skep->wait_ready(20), 'ready again');
}

busy(sub { $skep->pg->kill_server; $skep->pg->start });
busy(sub { $skep->redis->kill_server; $skep->redis->start });
busy(sub { $skep->nginx->reload });
busy(sub { kill 'KILL', ($skep->nginx->workers)[0] });
busy(sub { $skep->worker->kill_process; $skep->worker->start });

# a statement of the worker's that PostgreSQL refuses
$skep->pg->execute('ALTER TABLE notify.inbox RENAME TO away');
$other->task(project_id => $project);
ok(wait_until(20, sub { $skep->worker->log =~ /42P01/ }), 'a statement fails');
$skep->pg->execute('ALTER TABLE notify.away RENAME TO inbox');
ok(wait_until(20, sub {
    !$skep->pg->value('SELECT count(*) FROM notify.outbox');
}), 'and is made up for');

# a reload that is refused
$skep->reconfigure(servers => 'nonsense;');
$skep->nginx->hup;
ok(wait_until(10, sub { $skep->nginx->log =~ /unknown directive "nonsense"/ }),
   'a configuration that is refused');
$skep->{allow_log} = qr/exited on signal 9|unknown directive "nonsense"/;


# a report is seen, whichever process makes it, and as whom: of a worker that
# comes to a bad end

is(join('', Skep::Sanitizer::reports()), '', 'nothing was reported until now');
# (a signal can come while it allocates, and then there is no report to be had)

my @reports;

for (1 .. 3) {
    my ($pid) = $skep->nginx->workers;

    kill 'SEGV', $pid;
    last if $skep->nginx->gone(20, $pid)
            && (@reports = Skep::Sanitizer::reports());
    kill 'KILL', $pid;
}

is(scalar @reports, 1, 'it is reported');
like("@reports", qr/Sanitizer: SEGV/, 'as what it is');
ok($skep->wait_ready(20), 'another worker serves');
$skep->{allow_log} = qr/exited on signal 9|exited with code 1|"nonsense"/;

finish();
