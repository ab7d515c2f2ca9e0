package Skep::Fail::Lost;

# nginx's own connections are lost, and made anew while a call fails.

use v5.36;

use Skep::Process qw(wait_until);
use Time::HiRes qw(sleep);

# until a write and a read are answered well
use constant AGAIN => 15;

my @kinds = (
    [ours      => memory => 1], [libraries => memory => 1],
    [libraries => memory => 20], [libraries => descriptor => 1],
    [libraries => descriptor => 5], [libraries => connect => 1],
    [nginx     => connect => 1], [nginx => descriptor => 1],
    [nginx     => epoll => 1], [nginx => epoll => 5],
    [libraries => short => 1e6], [libraries => again => 1],
    [libraries => interrupt => 1], [libraries => reset => 1],
    [ours      => descriptor => 1], [ours => connect => 1],
    [ours      => again => 1], [ours => short => 1e6], [ours => reset => 1],
    [nginx     => short => 1e6], [nginx => reset => 1],
    [nginx     => memory => 1],
);


# What skep() takes for it.

sub options () {
    return (fail => 1, redis => 1, metrics => 1,
            set => { notify_stream => 'skep' },
            allow_log => qr/\[emerg\].*(?:malloc|memory|posix_memalign)
                            |\[alert\].*(?:epoll_ctl|socket|accept)/x);
}


sub kinds () { return @kinds }


sub new ($class, %o) {
    my $self = bless { %o }, $class;

    $self->{user} = $self->{server}->user;
    $self->{server}->client->close;
    $self->{rest} = $self->_rest;
    $self->{pids} = join ' ', $self->{server}->nginx->workers;

    return $self;
}


sub _rest ($self) {
    my $server = $self->{server};

    return join ' ', map { $_ // '-' } $server->connected,
        $server->nginx->descriptors,
        map { $server->metrics->get("skep_$_") }
        qw(pg_in_flight pg_queued redis_up);
}


# Calls of a kind, one by one: the first ones, and fewer and fewer of the
# thousands that the connections take; (how many runs, what was wrong ...).

sub all ($self, $whose, $kind, $times) {
    my @faults;
    my $runs = 0;

    for (my $n = 1; $runs < 30; $n += 1 + int $n / 8) {
        my ($failed, @wrong) = $self->once($whose, $kind, $times, $n);

        push @faults, @wrong;
        $runs++;
        last if !$failed;
    }

    return ($runs, @faults);
}


# One loss with that call failing: (whether it did, what was wrong ...).

sub once ($self, $whose, $kind, $times, $from) {
    my ($server, $user) = @$self{qw(server user)};
    my $fail = $server->fail;
    my @wrong;

    $fail->arm(kind => $kind, whose => [$whose], from => $from,
               times => $times);

    $server->pg->query(<<~'SQL');
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename = 'skep_nginx'
        SQL
    $server->redis->command(qw(CLIENT KILL TYPE normal));
    $server->redis->command(qw(CLIENT KILL TYPE pubsub));

    sleep 0.15;                 # a few attempts
    $fail->disarm;

    my $last = '';
    my $ok = wait_until(AGAIN, sub {
        my @res = eval {
            ($user->request(POST => '/v1/tasks', json => { title => 'x' }),
             $user->request(GET => '/v1/tasks?limit=1'),
             $server->client->request('GET', '/readyz'));
        };

        $last = join ' ', map({ $_->status } @res), $@;
        return @res == 3 && $last =~ /^201 200 200/
               && $res[2]->json->{status} eq 'ok';
    });

    push @wrong, "not again: $last" if !$ok;

    my $pids = join ' ', $server->nginx->workers;

    push @wrong, 'the worker died' if $pids ne $self->{pids};
    $self->{pids} = $pids;

    return ($fail->failed, map { "$whose $kind $from: $_: " . $fail->where }
                           @wrong);
}


# What is left behind, as text.

sub left ($self) {
    my $now;

    $self->{server}->client->close;
    wait_until(5, sub { $now = eval { $self->_rest } // $@;
                        $now eq $self->{rest} });

    return $now eq $self->{rest} ? '' : "$now, not $self->{rest}";
}


1;
