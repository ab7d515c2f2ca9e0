#!/usr/bin/env perl

# The reference page of the API, as conf/nginx.conf serves it: in a browser
# that is let out to nowhere, and by what nginx says of it.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(run source_dir);
use Skep::Test;
use Skep::Tools qw(node share);

# the locations of conf/nginx.conf, for another directory
my $locations = join '', slurp(source_dir() . '/conf/nginx.conf')
    =~ m{^(\ {8}location\ (?:=\ )?/(?:docs|openapi)[^\n]*\{\n
           .*?^\ {8}\}\n)}gmsx;

$locations =~ s{/usr/share/skep}{%%DIR%%/share}g;

my $skep = skep(server => $locations);
my $share = $skep->nginx->file('share');

# nginx's workers may not be let into the build's directory
is(system('cp', '-R', share('.'), $share), 0, 'what ./dev share has made');

my $page = 'http://127.0.0.1:' . $skep->port . '/docs/';
my $user = $skep->user;
my @tasks = map { $user->task(title => "Hive $_")->{id} } 1 .. 3;


# in a browser

my ($rc, $out) = run(
    [node(source_dir() . '/t/browser/page.js', $page, $user->token,
          $skep->dir)],
    timeout => 120,
);

is($rc, 0, 'the browser') or diag($out);

my $seen = Skep::Response::decode($out =~ /^(\{.*\})$/m ? $1 : '{}');
my $root = $page =~ s{docs/\z}{}r;

is_deeply($seen->{outside}, [], 'nothing is asked of another host');
is_deeply([grep { !m{\A\Q$root\E} } ($seen->{requests} // [])->@*], [],
          'nor is it tried');
is_deeply($seen->{complaints}, [], 'no complaint in the console');
is($seen->{errors}, 0, 'the page finds no fault with the document');
is($seen->{storage}, '[{},{},""]', 'nothing is stored in the browser');
like($seen->{title}, qr/\ASkep\s/, 'the title');
is($seen->{misled}, $seen->{title}, 'whatever the link says');

my $document = $skep->get('/openapi.json', plain => 1)->json;
my %paths = ($document->{paths}->%*, $document->{webhooks}->%*);
my @calls = map {
    my $path = $_;
    map { uc . " $path" } grep { /\A(?:get|post|put|patch|delete)\z/ }
                          keys $paths{$path}->%*;
} keys %paths;

cmp_ok(scalar @calls, '>', 50, 'the document has calls');
is_deeply([sort(($seen->{calls} // [])->@*)], [sort @calls],
          'the page shows each of them, and the webhooks');

is($seen->{status}, '200', '"try it", with a token: it is answered');

my $list = Skep::Response::decode($seen->{body} // '{}');

is_deeply([sort map { $_->{id} } ($list->{data} // [])->@*], [sort @tasks],
          'and lists the tasks');
like($seen->{curl}, qr{'\Q$root\Ev1/tasks'}, 'nothing is asked unasked');


# by the files

my $res = $skep->get('/docs/', plain => 1);

status_is($res, 200);
is($res->header('Content-Type'), 'text/html', 'a page');
is($res->header('Cache-Control'), 'no-cache', 'asked for again each time');
is($res->header('X-Content-Type-Options'), 'nosniff', 'and not guessed at');

my $policy = $res->header('Content-Security-Policy') // '';

is_deeply($seen->{csp}, [$policy], 'the policy');
like($policy, qr/\Adefault-src 'none';/, 'allows what it names');
unlike($policy, qr/unsafe|\*|https?:/, 'and names nothing loose');

$res = $skep->get('/docs/', plain => 1,
                  headers => ['If-None-Match', $res->header('ETag')]);
status_is($res, 304, 'not changed');

$res = $skep->get('/docs', plain => 1);
status_is($res, 301);
is($res->header('Location'), '/docs/', 'where it is');

my %size;

for my $encoding ('identity', 'gzip') {
    $res = $skep->get('/docs/swagger-ui-bundle.js', plain => 1,
                      headers => ['Accept-Encoding', $encoding]);
    status_is($res, 200, "the script, $encoding");
    is($res->header('Content-Type'), 'text/javascript', 'its type');
    $size{$encoding} = length $res->body;
}

cmp_ok($size{gzip}, '<', $size{identity} / 2, 'it comes compressed');

problem($skep->get('/docs/none', plain => 1), 404, 'not_found');
problem($skep->get('/docs/%2e%2e/nginx.conf', plain => 1), 404, 'not_found',
        'what is beside it is not to be had');
problem($skep->post('/docs/index.html', {}, plain => 1), 405,
        'method_not_allowed');

finish();
