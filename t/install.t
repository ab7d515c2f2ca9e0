#!/usr/bin/env perl

# ./dev install: the tree that an operator, a package or an image gets; that
# nginx and the worker take it, and that an operator's edits stay.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Process qw(run source_dir tempdir);
use Test::More;

my $root = source_dir();
my $into = tempdir() . '/a tree';

sub install (@words) {
    return run(["$root/dev", 'install', @words], dir => '/', timeout => 120);
}

sub mode ($file) {
    return sprintf '%03o', (stat $file)[2] & 07777;
}


my ($rc, $out) = install($into);

is($rc, 0, './dev install DIR') or BAIL_OUT($out);

for my $name (qw(api auth task notify)) {
    my $so = "$into/usr/lib/nginx/modules/ngx_${name}_module.so";

    is(-e $so ? mode($so) : 'none', '644', "ngx_${name}_module.so");
}

is(mode("$into/usr/bin/skep-worker"), '755', 'the worker');
is(mode("$into/usr/share/skep/sql/deploy/roles.sql"), '644', 'a migration');
ok(-s "$into/usr/share/skep/$_", $_)
    for qw(conf/nginx.conf conf/skep-worker.conf sql/sqitch.plan openapi.yaml);
ok(!-e "$into/usr/share/skep/sql/statements",
   'the statements are in the binaries');
ok(-s "$into/usr/share/doc/skep/LICENSE", 'the licence');


# nginx takes the configuration with those modules, loaded by the file that
# goes into modules-enabled

my $dir = tempdir();
my $load = "$into/usr/share/nginx/modules-available/mod-skep.conf";
my $conf = slurp("$into/usr/share/skep/conf/nginx.conf");

is(scalar(() = slurp($load) =~ /^load_module /mg), 4,
   'four modules are loaded');

spew("$dir/load", slurp($load) =~ s{/usr/lib/}{$into/usr/lib/}gr
                               =~ s{load_module (.*);}{load_module "$1";}gr);
spew("$dir/$_", 'k' x 64) for qw(pg_password token.key cursor.key);

$conf =~ s{^load_module .*\n}{}mg;
$conf =~ s{^user .*\n}{}m if $> != 0;
$conf =~ s{/etc/skep/}{$dir/}g;
$conf =~ s{(/usr/share/skep/conf/\S+);}{"$into$1";};
$conf =~ s{/var/l(?:og|ib)/nginx/}{$dir/}g;
$conf =~ s{/run/nginx\.pid}{$dir/pid};
spew("$dir/nginx.conf", "include $dir/load;\n$conf");

($rc, $out) = run(['nginx', '-t', '-e', "$dir/log", '-c',
                      "$dir/nginx.conf"]);

is($rc, 0, 'nginx -t') or diag($out);


# so does the worker

spew("$dir/worker.conf", slurp("$into/usr/share/skep/conf/skep-worker.conf")
    =~ s{/etc/skep/worker_pg_password}{$dir/pg_password}r
    . "smtp_url = smtp://127.0.0.1:25\nmail_from = skep\@localhost\n"
    . "mail_base_url = http://127.0.0.1\n"
    . "mail_templates = $into/etc/skep/mail\n");

($rc, $out) = run(["$into/usr/bin/skep-worker", '--check', '-c',
                   "$dir/worker.conf"]);
is($rc, 0, 'skep-worker --check') or diag($out);


# again: an operator's edits stay, what is no more goes, and what is in use is
# not written into

my $so = "$into/usr/lib/nginx/modules/ngx_api_module.so";
my $inode = (stat $so)[1];
my $mail = "$into/etc/skep/mail";

spew("$mail/layout.html", 'edited');
unlink "$mail/layout.txt", "$mail/task.created.txt";
spew("$into/usr/share/skep/sql/deploy/gone.sql", '');

($rc, $out) = install($into);
is($rc, 0, './dev install DIR again') or diag($out);
is(slurp("$mail/layout.html"), 'edited', 'an edited template stays');
ok(-s "$mail/task.created.txt", 'a missing one comes back');
ok(!-e "$into/usr/share/skep/sql/deploy/gone.sql", 'an old file goes');
isnt((stat $so)[1], $inode, 'a module is another file');

($rc, $out) = install($into, 'more');
isnt($rc, 0, 'two directories are refused');

done_testing();
