#!/usr/bin/env perl

# Bodies that are refused: each with its status, code and pointers, and nothing
# written.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $task = $user->task(title => 'Untouched');
my $path = "/v1/tasks/$task->{id}";
my $count = 'SELECT (SELECT count(*) FROM task.tasks),
                    (SELECT count(*) FROM notify.outbox)';
my $written = $skep->pg->query($count);


# The same body by every method that takes one.

sub refused ($name, $body, $status, $code, @faults) {
    for my $call (['POST', '/v1/tasks'], ['PUT', $path], ['PATCH', $path]) {
        my ($method, $target) = @$call;
        my $res = $user->request($method, $target, body => $body,
                                 type => 'application/json');

        # a patch requires nothing
        my @expected = grep { $method ne 'PATCH' || $_->[1] ne 'required' }
                       @faults;

        problem($res, $status, $code, @expected, "$name: $method");
    }
}

sub malformed ($name, $body) {
    refused($name, $body, 400, 'malformed_json');
}

# a body with this member beside a title that is well
sub member ($text, @faults) {
    refused(length $text > 50 ? substr($text, 0, 50) . '...' : $text,
            "{\"title\":\"x\",$text}", 422, 'validation_failed', @faults);
}


# not JSON

malformed('empty', '');
like($user->request('POST', '/v1/tasks', body => '',
                    type => 'application/json')->json->{detail},
     qr/\ALine 1, .* the body is empty/, 'where an empty one is at fault');
