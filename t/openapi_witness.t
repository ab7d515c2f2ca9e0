#!/usr/bin/env perl

# What the harness makes of answers that docs/openapi.yaml does not tell: real
# ones, held against a document from which something was taken.

use v5.36;

use Skep::OpenAPI;
use Skep::Test;

my $skep = skep(server => <<~'EOT');
    location /own/ { return 200 "mine"; }
    location = /v1/mine { return 200 "mine"; }
    location /moved/ { rewrite ^/moved(/.*)$ $1 break; task_api on;
                       auth_token required; }
    EOT
my $user = $skep->user;
my $task = $user->task(title => 'Feed the bees');
my $path = "/v1/tasks/$task->{id}";


# The faults of a call, after $change->($doc).

sub faults ($asked, $res, $change = sub ($doc) { }) {
    my $openapi = Skep::OpenAPI->load;

    $change->($openapi->doc);
    return join '; ', $openapi->faults($asked, $res);
}

sub asked ($method, $target, %o) {
    return { method => $method, target => $target, %o };
}

my $body = '{"title":"Feed the bees","labels":["a"]}';
my @post = (asked('POST', '/v1/tasks', type => 'application/json',
                  body => $body),
            $user->request('POST', '/v1/tasks', body => $body,
                           type => 'application/json'));
my @get = (asked('GET', $path), $user->get($path));
my @list = (asked('GET', '/v1/tasks?limit=1&status=todo'),
            $user->get('/v1/tasks?limit=1&status=todo'));
my @missing = (asked('GET', '/v1/tasks/' . nobody),
               $user->get('/v1/tasks/' . nobody));
my @elsewhere = (asked('GET', '/v1/nothing'), $user->get('/v1/nothing'));
my @method = (asked('PUT', '/v1/tasks'), $user->put('/v1/tasks', {}));
my @wrong = (asked('POST', '/v1/tasks'), $user->post('/v1/tasks', {}));
my @options = (asked('OPTIONS', '/v1/tasks'),
               $skep->request('OPTIONS', '/v1/tasks'));

is(faults(@$_), '', "$_->[0]{method} $_->[0]{target} is as documented")
    for \@post, \@get, \@list, \@missing, \@elsewhere, \@method, \@wrong,
        \@options;


# each: what is asked, what is taken from the document, the fault

my @cases = (
    ['a member', \@get,
     sub ($doc) { delete $doc->{components}{schemas}{Task}{properties}{labels} },
     qr{\A/labels is unknown\z}],
    ['a member in a list', \@list,
     sub ($doc) { delete $doc->{components}{schemas}{Task}{properties}{due_at} },
     qr{/data/0/due_at is unknown}],
    ['an open schema', \@get,
     sub ($doc) {
         delete $doc->{components}{schemas}{Task}->@{
             qw(properties additionalProperties)};
     }, qr{/version is unknown}],
    ['a member too many', \@get,
     sub ($doc) {
         push $doc->{components}{schemas}{Task}{required}->@*, 'colour';
     }, qr{\A/colour is missing\z}],
    ['a value of an enum', \@get,
     sub ($doc) { shift $doc->{components}{schemas}{Status}{enum}->@* },
     qr{\A/status is none of the enum\z}],
    ['a null', \@get,
     sub ($doc) {
         $doc->{components}{schemas}{Task}{properties}{due_at}{type} = 'string';
     }, qr{\A/due_at is null, not string\z}],
    ['a header', \@get,
     sub ($doc) { delete $doc->{components}{responses}{Task}{headers}{ETag} },
     qr{\Aetag is not documented for 200\z}],
    ['a header too many', \@get,
     sub ($doc) {
         $doc->{components}{headers}{RateLimit}{required} = JSON::PP::true;
     }, qr{\Ano ratelimit\z}],
    ['a header of another form', \@get,
     sub ($doc) {
         $doc->{components}{headers}{ETag}{schema}{pattern} = '^W/';
     }, qr{\Aetag is not of the pattern\z}],
    ['a status', \@post,
     sub ($doc) { delete $doc->{paths}{'/v1/tasks'}{post}{responses}{201} },
     qr{201 is not documented\z}],
    ['a status that is an error', \@missing,
     sub ($doc) { delete $doc->{paths}{'/v1/tasks/{id}'}{get}{responses}{404} },
     qr{\A404 is not documented\z}],
    ['a code', \@missing,
     sub ($doc) {
         $doc->{components}{responses}{NotFound}{description} = 'Not there.';
     }, qr{\Athe code "not_found" of 404 is not documented\z}],
    ['a code of any call', \@method,
     sub ($doc) {
         $doc->{components}{responses}{Other}{description} =~ s/method_not/so_/;
     }, qr{\Athe code "method_not_allowed" of 405 is not documented\z}],
    ['the code of a fault', \@wrong,
     sub ($doc) {
         my $items = $doc->{components}{schemas}{Problem}{properties}{errors};

         $items->{items}{properties}{code}{enum} = ['other'];
     }, qr{/errors/0/code is none of the enum}],
    ['a media type', \@get,
     sub ($doc) {
         my $content = $doc->{components}{responses}{Task}{content};

         $content->{'text/plain'} = delete $content->{'application/json'};
     }, qr{\Athe type "application/json" of 200 is not documented\z}],
    ['a body', \@get,
     sub ($doc) { delete $doc->{components}{responses}{Task}{content} },
     qr{\Aa body of 200 is not documented\z}],
    ['a call', \@post,
     sub ($doc) { delete $doc->{paths}{'/v1/tasks'}{post} },
     qr{201 is not documented\z}],
    ['a path', \@list,
     sub ($doc) { delete $doc->{paths}{'/v1/tasks'} },
     qr{200 is not documented\z}],
    ['a query parameter', \@list,
     sub ($doc) {
         my $parameters = $doc->{paths}{'/v1/tasks'}{get}{parameters};

         @$parameters = grep { $_->{'$ref'} !~ /Limit/ } grep { $_->{'$ref'} }
                        @$parameters;
     }, qr{\Athe parameter "limit" is not documented\z}],
    ['what is taken', \@post,
     sub ($doc) {
         delete $doc->{components}{schemas}{NewTask}{properties}{labels};
     }, qr{\Abody:/labels is unknown\z}],
    ['a type that is taken', \@post,
     sub ($doc) {
         $doc->{paths}{'/v1/tasks'}{post}{requestBody}{content} = {};
     }, qr{\Aa body of the type "application/json" is not documented\z}],
);

