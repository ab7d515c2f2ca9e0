#!/usr/bin/env perl

# When a stream ends: its token expires, its session is revoked, its user is
# disabled, the worker goes, its client reads too slowly.  And what there may
# be of them.

use v5.36;

use Skep::Fanout;
use Skep::File qw(slurp);
use Skep::Process qw(run spawn wait_until);
use Skep::Stream;
use Skep::Test;
use Time::HiRes qw(sleep time);

my $certificate = Skep::Process::tempdir() . '/tls';
my ($rc, $out) = run([
    qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1
       -nodes -days 2 -subj /CN=localhost), '-keyout', $certificate,
    '-out', "$certificate.pem",
]);

is($rc, 0, 'a certificate') or diag($out);
system "cat $certificate.pem >> $certificate";

my $skep = skep(
    redis  => 1,
    set    => { notify_stream => 'skep', notify_stream_heartbeat => '1s',
                notify_stream_max => 3, send_timeout => '60s' },
    server => <<~"EOT",
        listen 127.0.0.1:%%PORT:h2%% http2;
        listen 127.0.0.1:%%PORT:tls%% ssl;
        listen 127.0.0.1:%%PORT:h2tls%% ssl http2;
        ssl_certificate $certificate;
        ssl_certificate_key $certificate;
        EOT
);
my $worker = Skep::Fanout->new($skep);
my ($user, $other) = map { $skep->user } 1 .. 2;
my $admin = $skep->admin;
my $password = $user->password;

$worker->heard;
$worker->all;


# a comment every so often

my $quiet = Skep::Stream->open($user);

sleep 3.6;

my @beats = $quiet->comments;

cmp_ok(scalar @beats, '>=', 4, 'comments, while nothing happens');
cmp_ok(scalar @beats, '<=', 6, 'and not too many');
$quiet->close;


# the token

my $stream = Skep::Stream->open($user,
    token => $skep->token($user, { exp => 2 + int time }));

is($stream->ended(0.5), '', 'a token that is good for a moment');
is($stream->ended(3), 'whole', 'ends the stream then');
like(($stream->comments)[-1][0], qr/token/, 'which says why');
status_is($user->get('/v1/me'), 200, 'other tokens are good still');


# the session: whoever ends it, that of the stream and no other

my ($here, $there, $third) = map { $skep->login($user) } 1 .. 3;
my @streams = map { Skep::Stream->open($_) } $here, $there;
my $theirs = Skep::Stream->open($other);

status_is($here->post('/v1/auth/logout'), 204, 'logout');

my $start = time;

is($streams[0]->ended(2.5), 'whole', 'ends its stream');
cmp_ok(time - $start, '<', 2, 'soon');
is($streams[1]->ended(0.2), '', 'and no other');

status_is($third->put('/v1/me/password', {
    current_password => $password, new_password => 'battery staple',
}), 204, 'a new password');
is($streams[1]->ended(2.5), 'whole', 'ends those of the other sessions');

$user = $third;
$stream = Skep::Stream->open($user);
$skep->pg->execute(<<~"SQL");
    UPDATE auth.sessions SET revoked_at = now()
    WHERE user_id = '@{[$user->id]}'
    SQL
is($stream->ended(3), 'whole', 'one that was ended elsewhere');

status_is($admin->patch('/v1/users/' . $other->id, { disabled => JSON::PP::true }),
          200, 'a user is disabled');
is($theirs->ended(2.5), 'whole', 'and their streams end');


# how many there may be

$user = $skep->user;
@streams = map { Skep::Stream->open($user) } 1 .. 3;
is(scalar(grep { $_->response } @streams), 0, 'as many as there may be');

my $res = $user->get('/v1/notifications/stream');

problem($res, 429, 'too_many_streams');
cmp_ok($res->header('Retry-After'), '>', 0, 'when to come again');
status_is($user->head('/v1/notifications/stream'), 200, 'HEAD is none of them');

my $another = $skep->user;

is(Skep::Stream->open($another)->response, undef, 'others have theirs');
$streams[0]->close;
$streams[1]->abort;
ok(wait_until(5, sub {
    @streams = grep { !$_->response }
               $streams[2], Skep::Stream->open($user), Skep::Stream->open($user);
    return @streams == 3;
}), 'when two have gone there is room for two');
$_->close for @streams;


# one that reads nothing: what waits is bounded, and it is dropped

$skep->reconfigure(set => { $skep->{options}{set}->%*,
                            notify_stream_max => 20 });
$skep->reload;
$worker->heard;

my $slow = Skep::Stream->open($user, rcvbuf => 4096);
my $quick = Skep::Stream->open($user, raw => 1);
my $text = 'x' x 15_000;
my @sent;

