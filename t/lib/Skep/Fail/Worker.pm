package Skep::Fail::Worker;

# skep-worker fans out, sends webhooks and mails while its calls fail.  Whatever
# failed, in the end each event is once in the inbox, and was delivered and
# mailed; and the worker is the same.

use v5.36;

use JSON::PP ();
use Skep::Process qw(alive tempdir wait_until);
use Skep::Receiver;
use Skep::Sink;
use Time::HiRes qw(sleep);

# until all that was put off is done
use constant DONE => 60;

my @kinds = (
    [ours      => memory => 1], [libraries => memory => 1],
    [ours      => memory => 20], [libraries => memory => 20],
    [libraries => short => 1e6], [libraries => again => 1],
    [libraries => interrupt => 1], [libraries => reset => 1],
    [libraries => descriptor => 2], [libraries => connect => 2],
    [ours      => descriptor => 2], [ours => short => 1e6],
);


sub kinds () { return @kinds }


# new(skep => the skep() of Skep::Test)

sub new ($class, $skep) {
    my $dir = tempdir();
    my $sink = Skep::Sink->new(dir => "$dir/sink");
    my $receiver = Skep::Receiver->new(dir => $dir);
    my $server = $skep->(
        fail   => 1,
        worker => 1,
        set    => {
            notify_webhook_http          => 'on',
            notify_webhook_allow_address => '127.0.0.1',
        },
        worker_conf => {
            webhook_allow_http    => 'on',
            webhook_allow_address => '127.0.0.1',
            webhook_schedule      => ('1s ' x 12) =~ s/ $//r,
            webhook_lease         => '3s',
            webhook_timeout       => '2s',
            $sink->conf,
        },
        allow_log => qr/no memory|[Oo]ut of memory/,
    );
    my $self = bless { server => $server, sink => $sink, n => 0, faults => [],
                       receiver => $receiver }, $class;

    $self->{user} = $server->user(name => 'Ada', email => 'ada@example.com');

    my ($token) = $sink->mail(1)->text =~ /token=([\w-]+)/;

    $server->post('/v1/auth/verify-email', { token => $token });
    $self->{user}->patch('/v1/me/notification-settings', {
        email => { 'task.completed' => JSON::PP::true } });
    $self->{user}->post('/v1/webhooks', { url => $receiver->url('/hook'),
                                          events => ['*'] });
    $self->{pid} = $server->worker->pid;

    return $self;
}


# Two events with that call failing meanwhile: whether it did.

sub once ($self, $whose, $kind, $times, $from) {
    my $fail = $self->{server}->fail_worker;

    $fail->arm(kind => $kind, whose => [$whose], from => $from,
               times => $times);

    my $task = $self->{user}->task(title => "Task $self->{n}");

    $self->{user}->post("/v1/tasks/$task->{id}/complete");
    $self->{n}++;
    wait_until(0.6, sub { $fail->failed });
    sleep 0.02;
    $fail->disarm;

    if (!alive($self->{pid})) {
        my $where = $fail->where;

        # hiredis 0.14 does not look at what strdup() gave it: nothing is lost
        push $self->{faults}->@*, "$whose $kind $from: the worker ended: $where"
            if $where !~ /< redisContextConnectUnix/;
        $self->{pid} = $self->{server}->worker->start->pid;
    }

    return $fail->failed;
}


# Calls of a kind, the first ones and fewer and fewer of the others; how many.

sub all ($self, $whose, $kind, $times, $most = 60) {
    my ($runs, $missed) = (0, 0);

    for (my $n = 1; $runs < $most && $missed < 2; $n += 1 + int $n / 12) {
        $runs++;
        $missed = $self->once($whose, $kind, $times, $n) ? 0 : $missed + 1;
    }

    return $runs;
}


# What is wrong, or not done, in the end.

sub faults ($self) {
    my $want = 2 * $self->{n};
    my ($inbox, $twice, $pending, $mails);

    # a mail that was begun is another's after minutes: they are over
    $self->{server}->pg->execute(<<~'SQL');
        UPDATE notify.mails SET next_attempt_at = now()
        WHERE status = 'pending'
        SQL

    wait_until(DONE, sub {
        ($inbox, $twice, $pending) = map { $self->{server}->pg->value($_) }
            'SELECT count(*) FROM notify.inbox',
            'SELECT count(*) - count(DISTINCT (user_id, n))'
                . ' FROM notify.inbox',
            q{SELECT count(*) FROM notify.deliveries
              WHERE status <> 'delivered'};
        $mails = $self->{sink}->count;

        return $inbox == $want && $pending == 0 && $mails >= 1 + $self->{n};
    }, 0.2);

    my %seen;
    my @got = grep { !$seen{$_->{headers}{'webhook-id'}}++ }
              $self->{receiver}->requests('/hook');

    return ($self->{faults}->@*,
            $inbox == $want ? () : "$inbox in the inbox, not $want",
            $twice == 0 ? () : "$twice in the inbox twice",
            $pending == 0 ? () : "$pending are not delivered",
            @got == $want ? () : @got . " events at the receiver, not $want",
            $mails > $self->{n} ? () : "$mails mails, not " . (1 + $self->{n}));
}


sub stop ($self) { $_->stop_server for @$self{qw(sink receiver)} }


1;
