#!/usr/bin/env perl

# All workers of an instance share a zone, also after a reload; and a zone
# that is full drops the keys that were not seen longest, and says so.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $conf = <<~"EOT";
    http {
        @{[Skep::Nginx::http_paths()]}

        rate_limit_zone \$http_x_key zone=shared:1m rate=RATE;
        rate_limit_zone \$http_x_key zone=small:32k rate=1r/h;

        root %%DIR%%;

        server {
            listen 127.0.0.1:%%PORT%% reuseport;

            location = /shared {
                add_header X-Worker \$pid always;
                rate_limit zone=shared BURST;
                try_files /ok =404;
            }

            location = /small {
                rate_limit zone=small;
                try_files /ok =404;
            }
        }
    }
    EOT

sub conf ($rate, $burst) {
    return $conf =~ s/RATE/$rate/r =~ s/BURST/$burst/r;
}

my $skep = skep(pg => 0, workers => 2, conf => conf('60r/m', 'burst=39 nodelay'));

$skep->nginx->write_file('ok', "ok\n");


sub get ($target, $key, $client = $skep->client) {
    return $client->request('GET', $target, headers => ['X-Key', $key]);
}


# every request over a connection of its own: both workers get some

my (%workers, %status);
my $start = time;

for (1 .. 60) {
    my $client = $skep->new_client;
    my $res = get('/shared', 'a', $client);

    $workers{$res->header('X-Worker')}{$res->status}++;
    $status{$res->status}++;
    $client->close;
}

my $more = int(time - $start) + 1;

is(scalar keys %workers, 2, 'two workers');
ok($status{200} >= 40 && $status{200} <= 40 + $more, 'one zone')
    or diag(explain(\%workers));


# a reload keeps what was counted

$skep->reload;
status_is(get('/shared', 'a'), 429, 'after a reload') if $more < 5;
status_is(get('/shared', 'b'), 200, 'another key');

# with a rate that is higher the debts of before are not
$skep->nginx->configure(conf('1r/h', 'burst=0 nodelay'));
$skep->reload;
status_is(get('/shared', 'c'), 200, 'one per hour');
my $res = get('/shared', 'c');
status_is($res, 429, 'and no more');
cmp_ok($res->header('Retry-After'), '>=', 3600, 'for an hour');
$skep->nginx->configure(conf('1000r/s', 'burst=0 nodelay'));
$skep->reload;
get('/shared', 'c');
sleep 0.1;
status_is(get('/shared', 'c'), 200, 'a new rate counts from now on');


# a full zone: each key may come once

my $client = $skep->new_client;
my $n = 1000;
my $fresh = 0;

$client->send(join '', map {
    $client->format_request('GET', '/small', headers => ['X-Key', "key$_"])
} 1 .. $n);
$fresh += $client->response->status == 200 for 1 .. $n;

is($fresh, $n, "$n keys in 32k");
is(get('/small', "key$n", $client)->status, 429, 'the last one is remembered');
is(get('/small', "key@{[$n - 20]}", $client)->status, 429, 'one before it');
is(get('/small', 'key1', $client)->status, 200, 'the first one is not');
$client->close;

my @lines = $skep->nginx->log('error.log') =~
    /(\[warn\] .*rate limit zone "small" is full: .*)/g;
ok(@lines >= 1 && @lines <= 10, 'that is logged, not too often')
    or diag(scalar @lines);

# one that comes again and again stays, whatever else comes
get('/small', 'stays');
for my $i (1 .. 40) {
    get('/small', "more$i.$_") for 1 .. 10;
    $res = get('/small', 'stays');
}
status_is($res, 429, 'a key that is seen again stays');

finish();
