#!/usr/bin/env perl

# Zones kept in Redis: shared by instances, and what happens when Redis is
# killed, hangs, or has forgotten the script.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $rate = <<~'EOT';
    rate_limit_zone $http_x_key zone=shared:1m rate=10r/m redis;
    rate_limit_zone $http_x_key zone=second:1m rate=50r/s redis;
    rate_limit_zone $http_x_key zone=long:1m rate=1r/m redis;
    rate_limit_zone $http_x_key zone=here:1m rate=3r/m;
    rate_limit_zone $http_x_key zone=local:1m rate=2r/m redis fallback=local;
    rate_limit_zone $http_x_key zone=open:1m rate=2r/m redis fallback=open;
    rate_limit_zone $http_x_key zone=closed:1m rate=2r/m redis fallback=closed;
    rate_limit_zone $http_x_key zone=busy:1m rate=100000r/s redis;
    rate_limit_zone $http_x_key zone=delay:1m rate=10r/s redis;
    rate_limit_zone $auth_user zone=user:1m rate=3r/m redis;
    api_redis_timeout 300ms;
    EOT

my $server = join '', map {
    my ($name, $limits) = @$_;
    "location = /$name { root %%DIR%%; "
    . join('', map { "rate_limit zone=$_; " } @$limits)
    . "try_files /ok =404; }\n"
} ['shared', ['shared']], ['second', ['second']], ['long', ['long']],
  ['mixed', ['here', 'shared']], ['two', ['shared', 'second']],
  ['local', ['local']], ['open', ['open']], ['closed', ['closed']],
  ['busy', ['busy burst=999999 nodelay']], ['delay', ['delay burst=3']];

my $api = 'location = /v1/me { auth_token required; auth_api on;'
          . ' rate_limit zone=user; }';

my $skep = skep(redis => 1, http => $rate, server => $server . $api);
my $other = skep(beside => $skep, http => $rate, server => $server . $api);

$_->nginx->write_file('ok', "ok\n") for $skep, $other;


sub get ($target, $key, $on = $skep) {
    return $on->get($target, plain => 1, headers => ['X-Key', $key]);
}

sub redis_is_there () {
    for my $on ($skep, $other) {
        Skep::Process::wait_until(10, sub {
            get('/long', '', $on);
            $skep->redis->command('DEL', 'skep:limit:long:probe');
            get('/long', 'probe', $on);
            $skep->redis->command('EXISTS', 'skep:limit:long:probe') eq '1';
        }) or die 'Redis is not used again';
    }
}

redis_is_there();


# two instances, one count

my $passed = 0;

for (1 .. 12) {
    $passed += get('/shared', 'a', $_)->status == 200 for $skep, $other;
}

is($passed, 10, 'two instances share a zone');

my $res = get('/shared', 'a', $other);
problem($res, 429, 'rate_limited', 'both refuse');
is($res->header('RateLimit-Policy'), '"shared";q=10;w=60', 'the policy');
is($res->header('RateLimit'), '"shared";r=0;t=60', 'what is left');
like($res->header('Retry-After'), qr/\A[67]\z/, 'Retry-After');
$res = get('/shared', 'b');
is($res->header('RateLimit'), '"shared";r=9;t=6', 'of another key');
like($skep->redis->command('PTTL', 'skep:limit:shared:b'),
     qr/\A(?:6000|5\d{3})\z/, 'a key goes when it holds nothing back');
is(get('/shared', 'k' x 100)->header('RateLimit'), '"shared";r=9;t=6',
   'a long key');
is($skep->redis->command('EXISTS', 'skep:limit:shared:' . 'k' x 100), 0,
   'is not stored as it is');

status_is(get('/shared', ''), 200, 'an empty key is exempt') for 1 .. 12;


# the number, and Retry-After

my $client = $skep->new_client;
my $start = time;

# at once, and so many that a slow machine is refused, too
$client->send($client->format_request('GET', '/second',
    headers => ['X-Key', 'number']) x 400);

my @res = map { $client->response } 1 .. 400;
my $took = time - $start;
my @refused = grep { $_->status == 429 } @res;
my $n = @res - @refused;

ok($n >= 50 && $n <= 50 + $took / 0.02, '50 per second') or diag($n);
is($refused[0] && $refused[0]->header('Retry-After'), 1,
   'one more is told to wait');
sleep 1;
status_is(get('/second', 'number'), 200, 'and passes then');

$client->close;


# several zones

$res = get('/two', 'c');
like($res->header('RateLimit'), qr/\A"shared";r=9;t=6, "second";r=49;t=1\z/,
     'two in Redis');
get('/shared', 'c') for 1 .. 9;
$res = get('/two', 'c');
status_is($res, 429, 'one of them refuses');
like($res->header('RateLimit'), qr/"second";r=(?:49|50);t=[01]\z/,
     'and the other one takes nothing');

