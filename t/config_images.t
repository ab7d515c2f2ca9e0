#!/usr/bin/env perl

# conf/docker/configure: the configurations of the images, made of those in
# conf/, are good for nginx and the worker, and each service has its own part
# of the API and no more.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Process qw(run source_dir build_dir tempdir);
use Test::More;

my $root = source_dir();
my $build = build_dir();
my $dir = tempdir();
my $secrets = tempdir();

# nginx tells what of a configuration it does not like; names are those of a
# network that is not here
sub check ($file) {
    my $text = slurp($file);
    my $to = "$dir/check.conf";

    $text =~ s{/usr/lib/nginx/modules/}{$build/modules/}g;
    $text =~ s{/usr/share/skep/conf/}{$root/conf/};
    $text =~ s{/run/secrets/}{$secrets/}g;
    $text =~ s{/etc/skep/}{$dir/nginx/}g;
    $text =~ s{/usr/share/skep/conf/}{$root/conf/};
    $text =~ s{/tmp/}{$dir/}g;
    $text =~ s{host=postgres}{host=127.0.0.1};
    $text =~ s{\bredis:}{127.0.0.1:};
    spew($to, $text);

    my ($rc, $out) = run(['nginx', '-t', '-e', 'stderr', '-c', $to,
                          '-g', 'worker_processes 2;']);

    is($rc, 0, "nginx -t: $file") or diag($out);
}

# what a secret is for does not matter here, but keys are keys
spew("$secrets/$_", 'k' x 64)
    for qw(pg_password redis_password cursor.key worker_pg_password);

run(['openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt',
     'ec_paramgen_curve:P-256', '-out', "$secrets/token.key"]);
run(['openssl', 'pkey', '-in', "$secrets/token.key", '-pubout',
     '-out', "$secrets/token.pub"]);

my ($rc, $out) = run(["$root/conf/docker/configure", $dir]);

is($rc, 0, 'configure') or BAIL_OUT($out);
mkdir "$dir/$_" for qw(nginx/body nginx/proxy);

check("$dir/nginx/$_.conf") for qw(nginx auth task notify gateway);


# nothing of this host is left

for my $name (qw(nginx auth task notify)) {
    my $text = slurp("$dir/nginx/$name.conf") =~ s/^\s*#.*//mgr;

    unlike($text, qr{127\.0\.0\.1|/var/|/run/(?!secrets/)|/etc/(?!skep/http)},
           "$name.conf: no address and path of a host");
    unlike($text, qr{^user }m, "$name.conf: no user");
    is(scalar(() = $text =~ /rate_limit_zone [^;]* redis;/g),
       scalar(() = $text =~ /rate_limit_zone /g),
       "$name.conf: all copies count together");
}


# each service's part

my %apis = (nginx => [qw(auth notify task)], auth => ['auth'],
            task => ['task'], notify => ['notify']);

for my $name (sort keys %apis) {
    my $text = slurp("$dir/nginx/$name.conf");
    my %seen = map { $_ => 1 } $text =~ /^\s*(auth|task|notify)_api on;/mg;

    is_deeply([sort keys %seen], $apis{$name}, "$name.conf: its API");
    is(scalar(() = $text =~ m{location = /v1/auth/}g),
       $seen{auth} ? 6 : 0, "$name.conf: limits where accounts are");
    is($text =~ /token\.pub/ ? 'verifies' : 'signs',
       $seen{auth} ? 'signs' : 'verifies', "$name.conf: its key");
}


# the worker

spew("$dir/worker.conf", slurp("$dir/worker/skep-worker.conf")
    =~ s{/run/secrets/}{$secrets/}gr);
($rc, $out) = run(["$build/skep-worker", '--check', '-c',
                   "$dir/worker.conf"]);
is($rc, 0, 'skep-worker --check') or diag($out);

done_testing();
