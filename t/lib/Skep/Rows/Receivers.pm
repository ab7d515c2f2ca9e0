package Skep::Rows::Receivers;

# The fault matrix: receivers of webhooks that misbehave.  Meanwhile who answers
# well must not notice it; and when they have come to reason, they get what was
# due, each of it once.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Receiver;
use Skep::Rude;
use Test::More;
use Time::HiRes qw(time);

use constant {
    GOOD => '/hook',            # that of Skep::Faults
    LATE => 2,                  # seconds that a good one may wait at most
};

my $ok = "HTTP/1.1 200 OK\r\n";

my %silent = (
    made   => 'eight webhooks of all events: says nothing, accepts nobody, half '
              . 'a status, slow and endless headers, half a body, a body and no '
              . 'end, TLS and no hello',
    rude   => [
        {}, { greet => 'HTTP/1.1 2' },
        { greet => $ok . 'X: ' . 'y' x 100_000, drip => 0.1 },
        { greet => $ok, flood => "X: y\r\n" },
        { greet => "${ok}Content-Length: 9\r\n\r\n1" },
        { greet => "${ok}Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n" },
        { scheme => 'https' },
        # the last one: what is forked after it has its socket, too
        { deaf => 1 },
    ],
);
my %broken = (
    made   => 'nine of them: closes, closes half, resets, cuts the body, nonsense '
              . 'for HTTP, for chunks and for TLS, a redirect to itself, a flood '
              . 'of 100s',
    rude   => [
        { close => 1 }, { close => 'half' }, { close => 'reset' },
        { greet => "${ok}Content-Length: 9\r\n\r\n1", close => 1 },
        { greet => "SSH-2.0-OpenSSH_9\r\n", close => 1 },
        { greet => "${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n" },
        { flood => "\x16\x03\x03junk", scheme => 'https' },
        { greet => "HTTP/1.1 302 Found\r\nLocation: /\r\n"
                   . "Content-Length: 0\r\n\r\n" },
        { flood => "HTTP/1.1 100 Continue\r\n\r\n" },
    ],
);


sub rows ($class) {
    my %row = (
        holds  => 'no request fails, and a good receiver gets its deliveries '
                  . 'within ' . LATE . ' s; after the end each gets all that was '
                  . 'due, each event once',
        bar    => 2,
        calm   => 1,
        rate   => 20,
        server => { worker_conf => {
            # a good one must answer in that time, on a machine that is busy
            webhook_timeout => '3s',
            webhook_lease => '6s',
            # nothing is given up before the end
            webhook_per_endpoint => 8,
            webhook_schedule => '200ms 500ms' . ' 1s' x 30,
        } },
        hold   => 1.5,
        inject => \&_hooks,
        during => \&undisturbed,
        end    => \&_reason,
        works  => \&_delivered,
        after  => \&_unhook,
    );

    return [
        { %row, name => 'receivers that hang', %silent, short => 1 },
        { %row, name => 'receivers that break off', %broken },
    ];
}


# What misbehaves belongs to another user than the good one.

sub _hooks ($m) {
    my $user = $m->faults->{users}[1];

    $m->{began} = time;
    $m->{bad} = [map {
        my %how = %$_;
        my $scheme = delete $how{scheme} // 'http';
        my $rude = Skep::Rude->new(%how);
        my $res = $user->post('/v1/webhooks', { url => $rude->url($scheme),
                                                events => ['*'] });

        $res->status == 201 or die 'no webhook: ' . $res->body;
        { rude => $rude, id => $res->json->{id} };
    } $m->row->{rude}->@*];
}


# What was written so far reaches the good one, while it lasts.

sub undisturbed ($m) {
    my $until = time;
    my $late;

    ok(wait_until(20, sub { defined($late = _latest($m, $until)) }),
       'the good receiver gets all, meanwhile') or return;

    note(sprintf 'a good receiver waited for %.3f s at most', $late);
    cmp_ok($late, '<', LATE, 'and soon') if !$m->{short};

    ok(wait_until(20, sub { _tried($m) == ($m->{bad} // [])->@* }),
       'the others are tried, and fail');
}


# How many have failed.

sub _tried ($m) {
    return $m->pg->value(<<~"SQL");
        SELECT count(DISTINCT d.webhook_id)
        FROM notify.deliveries d JOIN notify.webhooks w ON w.id = d.webhook_id
        WHERE d.attempts > 0 AND w.url NOT LIKE '%@{[GOOD]}'
        SQL
}


# The seconds that the slowest event of the fault's time, until then, took to the
# good one; undef: one is not there.

sub _latest ($m, $until) {
    my $latest = 0;
    my $came = $m->faults->{receiver}->arrivals(GOOD);

    for my $row ($m->pg->query(<<~"SQL")->@*) {
        SELECT id, extract(epoch FROM created_at) FROM notify.events
        WHERE task_id IS NOT NULL
          AND created_at BETWEEN to_timestamp($m->{began})
                             AND to_timestamp($until)
        SQL
        my ($id, $made) = @$row;
        my $took = ($came->{$id} // return undef) - $made;

        $latest = $took if $took > $latest;
    }

    return $latest;
}


# At the same places there are receivers now that answer 204.

sub _reason ($m) {
    $_->{rude}->stop_server for $m->{bad}->@*;

    for my $bad ($m->{bad}->@*) {
        $bad->{good} = Skep::Receiver->new(dir => $m->skep->dir,
                                           port => $bad->{rude}->port);
    }

    # none of these has a certificate
    $m->pg->execute(<<~'SQL');
        UPDATE notify.webhooks SET url = replace(url, 'https:', 'http:')
        SQL

    $m->{due} = $m->pg->value('SELECT max(n) FROM notify.deliveries');
    return undef;
}


# Nothing waits any more of what was due at the end.

sub _delivered ($m) {
    return $m->pg->value(<<~"SQL") == 0;
        SELECT count(*) FROM notify.deliveries
        WHERE n <= $m->{due} AND status = 'pending'
        SQL
}


sub _unhook ($m) {
    my $user = $m->faults->{users}[1];

    for my $bad ((delete $m->{bad})->@*) {
        my @due = map { $_->[0] } $m->pg->query(<<~"SQL")->@*;
            SELECT event_id FROM notify.deliveries
            WHERE webhook_id = '$bad->{id}' AND n <= $m->{due}
            SQL
        my %got;

        $got{$_->{headers}{'webhook-id'}}++ for $bad->{good}->requests('/');

        $m->{missed} += grep { !$got{$_} } @due;
        $m->{again} += grep { $_ > 1 } values %got;
        $m->{delivered} += @due;

        $user->delete("/v1/webhooks/$bad->{id}");
        $bad->{good}->stop_server;
    }

    cmp_ok($m->{delivered}, '>', 0, 'deliveries were due');
    is($m->{missed}, 0, 'each was delivered in the end');
    is($m->{again}, 0, 'once');
}


1;
