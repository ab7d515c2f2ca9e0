package Skep::Load;

# Load by many connections at once, in a process of its own, so that the test
# can do its worst meanwhile.  Each request carries something of its own, and
# its check looks for that in the response.

use v5.36;

use Errno qw(EAGAIN EINPROGRESS EINTR);
use IO::Socket::INET;
use Skep::Client;
use Skep::Process qw(alive fork_child reap tempdir);
use Skep::Response;
use Socket qw(IPPROTO_TCP TCP_NODELAY SO_ERROR SO_LINGER SOL_SOCKET);
use Storable ();
use Time::HiRes qw(time);

use constant FAULTS_MAX => 50;


# Starts the load; returns the handle for stop().
#
#     port         of the server
#     witness      a Skep::Witness that sees each answer
#     connections  how many (64)
#     timeout      seconds until a request counts as hung (15)
#     pause        seconds that a connection rests after a 5xx (0.02)
#     next         code that makes a request:
#         method, target, and what Skep::Client's format_request() takes
#         kind     a word for the report
#         check    code, called with the response and the journal: undef if
#                  all is well, else what is wrong.  It may push onto the
#                  journal, which comes back in the report
#         cut      send only so many bytes
#         abort    reset the connection so many seconds after sending

sub start ($class, %o) {
    my $self = bless {
        connections => 64, timeout => 15, pause => 0.02, %o,
        file => tempdir() . '/report',
    }, $class;

    $self->{pid} = fork_child(sub { $self->_run }, 'load');

    return $self;
}


sub running ($self) { return alive($self->{pid}) }


# Ends it, after the requests under way; the report.

sub stop ($self) {
    kill 'TERM', $self->{pid};

    my $status = reap($self->{pid}, $self->{timeout} + 20)
        // die 'the load did not end';
    die "the load failed: $status" if $status;

    return bless Storable::retrieve($self->{file}), 'Skep::Load::Report';
}


sub _run ($self) {
    local $SIG{TERM} = sub { $self->{stopping} = 1 };

    $self->{format} = Skep::Client->new(port => $self->{port});
    $self->{address} = sockaddr_in($self->{port}, inet_aton('127.0.0.1'));
    $self->{report} = {
        samples => [], journal => [], faults => [], nfaults => 0,
        retried => 0, aborted => 0, started => time,
    };
    $self->{byfd} = {};

    for (1 .. $self->{connections}) {
        $self->_begin({ used => 0 }, time);
    }

    $self->_turn while $self->{byfd}->%* || $self->{resting}->@*;

    $self->{report}{ended} = time;
    Storable::nstore($self->{report}, $self->{file});
}


# One turn of the loop.

sub _turn ($self) {
    my ($r, $w) = ('', '');

    for my $c (values $self->{byfd}->%*) {
        vec($w, $c->{fd}, 1) = 1 if $c->{out} ne '';
        vec($r, $c->{fd}, 1) = 1;
    }

    my $n = select $r, $w, undef, 0.01;
    my $now = time;

    if ($n > 0) {
        for my $fd (keys $self->{byfd}->%*) {
            my $c = $self->{byfd}{$fd} // next;

            $self->_write($c, $now) if vec $w, $fd, 1;
            next if !$self->{byfd}{$fd} || $self->{byfd}{$fd} != $c;
            $self->_read($c, $now) if vec $r, $fd, 1;
        }
    }

    $self->_timers($now);
}


sub _timers ($self, $now) {
    for my $c (values $self->{byfd}->%*) {
        if (defined $c->{abort_at} && $now >= $c->{abort_at}) {
            $self->{report}{aborted}++;
            setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
            $self->_close($c);
            $self->_begin($c, $now);

        } elsif ($now - $c->{since} > $self->{timeout}) {
            $self->_fault($c, 'hung');
            $self->_close($c);
            $self->_begin($c, $now);
        }
    }

    my @rested = grep { $now >= $_->{until} || $self->{stopping} }
                 $self->{resting}->@*;
    return if !@rested;

    $self->{resting} = [ grep { $now < $_->{until} && !$self->{stopping} }
                         $self->{resting}->@* ];
    $self->_begin($_, $now) for @rested;
}


# The next request of a connection.

sub _begin ($self, $c, $now) {
    if ($self->{stopping}) {
        $self->_close($c);
        return;
    }

    my $request = $self->{next}->();

    $c->{request} = $request;
    $c->{text} = $self->{format}->format_request(
        $request->{method}, $request->{target}, %$request);
    $c->{text} = substr $c->{text}, 0, $request->{cut}
        if defined $request->{cut};
    $c->{since} = $now;

    $self->_send($c, $now);
}


sub _send ($self, $c, $now) {
    $c->{parser} = Skep::Response->parser($c->{request}{method});
    $c->{in} = '';
    $c->{out} = $c->{text};
    $c->{abort_at} = undef;

    $self->_connect($c) if !$c->{socket};
    $self->_write($c, $now) if $c->{used};
}


sub _connect ($self, $c) {
    CORE::socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    bless $socket, 'IO::Socket::INET';
    $socket->blocking(0);
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;

    connect $socket, $self->{address} or $! == EINPROGRESS
        or die "connect: $!";

    $c->{socket} = $socket;
    $c->{fd} = fileno $socket;
    $c->{used} = 0;
    $self->{byfd}{$c->{fd}} = $c;
}


