#!/usr/bin/env perl

# Many streams at once: what one takes of nginx's memory, and that an event gets
# to all of them.  SKEP_STREAMS says how many; with 5000 the figures are those
# of the documentation.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep time);

my $n = $ENV{SKEP_STREAMS} // 1000;
my $each = 20;                          # streams of a user
my $skep = skep(worker => 1, connections => 200 + int 1.1 * $n);
my $owner = $skep->user;
my $project = $owner->project(name => 'Everybody')->{id};
my @users = map { sprintf '01890000-0000-7000-8000-%012x', $_ } 1 .. $n;

$skep->pg->execute(<<~"SQL");
    INSERT INTO auth.users (id, email, name, password_hash)
    SELECT id, id || '\@example.org', 'A user', '\$x'
    FROM unnest('{@{[join ',', @users]}}'::uuid[]) AS id;
    ANALYZE auth.users;
    SQL


# Opens streams of these users, so many each: [socket, ...].

sub streams ($each, @users) {
    my @streams;

    for my $id (@users) {
        my $user = Skep::User->new($skep, { user => { id => $id } }, {});
        my $token = $skep->token($user);

        for (1 .. $each) {
            my $client = $skep->new_client;

            # as a browser's: some hundred bytes beside the token
            $client->send($client->format_request(
                'GET', '/v1/notifications/stream', token => $token,
                headers => [
                    'User-Agent' => 'Mozilla/5.0 (X11; Linux x86_64; '
                                    . 'rv:140.0) Gecko/20100101 Firefox/140.0',
                    Accept => 'text/event-stream',
                    'Accept-Language' => 'en-US,en;q=0.5',
                    Referer => 'https://app.example/tasks',
                    'Cache-Control' => 'no-cache',
                ]));
            push @streams, $client;
        }
    }

    until_all(\@streams, qr/retry: 3000\n/);
    return @streams;
}

# Reads until each has this; the seconds until the last one had it, and how
# many have.

sub until_all ($streams, $what, $timeout = 60) {
    my $start = time;
    my %open = map { fileno($_->socket) => $_ } @$streams;
    my $mask = '';
    my $last = $start;

    vec($mask, $_, 1) = 1 for keys %open;

    while (%open && time - $start < $timeout) {
        select(my $ready = $mask, undef, undef, 0.2) or next;

        for my $fd (grep { vec $ready, $_, 1 } keys %open) {
            my $client = $open{$fd};

            sysread $client->socket, $client->{in}, 65536,
                    length $client->{in} or die 'a stream ended';

            if ($client->{in} =~ $what) {
                $client->{in} = '';
                delete $open{$fd};
                vec($mask, $fd, 1) = 0;
                $last = time;
            }
        }
    }

    return ($last - $start, @$streams - keys %open);
}


# memory: that of the streams alone; some were there before, so that what the
# first one needs is not counted

my @few = streams(1, @users[0 .. 49]);
sleep 0.5;

my $before = $skep->nginx->memory;
my @streams = streams(1, @users[50 .. $n - 1]);

sleep 0.5;

my $took = ($skep->nginx->memory - $before) / @streams;

note(sprintf '%d streams: %.2f KB each', scalar @streams, $took);

if (Skep::Sanitizer::on()) {
    note('a sanitizer takes more');
} else {
    cmp_ok($took, '<', 10, 'less than 10 KB each');
}


# an event for all: of as many users, and of users with several streams

sub told ($streams, $what) {
    $skep->pg->execute(<<~"SQL");
        DELETE FROM task.members
        WHERE project_id = '$project' AND role = 'viewer';
        INSERT INTO task.members (project_id, user_id, role)
        SELECT '$project', id, 'viewer'
        FROM unnest('{@{[join ',', @$what]}}'::uuid[]) AS id;
        SQL

    for my $round (1 .. 3) {
        my $start = time;

        $owner->task(title => "Told $round", project_id => $project);
        my ($seconds, $had) = until_all($streams, qr/"Told $round"/);

        note(sprintf '%d streams of %d users: %.0f ms after the commit',
             scalar @$streams, scalar @$what, 1000 * (time - $start));
        is($had, scalar @$streams, 'an event gets to all');
    }
}

push @streams, @few;
told(\@streams, \@users);

$_->close for splice @streams;
ok(wait_until(10, sub {
    @streams = grep { $_->connected } streams(1, $users[0]);
}), 'others may come');
$_->close for splice @streams;

my @some = @users[0 .. $n / $each - 1];

@streams = streams($each, @some);
told(\@streams, \@some);

finish();