like(get('/mixed', 'd')->header('RateLimit'),
     qr/\A"here";r=2;t=20, "shared";r=9;t=6\z/, 'one here, one in Redis');
get('/shared', 'd') for 1 .. 9;
$res = get('/mixed', 'd');
status_is($res, 429, 'Redis refuses');
like($res->header('RateLimit'), qr/\A"here";r=2;/, 'then here, too, none is taken');


# without nodelay

$start = time;
status_is(get('/delay', 'e'), 200, "in turn, $_") for 1 .. 3;
cmp_ok(time - $start, '>=', 0.19, 'with a delay');


# by user, and a call that has more to do after it

my $user = $skep->user;
for my $left (2, 1, 0) {
    like($user->get('/v1/me')->header('RateLimit'), qr/\A"user";r=$left;/,
         "a user has $left left");
}
problem($other->get('/v1/me', token => $user->token), 429, 'rate_limited',
        'on both instances');


# Redis forgets the script

$skep->redis->command('SCRIPT', 'FLUSH');
is(get('/shared', 'f')->header('RateLimit'), '"shared";r=9;t=6',
   'a script that is not known is sent');
is(get('/shared', 'f', $other)->header('RateLimit'), '"shared";r=8;t=12',
   'and is known');

# and holds something else
$skep->redis->command('SET', 'skep:limit:shared:g', 'nonsense');
status_is(get('/shared', 'g'), 200, 'a value that is none of ours');
$skep->redis->command('RPUSH', 'skep:limit:shared:h', 'nonsense');
status_is(get('/shared', 'h'), 200, 'a list');

# a clock that was set back
$skep->redis->command('SET', 'skep:limit:shared:i', '9000000000000000');
status_is(get('/shared', 'i'), 429, 'a time far ahead');
cmp_ok($skep->redis->command('PTTL', 'skep:limit:shared:i'), '<=', 60000,
       'is forgotten after a minute');


# a client that goes away meanwhile

$skep->redis->freeze;

for (1 .. 3) {
    my $client = $skep->new_client;
    $client->send($client->format_request('GET', '/shared',
                                          headers => ['X-Key', 'gone']));
    sleep 0.02;
    $client->abort;
}

# a Redis that hangs: within its time-out the fallback answers

$start = time;
$res = get('/local', 'hangs');
$took = time - $start;
status_is($res, 200, 'Redis hangs');
cmp_ok($took, '<', 1, 'that is noticed in time');

my @waits = sort { $a <=> $b } map {
    $start = time;
    get('/local', "hangs$_");
    time - $start;
} 1 .. 20;

# each for itself: "api_redis_timeout" is 300 ms
cmp_ok($waits[-1], '<', 0.28, 'and not waited for again');
$skep->redis->thaw;
redis_is_there();


# Redis hangs and is killed under load, and clients go away: nobody is told

my $i = 0;
my $load = $skep->load(connections => 16, next => sub {
    return {
        method => 'GET', target => '/busy',
        headers => ['X-Key', 'load' . ($i++ % 50)], kind => 'busy',
        $i % 9 ? () : (abort => 0.001 * ($i % 4)),
        check => sub ($res, $journal) {
            return $res->status == 200 ? undef : 'status ' . $res->status;
        },
    };
});

sleep 0.5;
$skep->redis->freeze;
sleep 0.5;
$skep->redis->thaw;
sleep 0.5;
$skep->redis->kill_server;
sleep 0.5;

# meanwhile, as each zone says
for my $left (1, 0) {
    like(get('/local', 'away')->header('RateLimit'), qr/\A"local";r=$left;/,
         'fallback=local: counted here');
}
status_is(get('/local', 'away'), 429, 'and limited here');
status_is(get('/local', 'away', $other), 200, 'each instance by itself');
status_is(get('/shared', 'away'), 200, 'that is the default');
$res = get('/open', 'away');
status_is($res, 200, 'fallback=open') for 1 .. 4;
is($res->header('RateLimit'), undef, 'tells nothing');
$res = get('/closed', 'away');
problem($res, 429, 'rate_limited', 'fallback=closed');
is($res->header('Retry-After'), 1, 'for a second');

$skep->redis->start;
sleep 0.7;

my $report = $load->stop;
load_is_clean($report, 'Redis stopped and killed under load');
is($report->count(status => '5xx'), 0, 'no 5xx');

redis_is_there();
status_is(get('/local', 'away'), 200, 'counted in Redis again');
status_is(get('/closed', 'away'), 200, 'and open again');

my @lines = $skep->nginx->log('error.log')
            =~ /(rate limits are not kept in Redis for now: [^,]*)/g;
ok(@lines >= 2 && @lines <= 10, 'that Redis is away is logged once each time')
    or diag(map { "$_\n" } @lines);
like($skep->nginx->log('error.log'), qr/rate limits are kept in Redis again/,
     'and that it is back');

finish();
