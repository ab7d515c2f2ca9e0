#!/usr/bin/env perl

# compose.yaml, from a clean checkout: the images, README's journey, three
# copies of the API under load of which one is killed and one is stopped, what
# Prometheus sees, the API as three services.

use v5.36;

use Skep::Client;
use Skep::Containers;
use Skep::File qw(slurp spew);
use Skep::Load;
use Skep::Nginx;
use Skep::Process qw(run source_dir tempdir wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'an engine needs root' if $> != 0;

my $root = source_dir();
my $dir = tempdir();
my %port = map { $_ => Skep::Nginx::free_port() } qw(api prometheus alerts);
my $c = Skep::Containers->new(env => {
    SKEP_PORT => $port{api}, SKEP_PROMETHEUS_PORT => $port{prometheus},
    SKEP_ALERTMANAGER_PORT => $port{alerts}, SKEP_BUILD_NETWORK => 'host',
});

END {
    $c->end if $c;
}

sub get ($port, $target, @headers) {
    return Skep::Client->new(port => $port)
        ->request('GET', $target, headers => \@headers);
}

# Whether all of them are healthy, and the database takes writes, too.
sub ready (@services) {
    return $c->healthy(@services) && wait_until(30, sub {
        my $res = eval {
            Skep::Client->new(port => $port{api})->request(
                'POST', '/v1/auth/login',
                json => { email => 'nobody@example.com', password => 'x' x 8 });
        };

        return $res && $res->status == 401;
    }, 0.5);
}

# README's journey, in the directory of compose.yaml, where ./dev mail is of a
# container, and so is the receiver of the webhook
my $journeys = 0;

sub journey ($title) {
    my ($text) = slurp("$root/README.md")
                 =~ /^<!-- journey -->\n```sh\n(.*?)^```$/ms;

    # without a receiver that an earlier journey has left
    $c->ok('compose', 'restart', '-t', '2', 'mail');

    my ($mail) = $c->ids('mail');

    $text =~ s/127\.0\.0\.1:8080/127.0.0.1:$port{api}/;
    $text =~ s/^python3 /docker exec $mail python3 /m;
    $text =~ s/^PYTHON=.*\K/\nsleep 3/m;
    $text =~ s/\.\/dev mail/docker exec $mail skep-mail/g;
    spew("$dir/journey", $text);

    my ($rc, $out) = run(['sh', "$dir/journey"], dir => $root,
                         env => $c->{env}, timeout => 120);

    is($rc, 0, "$title: the journey");
    # the next time the accounts are there
    is_deeply([$out =~ /"code":"(\w+)"/g], ['not_found'],
              'no call is refused but the last one') if !$journeys++;
    is_deeply([sort $out =~ /^event: (.*?)\r?$/mg],
              ['task.completed', 'task.reopened'], 'the stream');
    like($out, qr/^webhook \S+ \{.*"task\.completed"/m, 'the webhook');
    like($out, qr/^Subject: \[Garden\] Done: Feed the bees$/m, 'the mail')
        or diag($out);
}


# the images

my ($rc, $out) = run(["$root/t/containers/stand-in/make"], env => $c->{env},
                     timeout => 1800);
is($rc, 0, 'images of others, or what stands for them') or BAIL_OUT($out);

$c->{files} = ["$root/compose.yaml", "$root/conf/docker/try.yaml"];
($rc, $out) = $c->compose('build');
is($rc, 0, 'docker-compose build') or BAIL_OUT($out);

for my $name (qw(api worker migrate)) {
    my $image = "skep/$name:0.1.0";
    my $found = $c->ok('docker', 'run', '--rm', '--network', 'none', $image,
                       'sh', '-c', 'id -u; for name in cc gcc make npm node '
                       . 'apt-get; do command -v $name; done; exit 0');

    is($found, "10001\n/usr/bin/apt-get", "$name: its user, no compiler");
    note(sprintf '%s: %.1f MB', $name, $c->inspect($image)->{Size} / 1e6);
}

$rc = ($c->docker('run', '--rm', '--network', 'none', 'skep/api:0.1.0',
                  'test', '-s', '/usr/share/skep/docs/index.html'))[0];
is($rc, 0, 'the reference page is in it');


# all of it

my $started = time;
my @all = qw(postgres redis api gateway worker);

($rc, $out) = $c->compose('up', '-d');
is($rc, 0, 'docker-compose up') or BAIL_OUT($out);
ok(ready(@all), 'all are healthy')
    or BAIL_OUT($c->ok('compose', 'logs', '--no-color', '--tail=40'));
note(sprintf 'healthy after %.1f s', time - $started);
journey('compose.yaml');

is(get($port{api}, '/docs/')->status, 200, '/docs/ by the gateway');
is(get($port{api}, '/v1/nothing')->json->{code}, 'not_found', 'a problem');

for my $name (qw(api gateway worker)) {
    my ($id) = $c->ids($name);
    my $host = $c->inspect($id)->{HostConfig};

    ok($host->{ReadonlyRootfs}, "$name: nothing of it can be written");
    is_deeply($host->{CapDrop}, ['ALL'], "$name: no capability");
    isnt(($c->docker('exec', $id, 'touch', '/etc/skep/x'))[0], 0,
         "$name: so it is");
}


# no secret is in what others see

my %secret = $c->ok('compose', 'run', '--rm', '-T', '--no-deps', 'secrets',
    'sh', '-c', 'cd /secrets && for f in */*password */cursor.key; do '
    . 'echo "$f $(cat $f)"; done') =~ m{^(\w+/\S+) ([0-9a-f]+)\r?$}mg;
my $seen = $c->ok('compose', 'logs', '--no-color')
    . join '', map { $c->ok('docker', 'inspect', $c->ids($_)) } @all;

is(scalar keys %secret, 12, 'the secrets');
is_deeply([grep { index($seen, $secret{$_}) >= 0 } sort keys %secret], [],
          'none is in a log or in what inspect shows');


# again, as after a reboot: the same secrets, the same data

$c->ok('compose', 'restart', @all);
ok(ready(@all), 'healthy after a restart');
journey('after a restart');


# Redis comes back with another address, since somebody else has its own

my ($redis) = $c->ids('redis');
my ($network) = grep { /_back$/ }
                keys $c->inspect($redis)->{NetworkSettings}{Networks}->%*;

sub address () {
    return $c->inspect($redis)->{NetworkSettings}{Networks}{$network}{IPAddress};
}

my $address = address();

$c->ok('docker', 'stop', $redis);
my $other = $c->ok('docker', 'run', '-d', '--rm', '--network', $network,
                   'skep/worker:0.1.0', 'sleep', '600');
$c->ok('docker', 'start', $redis);
isnt(address(), $address, 'Redis has another address');
ok(wait_until(30, sub {
       ($c->docker('exec', $c->ids('api'), 'bash', '-c',
                   'exec 3<>/dev/tcp/127.0.0.1/8080; '
                   . 'printf "GET /readyz HTTP/1.0\r\n\r\n" >&3; '
                   . 'cat <&3'))[1] =~ /"redis":"ok"/;
   }, 0.5), 'the API finds it');
$c->ok('docker', 'kill', $other);


# three copies under load

spew("$dir/limits.conf", "rate_limit_dry_run on;\n");
spew("$dir/limits.yaml", <<"END");
services:
  api:
    volumes: ["$dir/limits.conf:/etc/skep/http.d/limits.conf:ro"]
END
push $c->{files}->@*, "$dir/limits.yaml";

$c->ok('compose', 'up', '-d', '--scale', 'api=3');
ok(ready(@all), 'three are healthy');

my @copies = $c->ids('api');
is(scalar @copies, 3, 'three of them');

my $client = Skep::Client->new(port => $port{api});
my $token = $client->request('POST', '/v1/auth/login', json => {
    email => 'ada@example.com', password => 'correct horse' })
    ->json->{access_token};
my $task = $client->request('POST', '/v1/tasks', token => $token,
                            json => { title => 'Under load' })->json->{id};

sub load () {
    my $n = 0;

    return Skep::Load->start(port => $port{api}, connections => 16,
                             next => sub {
        my $post = ++$n % 4 == 0;

        return {
            method => $post ? 'POST' : 'GET', kind => $post ? 'post' : 'get',
            target => $post ? '/v1/tasks' : "/v1/tasks/$task",
            token => $token, $post ? (json => { title => "Load $n" }) : (),
            check => sub ($res, $journal) {
                my $status = $res->status;

                # 502 of a POST is looked at below
                return undef if $status == ($post ? 201 : 200)
                                || $post && $status == 502;
                return "status $status";
            },
        };
    });
}

# how many requests each of the copies has answered
sub answered (@ids) {
    return map {
        my $log = $c->ok('docker', 'logs', $_);
        scalar(() = $log =~ m{"?/v1/tasks}g);
    } @ids;
}

my $load = load();
sleep 3;

# as a crash does; the engine starts it again
my $pid = $c->inspect($copies[0])->{State}{Pid};
kill 'KILL', $pid;
my $killed = time;

ok(wait_until(20, sub {
       my $state = $c->inspect($copies[0])->{State};
       $state->{Running} && $state->{Pid} != $pid;
   }, 0.2), 'the killed one is started again');
ok($c->healthy('api'), 'and healthy');
sleep 2;

my $report = $load->stop;
my @lost = $report->samples(status => '5xx');

note($report->summary);
is_deeply([$report->faults], [], 'killed: no request fails')
    or diag(join "\n", $report->faults);
cmp_ok($report->count(from => $killed + 1), '>', 100, 'they went on');
is_deeply([grep { $_->[0] - $_->[1] > $killed + 0.2 } @lost], [],
          'but those that it had in hand when it was killed');
cmp_ok(scalar @lost, '<=', 16, 'of each connection one at most');
ok(!(grep { $_ < 50 } answered(@copies)), 'each copy had its part');

# one that is told to stop finishes what it has
$load = load();
sleep 2;
my $since = time;
$c->ok('docker', 'stop', '-t', '40', $copies[1]);
my $took = time - $since;
sleep 2;
$report = $load->stop;
note($report->summary);
is_deeply([$report->faults, $report->samples(status => '5xx')], [],
          'stopped: no request fails at all');
cmp_ok($took, '>=', 5, 'it drains first');
cmp_ok($took, '<', 40, 'and ends by itself');
is($c->inspect($copies[1])->{State}{ExitCode}, 0, 'with 0');


# what Prometheus sees

sub query ($query) {
    my $res = get($port{prometheus}, '/api/v1/query?query='
                  . $query =~ s/([^\w.])/sprintf '%%%02X', ord $1/ger);

    return $res->status == 200 ? $res->json->{data}{result}->@* : ();
}

ok(wait_until(60, sub { query('up{job="skep-nginx"} == 1') == 2
                        && query('up{job="skep-worker"} == 1') == 1 }, 1),
   'Prometheus finds the copies and the worker')
    or diag(explain([query('up')]));
cmp_ok(scalar query('skep_http_requests_total{route="/v1/tasks/{id}"}'), '>=', 1,
       'and their numbers');
cmp_ok(scalar get($port{prometheus}, '/api/v1/rules')
       ->json->{data}{groups}->@*, '>', 0, 'and the rules');
is(scalar get($port{prometheus}, '/api/v1/alertmanagers')
   ->json->{data}{activeAlertmanagers}->@*, 1, 'and Alertmanager');
is(get($port{alerts}, '/-/ready')->status, 200, 'which is ready');


# the API as three services: the same images, data and gateway

pop $c->{files}->@*;
push $c->{files}->@*, "$root/conf/docker/services.yaml",
    "$dir/services.yaml";
spew("$dir/services.yaml", <<"END");
services:
  notify:
    volumes:
      - $root/conf/docker/try/nginx.conf:/etc/skep/http.d/try.conf:ro
END

$c->ok('compose', 'up', '-d', '--remove-orphans');
ok(ready(qw(auth task notify gateway worker)), 'three services')
    or BAIL_OUT($c->ok('compose', 'logs', '--no-color', '--tail=40'));
is_deeply([$c->ids('api')], [], 'and none that has all of it');
journey('three services');

for my $name (qw(task notify)) {
    my ($id) = $c->ids($name);

    isnt(($c->docker('exec', $id, 'test', '-e', '/run/secrets/token.key'))[0],
         0, "$name makes no tokens");
}

$c->end;
undef $c;
done_testing();
