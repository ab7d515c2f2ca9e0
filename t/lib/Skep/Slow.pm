package Skep::Slow;

# Clients that are slow on purpose, thousands of them in a process of their own:
# they send a byte now and then, or take none.  A connection that the server ends
# is opened anew, so that there are always as many.

use v5.36;

use Errno qw(EAGAIN EINPROGRESS EINTR);
use IO::Handle;
use List::Util qw(max);
use Skep::Process qw(alive fork_child reap tempdir);
use Socket qw(:DEFAULT IPPROTO_TCP);
use Storable ();
use Time::HiRes qw(sleep time);

# of Linux
use constant { TCP_INFO => 11, TCP_ESTABLISHED => 1 };


# Starts them.
#     port     of the server
#     kinds    [ { name, count, bytes => what each of them sends at once,
#                  drip => what it sends byte by byte after that, again and again,
#                  reads => 1 if it takes what comes,
#                  rcvbuf => of its socket } ]
#     pause    seconds between two bytes of a connection (1)

sub start ($class, %o) {
    my $self = bless { pause => 1, %o, file => tempdir() . '/slow' }, $class;

    $self->{pid} = fork_child(sub { $self->_run }, 'slow clients');

    return $self;
}


sub running ($self) { return alive($self->{pid}) }


# What became of them so far, by name: { opened, ended: by the server, each: how
# many of them were ended at all, longest: seconds that one of them was there,
# open: at the end }

sub told ($self) {
    return -e $self->{file} ? Storable::retrieve($self->{file}) : {};
}


# Ends them; what became of them.

sub stop ($self) {
    kill 'TERM', $self->{pid};

    my $status = reap($self->{pid}, 30) // die 'the slow clients did not end';
    die "the slow clients failed: $status" if $status;

    return $self->told;
}


sub _run ($self) {
    local $SIG{TERM} = sub { $self->{stopping} = 1 };
    my @clients;

    for my $kind ($self->{kinds}->@*) {
        $self->{told}{$kind->{name}} = { opened => 0, ended => 0, each => 0,
                                         longest => 0, open => 0 };
        push @clients, map { { kind => $kind } } 1 .. $kind->{count};
    }

    # each has its turn within a pause
    while (!$self->{stopping}) {
        my $begin = time;
        my $done = 0;

        for my $client (@clients) {
            last if $self->{stopping};
            $self->_turn($client);

            my $ahead = $begin + $self->{pause} * ++$done / @clients - time;
            sleep $ahead if $ahead > 0.005;
        }

        $self->_tell;
    }

    $self->{told}{$_->{kind}{name}}{open}++ for grep { $_->{socket} } @clients;
    $self->_tell;
}


# Whoever looks meanwhile sees all of it, or what was before.

sub _tell ($self) {
    Storable::nstore($self->{told}, "$self->{file}.new");
    rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!";
}


sub _turn ($self, $client) {
    my $kind = $client->{kind};

    return $self->_open($client) if !$client->{socket};

    # the state says that the server has hung up, also before bytes that nobody
    # takes
    my $state = unpack 'C', getsockopt($client->{socket}, IPPROTO_TCP, TCP_INFO)
                            // "\0";

    return $self->_ended($client) if $state != TCP_ESTABLISHED;

    sysread $client->{socket}, my $in, 65536 if $kind->{reads};

    my $drip = $kind->{drip} // return;
    my $sent = syswrite $client->{socket},
                        substr $drip, $client->{at}++ % length $drip, 1;

    $self->_ended($client)
        if !defined $sent && $! != EAGAIN && $! != EINTR;
}


sub _open ($self, $client) {
    my $kind = $client->{kind};

    CORE::socket my $socket, PF_INET, SOCK_STREAM, 0 or return;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', $kind->{rcvbuf}
        if $kind->{rcvbuf};
    connect $socket, sockaddr_in($self->{port}, inet_aton('127.0.0.1'))
        or return;
    IO::Handle::blocking($socket, 0);
    syswrite $socket, $kind->{bytes} // '';

    $client->{socket} = $socket;
    $client->{at} = 0;
    $client->{since} = time;
    $self->{told}{$kind->{name}}{opened}++;
}


sub _ended ($self, $client) {
    my $told = $self->{told}{$client->{kind}{name}};

    $told->{ended}++;
    $told->{each}++ if !$client->{was}++;
    $told->{longest} = max($told->{longest}, time - $client->{since});
    close delete $client->{socket};
}


1;
