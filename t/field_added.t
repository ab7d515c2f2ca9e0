#!/usr/bin/env perl

# A field is added by one row, a migration and its documentation: the diff that
# docs/architecture.md shows, in a copy of the tree, passes the test in it.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Skep::Variant;
use Test::More;

my $root = source_dir();
my $patch = "$root/t/data/field.patch";
my $variant = Skep::Variant->new(docs => 1);


# Runs a program in the copy, which has to succeed.

sub does ($name, @cmd) {
    does_well($name, $variant->command(@cmd));
}

sub does_well ($name, $rc, $out) {
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

does('the diff applies', 'patch', '-p0', '--quiet', '--force', '-i', $patch);
does('sqitch add', 'sh', '-c', 'cd sql && exec sqitch add estimate'
     . ' --requires task --requires grants --note "How long a task takes."');
does_well('the module is built', $variant->make('ngx_task_module'));
does_well('the document is JSON', $variant->document);
does('the field is there', $^X, '-I', 't/lib', 't/task_estimate.t');
does('the statements still need no more than they may',
     $^X, '-I', 't/lib', 't/sql_roles.t');
does('the documentation is right', $^X, '-I', 't/lib', 't/openapi.t');

done_testing();
