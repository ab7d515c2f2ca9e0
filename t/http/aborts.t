#!/usr/bin/env perl

# A hundred thousand requests, most of which their clients leave: in the header, in
# the body, while they wait, amid the answer.  Each that is answered has to be
# answered by its own, whatever ran on that connection before, and nothing of the
# others may stay but what was acknowledged.

use v5.36;

use Skep::H2;
use Skep::Mix;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $requests = $ENV{SKEP_HTTP_ABORTS} // 100_000;
my $seed = $ENV{SKEP_HTTP_SEED} // int rand 1e6;
my $streams = $requests / 5;

note("SKEP_HTTP_SEED=$seed");
srand $seed;

my $skep = skep(workers => 2, metrics => 1,
                server => 'listen 127.0.0.1:%%PORT:h2%% http2;',
                set => { send_timeout => '2s' });
my $mix = Skep::Mix->new($skep);
my $user = $mix->{users}[0];
my $before = $skep->resources;


# HTTP/1: two thirds leave

sub leaving ($request) {
    my $moment = rand;

    $request->{cut} = 1 + int rand 500 if $moment < 0.25;
    $request->{abort} = $moment < 0.25 ? rand 0.002
                      : $moment < 0.35 ? 0
                      : rand 0.006 if $moment < 0.66;
}

my @loads = map {
    my $part = Skep::Mix->new($skep, users => 1);
    my $left = ($requests - $streams) / 2;
    my $next = $part->requests(
        weights => { get => 4, list => 2, post => 2, patch => 2 },
        change  => \&leaving,
    );

    # the witness would look at all of them for an hour
    Skep::Load->start(
        port => $skep->port, connections => 32, next => sub {
            kill 'TERM', $$ if $left-- == 0;
            return $next->();
        },
    );
} 1, 2;


# HTTP/2, meanwhile: of twenty streams on a connection most are reset

my ($asked, $reset, $answered, @wrong) = (0, 0, 0);

while ($asked < $streams) {
    my $h2 = Skep::H2->new(port => $skep->port('h2'), window => 1 << 24);
    my %own;

    for (1 .. 20) {
        my $nonce = 'stream-' . ++$asked;
        my ($user, $task) = $mix->{tasks}[rand $mix->{tasks}->@*]->@*;
        my ($id, $bytes) = rand() < 0.5
            ? $h2->format_request('GET', "/v1/tasks/$task->{id}",
                                  token => $user->token)
            : $h2->format_request('GET', "/$nonce",
                                  headers => ['x-request-id', $nonce]);

        $own{$id} = $bytes =~ /x-request-id/ ? qr/"request_id":"$nonce"/
                                             : qr/\A\{"id":"$task->{id}"/;
        $h2->send($bytes);
        $h2->read(rand 0.002) if rand() < 0.3;

        next if rand() > 0.6;
        $h2->send(Skep::H2::frame(3, 0, $id, pack 'N', 8));
        $reset++;
        delete $own{$id};
    }

    if (rand() < 0.5) {
        sleep rand 0.003;
        $h2->abort;
        next;
    }

    for my $id (keys %own) {
        my $stream = $h2->answer($id, 15);

        push @wrong, $stream ? $stream->{body} // 'nothing' : 'no answer'
            if !$stream || $stream->{body} !~ $own{$id};
        $answered++;
    }

    $h2->close;
}

is(scalar @wrong, 0, 'streams that stay have their own answers')
    or diag(@wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)]);
note("$asked streams, $reset of them reset, $answered answers looked at");


# and what became of the others

my $total = $asked;

for my $load (@loads) {
    wait_until(900, sub { !$load->running }, 0.5);

    my $report = $load->stop;

    load_is_clean($report, 'each answer is its own');
    is($report->count(status => '5xx'), 0, 'no 5xx');
    cmp_ok($report->aborted, '>', 0.2 * $requests / 2, 'many left');
    $total += $report->aborted + $report->count;
    $mix->verify($report);
}

cmp_ok($total, '>=', 0.95 * $requests, "$total requests");

my @left;

wait_until(10, sub {
    my $metrics = $skep->metrics;

    @left = grep { $metrics->get($_) } qw(skep_pg_in_flight skep_pg_queued);
    return !@left;
});
is("@left", '', 'nothing is under way any more');
status_is($user->get('/v1/tasks'), 200, 'all is well');
$skep->client->close;
resources_are($skep, $before);

finish();