# the kernel takes some megabytes for it, before nginx has to keep any
for my $round (1 .. 60) {
    $user->task(title => "Task $round $_", description => $text) for 1 .. 10;
    push @sent, map { $_->{id} } $worker->all;
    $quick->events(10, 10);
    last if $skep->nginx->log =~ /reads its stream too slowly: (\d+) bytes/;
}

my ($wait) = $skep->nginx->log =~ /reads its stream too slowly: (\d+) bytes/;

ok($wait, 'a client that reads nothing is dropped');
cmp_ok($wait // 0, '<', 65536 + 2 * 20_000, 'before too much waits for it');

my @got = map { $_->{id} } $slow->events(1e9, 2);

is($slow->ended(1), 'closed', 'in the middle');

my $again = Skep::Stream->open($user, last => $got[-1], raw => 1);

push @got, map { $_->{id} } $again->events(@sent - @got, 20);
is_deeply(\@got, \@sent, 'and misses nothing when it comes again');
is($quick->ended(0), '', 'the one that reads goes on');
$_->close for $slow, $quick, $again;


# HTTP/2, and TLS

my %curl;

for my $way (['h2', 'http', '--http2-prior-knowledge'],
             ['tls', 'https', '-k', '--http1.1'], ['h2tls', 'https', '-k'])
{
    my ($name, $scheme, @options) = @$way;

    $curl{$name} = spawn(
        cmd => ['curl', '-sN', '-m', '30', @options,
                '-H', 'Authorization: Bearer ' . $user->token,
                "$scheme://127.0.0.1:" . $skep->port($name)
                . '/v1/notifications/stream'],
        out => $skep->nginx->file($name),
    );

    ok(wait_until(5, sub { told($name) =~ /^retry: 3000$/m }), $name);
}

# what it has told until now

sub told ($name) { return slurp($skep->nginx->file($name), absent => '') }

my $big = 'x' x 20_000;

$user->task(title => 'Big', description => $big) for 1 .. 20;
$user->task(title => 'By all ways');
$worker->all;

for my $name (sort keys %curl) {
    ok(wait_until(5, sub { told($name) =~ /^data: .*"By all ways"/m }),
       "$name: has events");
    is(scalar(() = told($name) =~ /"$big"/g), 20, "$name: whole");
}


# the worker goes: streams are told, and it is not kept

@streams = map { Skep::Stream->open($user) } 1 .. 5;
$user->task(title => 'Before');
$worker->all;
$_->event for @streams;

my @old = $skep->nginx->reload;

$start = time;
ok($skep->nginx->gone(5, @old), 'reload: the worker goes');
cmp_ok(time - $start, '<', 2, 'at once');
is($_->ended(1), 'whole', 'its streams end') for @streams;

my %retry = map { $_->retry => 1 } @streams;

is(scalar(grep { $_ >= 100 && $_ < 1100 } keys %retry), scalar keys %retry,
   'they are told when to come again');
cmp_ok(scalar keys %retry, '>', 1, 'not all at the same time');

for my $name (sort keys %curl) {
    ok(wait_until(5, sub { !Skep::Process::alive($curl{$name}) }),
       "$name: the client ends");
    like(told($name), qr/^retry: \d{3,4}\n\n\z/m, 'and is told, too');
}

$user->task(title => 'Between');
$worker->heard;
$worker->all;
$stream = Skep::Stream->open($user, last => $streams[0]->last_id);
is($stream->event->{data}{data}{task}{title}, 'Between',
   'and miss nothing in the new one');


# a reload with one that does not read, and one that comes at that moment

$slow = Skep::Stream->open($user, rcvbuf => 4096);

for my $round (1 .. 30) {
    $user->task(title => 'x', description => $text) for 1 .. 5;
    $worker->all;
    $stream->events(5, 5);
}

@old = $skep->nginx->reload;
ok($skep->nginx->gone(5, @old), 'one that does not read keeps no worker');


# bounded: a long stream costs no memory

$stream = Skep::Stream->open($user, raw => 1);

my ($sum, $grown) = (0, 0);

$worker->heard;

for my $round (1 .. 6) {
    my $before = $skep->nginx->memory;

    $skep->pg->execute(<<~"SQL");
        INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
        SELECT gen_random_uuid(), 'task.updated', '@{[$user->id]}',
               '@{[$user->inbox]}', '{"task":{"title":"Again and again"}}'
        FROM generate_series(1, 2000)
        SQL

    for my $run ($worker->run(most => 2000, each => 50)) {
        $worker->publish($run);
        $sum += $stream->events(50, 10);
    }

    $grown = $skep->nginx->memory - $before;
    note("round $round: $grown KB more");
}

is($sum, 12_000, 'twelve thousand events');

if (Skep::Sanitizer::on()) {
    note('a sanitizer keeps what was freed');
} else {
    cmp_ok($grown, '<', 128, 'take no memory that stays');
}

finish();
