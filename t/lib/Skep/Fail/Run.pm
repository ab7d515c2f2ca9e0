package Skep::Fail::Run;

# Runs a step of the API with one call after the other failing, and looks that
# nothing else does: an answer in time, which is good or a clean 5xx; the worker
# lives; the next request is answered well; nothing is left behind.

use v5.36;

use Skep::Process qw(wait_until);
use Time::HiRes qw(sleep time);

use constant {
    SLOW  => 4.5,               # seconds that a request may take
    AGAIN => 15,                # and until it is answered well again
};


# new(steps => Skep::Fail::Steps, kind, whose, times => see Skep::Fail)

sub new ($class, %o) {
    my $server = $o{steps}->server;

    return bless {
        times  => 1,
        runs   => 0,
        %o,
        server => $server,
        fail   => $server->fail,
        pids   => [$server->nginx->workers],
        faults => [],
    }, $class;
}


sub runs ($self) { return $self->{runs} }


# All that was wrong, as text.

sub faults ($self) { return $self->{faults}->@* }


# One step, the calls of the list failing one by one, or all there are.

sub step ($self, $name, @from) {
    my $all = !@from;
    my $from = $all ? 1 : shift @from;

    while (defined $from && $from < 2000) {
        my $failed = $self->once($name, $from) // last;

        $from = $all ? ($failed ? $from + 1 : undef) : shift @from;
    }
}


# One run, the call "from" of it failing: whether it did; undef if the server
# is no longer of use.

sub once ($self, $name, $from) {
    my $fail = $self->{fail};
    my ($request, $good, @later) = $self->{steps}->ready($name);

    $self->{runs}++;
    $fail->arm(kind => $self->{kind}, whose => $self->{whose}, from => $from,
               times => $self->{times});

    my $start = time;
    my $res = eval { $self->_ask($request) };
    my $error = $@;
    my $took = time - $start;

    sleep 0.001;                # what comes after the answer
    $fail->disarm;

    my $failed = $fail->failed;
    my @wrong = $res ? $self->_answer($request, $res, $good)
                : length $error ? $error =~ s/ at \S+ line.*//sr
                : $self->_may_close ? () : 'closed without an answer';

    push @wrong, sprintf 'took %.1f s', $took if $took > SLOW;
    push @wrong, $self->_again($request, $good, @later) if $failed;
    push @wrong, 'the worker died'
        if join(' ', sort $self->{server}->nginx->workers)
           ne join(' ', sort $self->{pids}->@*);

    push $self->{faults}->@*,
         map { "$name, @{$self->{whose}} $self->{kind} $from: $_: "
               . $fail->where } @wrong;

    $self->{pids} = [$self->{server}->nginx->workers];

    return $failed;
}


# Whether no answer is one: when the head of it could not be made, which is so
# while memory lacks for longer, or the connection was what failed.

sub _may_close ($self) {
    return $self->{times} > 1
           || $self->{fail}->where =~ /header_filter|ngx_api_problem_/
           || grep { $_ eq 'nginx' } $self->{whose}->@*;
}


sub _ask ($self, $request) {
    my ($method, $target, %o) = @$request;
    my $client = Skep::Client->new(port => $self->{server}->port, timeout => 8);

    $client->send($client->format_request($method, $target, %o));

    my $res = $client->response(method => $method, eof => 1);

    $client->close;
    return $res;
}


# What is wrong with an answer.

sub _answer ($self, $request, $res, $good) {
    my ($method, $target, %o) = @$request;
    my $body = exists $o{json} ? Skep::Response::encode($o{json}) : $o{body};
    my @wrong = $self->{server}->witness->faults({
        method => $method, target => $target, body => $body,
        type => $o{type} // (defined $body ? 'application/json' : undef),
    }, $res);

    push @wrong, 'answered by ' . $res->status . ' ' . substr $res->body, 0, 90
        if $res->status != $good && $res->status !~ /^50[0-4]$/;

    return @wrong;
}


# The same request again: answered well, soon.

sub _again ($self, $request, @good) {
    my $last;
    my $ok = wait_until(AGAIN, sub {
        my $res = eval { $self->_ask($request) };

        $last = $res ? $res->status . ' ' . substr $res->body, 0, 90 : $@;
        return $res && grep { $_ == $res->status } @good;
    });

    return $ok ? () : "again: $last";
}


# What is left behind when nothing is asked any more, as text.

sub left ($self, $before) {
    my $now;

    wait_until(3, sub { $now = $self->rest; $now eq $before });

    return $now eq $before ? () : "left: $now, not $before";
}


# What an idle server has: gauges and descriptors.

sub rest ($self) {
    my $server = $self->{server};
    my $metrics = $server->metrics;

    return join ' ', 'descriptors=' . $server->nginx->descriptors,
        map { "$_->[0]=" . ($metrics->get("skep_$_->[0]", $_->[1] // ()) // '-') }
        ['pg_in_flight'], ['pg_queued'], ['notify_stream_clients'],
        ['auth_hash_queue_length'], ['redis_up'];
}


1;
