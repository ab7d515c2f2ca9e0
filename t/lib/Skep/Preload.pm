package Skep::Preload;

# The libraries that tests preload into processes: skep_fail of t/fail, step of
# t/faults, live of t/asan.

use v5.36;

use Exporter qw(import);
use Fcntl qw(LOCK_EX);
use Skep::Process qw(build_dir run source_dir);

our @EXPORT_OK = qw(preload);


# The file of that library, made anew when its source has changed.

sub preload ($name) {
    state %file;

    return $file{$name} //= do {
        my $dir = build_dir() . '/fail';

        mkdir $dir;
        open my $lock, '>', "$dir/lock" or die "$dir/lock: $!";
        flock $lock, LOCK_EX;       # tests that run at the same time

        my ($rc, $out) = run(['make', '-s', '-C', source_dir() . '/t/fail',
                              'BUILD=' . build_dir(), "$dir/$name.so"]);

        die "$name.so is not built:\n$out" if $rc != 0;
        "$dir/$name.so";
    };
}


1;
