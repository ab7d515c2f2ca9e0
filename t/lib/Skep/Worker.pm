package Skep::Worker;

# One skep-worker of a test: its configuration, its process, its log, what it
# says over HTTP.

use v5.36;

use Skep::Client;
use Skep::File qw(slurp spew);
use Skep::Nginx;
use Skep::Postgres;
use Skep::Process qw(alive build_dir reap run spawn stop wait_until);
use Skep::Sanitizer;

# the stable part of every configuration; "conf" of new() changes it
my %defaults = (
    pg_timeout         => Skep::Sanitizer::patience(5) . 's',
    pg_connect_timeout => Skep::Sanitizer::patience(2) . 's',
    redis_timeout      => Skep::Sanitizer::patience(2) . 's',
    log_level          => 'info',
    shutdown_timeout   => '10s',
);

use constant STREAM => 'skep';


# new(dir => directory of the test, name => 'worker', pg => Skep::Postgres,
#     redis => Skep::Redis, conf => { key => value, [values], undef to leave
#     out }, env => { variables })

sub new ($class, %o) {
    my $name = $o{name} // 'worker';
    my $self = bless {
        dir   => "$o{dir}/$name",
        name  => $name,
        port  => Skep::Nginx::free_port(),
        pg    => $o{pg},
        redis => $o{redis},
        env   => $o{env} // {},
    }, $class;

    mkdir $self->{dir}, 0755 or die "$self->{dir}: $!";
    $self->write_file('password', Skep::Postgres::PASSWORD . "\n", 0600);
    $self->configure(($o{conf} // {})->%*);

    return $self;
}


sub file ($self, $name) { return "$self->{dir}/$name" }


# Writes a file into the worker's directory; its path.

sub write_file ($self, $name, $text, $mode = 0644) {
    return spew($self->file($name), $text, mode => $mode);
}


# Writes the configuration anew, with these values.

sub configure ($self, %conf) {
    my %set = (
        %defaults,
        pg               => $self->{pg}->conninfo('skep_worker'),
        pg_password_file => $self->file('password'),
        redis            => $self->{redis} ? $self->{redis}->address : 'off',
        stream           => STREAM,
        name             => $self->{name},
        http             => "127.0.0.1:$self->{port}",
        log              => $self->file('log'),
        %conf,
    );

    $self->write_file('conf', join '', map {
        my $key = $_;
        map { "$key = $_\n" } ref $set{$key} ? $set{$key}->@* : $set{$key};
    } grep { defined $set{$_} } sort keys %set);
}


# What --check says of it: (whether it passed, what it said).

sub check ($self) {
    my ($rc, $out) = run([_binary(), '--check', '-c', $self->file('conf')]);

    return ($rc == 0, $out);
}


sub _binary () {
    my $file = build_dir() . '/skep-worker';

    die "$file is not there: ./dev build\n" if !-x $file;
    return $file;
}


# Starts it; it is up when it answers, ready or not.

sub start ($self) {
    $self->{pid} = spawn(
        cmd  => [Skep::Sanitizer::memcheck(), _binary(), '-c', $self->file('conf')],
        name => $self->{name},
        out  => $self->file('stderr'),
        env  => $self->{env},
    );

    my $up = wait_until(10, sub {
        return !alive($self->{pid}) || eval { $self->get('/livez') };
    });

    die 'the worker did not start: ' . $self->log
        if !$up || !alive($self->{pid});

    return $self;
}


sub pid ($self) { return $self->{pid} }
sub port ($self) { return $self->{port} }

sub ready ($self, $timeout = 10) {
    return wait_until($timeout, sub {
        my $res = eval { $self->get('/readyz') };
        return $res && $res->status == 200;
    });
}


# What GET of a path answers.

sub get ($self, $path) {
    return Skep::Client->new(port => $self->{port})->request('GET', $path);
}


# The metrics as { 'name{labels}' => value }, without the prefix.

sub metrics ($self) {
    return { map { /^skep_worker_(\S+) (\S+)$/ ? ($1 => $2) : () }
             split /\n/, $self->get('/metrics')->body };
}


sub signal ($self, $name) { kill $name, $self->{pid} }


# Ends it the way an operator does: its wait status, undef if it had to be
# killed.

sub quit ($self, $timeout = 15) {
    my $pid = delete $self->{pid} // return 0;

    return stop($pid, 'TERM', $timeout);
}


sub kill_process ($self) {
    my $pid = delete $self->{pid} // return;

    kill 'KILL', $pid;
    reap($pid, 5);
}


sub freeze ($self) { kill 'STOP', $self->{pid} }
sub thaw ($self) { kill 'CONT', $self->{pid} }


sub log ($self) {
    return join '', map { slurp($self->file($_), absent => '') }
                    'stderr', 'log';
}


# Lines of the log that no test may see.

sub log_faults ($self) {
    return grep { /\[alert\]|Sanitizer|runtime error:|^==\d+==/ }
           split /\n/, $self->log;
}


1;
