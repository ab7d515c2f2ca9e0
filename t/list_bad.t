#!/usr/bin/env perl

# Query parameters that are refused: 400 invalid_parameter, with their name.

use v5.36;

use MIME::Base64 qw(decode_base64url encode_base64url);
use Skep::Test;

my $skep = skep();
my $user = $skep->user;

$user->task(title => "Task $_") for 1 .. 5;

my $cursor = $user->get('/v1/tasks?limit=2')->json->{next_cursor};


sub refused ($query, @faults) {
    problem($user->get("/v1/tasks?$query"), 400, 'invalid_parameter', @faults,
            length $query > 60 ? substr($query, 0, 60) . '...' : $query);
}


refused('limit=0', ['limit', 'out_of_range']);
refused('limit=101', ['limit', 'out_of_range']);
refused('limit=-1', ['limit', 'out_of_range']);

for my $limit ('', 'ten', '1.0', '1e1', '0x10', '%2B5', '+5', '05', '-0', '1,2',
               '%D9%A5')
{
    refused("limit=$limit", ['limit', 'invalid_type']);
}

refused('limit=5%00', ['limit', 'invalid_value']);

for my $limit ('9223372036854775808', '18446744073709551621', '9' x 40) {
    refused("limit=$limit", ['limit', 'out_of_range']);
}

refused('limit=5&limit=5', ['limit', 'repeated']);
refused('sort=title', ['sort', 'invalid_value']);
refused('sort=', ['sort', 'invalid_value']);
refused('sort=--created_at', ['sort', 'invalid_value']);
refused('sort=created_at,due_at', ['sort', 'invalid_value']);
refused('status=open', ['status', 'invalid_value']);
refused('status=todo,open', ['status', 'invalid_value']);
refused('status=', ['status', 'invalid_value']);
refused('status=todo,', ['status', 'invalid_value']);
refused('colour=red', ['colour', 'unknown_parameter']);
refused('Limit=5', ['Limit', 'unknown_parameter']);
refused('limit', ['limit', 'invalid_type']);
refused('limit=x&sort=x&status=x&x=x',
        ['limit', 'invalid_type'], ['sort', 'invalid_value'],
        ['status', 'invalid_value'], ['x', 'unknown_parameter']);
refused('x=%zz', ['x', 'unknown_parameter']);
refused('status=%zz', ['status', 'invalid_format']);
refused('status=%ff', ['status', 'invalid_format']);
refused('%zz=1', ['%zz', 'invalid_format']);


# a cursor that is not one of ours

sub bad_cursor ($name, $text) {
    problem($user->get('/v1/tasks?limit=2&cursor=' . escape($text)), 400,
            'invalid_parameter', ['cursor', 'invalid_value'],
            "cursor: $name");
}

status_is($user->get("/v1/tasks?limit=2&cursor=$cursor"), 200,
          'the cursor itself is good');

bad_cursor('empty', '');
bad_cursor('cut', substr $cursor, 0, -1);
bad_cursor('longer', "${cursor}A");
bad_cursor('doubled', $cursor x 2);
bad_cursor('padded', "$cursor=");
bad_cursor('other text', 'page2');
bad_cursor('an id', nobody);
bad_cursor('huge', 'A' x 3000);

my $bytes = decode_base64url($cursor);

for my $i (0 .. length($bytes) - 1) {
    my $tampered = $bytes;

    substr($tampered, $i, 1) ^.= "\x01";
    my $res = $user->get('/v1/tasks?limit=2&cursor='
                         . encode_base64url($tampered));

    next if $res->status == 400;
    fail("a cursor with byte $i changed: " . $res->status);
}

problem($user->get("/v1/tasks?sort=due_at&cursor=$cursor"), 400,
        'invalid_parameter', ['cursor', 'invalid_value'],
        'a cursor of another sort');

# of another server, whose secret is another
my $other = skep();
my $there = $other->user;

$there->task(title => "Task $_") for 1 .. 3;

bad_cursor('of another server',
           $there->get('/v1/tasks?limit=2')->json->{next_cursor});


# routes that take no parameter

my $id = $user->task->{id};

problem($user->get("/v1/tasks/$id?x=1"), 400, 'invalid_parameter',
        ['x', 'unknown_parameter'], 'GET of one task takes none');
problem($user->get('/v1/me?x=1'), 400, 'invalid_parameter',
        ['x', 'unknown_parameter'], 'nor does /v1/me');
problem($user->post('/v1/tasks?title=x', { title => 'y' }), 400,
        'invalid_parameter', ['title', 'unknown_parameter'], 'nor does POST');
status_is($user->get("/v1/tasks/$id?"), 200, 'an empty query is none');
status_is($user->get('/v1/tasks?&limit=2&'), 200, 'nor are empty parts of it');

is($skep->pg->value('SELECT count(*) FROM task.tasks'), 6,
   'nothing was written');

finish();
