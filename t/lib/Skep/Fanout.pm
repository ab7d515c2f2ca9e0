package Skep::Fanout;

# What the worker does for the stream, step by step: so that a message can be
# lost, late, or come before another one.

use v5.36;

use IO::Socket::UNIX;
use Skep::Process;


# new(server, name of the stream)

sub new ($class, $server, $name = 'skep') {
    return bless { server => $server, name => $name }, $class;
}


# Fans out what is in the outbox, most rows at most; what is to be told, as
# runs of [{n, id, type, json, users}, ...], each_in of them in a run.

sub run ($self, %o) {
    my $most = $o{most} // 1000;
    my $rows = $self->{server}->pg->query(<<~"SQL");
        SELECT f.n, f.id, f.type, array_to_string(f.recipients, ' '),
               replace(to_json(note)::text, E'\\n', ' ')
        FROM notify.fan_out((SELECT max(seq) FROM notify.outbox), $most) AS f,
             LATERAL (SELECT f.id, f.id AS event_id, f.type, f.project_id,
                             f.task_id, f.actor_id, f.data,
                             NULL::text AS read_at, f.created_at) AS note
        WHERE f.n IS NOT NULL
        ORDER BY f.n
        SQL

    my @events = map {
        my ($n, $id, $type, $users, $json) = @$_;
        utf8::encode($json) if utf8::is_utf8($json);
        { n => $n, id => $id, type => $type, json => $json,
          users => [split / /, $users // ''] };
    } @$rows;

    return \@events if !$o{each};

    my @runs;
    push @runs, [splice @events, 0, $o{each}] while @events;
    return @runs;
}


# The message of a run, as worker/skep_wire.h has it.

sub message ($self, $run) {
    my $text = "skep1 $run->[0]{n} $run->[-1]{n}\n";

    for my $event (@$run) {
        my @users = $event->{users}->@*;
        my $json = @users ? $event->{json} : '';

        $text .= join(' ', @$event{qw(n type id)}, length $json,
                      scalar @users, @users) . "\n$json\n";
    }

    return $text;
}


# Publishes a run, or a text; how many heard it.

sub publish ($self, $run) {
    my @words = ('PUBLISH', "$self->{name}:notifications",
                 ref $run ? $self->message($run) : $run);
    my $text = join '', '*', scalar @words, "\r\n",
               map { '$' . length($_) . "\r\n$_\r\n" } @words;

    # a message is longer than a command line may be
    my $socket = IO::Socket::UNIX->new($self->{server}->redis->{socket})
        or die "Redis: $!";

    print $socket $text;
    $socket->flush;
    my $answer = <$socket> // '';
    $answer =~ /\A:(\d+)/ or die "Redis: $answer";

    return $1;
}


# Both, in messages of 64 KB at most: what the worker does.

sub all ($self, %o) {
    my @events = $self->run(%o)->@*;
    my @run;
    my $size = 0;

    for my $event (@events) {
        my $more = length($event->{json}) + 37 * $event->{users}->@* + 120;

        if (@run && $size + $more > 60_000) {
            $self->publish([splice @run]);
            $size = 0;
        }

        push @run, $event;
        $size += $more;
    }

    $self->publish(\@run) if @run;
    return @events;
}


# Waits until so many workers listen.

sub heard ($self, $n = 1) {
    return Skep::Process::wait_until(5, sub {
        my (undef, $count) = split /\n/, $self->{server}->redis->command(
            'PUBSUB', 'NUMSUB', "$self->{name}:notifications");
        return $count == $n;
    });
}


1;
