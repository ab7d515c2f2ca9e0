package Skep::Mailing;

# A server, an SMTP sink and a worker that sends mails to it.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Process qw(alive build_dir reap run spawn stop
                     wait_until);
use Skep::Sink;


# new(skep => the server, tls => ..., login => ..., see Skep::Sink;
#     conf => { key => value, undef to leave out })

sub new ($class, %o) {
    my $dir = $o{skep}->dir;
    my $sink = Skep::Sink->new(dir => "$dir/sink", tls => $o{tls},
                               login => $o{login});

    my $self = bless {
        skep => $o{skep},
        sink => $sink,
        file => "$dir/worker.conf",
        log  => "$dir/worker.log",
        conf => {
            pg                  => $o{skep}->pg->conninfo('skep_worker'),
            pg_password_file    => "$dir/password",
            redis               => 'off',
            http                => 'off',
            log                 => "$dir/worker.log",
            log_level           => 'info',
            sweep_after         => '0s',
            $sink->conf,
            smtp_schedule       => '100ms 100ms',
        },
    }, $class;

    $self->configure(($o{conf} // {})->%*);
    return $self->start;
}


# Changes of the configuration: written, and read at the next start or reload.

sub configure ($self, %change) {
    my $conf = $self->{conf};

    %$conf = (%$conf, %change);

    spew($self->{file}, join '', map { "$_ = $conf->{$_}\n" }
                                 grep { defined $conf->{$_} } sort keys %$conf);
}


# Until then signals would find it unprepared.

sub start ($self) {
    my $n = () = $self->log =~ /starts as/g;
    my $pid = spawn(cmd => [build_dir() . '/skep-worker', '-c',
                            $self->{file}],
                    name => 'skep-worker', out => $self->{log});

    $self->{pid} = $pid;
    wait_until(10, sub {
        my @started = $self->log =~ /starts as/g;
        return @started > $n || !alive($pid);
    });
    return $self;
}


# (exit status, what it says)

sub check ($self) {
    return run([build_dir() . '/skep-worker', '--check', '-c',
                $self->{file}]);
}


# its wait status, or undef if it did not end by itself

sub stop_worker ($self) {
    my $pid = delete $self->{pid} // return 0;

    return stop($pid, 'TERM', 20);
}


sub kill_worker ($self) {
    my $pid = delete $self->{pid};

    kill 'KILL', $pid;
    reap($pid, 5);
}


# Waits for a line in the log, n times; whether it is there.

sub says ($self, $pattern, $n = 1) {
    return wait_until(10, sub {
        my @found = $self->log =~ /$pattern/g;
        return @found >= $n;
    });
}


sub reload ($self) {
    my $n = () = $self->log =~ /read again|stays as it was/g;

    kill 'HUP', $self->{pid};
    $self->says(qr/read again|stays as it was/, $n + 1) or die 'no reload';
}


sub log ($self) { return slurp($self->{log}, absent => '') }


sub sink ($self) { return $self->{sink} }


# What became of mails, sorted: once all have a state, "sent sent".

sub states ($self, $n) {
    my $states;

    wait_until(15, sub {
        $states = join ' ', map { $_->[0] } $self->{skep}->pg->query(<<~'SQL')->@*;
            SELECT status FROM notify.mails ORDER BY status
            SQL
        return $states !~ /pending/ && split(/ /, $states) >= $n;
    });

    return $states;
}


# The mail of a user that waits: once it was tried so often.

sub tried ($self, $user, $n) {
    my $id = $user->id;
    my $row;

    wait_until(15, sub {
        $row = $self->{skep}->pg->query(<<~"SQL")->[0];
            SELECT status, attempts, error, data IS NOT NULL FROM notify.mails
            WHERE user_id = '$id' AND attempts >= $n AND error IS NOT NULL
            SQL
        return $row;
    });

    return $row // [];
}


# Has events of now become mails, without waiting for a sweep.

sub fan_out ($self) {
    $self->{skep}->pg->query(
        'SELECT FROM notify.fan_out(9223372036854775807, 1000)');
}


# Makes all mails due that wait.

sub hurry ($self) {
    $self->{skep}->pg->execute(<<~'SQL');
        UPDATE notify.mails SET next_attempt_at = now()
        WHERE status = 'pending'
        SQL
}


1;
