package Skep::Test;

# What a test file uses: Test::More, a server of its own, and assertions on
# HTTP responses.
#
#     use Skep::Test;
#
#     my $skep = skep();
#     my $user = $skep->user;
#
#     problem($user->post('/v1/tasks', {}), 422, 'validation_failed',
#             ['/title', 'required']);
#
#     finish();

use v5.36;

use parent qw(Exporter);
use Skep::Process qw(wait_until);
use Skep::Server;
use Test::More;

our @EXPORT = (@Test::More::EXPORT, qw(
    skep finish status_is problem same_json load_is_clean resources_are
    replayed nobody escape sortable
));

# a well-formed id that nothing has
use constant nobody => '01890000-0000-7000-8000-000000000000';

my @servers;


sub import ($class) {
    Test::More->builder->exported_to(scalar caller);
    binmode Test::More->builder->$_, ':utf8'
        for qw(output failure_output todo_output);
    $class->export_to_level(1, $class);
}


# Starts a server; see Skep::Server for what it takes.

sub skep (%o) {
    my $server = Skep::Server->new(%o);

    push @servers, $server;
    return $server->start;
}


# Ends the test: workers and nginx must quit by themselves, with nothing bad in
# their logs.  A server that was not started by skep() is to be named.

sub finish (@others) {
    my @servers = (splice(@servers), @others);

    for my $server (@servers) {
        my $nginx = $server->nginx;

        _finish_worker($_, $server->{allow_log}) for $server->workers;

        $server->client->close;
        ok(defined $nginx->quit, 'nginx quits in time');

        my $allow = $server->{allow_log};
        my @faults = grep { !$allow || !/$allow/ } $nginx->log_faults;

        is(scalar @faults, 0, 'nothing alarming in the error log')
            or diag(map { "$_\n" } @faults[0 .. ($#faults > 20 ? 20
                                                              : $#faults)]);
        is(join("\n", $server->witness->told), '',
           'what other processes asked is as docs/openapi.yaml says');
    }

    for my $server (@servers) {
        $server->pg->finish if $server->pg;
        $server->redis->stop_server if $server->redis;
    }

    if (!Test::More->builder->is_passing) {
        for my $server (@servers) {
            my @lines = grep { !/\[(?:info|notice)\]/ } split /\n/, $server->nginx->log;
            splice @lines, 0, @lines - 30 if @lines > 30;
            diag("error log:\n", map { "$_\n" } @lines);
            diag("log of a worker:\n", $_->log) for $server->workers;
        }
    }

    done_testing();
}


sub _finish_worker ($worker, $allow) {
    my $status = $worker->quit;
    my @faults = grep { !$allow || !/$allow/ } $worker->log_faults;

    is($status, 0, 'the worker ends in time, and well');
    is(scalar @faults, 0, 'nothing alarming in its log')
        or diag(map { "$_\n" } @faults[0 .. ($#faults > 20 ? 20 : $#faults)]);
}


sub status_is ($res, $status, $name = "status $status") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $ok = is($res->status, $status, $name);
    diag($res->head, substr $res->body, 0, 1000) if !$ok;

    return $ok;
}


# RFC 9457's problem details: the status, the code and exactly these faults,
# as [pointer or parameter, code].  A text at the end names the assertion.

sub problem ($res, $status, $code, @faults) {
    my $name = @faults && !ref $faults[-1] ? pop @faults : "$status $code";
    my @wrong = _problem_faults($res, $status, $code, @faults);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = ok(!@wrong, $name);
    diag(map({ "$_\n" } @wrong), $res->head, substr $res->body, 0, 2000)
        if !$ok;

    return $ok;
}


sub _problem_faults ($res, $status, $code, @faults) {
    my @wrong;

    push @wrong, "status is @{[$res->status]}, not $status"
        if $res->status != $status;
    push @wrong, 'Content-Type is ' . ($res->header('Content-Type') // 'none')
        if ($res->header('Content-Type') // '') ne 'application/problem+json';

    my $body = eval { $res->json };
    return (@wrong, 'the body is not a JSON object') if ref $body ne 'HASH';

    my %allowed = map { $_ => 1 }
                  qw(type title status detail code request_id errors);

    push @wrong, map { "unknown member \"$_\"" }
                 grep { !$allowed{$_} } sort keys %$body;
    push @wrong, map { "member \"$_\" is missing" }
                 grep { !length($body->{$_} // '') }
                 qw(type title status code request_id);
    push @wrong, '"status" is not a number that matches'
        if $res->body !~ /"status":\s*\Q@{[$res->status]}\E[,}]/;
    push @wrong, "code is " . ($body->{code} // 'none') . ", not $code"
        if ($body->{code} // '') ne $code;
    push @wrong, 'request_id is not X-Request-ID'
        if ($body->{request_id} // '') ne ($res->header('X-Request-ID') // '');
    push @wrong, 'an empty detail'
        if exists $body->{detail} && !length $body->{detail};

    if ($status == 503 && !$res->header('Retry-After')) {
        push @wrong, '503 without Retry-After';
    }

    return (@wrong, _errors_faults($body, $status, @faults));
}


sub _errors_faults ($body, $status, @faults) {
    my @wrong;
    my $where = $status == 400 ? 'parameter' : 'pointer';
    my @got = ($body->{errors} // [])->@*;

    push @wrong, '"errors" is an empty list' if $body->{errors} && !@got;

    for my $error (@got) {
        push @wrong, 'an error without detail' if !length($error->{detail} // '');
        push @wrong, "an error without $where" if !defined $error->{$where};
        push @wrong, map { "unknown member \"errors/$_\"" }
                     grep { $_ ne $where && $_ ne 'code' && $_ ne 'detail' }
                     sort keys %$error;
    }

    my $got = join '; ', sort map { ($_->{$where} // '?') . ' '
                                    . ($_->{code} // '?') } @got;
    my $want = join '; ', sort map { "@$_" } @faults;

    push @wrong, "errors are [$got], not [$want]" if $got ne $want;

    return @wrong;
}


# The response is that status and that JSON, whatever the order of members.

sub same_json ($res, $status, $want, $name = "status $status and its body") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return status_is($res, $status, $name) if $res->status != $status;
    return is_deeply($res->json, $want, $name);
}


# A load's report holds no fault; its summary is told.

sub load_is_clean ($report, $name = 'every response is right and its own') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    note($report->summary);
    my $ok = is($report->{nfaults}, 0, $name);
    diag(map { "$_\n" } ($report->faults)[0 .. 5]) if !$ok;

    return $ok;
}


# nginx has no fewer and no more of what the server's resources() said before,
# or of some of it.

sub resources_are ($server, $before) {
    my $nginx = $server->nginx;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_deeply([sort $nginx->workers], $before->{workers}, 'no worker died')
        if $before->{workers};
    is(eval { $server->connected } // $@, $before->{connections},
       'as many connections to PostgreSQL as before')
        if $before->{connections};
    ok(wait_until(10, sub { $nginx->descriptors <= $before->{descriptors} }),
       'as many descriptors as before')
        or diag($nginx->descriptors . " instead of $before->{descriptors}");
}


# The response is what the first request with this Idempotency-Key got, byte
# for byte, but for what tells them from each other.

sub replayed ($res, $first, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($first->header('Idempotent-Replayed'), undef, "$name: first");
    is($res->header('Idempotent-Replayed'), 'true', "$name: replayed");
    is(_but_for_its_own($res), _but_for_its_own($first),
       "$name: the same answer, byte for byte");
}


sub _but_for_its_own ($res) {
    my $head = $res->head;

    $head =~ s/^(?:Date|X-Request-ID|Idempotent-Replayed): .*\r\n//gmi;
    return $head . $res->body;
}


# A time of the API as text that sorts, whatever its fraction.

sub sortable ($time) {
    return undef if !defined $time;

    my ($seconds, $fraction) = $time =~ /\A(.{19})(?:\.(\d+))?Z\z/;

    return "$seconds." . substr +($fraction // '') . '000000', 0, 6;
}


# A value of the query part.

sub escape ($text) {
    utf8::encode($text) if utf8::is_utf8($text);

    return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}


1;
