package Skep::Step;

# Has a worker die, as by kill -9, at a chosen one of the steps between reading
# a certain text and writing another; see t/faults/step.c.
#
#     my $step = Skep::Step->new(dir => $dir, begin => 'seq', end => 'XACK');
#
#     worker_env => $step->env
#     $step->arm(3);              before the third call from now on
#     $step->ended                it passed all of them, and there were:
#     $step->seen

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Preload qw(preload);


sub new ($class, %o) {
    state $n = 0;
    my $self = bless { %o, file => "$o{dir}/step-" . $n++ }, $class;

    spew($self->{file}, "\0" x 4096);
    return $self;
}


# What a worker is started with.

sub env ($self) {
    return { LD_PRELOAD => preload('step'), STEP_FILE => $self->{file},
             STEP_BEGIN => $self->{begin}, STEP_END => $self->{end} };
}


# The process maps the file: it is written into, not anew.

sub arm ($self, $at) {
    open my $fh, '+<', $self->{file} or die "$self->{file}: $!";
    syswrite $fh, pack 'L3', $at, 0, 0;
}


sub seen ($self) { return ($self->_state)[1] }
sub ended ($self) { return ($self->_state)[2] }

sub _state ($self) { return unpack 'L3', slurp($self->{file}) }


1;
