#!/usr/bin/env perl

# A field is added by one row, a migration and its documentation: the diff that
# docs/architecture.md shows, in a copy of the tree, passes the test in it.

use v5.36;

use File::Temp ();
use Skep::Process qw(build_dir run source_dir);
use Test::More;

my $nginx_src = $ENV{NGX_SRC} // '/usr/share/nginx/src';
my $root = source_dir();
my $patch = "$root/t/data/field.patch";

# beside the build, since modules can't be loaded from everywhere
my $dir = File::Temp->newdir('field-XXXXXX', DIR => build_dir());
my $copy = "$dir/skep";
my $build = "$dir/build";

chmod 0755, $dir or die "chmod $dir: $!";   # nginx's workers are others


sub slurp ($file) {
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

# Runs a program in the copy, which has to succeed.

sub does ($name, @cmd) {
    my ($rc, $out) = run(\@cmd, dir => $copy, timeout => 300, env => {
        SKEP_ROOT => $copy, SKEP_BUILD => $build, TZ => 'UTC',
        SQITCH_FULLNAME => 'Test', SQITCH_EMAIL => 'test@localhost',
    });

    return if is($rc, 0, $name);

    diag($out);
    done_testing();
    exit 1;
}


# what is told to whoever adds a field is what is done here

my ($shown) = slurp("$root/docs/architecture.md") =~ /^```diff\n(.*?)^```$/ms;
my ($told) = slurp($patch) =~ m{\A(.*?)(?=^--- /dev/null\n\+\+\+ t/)}ms;

is($shown, $told, 'docs/architecture.md shows the diff');
is(() = $told =~ m{^\+\+\+ (?!docs/|sql/)}mg, 1,
   'one file is changed beside the documentation and the migration');
is(() = $told =~ m{^\+ +W\(}mg, 1, 'by one row');
unlike($told, qr{^[+-]{3} sql/statements/}m, 'no statement is');


# The copy keeps the times of files, so that only what depends on the field is
# made anew.

mkdir $copy or die "$copy: $!";
mkdir $build or die "$build: $!";

run(['cp', '-a', (map { "$root/$_" } qw(config config.make docs sql t worker)),
     glob("$root/ngx_*_module"), $copy]);
run(['cp', '-a', build_dir() . '/nginx', build_dir() . '/modules', $build]);

my $makefile = slurp("$build/nginx/Makefile");
my %moved = ($root => $copy, build_dir() => $build);
my $paths = join '|', map { quotemeta } reverse sort keys %moved;

$makefile =~ s/($paths)(?![\w.+-])/$moved{$1}/g;

open my $fh, '>', "$build/nginx/Makefile" or die "Makefile: $!";
print $fh $makefile;
close $fh or die "Makefile: $!";

does('the diff applies', 'patch', '-p0', '--quiet', '--force', '-i', $patch);
does('sqitch add', 'sh', '-c', 'cd sql && exec sqitch add estimate'
     . ' --requires task --requires grants --note "How long a task takes."');
does('the module is built', 'make', '-C', $nginx_src, '-s',
     '-f', "$build/nginx/Makefile", "$build/nginx/ngx_task_module.so");
does('and installed', 'cp', "$build/nginx/ngx_task_module.so",
     "$build/modules/ngx_task_module.so");
does('the field is there', $^X, '-I', 't/lib', 't/task_estimate.t');
does('the statements still need no more than they may',
     $^X, '-I', 't/lib', 't/sql_roles.t');
does('the documentation is right', $^X, '-I', 't/lib', 't/openapi.t');

done_testing();
