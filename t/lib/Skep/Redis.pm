package Skep::Redis;

# A private Redis on a unix socket.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::Process qw(alive reap run spawn stop wait_until);


# new(dir => directory of the test, name => 'redis', settings => { ... },
#     tcp => port on 127.0.0.1, beside the unix socket)

sub new ($class, %o) {
    my $dir = "$o{dir}/" . ($o{name} // 'redis');
    my $self = bless {
        dir      => $dir,
        socket   => "$dir/sock",
        log      => "$dir/log",
        user     => $> == 0 ? 'redis' : (getpwuid $>)[0],
        tcp      => $o{tcp} // 0,
        settings => $o{settings} // {},
    }, $class;

    mkdir $dir, 0755 or die "$dir: $!";
    chown((getpwnam $self->{user})[2, 3], $dir) or die "$dir: $!" if $> == 0;

    return $self;
}


# What api_redis takes, and by TCP.

sub address ($self) { return "unix:$self->{socket}" }
sub tcp_address ($self) { return "127.0.0.1:$self->{tcp}" }

sub pid ($self) { return $self->{pid} }


sub start ($self) {
    my %settings = (
        port => $self->{tcp}, bind => '127.0.0.1',
        unixsocket => $self->{socket}, unixsocketperm => 777,
        dir => $self->{dir}, save => '', appendonly => 'no',
        daemonize => 'no', $self->{settings}->%*,
    );

    unlink $self->{socket};

    $self->{pid} = spawn(
        cmd  => ['redis-server', map { ("--$_", $settings{$_}) }
                                 sort keys %settings],
        name => 'redis',
        user => $self->{user},
        out  => $self->{log},
    );

    wait_until(10, sub { !alive($self->{pid}) || $self->ready })
        && alive($self->{pid})
        or die "Redis did not start:\n" . $self->log_text;

    return $self;
}


sub log_text ($self) { return slurp($self->{log}, absent => '') }


sub ready ($self) {
    my $answer = eval { $self->command('PING') };

    return ($answer // '') =~ /^(?:PONG|NOAUTH)/;
}


# A command; its answer as redis-cli tells it.

sub command ($self, @words) {
    my $password = $self->{settings}{requirepass};
    my ($rc, $out) = run(['redis-cli', '-s', $self->{socket}, @words],
                         env => defined $password
                                ? { REDISCLI_AUTH => $password } : {});
    die "redis-cli: $out" if $rc;

    chomp $out;
    return $out;
}


# The entries of a stream after that one, or all, the oldest first:
# { entry => its id in the stream, field => value, ... }.

sub entries ($self, $stream, $after = undef) {
    my $text = $self->command('--json', 'XRANGE', $stream,
                              defined $after ? "($after" : '-', '+');

    return map {
        my ($id, $fields) = @$_;
        +{ entry => $id, @$fields };
    } JSON::PP::decode_json($text)->@*;
}


# The clients that nginx has here; with a name of a command, those whose last
# one it was.

sub clients ($self, $command = undef) {
    my @clients = grep { !/ cmd=client/ }
                  split /\n/, $self->command('CLIENT', 'LIST');

    @clients = grep { / cmd=\Q$command\E/ } @clients if defined $command;

    return scalar @clients;
}


sub stop_server ($self) {
    my $pid = delete $self->{pid} // return;

    stop($pid, 'TERM', 10);
}


sub kill_server ($self) {
    my $pid = delete $self->{pid} // return;

    kill 'KILL', $pid;
    reap($pid, 5);
}


# It keeps its connections, and answers nothing.

sub freeze ($self) { kill 'STOP', $self->{pid} }
sub thaw ($self) { kill 'CONT', $self->{pid} }


1;
