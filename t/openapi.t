#!/usr/bin/perl

# Every route of the modules is in docs/openapi.yaml, and nothing else is.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";


sub slurp
{
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}


# the route tables: { NGX_HTTP_GET, ngx_string("/v1/me"), ...
my %routes;

for my $file (glob "$root/ngx_*_module/*.c") {
    my $text = slurp($file);

    $routes{"\L$1\E $2"} = 1
        while $text =~ m{\{\s*NGX_HTTP_([A-Z]+),\s*ngx_string\("(/[^"]+)"\)}g;
}

# the document: paths are indented by two, methods by four
my (%calls, $path);

for (split /\n/, slurp("$root/docs/openapi.yaml")) {
    $path = $1 if m{^  (/\S*):$};
    undef $path if /^\S/;
    $calls{"$1 $path"} = 1 if $path && /^    (get|post|put|patch|delete):$/;
}

cmp_ok(scalar keys %routes, '>', 10, 'the modules have routes');

ok($calls{$_}, "$_ is documented") for sort keys %routes;
ok($routes{$_}, "$_ is served") for sort keys %calls;

done_testing();
