#!/usr/bin/env perl

# HTTP/2, as it is meant and as it is not: the API behind it answers each stream
# by its own, and what is malformed or a flood ends at nginx, with nothing left
# behind.

use v5.36;

use Skep::H2;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $skep = skep(
    metrics => 1,
    set    => { send_timeout => '1s', client_body_timeout => '1s',
                client_header_timeout => '1s' },
    server => 'listen 127.0.0.1:%%PORT:h2%% http2;',
);
my $user = $skep->user;
my @tasks = map { $user->task(title => "Task $_", description => 'x' x 3000) }
            1 .. 60;
my $path = "/v1/tasks/$tasks[0]{id}";
my %o = (token => $user->token);

sub h2 (%o) {
    return Skep::H2->new(port => $skep->port('h2'), window => 1 << 24, %o);
}

sub frame { goto &Skep::H2::frame }

# Another client is served as ever; then nothing is left of those before.
my $before = $skep->resources;

sub well ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $stream = h2()->get($path, %o);

    is($stream && $stream->{status}, 200, "$name: others are served");
    resources_are($skep, $before);

    my @left;

    wait_until(3, sub {
        my $metrics = $skep->metrics;

        @left = grep { $metrics->get($_) }
                qw(skep_pg_in_flight skep_pg_queued skep_notify_stream_clients);
        return !@left;
    });
    is("@left", '', "$name: nothing is under way any more");
}


# as it is meant

my $h2 = h2();

for my $case ([200, 'GET', $path], [404, 'GET', '/v1/tasks/' . nobody],
              [401, 'GET', $path, token => undef], [405, 'BREW', '/v1/tasks'],
              [200, 'HEAD', $path], [204, 'OPTIONS', $path],
              [201, 'POST', '/v1/tasks', body => '{"title":"x"}'],
              [422, 'POST', '/v1/tasks', body => '{"title":7}'],
              [400, 'POST', '/v1/tasks', body => ''],
              [415, 'POST', '/v1/tasks', body => '{"title":"x"}',
               headers => ['content-encoding', 'gzip']],
              [200, 'PATCH', $path, body => '{"title":"Task 1"}'],
              [201, 'POST', '/v1/tasks', body => '{"title":"x","description":"'
                                                 . 'y' x 19000 . '"}'],
              [413, 'POST', '/v1/tasks', body => ' ' x 66000],
              [404, 'GET', '/v1%2ftasks'], [404, 'GET', '/v1/tasks#x'])
{
    my ($status, $method, $target, @more) = @$case;
    my $stream = $h2->answer($h2->ask($method, $target, %o, @more));

    is($stream->{status}, $status, "$status: $method $target");
    is($stream->{body}, '', 'without a body')
        if $method eq 'HEAD' || $status == 204;
    like($stream->{body}, qr/\A\{.*"status":$status,.*\}\z/, 'a problem')
        if $status >= 400;
}

# a hundred streams at once, and again, on one connection
for my $round (1 .. 4) {
    my @ids = map { $h2->ask('GET', "/v1/tasks/$_->{id}", %o) } (@tasks) x 2;
    my @own = grep {
        my $stream = $h2->answer($ids[$_]);
        $stream && $stream->{body} =~ /"title":"\Q$tasks[$_ % 60]{title}\E"/;
    } 0 .. $#ids;

    is(scalar @own, 120, 'each of 120 streams has its own answer');
}

# bodies in small frames, of many streams, one after another's
my @writes = map { [$h2->stream, "Written $_"] } 1 .. 20;

$h2->send(frame(1, 4, $_->[0], Skep::H2::block($h2->headers(
    'POST', '/v1/tasks', %o, body => '')))) for @writes;

for my $at (0 .. 24) {
    for my $write (@writes) {
        my $body = sprintf '{"title":"%s"}', $write->[1];
        my $size = int(length($body) / 25) + 1;
        my $piece = $at * $size < length $body ? substr $body, $at * $size, $size
                                               : '';

        $h2->send(frame(0, $at == 24 ? 1 : 0, $write->[0], $piece));
    }
}

is(scalar(grep { $h2->answer($_->[0])->{body} =~ /"title":"\Q$_->[1]\E"/ }
          @writes), 20, 'bodies that come interleaved are not mixed');
$h2->close;
well('as it is meant');


# headers that are none

my @base = h2()->headers('GET', $path, %o);

# what came of a stream; who says nothing has not refused it
sub became ($h2, $id) {
    my $stream = $h2->answer($id, 5);

    return $stream->{status} // 'reset' if $stream;
    return $h2->eof ? 'closed' : 'no answer';
}

