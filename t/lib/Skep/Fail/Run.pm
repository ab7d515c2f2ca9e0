package Skep::Fail::Run;

# Runs a step of the API with one call after the other failing, and looks that
# nothing else does: an answer in time, which is good or a clean 5xx; the worker
# lives; the next request is answered well; nothing is left behind.

use v5.36;

use Skep::Process qw(wait_until);
use Time::HiRes qw(sleep time);

use constant {
    TIMEOUT => 20,              # seconds, as "api_pg_timeout"
    SLOW    => 15,              # that a request may take, which is no time-out
    AGAIN   => 15,              # and until it is answered well again
};


# What skep() takes for it.

sub options () {
    return (fail => 1, redis => 1, metrics => 1,
            set => { notify_stream => 'skep', api_pg_timeout => TIMEOUT . 's' },
            # what fails says so
            allow_log => qr/\[emerg\].*(?:malloc|memory)|\[alert\].*epoll_ctl/);
}


# new(steps => Skep::Fail::Steps, kind, whose, times => see Skep::Fail)

sub new ($class, %o) {
    my $server = $o{steps}->server;

    return bless {
        times  => 1,
        runs   => 0,
        failed => 0,
        %o,
        server => $server,
        fail   => $server->fail,
        pids   => [$server->nginx->workers],
        faults => [],
    }, $class;
}


sub runs ($self) { return $self->{runs} }


# In how many of them a call did fail.

sub failed ($self) { return $self->{failed} }


# All that was wrong, as text.

sub faults ($self) { return $self->{faults}->@* }


# One step, all its calls failing one by one, until there are no more.

sub step ($self, $name) {
    for my $from (1 .. 2000) {
        last if !$self->once($name, $from);
    }
}


# One run, the call "from" of it failing: whether it did; undef if the worker
# died, and none serves after it.

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

    $self->{failed}++ if $failed;

    my @wrong = $res ? $self->_answer($request, $res, $good)
                : length $error ? $error =~ s/ at \S+ line.*//sr
                : $self->_may_close ? () : 'closed without an answer';

    push @wrong, sprintf 'took %.1f s', $took if $took > SLOW;

    my @again = $failed ? $self->_again($request, $good, @later) : ();
    my $died = join(' ', sort $self->{server}->nginx->workers)
               ne join(' ', sort $self->{pids}->@*);

    push @wrong, @again, $died ? 'the worker died' : ();

    push $self->{faults}->@*,
         map { "$name, @{$self->{whose}} $self->{kind} $from: $_: "
               . $fail->where } @wrong;

    $self->{pids} = [$self->{server}->nginx->workers];

    return $died && @again ? undef : $failed;
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
    my $client = Skep::Client->new(port => $self->{server}->port,
                                   timeout => TIMEOUT + 5);

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
