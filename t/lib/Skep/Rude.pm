package Skep::Rude;

# A server that keeps to no protocol: a process of its own, which says the same
# to everybody.
#
#     my $rude = Skep::Rude->new(greet => "220 ", flood => "220-and\r\n");
#
#     greet    bytes to say at once
#     flood    bytes to say after that, again and again without end
#     close    1: and then the connection is closed; "half": for writing alone;
#              "reset": it is reset
#     deaf     1: connections are never accepted
#     lines    [[pattern, answer], ...]: what is said to a line that matches;
#              undef: nothing, "" closes.  To other lines, and to the end of a
#              mail, it says "250 ok".
#     drip     seconds between two bytes of all that

use v5.36;

use Errno qw(EAGAIN);
use IO::Select;
use IO::Socket::INET;
use Skep::Process qw(fork_child stop);
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);


sub new ($class, %o) {
    my $self = bless { %o }, $class;
    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $o{port} // 0,
        Listen => $o{deaf} ? 1 : 1024, ReuseAddr => 1, Blocking => 0,
    ) or die "listen: $!";

    $self->{port} = $listen->sockport;
    $self->{listen} = $listen;

    # whoever comes next finds the queue full
    $self->{queue} = [map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
                              PeerPort => $self->{port})
    } 1 .. 2] if $o{deaf};

    return $self if $o{deaf};

    $self->{pid} = fork_child(sub { $self->_run }, 'rude');
    delete $self->{listen};

    return $self;
}


sub port ($self) { return $self->{port} }
sub url ($self, $scheme = 'http') { return "$scheme://127.0.0.1:$self->{port}/" }

# Its port is free then.

sub stop_server ($self) {
    delete @$self{qw(listen queue)};

    my $pid = delete $self->{pid} // return;

    stop($pid, 'KILL', 5);
}


sub _run ($self) {
    my $select = $self->{select} = IO::Select->new($self->{listen});

    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $busy = grep { length $_->{out} || $_->{flood} }
                   values(($self->{conns} // {})->%*);

        for my $socket ($select->can_read($busy ? 0.005 : 1)) {
            $socket == $self->{listen}
                ? $self->_accept
                : $self->_read($self->{conns}{$socket});
        }

        $self->_write($_) for values(($self->{conns} // {})->%*);
    }
}


sub _accept ($self) {
    my $socket = $self->{listen}->accept // return;

    $socket->blocking(0);
    $self->{select}->add($socket);
    $self->{conns}{$socket} = {
        socket => $socket, in => '', out => $self->{greet} // '',
        flood => $self->{flood}, close => $self->{close}, next => 0,
    };
}


sub _drop ($self, $conn) {
    $self->{select}->remove($conn->{socket});
    delete $self->{conns}{$conn->{socket}};
    close $conn->{socket};
}


sub _read ($self, $conn) {
    my $n = sysread $conn->{socket}, $conn->{in}, 65536, length $conn->{in};

    return if !defined $n && $! == EAGAIN;
    return $self->_drop($conn) if !$n;
    return $conn->{in} = '' if !$self->{lines};

    while ($conn->{in} =~ s/\A(.*?)\r?\n//) {
        my $line = $1;

        # the text of a mail, up to its end
        next if $conn->{data} && $line ne '.';
        delete $conn->{data};

        my ($rule) = grep { $line =~ $_->[0] } $self->{lines}->@*;
        my $answer = $rule ? $rule->[1] : "250 ok\r\n";

        return $self->_drop($conn) if defined $answer && $answer eq '';

        $conn->{out} .= $answer // '';
        $conn->{data} = 1 if ($answer // '') =~ /\A354/;
    }
}


sub _write ($self, $conn) {
    my $socket = $conn->{socket};

    return if time < $conn->{next};
    $conn->{next} = time + $self->{drip} if $self->{drip};

    $conn->{out} .= $conn->{flood} x (1 + 65536 / length $conn->{flood})
        if $conn->{flood} && length $conn->{out} < 65536;

    if (length $conn->{out}) {
        my $n = syswrite $socket, $conn->{out},
                         $self->{drip} ? 1 : length $conn->{out};

        return $! == EAGAIN ? undef : $self->_drop($conn) if !defined $n;
        substr $conn->{out}, 0, $n, '';
    }

    return if length $conn->{out};

    my $close = delete $conn->{close} // return;

    return shutdown $socket, 1 if $close eq 'half';

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if $close eq 'reset';
    $self->_drop($conn);
}


1;
