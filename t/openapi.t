#!/usr/bin/env perl

# Every route of the modules is in docs/openapi.yaml, and nothing else is; and
# those that honour Idempotency-Key say so.

use v5.36;

use Skep::Contract qw(routes);
use Skep::OpenAPI;
use Test::More;

my $openapi = Skep::OpenAPI->load;
my (%routes, %keyed, %calls, %keys);

for my $route (map { routes($_) } qw(api auth task notify)) {
    my $call = "$route->{method} $route->{path}";

    $routes{$call} = 1;
    $keyed{$call} = 1 if $route->{flags} =~ /NGX_API_ROUTE_KEYED/;
}

# what says that a call honours a key
my @parts = qw(parameters/IdempotencyKey headers/Idempotent-Replayed
               responses/ValidationFailedOrKeyReused);

for ($openapi->operations) {
    my ($method, $path, $operation) = @$_;
    my $text = Skep::Response::encode($operation);

    $calls{"$method $path"} = 1;
    $keys{"$method $path"}{$_} = 1
        for grep { $text =~ m{"#/components/$_"} } @parts, 'responses/KeyInUse';
}

cmp_ok(scalar keys %routes, '>', 10, 'the modules have routes');

ok($calls{$_}, "$_ is documented") for sort keys %routes;
ok($routes{$_}, "$_ is served") for sort keys %calls;

is_deeply([sort keys %keys], [sort keys %keyed],
          'Idempotency-Key is documented where it is honoured');

for my $call (sort keys %keys) {
    ok($keys{$call}{$_}, "$call: $_") for @parts;
}

done_testing();
