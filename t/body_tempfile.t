#!/usr/bin/env perl

# Bodies as they come: in memory, in a temporary file, in many packets, in
# chunks.

use v5.36;

use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(server => <<~'EOT');
    location /small/ {
        rewrite ^/small(/.*)$ $1 break;
        client_body_buffer_size 1k;
        auth_token required;
        task_api on;
    }

    location /file/ {
        rewrite ^/file(/.*)$ $1 break;
        client_body_in_file_only clean;
        auth_token required;
        task_api on;
    }
    EOT
my $user = $skep->user;


# text in which a lost or doubled byte shows
sub text ($n) { return substr join(' ', 1 .. $n), 0, $n }

# Creates a task by bytes sent as the code likes, and looks what became of it.
sub arrives ($name, $target, $description, $send) {
    my $client = $skep->new_client;
    my $json = Skep::Response::encode({ title => $name,
                                        description => $description });

    $client->connect;
    $send->($client, $json, sub (%o) {
        return $client->format_request('POST', $target, token => $user->token,
                                       type => 'application/json', %o);
    });

    my $res = $client->response;

    $skep->check($res, 'POST');
    status_is($res, 201, $name) or return;
    is($res->json->{title}, $name, "$name: the title");
    ok($res->json->{description} eq $description, "$name: the description");
    is($skep->pg->value(<<~"SQL"), length $description, "$name: stored");
        SELECT length(description) FROM task.tasks
        WHERE id = '@{[$res->json->{id}]}'
        SQL

    # the connection is fit for another request
    $res = $client->request('GET', "/v1/tasks/@{[$res->json->{id}]}",
                            token => $user->token);
    status_is($res, 200, "$name: another request on the connection");
}

sub whole ($client, $json, $request) {
    $client->send($request->(body => $json));
}

sub in_packets ($size) {
    return sub ($client, $json, $request) {
        my $bytes = $request->(body => $json);

        while (length $bytes) {
            $client->send(substr $bytes, 0, $size, '');
            sleep 0.0005;
        }
    };
}

sub in_chunks ($size) {
    return sub ($client, $json, $request) {
        my $body = '';

        while (length $json) {
            my $chunk = substr $json, 0, $size, '';
            $body .= sprintf "%x\r\n%s\r\n", length $chunk, $chunk;
        }

        my $bytes = $request->(body => "${body}0\r\n\r\n",
                               headers => ['Transfer-Encoding', 'chunked']);
        my $middle = length($bytes) >> 1;

        $client->send(substr $bytes, 0, $middle);
        sleep 0.02;
        $client->send(substr $bytes, $middle);
    };
}

sub after_continue ($client, $json, $request) {
    my $bytes = $request->(body => $json,
                           headers => ['Expect', '100-continue']);
    my $head = length($bytes) - length $json;

    $client->send(substr $bytes, 0, $head);
    sleep 0.05;
    $client->send(substr $bytes, $head);
}


for my $where ('', '/small', '/file') {
    my $target = "$where/v1/tasks";
    my $name = $where || '/';

    arrives("$name: short", $target, 'x', \&whole);
    arrives("$name: 900 bytes", $target, text(900), \&whole);
    arrives("$name: 1024 bytes", $target, text(1024), \&whole);
    arrives("$name: 19,000 bytes", $target, text(19000), \&whole);
    arrives("$name: byte by byte", $target, text(200), in_packets(1));
    arrives("$name: in packets of 700", $target, text(19000), in_packets(700));
    arrives("$name: in chunks of 1", $target, text(300), in_chunks(1));
    arrives("$name: in chunks of 333", $target, text(19000), in_chunks(333));
    arrives("$name: in one chunk", $target, text(19000), in_chunks(60000));
    arrives("$name: after 100-continue", $target, text(19000),
            \&after_continue);
}


# pipelined: several requests in one packet, bodies and all

my $client = $skep->new_client;
my @titles = map { "Pipelined $_" } 1 .. 20;

$client->send(join '', map {
    $client->format_request('POST', '/v1/tasks', token => $user->token,
                            json => { title => $_, description => text(500) })
} @titles);

is_deeply([map { $client->response->json->{title} } @titles], \@titles,
          'pipelined requests are answered in their order');


# a body that does not come to its end

$client = $skep->new_client;

my $bytes = $client->format_request('POST', '/v1/tasks',
                                    token => $user->token,
                                    json => { title => 'Never whole',
                                              description => text(5000) });

for my $cut (length($bytes) - 1, length($bytes) - 3000) {
    $client->send(substr $bytes, 0, $cut);
    sleep 0.02;
    $client->abort;
}

$client->send(substr $bytes, 0, -10);
$client->shutdown;
$client->closed_by_peer;
$client->close;

is($skep->pg->value(<<~'SQL'), 0, 'a body cut short creates nothing');
    SELECT count(*) FROM task.tasks WHERE title = 'Never whole'
    SQL

# malformed chunks
for my $body ("zz\r\nx\r\n0\r\n\r\n", "5\r\nabc", "-1\r\n\r\n",
              'f' x 30 . "\r\nx\r\n")
{
    $client = $skep->new_client;
    $client->send($client->format_request(
        'POST', '/v1/tasks', token => $user->token, body => $body,
        type => 'application/json',
        headers => ['Transfer-Encoding', 'chunked']));
    $client->shutdown if $body =~ /abc/;

    my $res = $body =~ /abc/ ? undef : $client->response;

    next if !$res;
    like($res->status, qr/^(?:400|413)$/, 'a malformed chunk is refused');
    is($res->header('Content-Type'), 'application/problem+json',
       'by a problem');
}

my @left = glob $skep->nginx->file('client_body') . '/*';
is(scalar @left, 0, 'no temporary file is left behind');

finish();
