package Skep::Mailing;

# A server's worker that sends mails, and the SMTP sink that gets them.

use v5.36;

use Skep::Process qw(source_dir wait_until);
use Skep::Sink;


# new(skep => the server, tls => ..., login => ..., see Skep::Sink;
#     conf => { key => value, undef to leave out })

sub new ($class, %o) {
    my $dir = $o{skep}->dir;
    my $sink = Skep::Sink->new(dir => "$dir/sink", tls => $o{tls},
                               login => $o{login});
    my $scheme = ($o{tls} // '') eq 'smtps' ? 'smtps' : 'smtp';

    my $self = bless {
        skep => $o{skep},
        sink => $sink,
        conf => {
            sweep_after    => '200ms',
            sweep_interval => '100ms',
            smtp_url       => "$scheme://127.0.0.1:" . $sink->port,
            $o{tls} ? (smtp_ca_file => $sink->ca) : (smtp_tls => 'off'),
            $o{login} ? (smtp_user => $o{login}[0],
                         smtp_password_file => "$dir/sink/password") : (),
            smtp_schedule  => '100ms 100ms',
            mail_from      => 'Skep <skep@example.org>',
            mail_base_url  => 'https://app.example',
            mail_templates => source_dir() . '/conf/mail',
            ($o{conf} // {})->%*,
        },
    }, $class;

    $self->{worker} = $o{skep}->add_worker(conf => $self->{conf})->start;
    return $self;
}


sub sink ($self) { return $self->{sink} }
sub worker ($self) { return $self->{worker} }


# Changes of the configuration: written, and read at the next start or reload.

sub configure ($self, %change) {
    $self->{conf} = { $self->{conf}->%*, %change };
    $self->worker->configure($self->{conf}->%*);
}


sub start ($self) { $self->worker->start }
sub stop_worker ($self) { return $self->worker->quit(20) }
sub log ($self) { return $self->worker->log }


# Waits for a line in the log, n times; whether it is there.

sub says ($self, $pattern, $n = 1) {
    return wait_until(10, sub {
        my @found = $self->log =~ /$pattern/g;
        return @found >= $n;
    });
}


sub reload ($self) {
    my $n = () = $self->log =~ /read again|stays as it was/g;

    $self->worker->signal('HUP');
    $self->says(qr/read again|stays as it was/, $n + 1) or die 'no reload';
}


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