malformed('white space', " \r\n\t");
malformed('a word', 'hello');
malformed('a form', 'title=x');
malformed('cut', '{"title":"x"');
malformed('cut in a string', '{"title":"x');
malformed('cut in an escape', '{"title":"\\u12');
malformed('two documents', '{"title":"x"}{"title":"y"}');
malformed('text after it', '{"title":"x"} x');
malformed('a comma too many', '{"title":"x",}');
malformed('a comma too few', '{"title":"x" "description":"y"}');
malformed('single quotes', "{'title':'x'}");
malformed('a bare name', '{title:"x"}');
malformed('a comment', '{"title":"x"/* y */}');
malformed('NaN', '{"title":NaN}');
malformed('Infinity', '{"title":Infinity}');
malformed("number $_", "{\"title\":$_}") for qw(01 +1 .5 1. 0x10 1e 1e999 - -01);
malformed('a bad escape', '{"title":"\\x41"}');
malformed('a line feed in a string', "{\"title\":\"a\nb\"}");
malformed('a byte order mark', "\xef\xbb\xbf{\"title\":\"x\"}");
malformed('UTF-16', join '', map { "$_\0" } split //, '{"title":"x"}');


# duplicate keys, at any depth, however they are written

malformed('a key twice', '{"title":"x","title":"y"}');
malformed('a key twice, once escaped', '{"title":"x","\\u0074itle":"y"}');
malformed('a key twice further in', '{"title":"x","a":{"b":1,"b":2}}');


# what is no text

malformed('U+0000', '{"title":"a\\u0000b"}');
malformed('a NUL byte', "{\"title\":\"a\0b\"}");
malformed('U+0000 in a key', '{"title":"x","a\\u0000b":1}');
malformed('U+0000 in a label', '{"title":"x","labels":["a\\u0000"]}');
malformed('a lone high surrogate', '{"title":"\\ud800"}');
malformed('a lone low surrogate', '{"title":"\\udc00"}');
malformed('surrogates in reverse', '{"title":"\\udc00\\ud800"}');
malformed('a high surrogate and a letter', '{"title":"\\ud800x"}');
malformed('two high surrogates', '{"title":"\\ud800\\ud800"}');
malformed("invalid UTF-8: $_", '{"title":"' . pack('H*', $_) . '"}')
    for qw(ff 80 c0 c080 e0808a eda080 edb080 f4908080 f0808080 e28228 c3);
malformed('invalid UTF-8 in a key', "{\"title\":\"x\",\"\xff\":1}");


# depth

malformed('17 levels of arrays', '{"title":"x","a":' . '[' x 16 . ']' x 16 . '}');
malformed('17 levels of objects', '{"a":' x 17 . '1' . '}' x 17);
malformed('a bomb of arrays', '[' x 60000);
malformed('a bomb of objects', '{"a":' x 10000);
member('"a":' . '[' x 15 . ']' x 15, ['/a', 'unknown_field']);
member('"a":"' . '[' x 1000 . '"', ['/a', 'unknown_field']);


# JSON, but no object

for my $body ('[]', '[{"title":"x"}]', 'null', 'true', '1', '"title"') {
    refused($body, $body, 422, 'validation_failed', ['', 'invalid_type']);
}


# members that are not known, or not the client's to set

member('"colour":"red"', ['/colour', 'unknown_field']);
member('"Title":"x"', ['/Title', 'unknown_field']);
member('"":1', ['/', 'unknown_field']);
member('"a/b~c":1', ['/a~1b~0c', 'unknown_field']);
member('"__proto__":{}', ['/__proto__', 'unknown_field']);
member("\"$_\":null", ["/$_", 'read_only'])
    for qw(id created_by completed_at created_at updated_at version);
member('"id":"x","version":1,"x":1', ['/id', 'read_only'],
       ['/version', 'read_only'], ['/x', 'unknown_field']);
member('"version":9223372036854775808', ['/version', 'read_only']);


# types and bounds

refused('a title of a number', '{"title":1}', 422, 'validation_failed',
        ['/title', 'invalid_type']);
refused("a title of $_", "{\"title\":$_}", 422, 'validation_failed',
        ['/title', 'invalid_type'])
    for qw(1.0 9223372036854775808 -1e5 true [] {} ["x"]);
refused('an empty title', '{"title":""}', 422, 'validation_failed',
        ['/title', 'too_short']);
refused('a title of 501', '{"title":"' . 'x' x 501 . '"}', 422,
        'validation_failed', ['/title', 'too_long']);
refused('a title of 501 characters of 4 bytes',
        '{"title":"' . "\xf0\x9f\x90\x9d" x 501 . '"}', 422,
        'validation_failed', ['/title', 'too_long']);
member('"description":"' . 'x' x 20001 . '"', ['/description', 'too_long']);
member('"description":7', ['/description', 'invalid_type']);
member("\"status\":$_", ['/status', 'invalid_value'])
    for '"open"', '""', '"Todo"', '"todo,done"', '" todo"';
member('"status":0', ['/status', 'invalid_type']);
member('"priority":"asap"', ['/priority', 'invalid_value']);
member('"priority":1', ['/priority', 'invalid_type']);

member('"labels":"home"', ['/labels', 'invalid_type']);
member('"labels":{}', ['/labels', 'invalid_type']);
member('"labels":["a",1,null,["b"]]', ['/labels/1', 'invalid_type'],
       ['/labels/2', 'invalid_type'], ['/labels/3', 'invalid_type']);
member('"labels":["a","","' . 'x' x 51 . '"]', ['/labels/1', 'too_short'],
       ['/labels/2', 'too_long']);
member('"labels":[' . join(',', map { "\"$_\"" } 1 .. 21) . ']',
       ['/labels', 'too_many']);

for my $time (qw(infinity -infinity now today tomorrow epoch allballs
                 2026-02-30T00:00:00Z 2026-02-29T00:00:00Z 2026-13-01T00:00:00Z
                 2026-00-10T00:00:00Z 2026-01-32T00:00:00Z 2026-01-00T00:00:00Z
                 2026-01-01T24:00:00Z 2026-01-01T23:60:00Z 2026-01-01T23:59:61Z
                 2026-01-01 2026-01-01T00:00:00 2026-01-01T00:00Z 2026-W01-1
                 2026-01-01T00:00:00+24:00 2026-01-01T00:00:00+01
                 2026-01-01T00:00:00+0100 2026-01-01T00:00:00.Z
                 0000-01-01T00:00:00Z
                 10000-01-01T00:00:00Z -2026-01-01T00:00:00Z
                 0001-01-01T00:00:00+01:00 9999-12-31T23:59:59-00:01
                 20260101T000000Z 1767225600),
              '2026-01-01T00:00:00,5Z', '', ' 2026-01-01T00:00:00Z',
              '2026-01-01T00:00:00Z ',
              '2026-01-01T00:00:00 UTC', '2026-01-01T00:00:00Z BC')
{
    member("\"due_at\":\"$time\"", ['/due_at', 'invalid_format']);
}

member('"due_at":1767225600', ['/due_at', 'invalid_type']);

for my $id ('', 'x', 'me', '{' . nobody . '}', nobody =~ s/-//gr, nobody . '0',
            'urn:uuid:' . nobody, ' ' . nobody)
{
    member("\"$_\":\"$id\"", ["/$_", 'invalid_format'])
        for qw(project_id assignee_id);
}

member('"assignee_id":1', ['/assignee_id', 'invalid_type']);


# all faults of one body, at once

member('"labels":[1],"due_at":"now","status":"x","id":1,"nonsense":1,'
       . '"priority":null,"assignee_id":"x"',
       ['/labels/0', 'invalid_type'], ['/due_at', 'invalid_format'],
       ['/status', 'invalid_value'], ['/id', 'read_only'],
       ['/nonsense', 'unknown_field'], ['/priority', 'not_nullable'],
       ['/assignee_id', 'invalid_format']);
refused('required beside others', '{"status":"x","y":1}', 422,
        'validation_failed', ['/title', 'required'],
        ['/status', 'invalid_value'], ['/y', 'unknown_field']);
problem($user->post('/v1/tasks', {}), 422, 'validation_failed',
        ['/title', 'required'], 'an empty object');

my $res = $user->post('/v1/tasks', { map { $_ => 1 } 1 .. 500 });
status_is($res, 422, '500 faults');
cmp_ok(scalar $res->json->{errors}->@*, '<=', 50, 'are not all told');


# the media type

for my $type (undef, '', 'text/plain', 'text/json', 'application/jsonx',
              'application/x-www-form-urlencoded', 'multipart/form-data',
              'application/json-patch+json', 'application/problem+json',
              'application/xml', 'json', '*/*')
{
    for my $call (['POST', '/v1/tasks'], ['PUT', $path], ['PATCH', $path]) {
        problem($user->request(@$call, body => '{"title":"x"}', type => $type),
                415, 'unsupported_media_type',
                "Content-Type " . ($type // 'missing') . ": $call->[0]");
    }
}

problem($user->post('/v1/tasks', { title => 'x' },
                    type => 'application/merge-patch+json'), 415,
        'unsupported_media_type', 'a merge patch is for PATCH: POST');
problem($user->put($path, { title => 'x' },
                   type => 'application/merge-patch+json'), 415,
        'unsupported_media_type', 'a merge patch is for PATCH: PUT');
status_is($user->post('/v1/tasks', { title => 'x' },
                      headers => ['Content-Encoding', 'gzip']), 415,
          'an encoded body');


# the size

my $big = '{"title":"x"}' . ' ' x (65536 - 13);

problem($user->request('POST', '/v1/tasks', body => "$big ",
                       type => 'application/json'), 413, 'payload_too_large',
        'one byte over the limit');

my $chunks = sprintf("%x\r\n%s\r\n", length $big, $big) . "1\r\n \r\n0\r\n\r\n";

problem($user->request('POST', '/v1/tasks', body => $chunks,
                       type => 'application/json',
                       headers => ['Transfer-Encoding', 'chunked']),
        413, 'payload_too_large', 'one byte over the limit, in chunks');


# a body where none is taken is let be

status_is($user->request('GET', $path, body => 'rubbish'), 200,
          'GET with a body');
status_is($user->request('GET', $path, body => 'x' x 5000), 200,
          'and with a longer one');


# nothing of all that was written

is_deeply($skep->pg->query($count), $written, 'no row was added');
same_json($user->get($path), 200, $task, 'nor was one changed');


# and the largest body that may be

status_is($user->request('POST', '/v1/tasks', body => $big,
                         type => 'application/json'), 201,
          'a body of exactly 64 KiB');
status_is($user->post('/v1/tasks', { title => 'x' },
                      type => 'APPLICATION/JSON ; charset=utf-8'), 201,
          'the media type in any case, with a parameter');

finish();
