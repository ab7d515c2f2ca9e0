package Skep::Receiver;

# An HTTP server that webhooks are sent to: a process of its own, which writes
# down each request and answers as it was told to.
#
#     my $receiver = Skep::Receiver->new(dir => $dir);
#
#     $receiver->answer('/hook', { status => 500 }, { status => 200 });
#     ...
#     my @requests = $receiver->requests('/hook');
#
# An answer is
#     status => 204                 the default
#     headers => [ name => value ]  beside Content-Length
#     body => bytes
#     delay => seconds              before it
#     drip => seconds               between two bytes of it
#     large => bytes                a body of so many
#     raw => bytes                  instead of all this
#     hang => 1                     none, the connection stays open
#     close => 1                    none, the connection is closed
#     reset => 1                    none, the connection is reset
# The last one given for a path is the answer to all further requests.

use v5.36;

use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX ();
use Skep::File qw(slurp);
use Skep::Process qw(fork_child stop wait_until);
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

my $json = JSON::PP->new->canonical;
my $count = 0;


# new(dir => directory of the test, port => one of one's own choice)

sub new ($class, %o) {
    my $self = bless { file => "$o{dir}/receiver-" . $count++ }, $class;

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $o{port} // 0, Listen => 1024,
        ReuseAddr => 1, Blocking => 0,
    ) or die "listen: $!";

    $self->{port} = $listen->sockport;

    socketpair $self->{control}, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!";

    open my $log, '>', $self->{file} or die "$self->{file}: $!";

    $self->{pid} = fork_child(sub {
        close $self->{control};
        Skep::Receiver::Server->new($listen, $theirs, $log)->run;
    }, 'receiver');

    close $theirs;

    return $self;
}


sub port ($self) { return $self->{port} }

sub url ($self, $path = '/', $host = '127.0.0.1') {
    return "http://$host:$self->{port}$path";
}


# What requests of a path get from now on.

sub answer ($self, $path, @answers) {
    for my $answer (@answers) {
        $answer = { %$answer };
        $answer->{$_} = encode_base64($answer->{$_}, '')
            for grep { defined $answer->{$_} } qw(body raw);
    }

    my $line = $json->encode([$path, \@answers]) . "\n";

    syswrite $self->{control}, $line;
    sysread $self->{control}, my $ok, 1 or die 'the receiver is gone';
}


# All that happened, oldest first: requests, as
#     { path, method, headers => { name => value }, body, time, connection }

sub requests ($self, $path = undef) {
    return grep { $_->{method} && (!defined $path || $_->{path} eq $path) }
           $self->_records;
}


# When the first request for each event came to a path, { webhook-id => time }:
# of many, since only what is new is read.

sub arrivals ($self, $path) {
    my $seen = $self->{seen}{$path} //= { at => 0, came => {} };

    open my $file, '<', $self->{file} or die "$self->{file}: $!";
    seek $file, $seen->{at}, 0;

    while (my $line = <$file>) {
        last if $line !~ /\n\z/;
        $seen->{at} += length $line;

        my ($id, $where, $time) = $line
            =~ /"webhook-id":"([^"]+)".*"path":"([^"]*)","time":([0-9.]+)/;

        $seen->{came}{$id} //= $time if defined $id && $where eq $path;
    }

    return $seen->{came};
}


# and the ends of connections, as { sent => bytes, time, connection }

sub closed ($self, $connection) {
    my ($end) = grep { !$_->{method} && $_->{connection} == $connection }
                $self->_records;

    return $end;
}


sub _records ($self) {
    my @records = map { $json->decode($_) } slurp($self->{file}) =~ /^.*\n/mg;

    $_->{body} = decode_base64($_->{body}) for grep { $_->{method} } @records;
    return @records;
}


# Waits for so many requests of a path; all of them.

sub wait_for ($self, $path, $n, $timeout = 15) {
    my @requests;

    wait_until($timeout, sub {
        @requests = $self->requests($path);
        return @requests >= $n;
    });

    return @requests;
}


sub stop_server ($self) {
    my $pid = delete $self->{pid} // return;

    stop($pid, 'TERM', 5);
}


package Skep::Receiver::Server;

use v5.36;

use Errno qw(EAGAIN EINTR);
use MIME::Base64 qw(decode_base64 encode_base64);
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(time);

use constant CHUNK => 65536;


sub new ($class, $listen, $control, $log) {
    return bless {
        listen  => $listen,
        control => $control,
        log     => $log,
        answers => {},
        conns   => {},          # descriptor => connection
        timers  => [],
        n       => 0,
        read    => IO::Select->new($listen, $control),
        write   => IO::Select->new,
    }, $class;
}


