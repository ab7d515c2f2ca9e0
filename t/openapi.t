#!/usr/bin/perl

# Every route of the modules is in docs/openapi.yaml, and nothing else is; and
# those that honour Idempotency-Key say so.

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
my (%routes, %keyed);

for my $file (glob "$root/ngx_*_module/*.c") {
    my $text = slurp($file);

    while ($text =~ m{\{\s*NGX_HTTP_([A-Z]+),\s*ngx_string\("(/[^"]+)"\)
                      ([^{}]*)\}}gx)
    {
        my ($route, $rest) = ("\L$1\E $2", $3);

        $routes{$route} = 1;
        $keyed{$route} = 1 if $rest =~ /NGX_API_ROUTE_KEYED/;
    }
}

# the document: paths are indented by two, methods by four
my (%calls, %keys, $path, $call);

for (split /\n/, slurp("$root/docs/openapi.yaml")) {
    $path = $1 if m{^  (/\S*):$};
    undef $path if /^\S/;

    if ($path && /^    (get|post|put|patch|delete):$/) {
        $call = "$1 $path";
        $calls{$call} = 1;
    }

    $keys{$call}{$1} = 1
        if $path
           && m{components/(parameters/IdempotencyKey
                            |headers/Idempotent-Replayed
                            |responses/KeyInUse
                            |responses/ValidationFailedOrKeyReused)'}x;
}

cmp_ok(scalar keys %routes, '>', 10, 'the modules have routes');

ok($calls{$_}, "$_ is documented") for sort keys %routes;
ok($routes{$_}, "$_ is served") for sort keys %calls;

is_deeply([sort keys %keys], [sort keys %keyed],
          'Idempotency-Key is documented where it is honoured');

for my $call (sort keys %keys) {
    ok($keys{$call}{$_}, "$call: $_")
        for 'parameters/IdempotencyKey', 'headers/Idempotent-Replayed',
            'responses/ValidationFailedOrKeyReused';
}

done_testing();
