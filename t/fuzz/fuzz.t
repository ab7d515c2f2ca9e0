#!/usr/bin/env perl

# Each parser of what strangers send, under libFuzzer: ./dev test fuzz.
#
#     SKEP_FUZZ_SECONDS    how long each target runs (60)
#     SKEP_FUZZ_TARGETS    which ones, with blanks between them (all)
#     SKEP_FUZZ_KEEP       1: puts the inputs that are worth it into corpus/
#
# What is found lies in build/fuzz-work, and is printed with the command that
# shows it again.

use v5.36;

use File::Path qw(make_path remove_tree);
use Test::More;

my $root = $ENV{SKEP_ROOT} // die "run this by ./dev test fuzz\n";
my $build = $ENV{SKEP_BUILD} // "$root/build";
my $seconds = $ENV{SKEP_FUZZ_SECONDS} // 60;
my $work = "$build/fuzz-work";

$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';

my $made = system('make', '-s', '-C', "$root/t/unit", "BUILD=$build", 'fuzz');
BAIL_OUT('the targets do not build') if $made;

my @targets = $ENV{SKEP_FUZZ_TARGETS}
    ? split ' ', $ENV{SKEP_FUZZ_TARGETS}
    : sort map { m{([^/]+)\z} } glob "$root/t/fuzz/seeds/*";

for my $target (@targets) {
    make_path("$work/$target");
    fuzz($target);
    keep($target) if $ENV{SKEP_FUZZ_KEEP};
}

done_testing();


sub fuzz ($target) {
    my @kept = grep { -d } map { "$root/t/fuzz/$_/$target" } qw(corpus seeds);
    my $log = "$work/$target.log";

    my $status = run($log, "$build/fuzz/$target", "-max_total_time=$seconds",
        '-max_len=4096', '-timeout=10', '-rss_limit_mb=2048',
        "-artifact_prefix=$work/$target-", "$work/$target", @kept);

    my $text = slurp($log);
    my ($runs) = $text =~ /^Done (\d+) runs/m;

    ok($status == 0 && $runs, "$target: holds for any input");

    if ($status == 0) {
        note(sprintf '%d inputs, %d per second', $runs // 0,
            ($runs // 0) / ($seconds || 1));
        return;
    }

    my ($input) = $text =~ /Test unit written to (\S+)/;
    my @why = grep { /not so:|runtime error:|ERROR: |SUMMARY: / }
        split /\n/, $text;

    diag(join "\n", @why[0 .. ($#why > 3 ? 3 : $#why)],
        "log: $log",
        $input ? "again: $build/fuzz/$target $input" : ());
}


# the fewest inputs that go every way
sub keep ($target) {
    my $corpus = "$root/t/fuzz/corpus/$target";
    my $new = "$work/$target.new";

    remove_tree($new);
    make_path($new);

    my $status = run("$work/$target.merge", "$build/fuzz/$target", '-merge=1',
        '-use_counters=0', '-max_len=4096', $new,
        grep { -d } "$root/t/fuzz/seeds/$target", $corpus, "$work/$target");

    return if !ok($status == 0, "$target: the corpus is made");

    my %seed = map { slurp($_) => 1 } glob "$root/t/fuzz/seeds/$target/*";

    remove_tree($corpus);
    make_path($corpus);

    for my $file (glob "$new/*") {
        my ($name) = $file =~ m{([^/]+)\z};

        rename $file, "$corpus/" . substr $name, 0, 12
            if !$seed{ slurp($file) };
    }

    return;
}


sub run ($log, @command) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', $log or die "$log: $!";
        open STDERR, '>&', \*STDOUT or die "STDERR: $!";
        exec @command or die "$command[0]: $!";
    }

    waitpid $pid, 0;

    return $?;
}


sub slurp ($file) {
    open my $in, '<:raw', $file or die "$file: $!";
    local $/ = undef;

    return scalar <$in>;
}