for my $case (@cases) {
    my ($what, $call, $change, $fault) = @$case;

    like(faults(@$call, $change), $fault, "without $what");
}


# what is no request

my $client = $skep->new_client;

$client->send("nonsense\r\n\r\n");

my $res = $client->response;

is(faults(undef, $res), '', 'nonsense may be answered so');
like(faults(undef, $get[1]), qr/200 is not documented/, 'but not with 200');


# whose an answer is; requests and answers find each other in a pipeline

my $witness = $skep->witness;

sub seen ($target, $res) {
    return join '; ', $witness->faults(asked('GET', $target), $res);
}

like(seen('/v1/mine/', $get[1]), qr/200 is not documented/, 'an own path');
is(seen('/v1/mine', $get[1]), '', 'in an own location');
is(seen('/own/thing', $get[1]), '', 'in another');
is(seen("/moved$path", $get[1]), '', 'a path that is rewritten');
like(seen('/moved/v1/me', $get[1]), qr{/email is missing}, 'is looked up so');

my @seen;

package Recorder {
    sub saw ($self, $asked, $res) {
        push @seen, [$asked->{method}, $asked->{target}, $asked->{body},
                     $res->status];
    }
}

$client = $skep->new_client(witness => bless {}, 'Recorder');

$client->send(join '', map { $client->format_request(@$_, token => $user->token) }
    ['GET', $path], ['POST', '/v1/tasks', json => { title => 'x' }],
    ['POST', '/v1/tasks', headers => ['Transfer-Encoding', 'chunked'],
     type => 'application/json', body => "9\r\n{\"title\":\r\n4\r\n\"y\"}\r\n0\r\n\r\n"],
    ['GET', '/v1/nothing']);
$client->response for 1 .. 4;

is_deeply(\@seen, [
    ['GET', $path, undef, 200],
    ['POST', '/v1/tasks', '{"title":"x"}', 201],
    ['POST', '/v1/tasks', '{"title":"y"}', 201],
    ['GET', '/v1/nothing', undef, 404],
], 'each answer with what was asked');


# children tell it by a file

Skep::Process::reap(Skep::Process::fork_child(sub {
    $witness->saw(asked('GET', '/v1/me'), $get[1]);
}), 10);

my @told = $witness->told;

is(scalar @told, 1, 'what a child sees');
like($told[0] // '', qr{\AGET /v1/me: .*/email is missing}, 'is told');
unlink $witness->{file};

finish();