sub refused ($name, @headers) {
    my $h2 = h2();
    my $id = $h2->stream;

    $h2->send(frame(1, 5, $id, Skep::H2::block(@headers)));

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    like(became($h2, $id), qr/\A(?:4\d\d|reset|closed)\z/, "refused: $name");
    $h2->close;
}

refused('a CR and LF in a value', @base, 'x-a' => "a\r\nx-auth-user: root");
refused('LF in a value', @base, 'x-a' => "a\nb");
refused('NUL in a value', @base, 'x-a' => "a\0b");
refused('capitals', @base, 'X-A' => 'b');
refused('a colon in a name', @base, 'x:a' => 'b');
refused('LF in a name', @base, "x\na" => 'b');
refused('a name that is empty', @base, '' => 'b');
refused('a path twice', @base, ':path' => '/livez');
refused('an unknown pseudo-header', ':x' => 'y', @base);
refused('no method', @base[2 .. $#base]);
refused('no path', @base[0 .. 3, 6 .. $#base]);
refused('no authority', @base[0 .. 5, 8 .. $#base]);
refused('an empty path', @base[0 .. 3], ':path' => '', @base[6 .. $#base]);
refused("the path $_", @base[0 .. 3], ':path' => $_, @base[6 .. $#base])
    for '/livez HTTP/1.1', "/livez\r\nx: y", 'http://x/livez', '*', 'livez',
        '/%00', '/../x', "/livez\0";
refused('a method of more words', ':method' => 'GET /livez', @base[2 .. $#base]);
refused('CONNECT', ':method' => 'CONNECT', ':authority' => 'localhost:1');
refused('two tokens', @base, authorization => 'Bearer x');
refused('64 KB of headers', @base, map { ("x-$_" => 'y' x 1000) } 1 .. 64);
refused('a header of 9 KB', @base, 'x-a' => 'y' x 9000);
refused('a length and no body', @base, 'content-length' => 5);

# lengths that are not that of the body: where this goes on as HTTP/1, it would
# be another request
for my $length (0, 1, 12, 14, 50, '13, 13', '+13', '0x0d', 'x') {
    my $h2 = h2();
    my ($id, $bytes) = $h2->format_request('POST', '/v1/tasks', %o,
        body => '{"title":"y"}', headers => ['content-length', $length]);

    $h2->send($bytes);

    like(became($h2, $id), qr/\A(?:400|reset|closed)\z/,
         "a length of $length for 13 bytes");
    $h2->close;
}

is($skep->pg->value("SELECT count(*) FROM task.tasks WHERE title = 'y'"), 0,
   'none of these was written');
well('headers that are none');


# frames that are none

for my $case (['a frame that is too long', frame(0, 0, 1, 'x' x 20000)],
              ['DATA of no stream', frame(0, 1, 0, 'x')],
              ['DATA of a stream to come', frame(0, 1, 99, 'x')],
              ['an even stream', frame(1, 5, 2, Skep::H2::block(@base))],
              ['a stream of before', frame(1, 5, 5, Skep::H2::block(@base))
                                     . frame(1, 5, 3, Skep::H2::block(@base))],
              ['a padding longer than all', frame(1, 13, 1, "\xff" . 'x' x 9)],
              ['a stream that waits for itself',
               frame(1, 37, 1, pack('NC', 1, 0) . Skep::H2::block(@base))],
              ['CONTINUATION of nothing', frame(9, 4, 1, 'x')],
              ['a promise', frame(5, 4, 1, pack('N', 2) . 'x')],
              ['SETTINGS of five bytes', frame(4, 0, 0, 'xxxxx')],
              ['SETTINGS of a stream', frame(4, 0, 1, '')],
              ['a window that is too large', frame(4, 0, 0, pack 'nN', 4, ~0)],
              ['PING of seven bytes', frame(6, 0, 0, 'x' x 7)],
              ['a window of 0', frame(8, 0, 0, pack 'N', 0)],
              ['a window beyond all', frame(8, 0, 0, pack 'N', 0x7fffffff)],
              ['an index beyond the table', frame(1, 5, 1, "\xff\xff\xff\x0f")],
              ['a table of 1 GB', frame(1, 5, 1, "\x3f\xe1\xff\xff\xff\x03")],
              ['a literal without an end', frame(1, 5, 1, "\0\x7f\xff\xff\xff")])
{
    my ($name, $bytes) = @$case;
    my $h2 = h2();

    $h2->send($bytes);
    ok($h2->drain(5), "hung up on: $name");
    $h2->close;
}

for my $bytes ('GET / HTTP/1.1', "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "\0" x 100,
               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(1, 5, 1, ''))
{
    my $h2 = h2(silent => 1);

    $h2->send($bytes);
    ok($h2->drain(5), 'hung up on: no hello of HTTP/2');
    $h2->close;
}

well('frames that are none');


# floods

sub flood ($name, $n, $bytes, %o) {
    my $h2 = h2();
    my $until = time + 4;
    my $i = 0;

    $h2->send($o{first}->($h2)) if $o{first};

    for ($i = 0; $i < $n && !$h2->eof && time < $until; $i++) {
        $h2->send(ref $bytes ? $bytes->($h2, $i) : $bytes) or last;
        $h2->read(0.0005);
    }

    note("$name: $i of $n sent, " . ($h2->eof ? 'hung up on' : 'taken'));
    ok($h2->drain(5), "$name: ends the connection") if $o{ends};
    $h2->close;
    well($name);
}

flood('rapid reset', 600, sub ($h2, $i) {
    my ($id, $bytes) = $h2->format_request('GET', $path, %o);
    return $bytes . frame(3, 0, $id, pack 'N', 8);
});
flood('rapid reset of writes', 300, sub ($h2, $i) {
    my ($id, $bytes) = $h2->format_request('POST', '/v1/tasks', %o,
                                           body => '{"title":"z"}');
    return $bytes . frame(3, 0, $id, pack 'N', 8);
});
flood('streams beyond the limit', 100, sub ($h2, $i) {
    return join '', map { ($h2->format_request('GET', $path, %o))[1] } 1 .. 20;
});
flood('bodies that never end', 200, sub ($h2, $i) {
    return ($h2->format_request('POST', '/v1/tasks', %o, body => '{"title":"z"}',
                                cut => 5))[1];
});
flood('SETTINGS', 50, frame(4, 0, 0, pack 'nN', 3, 100) x 100);
flood('PING', 50, frame(6, 0, 0, 'x' x 8) x 100);
flood('PRIORITY', 50, frame(2, 0, 1, pack 'NC', 3, 0) x 100);
flood('empty DATA', 50, frame(0, 0, 1, '') x 100, first => sub ($h2) {
    return frame(1, 4, $h2->stream, Skep::H2::block($h2->headers(
        'POST', '/v1/tasks', %o, body => '')));
});
flood('CONTINUATION', 5000, frame(9, 0, 1, Skep::H2::block('x-a', 'y' x 500)),
      ends => 1, first => sub ($h2) {
    return frame(1, 1, $h2->stream, Skep::H2::block(@base));
});
flood('empty CONTINUATION', 100, frame(9, 0, 1, '') x 100, ends => 1,
      first => sub ($h2) {
    return frame(1, 1, $h2->stream, Skep::H2::block(@base));
});


# who opens no window gets nothing, and is dropped in time; so are streams

my $closed = h2(settings => [4 => 0]);
my @slow = ((map { $closed->ask('GET', '/v1/tasks?limit=60', %o) } 1 .. 10),
            (map { $closed->ask('GET', '/v1/notifications/stream', %o) } 1 .. 2));

for my $id (@slow) {
    my $stream = $closed->answer($id, 10);

    ok($stream && defined $stream->{reset} && $stream->{body} eq '',
       'a stream whose window is closed is dropped');
}

$closed->close;
well('closed windows');


# the live stream, and those who leave it in each way

my @live = map { h2() } 1 .. 3;
my @id = map { $_->ask('GET', '/v1/notifications/stream', %o) } @live;

for my $i (0 .. 2) {
    $live[$i]->read(1) while !$live[$i]->streams->{$id[$i]}
                             || !length $live[$i]->streams->{$id[$i]}{body};
    like($live[$i]->streams->{$id[$i]}{body}, qr/\Aretry: /, 'a stream begins');
}

is($live[0]->get($path, %o)->{status}, 200, 'others on its connection go on');
$live[0]->send(frame(3, 0, $id[0], pack 'N', 8));
is($live[0]->get($path, %o)->{status}, 200, 'also when it was reset');
$_->abort for @live;
well('live streams');


# at a reload live streams end, and connections

my $stays = h2();
my $stays_id = $stays->ask('GET', '/v1/notifications/stream', %o);

$stays->read(1) while !$stays->streams->{$stays_id};
my @old = $skep->nginx->reload;
like($stays->answer($stays_id, 5)->{body}, qr/retry: \d+\n\n\z/,
     'a reload ends a live stream, and says when to come again');
ok($stays->drain(5), 'and its connection');
$stays->close;
ok($skep->nginx->gone(10, @old), 'the old worker is gone');

finish();