sub run ($self) {
    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $wait = 60;

        for my $timer ($self->{timers}->@*) {
            my $left = $timer->[0] - time;
            $wait = $left if $left < $wait;
        }

        my ($read, $write) = IO::Select->select($self->{read}, $self->{write},
                                                undef, $wait > 0 ? $wait : 0);

        for my $socket (@{ $read // [] }) {
            if ($socket == $self->{listen}) {
                $self->accept;
            } elsif ($socket == $self->{control}) {
                $self->told or return;
            } elsif (my $conn = $self->{conns}{fileno($socket) // -1}) {
                $self->readable($conn);
            }
        }

        for my $socket (@{ $write // [] }) {
            my $conn = $self->{conns}{fileno($socket) // -1} // next;
            $self->flush($conn);
        }

        my $now = time;
        my @due = grep { $_->[0] <= $now } $self->{timers}->@*;

        $self->{timers} = [ grep { $_->[0] > $now } $self->{timers}->@* ];
        $_->[1]->() for @due;
    }
}


sub after ($self, $seconds, $code) {
    push $self->{timers}->@*, [time + $seconds, $code];
}


sub told ($self) {
    my $n = sysread $self->{control}, $self->{told}, 65536,
                    length($self->{told} // '');
    return 0 if !$n;

    while ($self->{told} =~ s/^(.*)\n//) {
        my ($path, $answers) = $json->decode($1)->@*;

        $self->{answers}{$path} = $answers;
        syswrite $self->{control}, '.';
    }

    return 1;
}


sub record ($self, $record) {
    syswrite $self->{log},
             $json->encode({ %$record, time => time }) . "\n";
}


sub accept ($self) {
    while (my $socket = $self->{listen}->accept) {
        $socket->blocking(0);
        $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
        $self->{read}->add($socket);
        $self->{conns}{fileno $socket} = {
            socket => $socket, in => '', out => '', sent => 0,
            n => $self->{n}++,
        };
    }
}


sub drop ($self, $conn) {
    my $socket = delete $conn->{socket} // return;

    $self->{read}->remove($socket);
    $self->{write}->remove($socket);
    delete $self->{conns}{fileno $socket};
    close $socket;

    $self->record({ connection => $conn->{n}, sent => $conn->{sent} });
}


sub readable ($self, $conn) {
    my $n = sysread $conn->{socket}, $conn->{in}, 262144, length $conn->{in};

    return if !defined $n && ($! == EAGAIN || $! == EINTR);
    return $self->drop($conn) if !$n;

    while ($conn->{socket} && $conn->{in} =~ /\A(.*?)\r\n\r\n/s) {
        my ($head, $length) = ($1, 0);
        my ($line, @lines) = split /\r\n/, $head;
        my ($method, $path) = split / /, $line;
        my %headers = map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () }
                      @lines;

        my $body = $headers{'content-length'} // 0;
        last if length $conn->{in} < length($head) + 4 + $body;

        substr $conn->{in}, 0, length($head) + 4, '';
        $body = substr $conn->{in}, 0, $body, '';

        $self->record({
            method => $method, path => $path, headers => \%headers,
            body => encode_base64($body, ''), connection => $conn->{n},
        });

        my $answers = $self->{answers}{$path} // [];
        my $answer = @$answers > 1 ? shift @$answers : $answers->[0];

        $self->respond($conn, $answer // {});
    }
}


sub respond ($self, $conn, $answer) {
    if (my $delay = $answer->{delay}) {
        return $self->after($delay, sub {
            $self->respond($conn, { %$answer, delay => 0 })
                if $conn->{socket};
        });
    }

    return if $answer->{hang};
    return $self->drop($conn) if $answer->{close};

    if ($answer->{reset}) {
        $conn->{socket}->setsockopt(SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
        return $self->drop($conn);
    }

    my $text = $self->text($answer);

    return $self->drip($conn, $text, $answer->{drip}) if $answer->{drip};

    $conn->{out} .= $text;
    $conn->{large} = $answer->{large};
    $self->flush($conn);
}


sub text ($self, $answer) {
    return decode_base64($answer->{raw}) if defined $answer->{raw};

    my $status = $answer->{status} // 204;
    my $body = decode_base64($answer->{body} // '');
    my @headers = ($answer->{headers} // [])->@*;
    my $text = "HTTP/1.1 $status X\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n";
    }

    $text .= 'Content-Length: ' . ($answer->{large} // length $body) . "\r\n"
        if $status != 204;

    return "$text\r\n$body";
}


sub drip ($self, $conn, $text, $pause) {
    return if !$conn->{socket} || !length $text;

    $conn->{out} .= substr $text, 0, 1, '';
    $self->flush($conn);
    $self->after($pause, sub { $self->drip($conn, $text, $pause) });
}


sub flush ($self, $conn) {
    while (1) {
        if (!length $conn->{out} && $conn->{large}) {
            my $n = $conn->{large} < CHUNK ? $conn->{large} : CHUNK;

            $conn->{out} = 'x' x $n;
            $conn->{large} -= $n;
        }

        return $self->{write}->remove($conn->{socket}) if !length $conn->{out};

        my $n = syswrite $conn->{socket}, $conn->{out};

        if (!defined $n) {
            return $self->drop($conn) if $! != EAGAIN && $! != EINTR;
            return $self->{write}->add($conn->{socket});
        }

        $conn->{sent} += $n;
        substr $conn->{out}, 0, $n, '';
    }
}


1;
