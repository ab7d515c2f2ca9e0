package Skep::Sanitizer;

# Tests of the build with sanitizers, which ./dev test asan makes: what they
# find goes into a directory of the test process, whichever process of which
# user finds it, and however it was started.  When the test ends, there must be
# nothing in it.
#
# So does valgrind's memcheck, which ./dev test valgrind runs nginx and the worker
# of the plain build under.
#
# Skep::Process uses this; it does nothing unless SKEP_SANITIZE or SKEP_VALGRIND
# is set.

use v5.36;

use Cwd ();
use File::Copy ();
use File::Path ();
use File::Temp ();

my $dir;
my $owner = $$;


# "use Skep::Sanitizer 'build'", before other modules of Skep: the build is made,
# if it is not there, and this test runs on it.

sub import ($class, $what = '') {
    return if $^C || $what ne 'build' || on();     # perl -c

    my $root = Cwd::abs_path(__FILE__) =~ s{/t/lib/Skep/Sanitizer\.pm\z}{}r;
    my $plain = $ENV{SKEP_BUILD} // "$root/build";
    my $build = "$plain/asan";

    # what it says is for who watches, and no part of the test
    system("$root/dev build asan >&2") == 0 or die "./dev build asan\n";

    $ENV{SKEP_SANITIZE} = 1;
    $ENV{SKEP_BUILD} = $build;
    $ENV{SKEP_NGINX} = "$build/bin/nginx";
    $ENV{PATH} = "$build/bin:$ENV{PATH}";
    start();
}


# Whether this is such a build: it takes more memory, and keeps what was freed.

sub on () { return ($ENV{SKEP_SANITIZE} // '') ne '' }

sub _memcheck () { return ($ENV{SKEP_VALGRIND} // '') ne '' }


# Sets what sanitizers read.

sub start () {
    return if !(on() || _memcheck()) || defined $dir;

    my $base = $ENV{TMPDIR} // '/tmp';

    # workers of nginx are others, and may not come to where this is
    $dir = File::Temp::tempdir('skep-asan-XXXXXX', DIR => $base);
    chmod 01777, $dir or die "chmod $dir: $!";

    for my $file (glob _suppressed() . '/*.supp') {
        File::Copy::copy($file, $dir) or die "$file: $!";
        chmod 0644, $dir . $file =~ s{.*/}{/}r;
    }

    # Each is said, also by those whose output nobody reads.
    my $all = "log_path=$dir/report:log_exe_name=1:print_stacktrace=1"
              . ':print_suppressions=0';

    $ENV{ASAN_OPTIONS} = "$all:detect_stack_use_after_return=1"
        . ':strict_string_checks=1:detect_leaks=1'
        . ":suppressions=$dir/asan.supp";
    $ENV{UBSAN_OPTIONS} = "$all:halt_on_error=1"
        . ":suppressions=$dir/ubsan.supp";
    $ENV{LSAN_OPTIONS} = "print_suppressions=0"
        . ":suppressions=$dir/lsan.supp";
}


sub _suppressed () {
    return Cwd::abs_path(__FILE__) =~ s{/lib/Skep/Sanitizer\.pm\z}{/asan}r;
}


# The words before a command that run it under memcheck, if that is asked for.
# What a process forks it goes on with, not what it executes.

sub memcheck () {
    return () if !_memcheck();

    return qw(valgrind -q --leak-check=full --show-leak-kinds=definite
              --errors-for-leak-kinds=definite --num-callers=30 --vgdb=no),
           "--suppressions=$dir/memcheck.supp",
           "--log-file=$dir/report.%p";
}


# How long something may take that takes so many seconds else.

sub patience ($seconds) { return _memcheck() ? 10 * $seconds : $seconds }


# The variables that a process must hand on, for one that it starts with no
# others.

sub variables () {
    return on() ? qw(ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS) : ();
}


# What was found since the last time: the reports' texts.

sub reports () {
    my @texts;

    return if !defined $dir;

    for my $file (sort glob "$dir/report*") {
        open my $fh, '<:raw', $file or die "$file: $!";
        local $/;
        my $text = <$fh> // '';

        # memcheck's are there before there is anything in them
        next if $text eq '';
        push @texts, "$file:\n$text";
        unlink $file or die "$file: $!";
    }

    return @texts;
}


# The directory, if there is one, which is removed also when the test is killed.

sub dir () { return defined $dir ? $dir : () }


# At the end of the test, when all that it started has ended: whether there was
# anything.

sub finish () {
    return 0 if !defined $dir || $$ != $owner;

    my @texts = reports();

    print STDERR map { "# $_\n" } map { split /\n/ }
                 "a sanitizer reports:\n", @texts if @texts;
    File::Path::remove_tree($dir);

    return scalar @texts;
}


1;
