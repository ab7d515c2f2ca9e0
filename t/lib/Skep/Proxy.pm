package Skep::Proxy;

# A TCP proxy with faults: a process of its own between nginx or the worker and
# a server.
#
#     my $proxy = Skep::Proxy->new(to => 5432);
#
#     $proxy->mode('bytes');
#     $proxy->reset;
#
# Modes:
#     pass            all is forwarded: the first one
#     bytes           one byte at a time, each sent for itself
#     hang            nothing is forwarded
#     refuse          a connection is reset as soon as it is made
#     lose, PATTERN   where the client has sent something that matches, the
#                     first answer is taken from the server and thrown away, and
#                     the client's connection is reset: what it asked for has
#                     happened, and it never learns of it

use v5.36;

use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Skep::Process qw(fork_child stop);
use Socket qw(AF_UNIX IPPROTO_TCP PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER
              TCP_NODELAY);

use constant FULL => 262144;        # bytes that wait: no more are read

my $json = JSON::PP->new;


# new(to => port of the server on 127.0.0.1, port => one of one's own choice)

sub new ($class, %o) {
    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $o{port} // 0, Listen => 256,
        ReuseAddr => 1, Blocking => 0,
    ) or die "listen: $!";
    my $self = bless { port => $listen->sockport }, $class;

    socketpair $self->{control}, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!";

    $self->{pid} = fork_child(sub {
        close $self->{control};
        Skep::Proxy::Server->new($listen, $theirs, $o{to})->run;
    }, 'proxy');

    close $theirs;

    return $self;
}


sub port ($self) { return $self->{port} }
sub mode ($self, @mode) { return $self->_tell(mode => @mode) }


# Resets all connections that there are, on both sides; how many.

sub reset ($self) { return $self->_tell('reset') }


# How many answers were lost so far.

sub lost ($self) { return $self->_tell('lost') }


sub finish ($self) { stop($self->{pid}) }


sub _tell ($self, @words) {
    syswrite $self->{control}, $json->encode(\@words) . "\n";
    sysread $self->{control}, my $answer, 100 or die 'the proxy has died';

    return $answer + 0;
}


package Skep::Proxy::Server;

use v5.36;

use Errno qw(EAGAIN EINTR);
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);


sub new ($class, $listen, $control, $to) {
    return bless {
        listen => $listen, control => $control, to => $to,
        mode => 'pass', lost => 0, ends => {},
    }, $class;
}


sub run ($self) {
    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $read = IO::Select->new($self->{control}, $self->{listen});
        my $write = IO::Select->new;

        if ($self->{mode} ne 'hang') {
            for my $end (values $self->{ends}->%*) {
                $read->add($end->{socket})
                    if !$end->{eof} && length $end->{peer}{out} < Skep::Proxy::FULL;
                $write->add($end->{socket}) if length $end->{out};
            }
        }

        my ($readable, $writable) = IO::Select->select($read, $write);

        for my $socket (@{ $readable // [] }) {
            if ($socket == $self->{control}) {
                $self->told or return;
            } elsif ($socket == $self->{listen}) {
                $self->accept;
            } elsif (my $end = $self->{ends}{fileno($socket) // -1}) {
                $self->readable($end);
            }
        }

        for my $socket (@{ $writable // [] }) {
            my $end = $self->{ends}{fileno($socket) // -1} // next;
            $self->flush($end);
        }
    }
}


sub told ($self) {
    sysread $self->{control}, my $text, 65536 or return 0;

    my ($what, @words) = $json->decode($text)->@*;
    my $answer = $self->{lost};

    if ($what eq 'mode') {
        ($self->{mode}, $self->{pattern}) = @words;
        $_->{asked} = 0 for values $self->{ends}->%*;

    } elsif ($what eq 'reset') {
        my @ends = grep { $_->{client} } values $self->{ends}->%*;

        $answer = @ends;
        $self->drop($_, 1) for @ends;
    }

    syswrite $self->{control}, $answer;
    return 1;
}


sub accept ($self) {
    while (my $socket = $self->{listen}->accept) {
        my $client = { socket => $socket, client => 1, out => '' };
        my $server = { out => '' };

        $client->{peer} = $server;
        $server->{peer} = $client;
        $server->{socket} = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $self->{to},
        ) if $self->{mode} ne 'refuse';

        if (!$server->{socket}) {
            $self->drop($client, 1);
            next;
        }

        for my $end ($client, $server) {
            $end->{socket}->blocking(0);
            $end->{socket}->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
            $self->{ends}{fileno $end->{socket}} = $end;
        }
    }
}


# Closes both ends, or resets them.

sub drop ($self, $end, $reset = 0) {
    for my $one ($end, $end->{peer}) {
        my $socket = delete $one->{socket} // next;

        delete $self->{ends}{fileno $socket};
        $socket->setsockopt(SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0) if $reset;
        close $socket;
    }

    delete $end->{peer}{peer};      # the one refers to the other
}


sub readable ($self, $end) {
    my $peer = $end->{peer};
    my $n = sysread $end->{socket}, my $bytes, 65536;

    return if !defined $n && ($! == EAGAIN || $! == EINTR);

    if (!$n) {
        $end->{eof} = 1;
        $self->drop($end, !defined $n) if !length $peer->{out};
        return;
    }

    if ($self->{mode} eq 'lose') {
        if ($end->{client}) {
            $end->{asked} ||= $bytes =~ /$self->{pattern}/;

        } elsif ($peer->{asked}) {
            $self->{lost}++;
            return $self->drop($end, 1);
        }
    }

    $peer->{out} .= $bytes;
    $self->flush($peer);
}


sub flush ($self, $end) {
    my $most = $self->{mode} eq 'bytes' ? 1 : length $end->{out};
    my $n = syswrite $end->{socket}, $end->{out}, $most;

    if (!defined $n) {
        $self->drop($end, 1) if $! != EAGAIN && $! != EINTR;
        return;
    }

    substr $end->{out}, 0, $n, '';
    $self->drop($end) if !length $end->{out} && $end->{peer}{eof};
}


1;
