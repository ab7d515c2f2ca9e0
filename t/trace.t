#!/usr/bin/env perl

# W3C Trace Context: a trace is taken up or begun, told to the server behind,
# and one for all of a request.  What is valid is t/unit/api_traceparent.c's.

use v5.36;

use Skep::Process qw(tempdir wait_until);
use Skep::Receiver;
use Skep::Test;

my $receiver = Skep::Receiver->new(dir => tempdir());
my $behind = $receiver->url('');

$receiver->answer('/gone', { status => 404 });

my $skep = skep(
    http   => <<~'EOT',
        log_format trace '$api_request_id|$api_traceparent|$api_trace_id';
        access_log %%DIR%%/trace.log trace;
        EOT
    server => <<~"EOT",
        proxy_set_header traceparent \$api_traceparent;
        proxy_set_header X-Request-ID \$api_request_id;

        location /behind { proxy_pass $behind; }
        location /gone {
            proxy_intercept_errors on;
            error_page 404 = /again;
            proxy_pass $behind;
        }
        location /again { proxy_pass $behind; }
        location /asks { auth_request /check; proxy_pass $behind; }
        location = /check { proxy_pass $behind; }
        EOT
);

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';
my $made = qr/00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;
my $n = 0;


# What the server behind was told for a request with these headers, and what the
# log was: [path, id, traceparent], ...

sub told ($path, @headers) {
    my $id = 'trace-' . $n++;

    $skep->get($path, plain => 1,
               headers => ['X-Request-ID', $id, @headers]);

    my $line;

    # the log is written after the response
    wait_until(2, sub {
        ($line) = grep { /^\Q$id\E\|/ } split /\n/, $skep->nginx->log('trace.log');
        return defined $line;
    });

    return ([log => split /\|/, $line // ''],
            map { [$_->{path}, $_->{headers}->@{qw(x-request-id traceparent)}] }
            grep { $_->{headers}{'x-request-id'} eq $id } $receiver->requests);
}


my ($log, $behind_it) = told('/behind', traceparent => "00-$trace-$span-01");

is($behind_it->[2], $log->[2], 'what is told behind is what is logged');
is($log->[3], $trace, '$api_trace_id');
like($log->[2], qr/\A00-$trace-[0-9a-f]{16}-01\z/, 'a trace is taken up');
unlike($log->[2], qr/$span/, 'by a span of its own');

($log) = told('/behind', traceparent => "00-$trace-$span-00");
like($log->[2], qr/\A00-$trace-[0-9a-f]{16}-00\z/, 'one that nobody records');

($log) = told('/behind', TraceParent => "cc-$trace-$span-03-and more");
like($log->[2], qr/\A00-$trace-[0-9a-f]{16}-03\z/, 'one of a later version');

my %begun;

for my $case ([none => ()],
              [malformed => traceparent => "00-$trace-$span"],
              [empty => traceparent => ''],
              ['upper case' => traceparent => uc "00-$trace-$span-01"],
              ['two' => traceparent => "00-$trace-$span-01",
                        traceparent => "00-$trace-$span-01"])
{
    my ($name, @headers) = @$case;

    ($log, $behind_it) = told('/behind', @headers);
    like($log->[2], qr/\A$made\z/, "$name: a trace begins") or next;
    $log->[2] =~ $made;
    is($3, '03', 'random, and recorded');
    isnt($1, $trace, 'it is another one');
    is($behind_it->[2], $log->[2], 'and is told behind');
    $begun{$1}++;
}

is(scalar keys %begun, 5, 'no two are the same');


# one for the whole of a request

for my $path ('/gone', '/asks') {
    my ($log, @behind) = told($path);

    is(scalar @behind, 2, "$path: two requests go behind");
    isnt($behind[0][0], $behind[1][0], 'of two locations');
    is($behind[0][2], $behind[1][2], 'of one trace and span');
    is($log->[2], $behind[0][2], 'which the log tells');
}


# an id that is made is one for the whole of a request, too

$skep->get('/gone', plain => 1);
my @last = ($receiver->requests)[-2, -1];
like($last[0]{headers}{'x-request-id'}, qr/\A[0-9a-f-]{36}\z/, 'an id is made');
is($last[0]{headers}{'x-request-id'}, $last[1]{headers}{'x-request-id'},
   'once, for a request that goes on elsewhere');

$receiver->stop_server;
finish();
