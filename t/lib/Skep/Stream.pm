package Skep::Stream;

# A client of GET /v1/notifications/stream: Server-Sent Events as they come.

use v5.36;

use Carp qw(croak);
use Errno qw(EAGAIN EINTR);
use IO::Select;
use Skep::Client;
use Skep::Response;
use Time::HiRes qw(time);


# Asks for a user's stream, and reads the head of the answer.
#
#     last     the id of the last event that was seen, as the header
#     target   instead of "/v1/notifications/stream"
#     headers  [ name => value, ... ]
#     client   a Skep::Client of one's own, or %o of one: rcvbuf => bytes
#     token, version
#     raw      leave the data as text: there will be many
#
# When the answer is no stream, response() has it.

sub open ($class, $user, %o) {
    my $self = bless {
        client => $o{client} // $user->{server}->new_client(
            $o{rcvbuf} ? (rcvbuf => $o{rcvbuf}) : ()),
        text => '', events => [], comments => [], ended => '',
        raw => $o{raw},
        last_id => $o{last},    # as long as nothing comes
    }, $class;
    my $client = $self->{client};
    my @headers = ($o{headers} // [])->@*;

    push @headers, 'Last-Event-ID', $o{last} if defined $o{last};

    $client->send($client->format_request(
        'GET', $o{target} // '/v1/notifications/stream',
        token => $o{token} // $user->token, headers => \@headers,
        $o{version} ? (version => $o{version}) : ()));

    $self->_head;
    return $self;
}


sub _head ($self) {
    my $client = $self->{client};
    my $until = time + 10;

    while ($client->{in} !~ /\r\n\r\n/) {
        $self->_read($until - time) or croak 'no answer';
    }

    my ($head) = $client->{in} =~ /\A(.*?\r\n\r\n)/s;

    if ($head =~ m{^Content-Type: text/event-stream}mi) {
        substr $client->{in}, 0, length $head, '';
        $self->{head} = $head;
        $client->saw(Skep::Response->parser('HEAD')->parse(\(my $h = $head)));
        $self->{chunked} = $head =~ /^Transfer-Encoding: chunked/mi;
        $self->_parse;
        return;
    }

    $self->{response} = $client->response;
}


sub head ($self) { return $self->{head} }
sub response ($self) { return $self->{response} }
sub client ($self) { return $self->{client} }
sub last_id ($self) { return $self->{last_id} }
sub retry ($self) { return $self->{retry} }

sub close ($self) { $self->{client}->close }
sub abort ($self) { $self->{client}->abort }


# More bytes within so many seconds: true.  At the end, or after the time:
# false; ended() then knows which.

sub _read ($self, $timeout) {
    my $client = $self->{client};
    my $until = time + $timeout;

    return 0 if $self->{ended} || !$client->socket;

    while (1) {
        my $n = sysread $client->socket, $client->{in}, 262144,
                        length $client->{in};

        return 1 if $n;

        if (defined $n || ($! != EAGAIN && $! != EINTR)) {
            $self->{ended} ||= 'closed';
            return 0;
        }

        my $left = $until - time;
        return 0 if $left <= 0;
        IO::Select->new($client->socket)->can_read($left);
    }
}


sub _parse ($self) {
    my $in = \$self->{client}{in};

    if ($self->{chunked}) {
        my $at = 0;

        pos $$in = 0;

        while ($$in =~ /\G([0-9a-f]+)\r\n/gc) {
            my ($size, $from) = (hex $1, pos $$in);

            last if length $$in < $from + $size + 2;
            $self->{text} .= substr $$in, $from, $size;
            $at = pos($$in) = $from + $size + 2;
            $self->{ended} = 'whole' if $size == 0;
        }

        substr $$in, 0, $at, '';

    } else {
        $self->{text} .= $$in;
        $$in = '';
    }

    my @blocks = split /\n\n/, $self->{text}, -1;

    $self->{text} = pop @blocks // '';
    $self->_block($_) for @blocks;
}


sub _block ($self, $block) {
    my (%event, @data);

    for my $line (split /\n/, $block) {
        if ($line =~ /\A:\s?(.*)/) {
            push $self->{comments}->@*, [$1, time];

        } elsif ($line =~ /\A(id|event|data|retry): (.*)/) {
            $1 eq 'data' ? push @data, $2 : ($event{$1} = $2);

        } else {
            croak "\"$line\" in a stream of events";
        }
    }

    $self->{retry} = $event{retry} if defined $event{retry};
    $self->{last_id} = $event{id} if defined $event{id};

    # as a browser does: that is no event
    return if !@data;

    my %more;

    if (!$self->{raw}) {
        $more{data} = Skep::Response::decode(join "\n", @data);
        $self->{client}{witness}->event($more{data})
            if $self->{client}{witness};
    }

    push $self->{events}->@*, {
        id => $event{id}, type => $event{event}, text => $data[0],
        at => time, %more,
    };
}


# The next event within so many seconds, or undef.

sub event ($self, $timeout = 5) {
    my $until = time + $timeout;

    while (!$self->{events}->@*) {
        my $left = $until - time;
        $left = 0 if $left < 0;

        $self->_read($left) or last;
        $self->_parse;
    }

    return shift $self->{events}->@*;
}


# The next events, up to n.

sub events ($self, $n, $timeout = 5) {
    my $until = time + $timeout;
    my @events;

    while (@events < $n) {
        my $left = $until - time;
        my $event = $self->event($left > 0 ? $left : 0) // last;

        push @events, $event;
    }

    return @events;
}


# The comments up to now, as [text, when]; reads what is there.

sub comments ($self) {
    while ($self->_read(0)) { $self->_parse }

    return $self->{comments}->@*;
}


# Whether it has ended within so many seconds: 'whole' if it was told so, or
# 'closed'; events that come meanwhile are kept.

sub ended ($self, $timeout = 5) {
    my $until = time + $timeout;

    while (!$self->{ended}) {
        my $left = $until - time;

        last if $left <= 0;
        $self->_parse if $self->_read($left);
    }

    return $self->{ended};
}


1;
