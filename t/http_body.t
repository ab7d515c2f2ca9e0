#!/usr/bin/env perl

# What a body may be called: one media type, no coding.  A refusal says what is
# taken instead, and nothing of such a body is looked at.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $path = '/v1/tasks/' . $user->task->{id};
my $json = '{"title":"x"}';
my $count = 'SELECT count(*) FROM task.tasks';
my $written = $skep->pg->value($count);

sub send_body ($method, $target, @headers) {
    return $user->request($method, $target, headers => \@headers, body => $json);
}

my @calls = (['POST', '/v1/tasks', 201], ['PUT', $path, 200],
             ['PATCH', $path, 200]);
my @json = ('Content-Type', 'application/json');


# codings: of which there are none, and which none of the lines may name

for my $call (@calls) {
    my ($method, $target, $status) = @$call;

    for my $codings (['gzip'], ['GZIP'], ['deflate'], ['br'], ['zstd'],
                     ['identity, gzip'], ['gzip, identity'], ['identity;q=1'],
                     ['aes128gcm'], ['x'], ['*'], [''],
                     ['identity', 'gzip'], ['gzip', 'identity'],
                     ['identity', 'identity', 'br'])
    {
        my $res = send_body($method, $target, @json,
                            map { ('Content-Encoding', $_) } @$codings);
        my $name = "$method: " . join ' | ', @$codings;

        problem($res, 415, 'unsupported_content_encoding', $name);
        is($res->header('Accept-Encoding'), 'identity',
           "$name: none is taken");
        is($res->header('Accept'), undef, "$name: of the type nothing is said");
    }

    next if $method eq 'POST';

    for my $codings (['identity'], ['Identity'], ['identity', 'identity']) {
        my @headers = map { ('Content-Encoding', $_) } @$codings;

        status_is(send_body($method, $target, @json, @headers), $status,
                  "$method: @$codings");
    }
}

# what is packed is not unpacked, however it is called
problem($user->request('POST', '/v1/tasks', type => 'application/json',
                       body => "\x1f\x8b\x08\0\0\0\0\0\0\3"), 400,
        'malformed_json', 'gzip that is not said to be');
problem($user->request('POST', '/v1/tasks', type => 'application/gzip',
                       body => "\x1f\x8b\x08\0\0\0\0\0\0\3"), 415,
        'unsupported_media_type', 'gzip as a type');


# types

for my $call (@calls) {
    my ($method, $target) = @$call;

    for my $type ('application/json text/plain', 'application/json x',
                  'application/json, text/plain', 'application/json,',
                  'application/json/x', 'application/ json', 'application/jso',
                  ' ;application/json', 'application/json+x', "application/json\x01",
                  'text/plain; application/json')
    {
        my $res = send_body($method, $target, 'Content-Type', $type);

        problem($res, 415, 'unsupported_media_type', "$method: $type");
        is($res->header('Accept'),
           'application/json' . ($method eq 'PATCH'
                                 ? ', application/merge-patch+json' : ''),
           "$method: $type: what is taken");
        is($res->header('Accept-Encoding'), undef,
           "$method: $type: of codings nothing is said");
    }

    next if $method eq 'POST';

    for my $type ('application/json', 'Application/JSON;charset=utf-8',
                  "application/json\t; charset=\"x y\"", 'application/json ;',
                  'application/json; charset=utf-16')
    {
        status_is(send_body($method, $target, 'Content-Type', $type), 200,
                  "$method: $type");
    }
}


# a call that takes no body lets it be, whatever it is

status_is($user->request('POST', "$path/complete", body => 'x',
                         headers => ['Content-Encoding', 'gzip']), 200,
          'where no body is taken, it is let be');

is($skep->pg->value($count), $written, 'nothing was written by a POST');

finish();
