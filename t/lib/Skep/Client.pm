package Skep::Client;

# An HTTP/1.1 client on a bare socket: keep-alive, pipelining, any bytes one
# likes to send, in pieces; and responses read with a deadline.  If it has a
# witness, that one sees each response and what it answers.

use v5.36;

use Carp qw(croak);
use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::INET;
use Skep::Response;
use Skep::Sanitizer;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);


# new(port => n, timeout => seconds for a whole response, rcvbuf => bytes,
#     witness => a Skep::Witness)

sub new ($class, %o) {
    my $self = bless { host => '127.0.0.1', timeout => 15, in => '', sent => '',
                       %o }, $class;

    $self->{timeout} = Skep::Sanitizer::patience($self->{timeout});
    return $self;
}


sub connect ($self) {
    my $socket = IO::Socket::INET->new(Proto => 'tcp') or croak "socket: $!";

    $socket->setsockopt(SOL_SOCKET, SO_RCVBUF, pack 'i', $self->{rcvbuf})
        if $self->{rcvbuf};

    my $address = sockaddr_in($self->{port}, inet_aton($self->{host}));
    CORE::connect $socket, $address
        or croak "connect to $self->{host}:$self->{port}: $!";

    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    $socket->blocking(0);

    $self->{socket} = $socket;
    $self->{in} = $self->{sent} = '';
    $self->{used} = 0;

    return $self;
}


sub connected ($self) { return defined $self->{socket} }
sub socket ($self) { return $self->{socket} }


sub close ($self) {
    my $socket = delete $self->{socket} // return;

    CORE::close $socket;
}


# Closes with a reset, as a client that crashed.

sub abort ($self) {
    my $socket = $self->{socket} // return;

    $socket->setsockopt(SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
    $self->close;
}


# Sends bytes.  True, or false if the server has closed the connection.

sub send ($self, $bytes) {
    $self->connect if !$self->{socket};

    my $until = time + $self->{timeout};
    my $sent = 0;

    while ($sent < length $bytes) {
        my $n = syswrite $self->{socket}, $bytes, length($bytes) - $sent, $sent;

        if (defined $n) {
            $self->{sent} .= substr $bytes, $sent, $n if $self->{witness};
            $sent += $n;
            next;
        }

        return 0 if $! != EAGAIN && $! != EINTR;
        croak 'time-out while sending' if time >= $until;
        IO::Select->new($self->{socket})->can_write(0.1);
    }

    return 1;
}


# Half-closes: no more will be sent.

sub shutdown ($self) {
    $self->{socket}->shutdown(1);
}


# The text of a request.
#     headers => [ name => value, ... ] or {...}, token => ...,
#     json => data, body => bytes, type => Content-Type, version => '1.1'
# Host, Content-Length and the type of json come by themselves unless given.

sub format_request ($self, $method, $target, %o) {
    my @headers = ref $o{headers} eq 'HASH' ? $o{headers}->%*
                                            : ($o{headers} // [])->@*;
    my %given;

    for (my $i = 0; $i < @headers; $i += 2) {
        $given{lc $headers[$i]} = 1;
    }

    my $body = exists $o{json} ? Skep::Response::encode($o{json}) : $o{body};
    my $type = $o{type} // (exists $o{json} ? 'application/json' : undef);

    unshift @headers, 'Host', "$self->{host}:$self->{port}" if !$given{host};
    push @headers, 'Authorization', "Bearer $o{token}" if defined $o{token};
    push @headers, 'Content-Type', $type
        if defined $type && !$given{'content-type'};

    if (defined $body && !$given{'content-length'}
        && !$given{'transfer-encoding'})
    {
        push @headers, 'Content-Length', length $body;
    }

    my $text = "$method $target HTTP/" . ($o{version} // '1.1') . "\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n";
    }

    return $text . "\r\n" . ($body // '');
}


# One request and its response.  A kept connection that the server has closed
# meanwhile is opened anew.

sub request ($self, $method, $target, %o) {
    my $text = $self->format_request($method, $target, %o);

    for my $again (0, 1) {
        my $reused = $self->{socket} && $self->{used};

        my $sent = $self->send($text);
        my $res = $self->response(method => $method, eof => 1);
        return $res if $res;

        $self->close;
        last if !$reused;
    }

    croak "no response to $method $target";
}


# Reads one response: for a HEAD, say method => 'HEAD'.  It dies upon a
# time-out and upon an end in the middle; at an end before the first byte it
# dies too, or returns undef if eof => 1.

sub response ($self, %o) {
    my $timeout = $o{timeout} // $self->{timeout};
    my $until = time + $timeout;
    my $parser = Skep::Response->parser($o{method} // 'GET');

    while (1) {
        my $res = $parser->parse(\$self->{in});

        if ($res) {
            $self->{used}++;
            $self->saw($res);
            $self->close if !$res->keep_alive;
            return $res;
        }

        my $n = $self->_fill($until);

        if (!$n) {
            my $last = $parser->end(\$self->{in});
            $self->close;
            $self->saw($last) if $last;
            return $last if $last;
            return undef if $o{eof} && $parser->untouched(\$self->{in});
            croak "the connection ended in the middle of a response:\n"
                  . $self->{in};
        }
    }
}


sub _fill ($self, $until) {
    croak 'not connected' if !$self->{socket};

    while (1) {
        my $n = sysread $self->{socket}, $self->{in}, 262144,
                        length $self->{in};

        return $n if defined $n;
        return 0 if $! != EAGAIN && $! != EINTR;

        my $left = $until - time;
        croak "no response within the time-out" if $left <= 0;
        IO::Select->new($self->{socket})->can_read($left);
    }
}


# Shows the witness a response to the oldest request that has none yet.

sub saw ($self, $res) {
    my $witness = $self->{witness} // return;

    $witness->saw($self->_asked, $res);
}


# Takes the oldest request off what was sent: { method, target, type, body }.
# It has no body if that was not sent to its end.  undef: it is no request, and
# what else was sent is none, either.

sub _asked ($self) {
    my $sent = \$self->{sent};

    if ($$sent !~ s{\A(?:\r\n)*([A-Z]+)\x20(\S+)\x20HTTP/1\.[01]\r\n
                    ((?:[^\r\n]+\r\n)*)\r\n}{}x)
    {
        $$sent = '';
        return undef;
    }

    my %asked = (method => $1, target => $2);
    my %headers = map { /\A([^:\s]+):[ \t]*(.*?)[ \t]*\z/
                        ? (lc $1 => $2) : () } split /\r\n/, $3;
    my $length = $headers{'content-length'};

    $asked{type} = $headers{'content-type'};

    if (lc($headers{'transfer-encoding'} // '') eq 'chunked') {
        $asked{body} = _unchunk($sent);

    } elsif (defined $length && $length =~ /\A\d+\z/) {
        my $body = substr $$sent, 0, $length, '';

        $asked{body} = $body if length $body == $length;
    }

    return \%asked;
}

sub _unchunk ($sent) {
    my $body = '';

    while ($$sent =~ s/\A([0-9a-f]{1,7})(?![0-9a-f])[^\r\n]*\r\n//i) {
        my $size = hex $1;

        return undef if length $$sent < $size + 2;
        $body .= substr $$sent, 0, $size, '';
        $$sent =~ s/\A\r\n// or return undef;
        return $body if $size == 0;
    }

    return undef;
}


# Whether the server has closed the connection, within so many seconds.

sub closed_by_peer ($self, $timeout = 5) {
    return 1 if !$self->{socket};
    my $n = eval { $self->_fill(time + $timeout) };

    return defined $n && $n == 0;
}


1;