sub _close ($self, $c) {
    my $socket = delete $c->{socket} // return;

    delete $self->{byfd}{$c->{fd}};
    close $socket;
}


sub _write ($self, $c, $now) {
    return if $c->{out} eq '';

    my $n = syswrite $c->{socket}, $c->{out};

    if (!defined $n) {
        return if $! == EAGAIN || $! == EINTR;
        return $self->_lost($c, $now, "write: $!");
    }

    substr $c->{out}, 0, $n, '';

    if ($c->{out} eq '' && defined $c->{request}{abort}) {
        $c->{abort_at} = $now + $c->{request}{abort};
    }
}


sub _read ($self, $c, $now) {
    my $n = sysread $c->{socket}, $c->{in}, 65536, length $c->{in};

    if (!defined $n) {
        return if $! == EAGAIN || $! == EINTR;
        return $self->_lost($c, $now, "read: $!");
    }

    return $self->_lost($c, $now, 'closed') if $n == 0;

    my $res = eval { $c->{parser}->parse(\$c->{in}) };

    if ($@) {
        $self->_fault($c, "malformed response: $@");
        $self->_close($c);
        return $self->_begin($c, $now);
    }

    $self->_done($c, $res, $now) if $res;
}


# The connection ended.  When it was a kept one and nothing of the response
# had come, the server may have closed it for being idle: the request goes
# out again, on a new one, and that is counted.

sub _lost ($self, $c, $now, $why) {
    my $idle = $c->{used} && $c->{parser}->untouched(\$c->{in});

    $self->_close($c);

    if (defined $c->{request}{abort}) {
        $self->{report}{aborted}++;
        return $self->_begin($c, $now);
    }

    if ($idle) {
        $self->{report}{retried}++;
        return $self->_send($c, $now);
    }

    $self->_fault($c, "connection lost: $why");
    $self->_rest($c, $now);
}


sub _done ($self, $c, $res, $now) {
    my $request = $c->{request};
    my $report = $self->{report};

    $c->{used}++;
    push $report->{samples}->@*,
         [$now, $now - $c->{since}, $request->{kind} // '', $res->status];

    $self->_fault($c, 'bytes after the response') if $c->{in} ne '';
    $self->_fault($c, "docs/openapi.yaml does not say: $_")
        for $self->{witness} ? $self->{witness}->faults({
            method => $request->{method}, target => $request->{target},
        }, $res) : ();

    if ($request->{check}) {
        my $fault = eval { $request->{check}->($res, $report->{journal}) };
        $fault = "check: $@" if $@;
        $self->_fault($c, $fault . "\n" . $res->head . $res->body)
            if defined $fault;
    }

    $self->_close($c) if !$res->keep_alive;

    return $self->_rest($c, $now) if $res->status >= 500;
    $self->_begin($c, $now);
}


sub _rest ($self, $c, $now) {
    $self->_close($c);
    $c->{until} = $now + $self->{pause};
    push $self->{resting}->@*, $c;
}


sub _fault ($self, $c, $text) {
    my $report = $self->{report};

    return if $report->{nfaults}++ >= FAULTS_MAX;

    my ($line) = $c->{text} =~ /^(.*?)\r\n/;
    push $report->{faults}->@*, sprintf '%.3f %s: %s',
         time - $report->{started}, $line, substr $text, 0, 2000;
}


package Skep::Load::Report;

use v5.36;

use List::Util qw(max sum0);


sub journal ($self) { return $self->{journal}->@* }
sub faults ($self) { return $self->{faults}->@* }
sub retried ($self) { return $self->{retried} }
sub aborted ($self) { return $self->{aborted} }


# Samples: [time of the end, seconds it took, kind, status], of a kind, a
# status (a number, or '5xx'), and of a span of time.

sub samples ($self, %o) {
    my $status = $o{status};

    $status = qr/^$status$/ if defined $status && $status =~ s/x/./g;

    return grep {
        (!defined $o{kind} || $_->[2] eq $o{kind})
        && (!defined $status || (ref $status ? $_->[3] =~ $status
                                             : $_->[3] == $status))
        && (!defined $o{from} || $_->[0] >= $o{from})
        && (!defined $o{to} || $_->[0] < $o{to})
    } $self->{samples}->@*;
}


sub count ($self, %o) { return scalar $self->samples(%o) }


# The longest that a request took, in seconds.

sub slowest ($self, %o) {
    return max(0, map { $_->[1] } $self->samples(%o));
}


# When the first one ended; undef if there was none.

sub first ($self, %o) {
    my ($sample) = $self->samples(%o);

    return $sample ? $sample->[0] : undef;
}


# For people: how many of which kind had which status.

sub summary ($self) {
    my %n;

    $n{"$_->[2] $_->[3]"}++ for $self->{samples}->@*;

    return sprintf '%d requests in %.1f s (%s), %d retried, %d aborted',
                   scalar $self->{samples}->@*,
                   $self->{ended} - $self->{started},
                   join(', ', map { "$_: $n{$_}" } sort keys %n),
                   $self->{retried}, $self->{aborted};
}


1;
