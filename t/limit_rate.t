#!/usr/bin/env perl

# rate_limit: how many requests pass, what those that do not are told, and that
# it is true.  In front of files: no database, no tokens.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        log_format limit '\$uri \$rate_limit_status';
        access_log %%DIR%%/limit.log limit;

        rate_limit_zone \$http_x_key zone=second:1m rate=50r/s;
        rate_limit_zone \$http_x_key zone=minute:1m rate=5 r/m;
        rate_limit_zone "\$http_x_key" zone=hour:1m rate=3600r/h;
        rate_limit_zone \$http_x_key zone=slow:1m rate=1r/m;

        root %%DIR%%;

        server {
            listen 127.0.0.1:%%PORT%%;

            location = /second { rate_limit zone=second; try_files /ok =404; }
            location = /burst {
                api_errors on;
                rate_limit zone=second burst=9 nodelay;
                try_files /ok =404;
            }
            location = /minute { rate_limit zone=minute; try_files /ok =404; }
            location = /cost {
                rate_limit zone=minute cost=2;
                try_files /ok =404;
            }
            location = /hour {
                rate_limit zone=hour burst=0;
                try_files /ok =404;
            }
            location = /slow {
                rate_limit zone=slow burst=1 nodelay;
                try_files /ok =404;
            }
            location = /none { try_files /ok =404; }
        }
    }
    EOT

$skep->nginx->write_file('ok', "ok\n");


sub get ($target, $key, %o) {
    return $skep->get($target, plain => 1, headers => ['X-Key', $key], %o);
}


# Retry-After: the seconds, or one more, for what clocks may differ by

sub waits ($res, $seconds, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $got = $res->header('Retry-After') // 'none';

    ok($got eq $seconds || $got eq $seconds + 1, $name) or diag($got);
}


# So many requests in one segment; their responses, and the seconds.

sub flood ($target, $key, $n) {
    my $client = $skep->new_client;
    my $text = $client->format_request('GET', $target,
                                       headers => ['X-Key', $key]);
    my $start = time;

    $client->send($text x $n);

    my @res = map { $client->response } 1 .. $n;
    $client->close;

    return (time - $start, @res);
}


# 50 of a second's 50 pass, the 51st does not.  When the machine is so busy
# that 51 requests take longer than one of them may wait, again.

my ($took, @res);

for my $try (1 .. 20) {
    ($took, @res) = flood('/second', "second$try", 51);
    last if $took < 0.02;
    note("try $try took $took s");
}

my $last = pop @res;

is(scalar(grep { $_->status == 200 } @res), 50, '50 requests pass at once');
problem($last, 429, 'rate_limited', 'the 51st does not');
is($last->header('Retry-After'), 1, 'it may come again in a second');
is($res[0]->header('RateLimit-Policy'), '"second";q=50;w=1', 'the policy');
is($res[0]->header('RateLimit'), '"second";r=49;t=1', 'what is left at first');
like($res[49]->header('RateLimit'), qr/\A"second";r=[01];t=1\z/, 'at last');
like($last->header('RateLimit'), qr/\A"second";r=0;t=1\z/, 'on the refusal');
is($last->headers('Retry-After'), 1, 'one Retry-After');
is($res[0]->header('Retry-After'), undef, 'none when it passed');

sleep $last->header('Retry-After');
($took, @res) = flood('/second', 'second1', 50);
is(scalar(grep { $_->status == 200 } @res), 50, 'a second later 50 pass again');


# Retry-After is the truth: just before, no; then, yes

status_is(get('/minute', 'truth'), 200, "$_ of 5 per minute") for 1 .. 5;
my $res = get('/minute', 'truth');
status_is($res, 429, 'the sixth');
waits($res, 12, 'may come again in 12 seconds');
is($res->header('RateLimit-Policy'), '"minute";q=5;w=60', 'its policy');
is($res->header('RateLimit'), '"minute";r=0;t=60', 'and what is left');

status_is(get('/hour', 'truth'), 200, 'one per second, none beyond');
$res = get('/hour', 'truth');
status_is($res, 429, 'the next one');
my $wait = $res->header('Retry-After');
ok($wait == 1 || $wait == 2, 'is told to wait') or diag($wait);
status_is(get('/hour', 'truth'), 429, 'too early');
sleep $wait;
status_is(get('/hour', 'truth'), 200, 'the one that obeys passes');


# refusals take nothing

sleep 1.1;
status_is(get('/hour', 'refused'), 200, 'one passes');
for (1 .. 20) {
    get('/hour', 'refused');
    sleep 0.01;
}
sleep 0.9;
status_is(get('/hour', 'refused'), 200, 'refusals were not counted');


# burst: so many beyond the one

is(join(' ', map { $_->status } (flood('/burst', 'burst', 12))[1 .. 10]),
   join(' ', (200) x 10), 'burst=9: ten at once');
($took, @res) = flood('/burst', 'burst2', 40);
ok((grep { $_->status == 429 } @res) >= 40 - 10 - $took / 0.02 - 1,
   'not more');
problem((grep { $_->status == 429 } @res)[0], 429, 'rate_limited',
        'under api_errors, too');

# shared by locations, each with its own limit
status_is(get('/second', 'burst2'), 200, 'the same zone, with a larger limit');


# cost

status_is(get('/cost', 'cost'), 200, 'a cost of 2');
$res = get('/cost', 'cost');
status_is($res, 200, 'twice');
like($res->header('RateLimit'), qr/r=1;/, 'leaves 1 of 5');
$res = get('/cost', 'cost');
status_is($res, 429, 'that is too little');
like($res->header('RateLimit'), qr/r=1;/, 'it stays');
waits($res, 12, 'until there are 2');
status_is(get('/minute', 'cost'), 200, 'and is good for a cost of 1');


# keys

status_is(get('/slow', 'a'), 200, 'key a') for 1, 2;
status_is(get('/slow', 'a'), 429, 'key a is used up');
status_is(get('/slow', 'b'), 200, 'key b is another');
status_is(get('/slow', 'a' x 64), 200, 'a long key') for 1, 2;
status_is(get('/slow', 'a' x 64), 429, 'is a key');
status_is(get('/slow', 'a' x 63 . 'b'), 200, 'another long one');
status_is(get('/slow', 'a' x 63), 200, 'and a prefix of it');

$res = $skep->get('/slow', plain => 1);
status_is($res, 200, 'an empty key');
is($res->header('RateLimit'), undef, 'is exempt');
status_is($skep->get('/slow', plain => 1), 200, "again, $_") for 2 .. 4;

$res = $skep->request('HEAD', '/slow', plain => 1, headers => ['X-Key', 'a']);
status_is($res, 429, 'HEAD');
is($res->body, '', 'without a body');
ok($res->header('Retry-After'), 'with Retry-After');


# $rate_limit_status

get('/none', 'x');
Skep::Process::wait_until(2, sub { $skep->nginx->log('limit.log') =~ m{/none} });
my $log = $skep->nginx->log('limit.log');

like($log, qr{^/ok PASSED$}m, '$rate_limit_status: PASSED');
like($log, qr{^/slow REJECTED$}m, 'REJECTED');
like($log, qr{^/ok -$}m, 'nothing');
like($skep->nginx->log('error.log'),
     qr/\[error\] .*limiting requests, retry after \d+s, by zone "slow"/,
     'a refusal is logged');

finish();
