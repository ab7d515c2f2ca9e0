#!/usr/bin/env perl

# Last-Event-ID: a stream goes on where one ended, and nothing is missed,
# whatever happens at that moment.

use v5.36;

use Skep::Fanout;
use Skep::Process qw(wait_until);
use Skep::Stream;
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(redis => 1, set => {
    notify_stream => 'skep', notify_stream_buffer => '8k',
});
my $worker = Skep::Fanout->new($skep);
my ($user, $other, $new) = map { $skep->user } 1 .. 3;
my $target = '/v1/notifications/stream';

$worker->heard;
$worker->all;


sub titles (@events) {
    return [map { $_->{data}{data}{task}{title} } @events];
}

# tasks of those titles, with their notifications

sub tasks ($by, @titles) {
    $by->task(title => $_) for @titles;
    return $worker->all;
}


# cut off before anything came: one who has no notification, and one who has

for my $title ('Early', 'Second') {
    my $stream = Skep::Stream->open($new);

    wait_until(5, sub { $stream->comments && defined $stream->last_id })
        or fail('where it begins is told');
    is($stream->event(0), undef, 'that is no event');
    $stream->abort;
    tasks($new, $title);
    is_deeply(titles(Skep::Stream->open($new, last => $stream->last_id)
                     ->events(2, 1)),
              [$title], "$title is not missed");
}


my @first = tasks($user, map { "First $_" } 1 .. 50);

tasks($other, 'Not yours');

# by the header, by the parameter, by both

my $id = $first[9]{id};
my $later = $first[29]{id};

for my $by (
    [last => $id],
    [last => uc $id],
    [target => "$target?last_event_id=$id"],
    [target => "$target?last_event_id=$later", last => $id],
    [target => "$target?last_event_id=$id", last => 'nothing'],
) {
    my $stream = Skep::Stream->open($user, @$by);

    is_deeply(titles($stream->events(40)), [map { "First $_" } 11 .. 50],
              "resumed by @$by");
    is($stream->event(0.1), undef, 'no more');
    tasks($user, 'Now');
    is_deeply(titles($stream->events(1)), ['Now'], 'and live then');

    # each of them is one more for the next
    $skep->pg->execute(<<~"SQL");
        UPDATE notify.inbox AS i SET deleted_at = now() FROM notify.events AS e
        WHERE e.n = i.n AND e.data -> 'task' ->> 'title' = 'Now'
        SQL
}


# ids that are none, and those of others

my $stream = Skep::Stream->open($user, last => nobody);

is_deeply(titles($stream->events(50)), [map { "First $_" } 1 .. 50],
          'an id that is gone: all that is kept');

my $theirs = $skep->pg->value(<<~"SQL");
    SELECT e.id FROM notify.events AS e JOIN notify.inbox AS i USING (n)
    WHERE i.user_id = '@{[$other->id]}' LIMIT 1
    SQL

$stream = Skep::Stream->open($user, last => $theirs);
is(scalar(my @all = $stream->events(50)), 50,
   'another one\'s id: as one that is gone');
is($all[0]{data}{data}{task}{title}, 'First 1', 'from the first');

$stream = Skep::Stream->open($user, last => 'x' x 36);
is($stream->event(0.3), undef, 'a header that is no id is ignored');

problem($user->get("$target?last_event_id=x"), 400, 'invalid_parameter',
        ['last_event_id', 'invalid_format']);
problem($user->get("$target?last_event_id="), 400, 'invalid_parameter',
        ['last_event_id', 'invalid_format']);
problem($user->get("$target?since=1"), 400, 'invalid_parameter',
        ['since', 'unknown_parameter']);
problem($skep->get($target), 401, 'token_missing');


# what was read is told so, what was deleted does not come

$skep->pg->execute(<<~"SQL");
    UPDATE notify.inbox AS i SET read_at = '2026-01-02T03:04:05.6Z'
    FROM notify.events AS e WHERE e.n = i.n AND e.id = '$first[48]{id}';
    SQL

$stream = Skep::Stream->open($user, last => $first[47]{id});
my @read = $stream->events(2);
is($read[0]{data}{read_at}, '2026-01-02T03:04:05.6Z', 'one that was read');

is_deeply($read[1]{data}, Skep::Response::decode($first[49]{json}),
          'the same as live');


# much of it: more than a page, more than the buffer

my $long = 'x' x 15_000;

tasks($user, 'Many');
$user->task(title => "Much $_", description => $long) for 1 .. 100;
$worker->all(most => 50);
$worker->run;                               # nobody is told of the rest

$stream = Skep::Stream->open($user, last => $first[49]{id});
is_deeply(titles($stream->events(101, 20)),
          ['Many', map { "Much $_" } 1 .. 100], 'page after page');


# events as they come, while streams are opened and closed at any moment

my @streams = map { Skep::Stream->open($user, raw => 1) } 1 .. 3;
my @got = map { [] } @streams;
my $load = $skep->load(connections => 2, next => sub {
    state $n = 0;

    return {
        method => 'POST', target => '/v1/tasks', kind => 'create',
        token  => $user->token, json => { title => 'Load ' . ++$n },
        check  => sub ($res, $journal) {
            return $res->status == 201 ? undef : 'status ' . $res->status;
        },
    };
});

for my $round (1 .. 30) {
    my @runs = $worker->run(each => 5);

    # every third is lost, and each second one is late
    @runs = map { $_ % 3 ? $runs[$_] : () } 0 .. $#runs;
    @runs = map { $_ % 2 ? ($runs[$_], $runs[$_ - 1]) : () } 0 .. $#runs
        if $round % 2;
    $worker->publish($_) for @runs;

    my $i = $round % @streams;
    push $got[$i]->@*, $streams[$i]->events(1e9, 0.02);
    my $last = $streams[$i]->last_id;

    $round % 2 ? $streams[$i]->close : $streams[$i]->abort;
    $streams[$i] = Skep::Stream->open($user, last => $last, raw => 1);
}

load_is_clean($load->stop);
$worker->all;

my $want = $skep->pg->query(<<~"SQL");
    SELECT e.id FROM notify.events AS e JOIN notify.inbox AS i USING (n)
    WHERE i.user_id = '@{[$user->id]}' AND e.data -> 'task' ->> 'title' LIKE 'Load %'
    ORDER BY n
    SQL
my @want = map { $_->[0] } @$want;

note(scalar @want, ' events');
cmp_ok(scalar @want, '>', 100, 'there was something to be missed');

for my $i (0 .. $#streams) {
    my $until = time + 20;

    while (!grep { $_->{id} eq $want[-1] } $got[$i]->@* and time < $until) {
        push $got[$i]->@*, $streams[$i]->events(1e9, 0.1);
    }

    push $got[$i]->@*, $streams[$i]->events(1e9, 0.5);

    my @ids = map { $_->{id} } $got[$i]->@*;
    is_deeply(\@ids, \@want, "stream $i: each event once, in order");
}

finish();
