#!/usr/bin/env perl

# /openapi.json and /openapi-3.0.json: what the build made, served as
# conf/nginx.conf says, to anybody.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(build_dir source_dir);
use Skep::Test;

my $share = build_dir() . '/share';
my $conf = slurp(source_dir() . '/conf/nginx.conf');
my @locations = $conf =~ /^\s*(location = \/openapi[^{]*\{[^}]*\})/mg;

my ($vary) = $conf =~ /^\s*(gzip_vary [^;]*;)/m;

is(scalar @locations, 2, 'two locations');

my $skep = skep(pg => 0, location => 'rate_limit zone=all;',
                http => 'rate_limit_zone $remote_addr zone=all:1m rate=1r/m;'
                        . $vary,
                server => join '', map { s{/usr/share/skep}{%%DIR%%/share}r }
                                   @locations);

# nginx's workers may not be let into the build's directory
is(system('cp', '-R', $share, $skep->nginx->file('share')), 0,
   'what the build has made');

for my $name (qw(openapi.json openapi-3.0.json)) {
    my $text = slurp("$share/$name");
    my $res = $skep->get("/$name", plain => 1);

    status_is($res, 200, "$name without a token");
    is($res->header('Content-Type'), 'application/json', 'its type');
    ok($res->body eq $text, 'is what the build made');
    is($res->header('X-Content-Type-Options'), 'nosniff', 'nosniff');
    is($res->header('Cache-Control'), 'no-cache', 'to be asked for anew');
    ok(defined $res->json->{paths}{'/v1/tasks'}{get}{operationId},
       'it has the calls');

    my $etag = $res->header('ETag');

    status_is($skep->get("/$name", plain => 1,
                         headers => ['If-None-Match', $etag]), 304,
              'only if it has changed');

    my $zipped = $skep->get("/$name", plain => 1,
                            headers => ['Accept-Encoding', 'gzip']);

    is($zipped->header('Content-Encoding'), 'gzip', 'zipped');
    is($zipped->header('Vary'), 'Accept-Encoding', 'Vary');
    cmp_ok(length $zipped->body, '<', length($text) / 4, 'and much shorter');

    require IO::Uncompress::Gunzip;
    my $body = $zipped->body;
    IO::Uncompress::Gunzip::gunzip(\$body => \my $plain);
    ok($plain eq $text, 'the same');

    problem($skep->post("/$name", {}), 405, 'method_not_allowed');
}

finish();
