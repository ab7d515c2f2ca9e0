package Skep::Fail;

# Calls that fail in nginx or in the worker: the other end of t/fail/, a library
# that is preloaded into them.
#
#     my $fail = Skep::Fail->new(dir => $dir);
#     ... a process with $fail->env ...
#     $fail->arm(kind => 'memory', whose => ['ours'], from => 7);
#     ...
#     $fail->disarm;
#     my $seen = $fail->seen;

use v5.36;

use Carp qw(croak);
use Skep::Preload qw(preload);
use Skep::Process qw(run);

use constant { FRAME => 64, FRAMES => 8, SITES => 16 };
use constant SIZE => 48 + FRAME * FRAMES * SITES;

my %kinds = (
    memory     => 0x01,         # an allocation
    descriptor => 0x02,         # socket(), accept(), open()
    connect    => 0x04,
    epoll      => 0x08,         # epoll_ctl()
    short      => 0x10,         # a transfer of one byte
    again      => 0x20,         # EAGAIN,
    interrupt  => 0x40,         # EINTR,
    reset      => 0x80,         # ECONNRESET of a transfer
);

my %whose = (ours => 1, libraries => 2, nginx => 4);

my $count = 0;


# new(dir => directory of the test)

sub new ($class, %o) {
    my $self = bless { file => "$o{dir}/fail-" . $count++ }, $class;

    open $self->{handle}, '+>', $self->{file} or die "$self->{file}: $!";
    $self->_write(0, "\0" x SIZE);

    return $self;
}


# The environment of the processes that are to fail.

sub env ($self) {
    return {
        SKEP_FAIL    => $self->{file},
        LD_PRELOAD   => preload('skep_fail'),
        # its runtime wants to be the first library
        ASAN_OPTIONS => join(':', $ENV{ASAN_OPTIONS} // (),
                             'verify_asan_link_order=0'),
    };
}


# arm(kind => one of those above, whose => [qw(ours libraries nginx)],
#     from => the first that fails (1), times => how many do (1),
#     pid => of the only process)

sub arm ($self, %o) {
    my $whose = 0;
    my $kind = $kinds{$o{kind}} // croak "what is \"$o{kind}\"?";

    $whose |= $whose{$_} // croak "who is \"$_\"?" for $o{whose}->@*;

    $self->_write(0, pack 'L', 0);
    $self->_write(4, pack 'L3 Q4 a*', $kind, $whose, $o{pid} // 0,
                     $o{from} // 1, $o{times} // 1, 0, 0,
                     "\0" x (SIZE - 48));
    $self->_write(0, pack 'L', 1);
}


# Nothing fails any more.

sub disarm ($self) {
    $self->_write(0, pack 'L', 0);
}


# How many calls there were, and how many of them failed, since arm().

sub seen ($self) { return ($self->_numbers)[0] }
sub failed ($self) { return ($self->_numbers)[1] }

sub _numbers ($self) {
    return unpack 'QQ', $self->_read(32, 16);
}


# Where calls failed, as text: for each what was running, the last first, as
# "ngx_api_ctx (ngx_api_module.c:267)".

sub where ($self) {
    my $n = $self->failed;
    my @sites;

    for my $site (0 .. ($n > SITES ? SITES : $n) - 1) {
        my @frames;

        for my $frame (0 .. FRAMES - 1) {
            my ($object, $offset) = unpack 'Z56 Q', $self->_read(
                48 + ($site * FRAMES + $frame) * FRAME, FRAME);

            push @frames, _place($object, $offset) if length $object;
        }

        push @sites, join ' < ', @frames;
    }

    return join '; ', @sites;
}


sub _place ($object, $offset) {
    state %place;

    return $place{"$object $offset"} //= do {
        my ($rc, $out) = run(['addr2line', '-f', '-s', '-e', $object,
                              sprintf '%#x', $offset - 1]);
        my ($function, $line) = split /\n/, $out;
        my $name = $object =~ s{.*/}{}r;

        ($function // '??') eq '??' || $rc ? sprintf '%s+%#x', $name, $offset
                                           : "$function ($line)";
    };
}


sub _write ($self, $at, $bytes) {
    sysseek $self->{handle}, $at, 0;
    my $n = syswrite $self->{handle}, $bytes;

    croak "$self->{file}: $!" if ($n // -1) != length $bytes;
}


sub _read ($self, $at, $n) {
    sysseek $self->{handle}, $at, 0;
    my $bytes;

    sysread $self->{handle}, $bytes, $n;
    return $bytes;
}


1;
