#!/usr/bin/env perl

# docs/openapi.yaml and what the build makes of it, by Redocly's rules; and that
# both forms of it say the same.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::OpenAPI;
use Skep::Process qw(run source_dir);
use Skep::Tools qw(share tool);
use Test::More;

my $root = source_dir();
my %env = (REDOCLY_TELEMETRY => 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE => 'true',
           NO_COLOR => 1);

sub lint ($file) {
    return run([tool('redocly'), 'lint', '--config', "$root/t/redocly.yaml",
                '--format', 'stylish', $file], env => \%env, timeout => 120);
}

for my $file ("$root/docs/openapi.yaml", share('openapi.json'),
              share('openapi-3.0.json'))
{
    my ($rc, $out) = lint($file);

    is($rc, 0, "$file has no fault") or diag($out);
}


# the rules are at work: a body that is no example of its schema, a call
# without an id of its own

my $doc = Skep::OpenAPI->load->doc;
my $dir = Skep::Process::tempdir();
my $post = $doc->{paths}{'/v1/tasks'}{post};

$post->{requestBody}{content}{'application/json'}{example}{bees} = 1;
delete $post->{operationId};

my ($rc, $out) = lint(spew("$dir/openapi.json", Skep::Response::encode($doc)));

is($rc, 1, 'a fault is found');
like($out, qr/no-invalid-media-type-examples/, 'of an example');
like($out, qr/operation-operationId/, 'of a call');


# 3.0: the same calls, parameters, statuses and members

sub load ($name) { return Skep::Response::decode(slurp(share($name))) }

sub outline ($doc) {
    my %outline;

    for my $path (keys $doc->{paths}->%*) {
        for my $method (keys $doc->{paths}{$path}->%*) {
            my $call = $doc->{paths}{$path}{$method};

            next if ref $call ne 'HASH';
            $outline{"$method $path"} = {
                id         => $call->{operationId},
                responses  => [sort keys $call->{responses}->%*],
                parameters => scalar(($call->{parameters} // [])->@*),
                bodies     => [sort keys(($call->{requestBody}{content}
                                          // {})->%*)],
            };
        }
    }

    for my $name (keys $doc->{components}{schemas}->%*) {
        my $schema = $doc->{components}{schemas}{$name};

        $outline{$name} = [sort keys(($schema->{properties} // {})->%*)];
    }

    return \%outline;
}

my ($new, $old) = map { load($_) } qw(openapi.json openapi-3.0.json);

like($new->{openapi}, qr/\A3\.1\./, 'openapi.json is of 3.1');
like($old->{openapi}, qr/\A3\.0\./, 'openapi-3.0.json of 3.0');
is_deeply(outline($old), outline($new), 'and they say the same');

my $due = $old->{components}{schemas}{Task}{properties}{due_at};

is_deeply($due, { type => 'string', nullable => JSON::PP::true,
                  format => 'date-time' }, 'null in 3.0');
unlike(Skep::Response::encode($old), qr/"type":\[|"const":|"type":"null"/,
       'and no word of 3.1');

done_testing();
