#!/usr/bin/env perl

# rate_limit without "nodelay": what comes too early waits for its turn, as
# long as its place in the queue is within the burst.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        log_format limit '\$uri \$rate_limit_status \$status';
        access_log %%DIR%%/limit.log limit;

        rate_limit_zone \$http_x_key zone=ten:1m rate=10r/s;
        rate_limit_zone \$http_x_key zone=hundred:1m rate=100r/s;
        rate_limit_zone \$http_x_key zone=slow:1m rate=6r/m;

        root %%DIR%%;

        server {
            listen 127.0.0.1:%%PORT%%;

            location = /ten {
                rate_limit zone=ten burst=4;
                try_files /ok =404;
            }

            location = /both {
                rate_limit zone=ten burst=4;
                rate_limit zone=hundred burst=9;
                try_files /ok =404;
            }

            location = /slow {
                rate_limit zone=slow burst=4;
                try_files /ok =404;
            }

            location = /dry {
                rate_limit zone=slow burst=4;
                rate_limit_dry_run on;
                try_files /ok =404;
            }

            location = /again {
                rate_limit zone=ten burst=4;
                error_page 404 = /ten;
                try_files /missing =404;
            }
        }
    }
    EOT

$skep->nginx->write_file('ok', "ok\n");


# Requests at the same time, each over a connection of its own: the seconds
# that each took, and the status.

sub together ($target, $key, $n) {
    my @clients = map { $skep->new_client } 1 .. $n;
    my $text = $clients[0]->format_request('GET', $target,
                                           headers => ['X-Key', $key]);
    my $start = time;
    my %got;

    $_->send($text) for @clients;

    my $until = $start + 10;
    my %waiting = map { $_->socket => $_ } @clients;
    my $select = IO::Select->new(map { $_->socket } @clients);

    while (%waiting && time < $until) {
        for my $socket ($select->can_read(0.1)) {
            my $res = delete($waiting{$socket})->response;
            push $got{$res->status}->@*, time - $start;
            $select->remove($socket);
        }
    }

    $_->close for @clients;
    return \%got;
}


# on a busy machine once more: what is late there was not let in early

my ($got, @took);

for my $key ('a1' .. 'a4') {
    $got = together('/ten', $key, 7);
    @took = sort { $a <=> $b } $got->{200}->@*;
    last if !grep { $took[$_] > $_ * 0.1 + 0.08 } 0 .. $#took;
}

is(scalar $got->{200}->@*, 5, 'one and a burst of four');
is(scalar $got->{429}->@*, 2, 'the others are refused');
cmp_ok($got->{429}[-1], '<', 0.09, 'at once');

for my $i (0 .. $#took) {
    ok($took[$i] >= $i * 0.1 - 0.005 && $took[$i] < $i * 0.1 + 0.09,
       "request $i waits @{[$i * 100]} ms") or diag($took[$i]);
}

for my $key ('b1' .. 'b4') {
    $got = together('/both', $key, 3);
    @took = sort { $a <=> $b } $got->{200}->@*;
    last if $took[2] < 0.28;
}

is(scalar $got->{200}->@*, 3, 'two zones');
cmp_ok($took[2], '>=', 0.19, 'the longer wait counts');
cmp_ok($took[2], '<', 0.29, 'not the sum of both');


# the wait is over once: an internal redirect to another limit adds none

my ($start, $took);

for my $key ('c1' .. 'c4') {
    $start = time;
    status_is($skep->get('/again', plain => 1, headers => ['X-Key', $key]), 200,
              'redirected');
    status_is($skep->get('/again', plain => 1, headers => ['X-Key', $key]), 200,
              'redirected after a wait');
    $took = time - $start;
    last if $took < 0.19;
}

cmp_ok($took, '<', 0.19, 'that counts once');


# a client that does not wait

my $client = $skep->new_client;
my $text = $client->format_request('GET', '/slow', headers => ['X-Key', 'd']);

$client->send($text);
status_is($client->response, 200, 'the first of a minute');

for (1 .. 3) {
    $client->send($text);
    sleep 0.05;
    $client->abort;
}

ok(Skep::Process::wait_until(3, sub {
       3 == (() = $skep->nginx->log('limit.log') =~ m{^/slow DELAYED 499$}mg)
   }), 'clients that go away while they wait') or diag($skep->nginx->log('limit.log'));


# dry run: nobody waits

$start = time;
status_is($skep->get('/dry', plain => 1, headers => ['X-Key', 'e']), 200,
          "dry run $_") for 1 .. 7;
cmp_ok(time - $start, '<', 2, 'nobody waits');

my $log;                                # written after the answers
Skep::Process::wait_until(3, sub {
    $log = $skep->nginx->log('limit.log');
    return 6 == (() = $log =~ m{_DRY_RUN 200$}mg);
});
is(scalar(() = $log =~ m{ DELAYED_DRY_RUN 200$}mg), 4, 'DELAYED_DRY_RUN');
is(scalar(() = $log =~ m{ REJECTED_DRY_RUN 200$}mg), 2, 'REJECTED_DRY_RUN');
like($log, qr{^/ok DELAYED 200$}m, 'DELAYED');
like($skep->nginx->log('error.log'),
     qr/\[warn\] .*delaying request, by \d+ms, by zone "ten"/,
     'a delay is logged a level lower');

# a worker that is to leave waits for those who wait

$client = $skep->new_client;
$client->send($client->format_request('GET', '/ten',
                                      headers => ['X-Key', 'f']) x 3);
sleep 0.02;
$skep->nginx->reload;
status_is($client->response, 200, 'delayed over a reload') for 1 .. 1;
$client->close;

finish();
