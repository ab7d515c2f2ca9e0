package Skep::Clock;

# A clock of its own for chosen processes, by libfaketime: theirs is off by as
# much as step() says.  The monotonic clock stays as it is, as when a machine's
# clock is set.
#
#     my $clock = Skep::Clock->new(dir => $dir);
#
#     $skep->nginx->restart_with($clock->env);
#     $clock->step(-3600);

use v5.36;

use Skep::File qw(spew);


# new(dir => directory of the test)

sub new ($class, %o) {
    state $n = 0;
    my $self = bless { file => "$o{dir}/clock-" . $n++ }, $class;

    $self->step(0);
    return $self;
}


sub step ($self, $seconds) {
    spew("$self->{file}.new", sprintf "%+d\n", $seconds);
    chmod 0644, "$self->{file}.new" or die "$self->{file}: $!";
    rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!";
    $self->{off} = $seconds;
}


sub off ($self) { return $self->{off} }


# What a process is started with.

sub env ($self) {
    state $library = (glob '/usr/lib/*/faketime/libfaketime.so.1')[0]
                     // die "libfaketime is not installed\n";

    return {
        LD_PRELOAD                   => $library,
        FAKETIME_TIMESTAMP_FILE      => $self->{file},
        FAKETIME_NO_CACHE            => 1,
        FAKETIME_DONT_FAKE_MONOTONIC => 1,
    };
}


1;
