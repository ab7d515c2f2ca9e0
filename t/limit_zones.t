#!/usr/bin/env perl

# Several limits on one request, inheritance, "off", the status, the level of
# the log, dry run, internal redirects and subrequests.

use v5.36;

use Skep::Test;

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        log_format limit '\$request_uri \$rate_limit_status';
        access_log %%DIR%%/limit.log limit;

        rate_limit_zone \$http_x_a zone=a:1m rate=1r/m;
        rate_limit_zone \$http_x_b zone=b:1m rate=2r/m;
        rate_limit_zone \$http_x_a zone=wide:1m rate=100r/m;
        rate_limit_zone \$http_x_a zone=five:1m rate=5r/m;

        rate_limit zone=b burst=2 nodelay;

        root %%DIR%%;

        server {
            listen 127.0.0.1:%%PORT%%;

            location = /both {
                rate_limit zone=b burst=2 nodelay;
                rate_limit zone=a burst=0 nodelay;
                rate_limit zone=wide;
                try_files /ok =404;
            }

            location = /inherited { try_files /ok =404; }

            location = /off {
                rate_limit off;
                try_files /ok =404;
            }

            location = /status {
                rate_limit zone=a;
                rate_limit_status 503;
                rate_limit_log_level notice;
                api_errors on;
                try_files /ok =404;
            }

            location = /dry {
                rate_limit zone=a;
                rate_limit_dry_run on;
                try_files /ok =404;
            }

            location = /page {
                rate_limit zone=a;
                error_page 429 /refused;
                try_files /ok =404;
            }

            location = /refused {
                internal;
                rate_limit zone=a;
                try_files /refused.txt =404;
            }

            location = /redirect {
                rate_limit zone=five;
                error_page 404 /five;
                try_files /missing =404;
            }

            location = /named {
                rate_limit zone=five;
                error_page 404 = \@five;
                try_files /missing =404;
            }

            location = /five {
                rate_limit zone=five;
                try_files /ok =404;
            }

            location \@five {
                rate_limit zone=five;
                try_files /ok =404;
            }

            location = /included {
                rate_limit zone=five;
                ssi on;
                ssi_types text/plain;
                try_files /included.txt =404;
            }

            location = /satisfy {
                satisfy any;
                allow all;
                rate_limit zone=a;
                try_files /ok =404;
            }
        }
    }
    EOT

$skep->nginx->write_file('ok', "ok\n");
$skep->nginx->write_file('refused.txt', "refused\n");
$skep->nginx->write_file('included.txt',
    '<!--#include virtual="/five" --><!--#include virtual="/five" -->');


sub get ($target, $a, $b = '') {
    return $skep->get($target, plain => 1,
                      headers => ['X-A', $a, 'X-B', $b]);
}

# Retry-After: the seconds, or one more, for what clocks may differ by

sub waits ($res, $seconds, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $got = $res->header('Retry-After') // 'none';

    ok($got eq $seconds || $got eq $seconds + 1, $name) or diag($got);
}

sub left ($res, $zone) {
    my ($left) = ($res->header('RateLimit') // '')
                 =~ /"\Q$zone\E";r=(\d+);t=\d+(?:, |\z)/;
    return $left;
}


# either all zones take a request or none does

my $res = get('/both', 'a1', 'b1');

status_is($res, 200, 'three zones');
is($res->header('RateLimit-Policy'),
   '"b";q=3;w=90, "a";q=1;w=60, "wide";q=100;w=60', 'their policies');
is(left($res, $_->[0]), $_->[1], "$_->[0]: what is left")
    for ['b', 2], ['a', 0], ['wide', 99];

$res = get('/both', 'a1', 'b1');
problem($res, 429, 'rate_limited', 'one of them refuses');
waits($res, 60, 'Retry-After is its');
is(left($res, 'b'), 2, 'the one before it got back what it took');
is(left($res, 'wide'), 99, 'the one after it took nothing');

get('/both', 'a1', 'b1') for 1 .. 5;
is(left(get('/both', 'a1', 'b1'), 'b'), 2, 'however often');

status_is(get('/both', 'a2', 'b1'), 200, 'another key of the one');
status_is(get('/both', 'a3', 'b1'), 200, 'and another');
$res = get('/both', 'a3', 'b1');
status_is($res, 429, 'both refuse');
waits($res, 60, 'the longer wait counts');
waits(get('/both', 'a4', 'b1'), 30, 'one of them');

$res = get('/both', '', 'b2');
status_is($res, 200, 'an empty key of two zones');
is($res->header('RateLimit-Policy'), '"b";q=3;w=90', 'leaves the third');


# inheritance

status_is(get('/inherited', '', 'b1'), 429, 'inherited from http');
status_is(get('/off', '', 'b1'), 200, 'off');
is(get('/off', '', 'b1')->header('RateLimit'), undef, 'without headers');


# status, level, dry run

status_is(get('/status', 's'), 200, 'the first');
$res = get('/status', 's');
problem($res, 503, 'rate_limited', 'rate_limit_status 503');
waits($res, 60, 'with Retry-After');
is(scalar($res->headers('Retry-After')), 1, 'once');
like($skep->nginx->log('error.log'), qr/\[notice\] .*limiting requests, retry/,
     'rate_limit_log_level notice');

status_is(get('/dry', 'd'), 200, 'dry run') for 1 .. 3;
$res = get('/dry', 'd');
is($res->header('RateLimit'), undef, 'nobody is told');
is($res->header('Retry-After'), undef, 'nor to wait');
like($skep->nginx->log('error.log'),
     qr/\[error\] .*limiting requests, dry run, retry/, 'the log is');
status_is(get('/page', 'd'), 429, 'it counts, though');


# an error page of the operator's

$res = get('/page', 'p');
status_is($res, 200, 'the first');
$res = get('/page', 'p');
status_is($res, 429, 'error_page');
waits($res, 60, 'keeps Retry-After');


# one request counts once

is(left(get('/redirect', 'r'), 'five'), 4, 'an internal redirect');
is(left(get('/named', 'r'), 'five'), 3, 'to a named location');
$res = get('/included', 'r');
is($res->body, "ok\nok\n", 'subrequests');
is(left($res, 'five'), 2, 'count nothing');
is(left(get('/five', 'r'), 'five'), 1, 'by itself');

status_is(get('/satisfy', 'y'), 200, 'satisfy any');
status_is(get('/satisfy', 'y'), 429, 'does not lift a limit');

my $log = $skep->nginx->log('limit.log');
like($log, qr{^/redirect PASSED$}m, 'the status outlives a redirect');
like($log, qr{^/page REJECTED$}m, 'of a refusal, too');

finish();
