package Skep::Namespace;

# A test with a network and mounts of its own, which end with it, whatever it
# does; only root may make them.
#
#     use Skep::Namespace;        # runs the test anew, in namespaces
#
#     my $far = Skep::Namespace->peer(1);
#
#     run(['ip', 'addr'], ...) in it: $far->inside('ip', 'addr')
#     $far->cut;
#     $far->mend;
#
# A peer is one more network, behind a cable: the test is $far->near, the peer
# $far->address.  When the cable is cut nobody is told so: what is sent vanishes.

use v5.36;

use Skep::Process qw(run spawn wait_until);

my $nobody = '02:00:00:00:00:00';   # the address of no interface


sub import ($class) {
    return if $^C;                  # perl -c
    return _ip('link', 'set', 'lo', 'up') if $ENV{SKEP_NAMESPACE};

    $> == 0 or die "this test makes namespaces: run it as root\n";
    $ENV{SKEP_NAMESPACE} = 1;
    Skep::Sanitizer::finish();      # what comes makes its own

    # what this perl was given: its paths are those of @INC
    exec 'unshare', '--net', '--mount', '--', $^X,
         (map { "-I$_" } grep { !ref } @INC), $0, @ARGV
        or die "unshare: $!";
}


# The peer of that number: a process that does nothing but have the network.

sub peer ($class, $n) {
    my $self = bless {
        near => "198.18.$n.1", address => "198.18.$n.2",
        link => "near$n", far => "far$n",
        near_mac => sprintf('02:00:00:00:%02x:01', $n),
        far_mac => sprintf('02:00:00:00:%02x:02', $n),
    }, $class;

    $self->{pid} = spawn(cmd => ['unshare', '--net', 'sleep', 86400],
                         name => "network $n");

    my $own = readlink '/proc/self/ns/net';

    wait_until(5, sub {
        my $its = readlink "/proc/$self->{pid}/ns/net";
        return defined $its && $its ne $own;
    }) or die 'no namespace';

    _ip('link', 'add', 'name', $self->{link}, 'address', $self->{near_mac},
        'type', 'veth', 'peer', 'name', $self->{far},
        'address', $self->{far_mac});
    _ip('link', 'set', $self->{far}, 'netns', $self->{pid});
    _ip('addr', 'add', "$self->{near}/30", 'dev', $self->{link});
    _ip('link', 'set', $self->{link}, 'up');
    $self->_far('addr', 'add', "$self->{address}/30", 'dev', $self->{far});
    $self->_far('link', 'set', $self->{far}, 'up');
    $self->_far('link', 'set', 'lo', 'up');
    $self->mend;

    return $self;
}


sub address ($self) { return $self->{address} }
sub near ($self) { return $self->{near} }


# The words of a command that runs with the peer's network.

sub inside ($self, @cmd) {
    return ('nsenter', '--target', $self->{pid}, '--net', '--', @cmd);
}


# Cuts what goes there, or back, or both: frames go to an address that nobody
# has.

sub cut ($self, $there = 1, $back = 1) {
    $self->_wire($there, $back);
}


sub mend ($self) { $self->_wire(0, 0) }


# The interface is down, and the address is gone with it; or is up again.

sub down ($self) { _ip('link', 'set', $self->{link}, 'down') }

sub up ($self) {
    _ip('link', 'set', $self->{link}, 'up');
    $self->mend;
}


sub _wire ($self, $there, $back) {
    my @forever = qw(nud permanent dev);

    _ip('neigh', 'replace', $self->{address}, 'lladdr',
        $there ? $nobody : $self->{far_mac}, @forever, $self->{link});
    $self->_far('neigh', 'replace', $self->{near}, 'lladdr',
                $back ? $nobody : $self->{near_mac}, @forever, $self->{far});
}


sub _far ($self, @words) { _run($self->inside('ip', @words)) }
sub _ip (@words) { return _run('ip', @words) }

sub _run (@cmd) {
    my ($rc, $out) = run(\@cmd);

    die "@cmd: $out" if $rc;
    return $out;
}


1;
