package Skep::H2;

# An HTTP/2 client that sends any frames one likes, by prior knowledge (RFC 9113,
# 3.3), and reads as much of the answers as tests ask for: each stream's status,
# body and end.  Of HPACK it knows what it takes: headers go out as literals, and of
# those that come in the first one, which is the status, is read.

use v5.36;

use Carp qw(croak);
use Errno qw(EAGAIN EINTR);
use IO::Select;
use Skep::Client;
use Time::HiRes qw(time);

use constant {
    DATA => 0, HEADERS => 1, PRIORITY => 2, RST_STREAM => 3, SETTINGS => 4,
    PUSH_PROMISE => 5, PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8,
    CONTINUATION => 9,

    ACK => 1, END_STREAM => 1, END_HEADERS => 4, PADDED => 8, PRIORITIZED => 32,
};

# the static table's, by their index: what nginx answers by one byte
my %indexed = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404,
               14 => 500);


# Connects and says hello.
#     port      of the server
#     settings  [ id => value, ... ] of ours
#     window    how much more than 65,535 bytes may come over the connection
#     silent    1: no hello

sub new ($class, %o) {
    my $self = bless {
        in => '', next => 1, streams => {}, settings => {}, pings => 0, acks => 0,
        raw => Skep::Client->new(port => $o{port})->connect,
    }, $class;

    return $self if $o{silent};

    $self->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . frame(SETTINGS, 0, 0, pack '(nN)*', ($o{settings} // [])->@*)
                . ($o{window} ? frame(WINDOW_UPDATE, 0, 0, pack 'N', $o{window})
                              : ''));

    return $self;
}


# The bytes of a frame.

sub frame ($type, $flags, $stream, $payload = '') {
    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}


# The bytes of a header block, each a literal that is not to be indexed.

sub block (@headers) {
    my $block = '';

    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= "\0" . _string($name) . _string($value);
    }

    return $block;
}

sub _string ($text) { return _integer(7, length $text) . $text }

sub _integer ($bits, $n) {
    my $max = 2 ** $bits - 1;

    return chr $n if $n < $max;

    my $bytes = chr $max;

    for ($n -= $max; $n >= 128; $n >>= 7) {
        $bytes .= chr +($n & 127 | 128);
    }

    return $bytes . chr $n;
}


# Sends bytes; false if the server has hung up.

sub send ($self, $bytes) { return $self->{raw}->send($bytes) }


# The headers of a request: those that each has, and others.

sub headers ($self, $method, $path, %o) {
    return (
        ':method' => $method, ':scheme' => 'http', ':path' => $path,
        ':authority' => 'localhost',
        defined $o{token} ? (authorization => "Bearer $o{token}") : (),
        defined $o{body} ? ('content-type' => 'application/json') : (),
        ($o{headers} // [])->@*,
    );
}


# The frames of a request; its stream.  Of "body" no more than so many bytes are
# sent if "cut" says so, and the stream is not ended then.

sub format_request ($self, $method, $path, %o) {
    my $id = $self->stream;
    my $body = $o{body};
    my $bytes = frame(HEADERS, END_HEADERS | (defined $body ? 0 : END_STREAM),
                      $id, block($self->headers($method, $path, %o)));

    if (defined $body) {
        $body = substr $body, 0, $o{cut} if defined $o{cut};

        while (length $body > 16384) {
            $bytes .= frame(DATA, 0, $id, substr $body, 0, 16384, '');
        }

        $bytes .= frame(DATA, defined $o{cut} ? 0 : END_STREAM, $id, $body);
    }

    return ($id, $bytes);
}


# The number of the next stream that is ours to open.

sub stream ($self) {
    my $id = $self->{next};

    $self->{next} += 2;
    return $id;
}


sub ask ($self, @request) {
    my ($id, $bytes) = $self->format_request(@request);

    $self->send($bytes);
    return $id;
}

sub get ($self, $path, %o) {
    return $self->answer($self->ask('GET', $path, %o));
}


# What came of a stream until it ended: { status, body, ended, reset }, or undef
# if that does not happen in time, or the connection ends before.

sub answer ($self, $id, $timeout = 15) {
    my $until = time + $timeout;

    while (1) {
        my $stream = $self->{streams}{$id};

        return $stream if $stream && ($stream->{ended}
                                      || defined $stream->{reset});
        return undef if !$self->read($until - time);
    }
}


# Reads what there is, waiting for it at most so long; false if nothing came.

sub read ($self, $timeout = 1) {
    my $socket = $self->{raw}->socket // return 0;

    return 0 if $self->{eof} || $timeout <= 0
                || !IO::Select->new($socket)->can_read($timeout);

    my $n = sysread $socket, $self->{in}, 262144, length $self->{in};

    if (!$n) {
        return 1 if !defined $n && ($! == EAGAIN || $! == EINTR);
        $self->{eof} = 1;
        return 0;
    }

    while (length $self->{in} >= 9) {
        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $self->{in};
        my $length = $high << 16 | $low;

        last if length $self->{in} < 9 + $length;
        substr $self->{in}, 0, 9, '';
        $self->_frame($type, $flags, $id, substr $self->{in}, 0, $length, '');
    }

    return 1;
}


# Reads for so many seconds, or until the server hangs up; true if it did.

sub drain ($self, $timeout) {
    my $until = time + $timeout;

    while (!$self->{eof} && time < $until) {
        $self->read($until - time);
    }

    return $self->{eof};
}


sub _frame ($self, $type, $flags, $id, $payload) {
    my $stream = $self->{streams}{$id} //= { body => '', length => 0 } if $id;

    if ($type == HEADERS) {
        $stream->{status} //= _status($payload);
        $stream->{ended} = 1 if $flags & END_STREAM;

    } elsif ($type == DATA) {
        $stream->{body} .= $payload;
        $stream->{ended} = 1 if $flags & END_STREAM;

    } elsif ($type == RST_STREAM) {
        $stream->{reset} = unpack 'N', $payload;

    } elsif ($type == SETTINGS) {
        $self->{acks}++ if $flags & ACK;
        $self->{settings} = { $self->{settings}->%*, unpack '(nN)*', $payload };
        $self->send(frame(SETTINGS, ACK, 0)) if !($flags & ACK);

    } elsif ($type == PING) {
        $self->{pings}++;

    } elsif ($type == GOAWAY) {
        $self->{goaway} = (unpack 'NN', $payload)[1];
    }
}


# The first header, after changes of the table's size.

sub _status ($block) {
    $block =~ s/\A[\x20-\x3f]+//;

    my $first = ord $block;

    return $indexed{$first & 127} // croak "no status: $first" if $first & 128;

    # a literal with the name of an entry: its length, and three digits
    return substr $block, 2, 3;
}


sub settings ($self) { return $self->{settings} }
sub pings ($self) { return $self->{pings} }
sub acks ($self) { return $self->{acks} }
sub goaway ($self) { return $self->{goaway} }
sub streams ($self) { return $self->{streams} }
sub eof ($self) { return $self->{eof} }
sub close ($self) { $self->{raw}->close }
sub abort ($self) { $self->{raw}->abort }


1;
