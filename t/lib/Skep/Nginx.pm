package Skep::Nginx;

# One nginx of a test: its configuration, its processes, its log.

use v5.36;

use IO::Socket::INET;
use List::Util qw(sum0);
use Skep::File qw(slurp spew);
use Skep::Proc ();
use Skep::Process qw(
    adopt alive as_user build_dir children reap run spawn stop wait_until
);
use Skep::Sanitizer;

my @modules = qw(
    ngx_api_module ngx_auth_module ngx_task_module ngx_notify_module
);


# new(dir => directory of the test, conf => text, workers => n,
#     connections => of a worker, modules_dir => where they are,
#     env => { name => value },
#     daemon => 1 for upgrade(), which nginx refuses in the foreground)
#
# The text is what follows the main directives that the harness sets itself.
# In it, %%DIR%% is the test's directory, %%PORT%% the port of the server and
# %%PORT:name%% one more free port.  With "whole" it is all there is, but that
# nginx stays in the foreground.

sub new ($class, %o) {
    my $self = bless {
        dir     => "$o{dir}/nginx",
        modules => $o{modules} // \@modules,
        modules_dir => $o{modules_dir} // build_dir() . '/modules',
        workers => $o{workers} // 1,
        connections => $o{connections} // 1024,
        daemon  => $o{daemon},
        env     => $o{env} // {},
        main    => $o{main} // '',
        ports   => {},
        whole   => $o{whole},
    }, $class;

    mkdir $self->{dir}, 0755 or die "$self->{dir}: $!";
    $self->configure($o{conf});

    return $self;
}


sub port ($self, $name = '') {
    return $self->{ports}{$name} //= free_port();
}


# A port that nobody listens on, below those that the kernel gives to
# outgoing connections.

sub free_port () {
    for (1 .. 200) {
        my $port = 20000 + int rand 12000;
        my $socket = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1,
            ReuseAddr => 1,
        );

        return $port if $socket;
    }

    die 'no free port';
}


sub file ($self, $name) { return "$self->{dir}/$name" }


# Writes a file into the server's directory; its path.

sub write_file ($self, $name, $text, $mode = 0644) {
    return spew($self->file($name), $text, mode => $mode);
}


sub configure ($self, $conf) {
    return $self->_write_conf("daemon off;\n$conf") if $self->{whole};

    my $user = $> == 0 ? 'user nobody nogroup;' : '';
    my $load = join '', map { "load_module $self->{modules_dir}/$_.so;\n" }
               $self->{modules}->@*;

    # a binary that is upgraded to gets no other variables
    my $env = join '', map { "env $_;" } Skep::Sanitizer::variables();

    $self->_write_conf(<<~"EOT" . $conf);
        $load
        $user
        $env
        daemon @{[$self->{daemon} ? 'on' : 'off']};
        worker_processes $self->{workers};
        pid %%DIR%%/pid;
        error_log %%DIR%%/error.log info;
        $self->{main}
        events {
            worker_connections $self->{connections};
        }

        EOT
}


sub _write_conf ($self, $text) {
    $text =~ s/%%DIR%%/$self->{dir}/g;
    $text =~ s/%%PORT(?::(\w+))?%%/$self->port($1 \/\/ '')/ge;

    $self->{text} = $text;
    $self->write_file('nginx.conf', $text);
}


# The configuration as it was written last.

sub text ($self) { return $self->{text} }


# What every http block needs: temporary files in the test's directory.

sub http_paths () {
    return join '', "    access_log %%DIR%%/access.log;\n",
           map { "    ${_}_temp_path %%DIR%%/$_;\n" }
           qw(client_body proxy fastcgi uwsgi scgi);
}


sub _command ($self) {
    state $nginx = do {
        my @dirs = (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin');
        my ($found) = grep { -x } $ENV{SKEP_NGINX} // (),
                      map { "$_/nginx" } @dirs;
        $found // die "nginx is not installed\n";
    };

    return ($nginx, '-p', $self->{dir}, '-e', 'stderr',
            '-c', "$self->{dir}/nginx.conf");
}


sub _env ($self) { return { LC_ALL => 'C.UTF-8', $self->{env}->%* } }


# nginx -t: (whether it passed, what it said)

sub test_configuration ($self) {
    my ($rc, $out) = run([$self->_command, '-t'], env => $self->_env);

    return ($rc == 0, $out);
}


sub start ($self) {
    $self->{pid} = spawn(
        cmd  => [Skep::Sanitizer::memcheck(), $self->_command],
        name => 'nginx',
        out  => $self->file('stderr.log'),
        env  => $self->_env,
    );
    $self->_daemon if $self->{daemon};

    my $up = wait_until(10, sub {
        return -1 if !alive($self->{pid});
        return $self->workers == $self->{workers} && $self->_listens;
    });

    die "nginx did not start:\n" . $self->log if !$up || $up < 0;

    return $self;
}


# What was started has ended when there is the daemon.

sub _daemon ($self) {
    reap($self->{pid}, 10) // die "nginx stays in the foreground\n";

    my $pid = wait_until(10, sub { ($self->_slurp('pid') =~ /^(\d+)$/m)[0] });

    die "nginx did not start:\n" . $self->log if !$pid;
    adopt($pid, 'nginx');
    $self->{pid} = $pid;
}


sub _listens ($self) {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->port, Timeout => 1
    );

    return defined $socket;
}


sub pid ($self) { return $self->{pid} }


# The workers' pids; in scalar context, how many there are.

sub workers ($self) {
    my @pids = children($self->{pid});

    return @pids;
}


# Ends it and starts it with these variables, which its workers keep.

sub restart_with ($self, $env) {
    my $keep = join '', map { "env $_;\n" } sort keys %$env;

    $self->quit;
    $self->{env} = $env;
    $self->_write_conf($keep . $self->{text});

    return $self->start;
}


# Starts a reload; the workers that are to leave.

sub hup ($self) {
    my @old = $self->workers;

    kill 'HUP', $self->{pid};
    return @old;
}


# Reloads and waits until new workers serve; the old ones may still drain.

sub reload ($self) {
    my %old = map { $_ => 1 } $self->hup;

    wait_until(10, sub {
        return $self->{workers} <= grep { !$old{$_} } $self->workers;
    }) or die "nginx did not reload:\n" . $self->log;

    return keys %old;
}


# nginx's upgrade on the fly: starts the binary, with the modules as they are in
# their files now, beside the running one.  Both serve, until the one that is
# no longer wanted is told to quit; its master's pid.

sub upgrade ($self) {
    my $old = $self->{pid};
    my $new;

    kill 'USR2', $old;

    wait_until(15, sub {
        ($new) = $self->_slurp('pid') =~ /^(\d+)$/m or return 0;
        return $new != $old && $self->{workers} <= children($new);
    }) or die "nginx was not upgraded:\n" . $self->log;

    adopt($new, 'nginx');
    $self->{pid} = $new;

    return $old;
}


# Goes back to the old master, which was told to start workers anew.

sub back ($self, $old) {
    my $new = $self->{pid};

    kill 'HUP', $old;
    wait_until(15, sub { $self->{workers} < children($old) })
        or die "the old nginx has no workers:\n" . $self->log;
    $self->{pid} = $old;

    return $new;
}


# Tells a master to finish; whether it did.

sub finish ($self, $master, $timeout = 20) {
    return defined stop($master, 'QUIT', $timeout);
}


sub gone ($self, $timeout, @pids) {
    return wait_until($timeout, sub { !grep { -d "/proc/$_" } @pids });
}


# The number of descriptors that each worker holds.

sub descriptors ($self) {
    return sum0(map { Skep::Proc::descriptors($_) } $self->workers);
}


# The memory that is its only worker's own, in KB.

sub memory ($self) {
    my ($pid) = $self->workers;

    return Skep::Proc::anonymous($pid);
}


# Ends it the graceful way, which tells of sockets left open.  undef if it
# had to be killed.

sub quit ($self, $timeout = 20) {
    my $pid = delete $self->{pid} // return 0;

    return stop($pid, 'QUIT', $timeout);
}


sub log ($self, $name = undef) {
    my $text = '';

    $text .= $self->_slurp($_) for $name // ('stderr.log', 'error.log');

    return $text;
}


# a file of the server's directory; nothing when there is none

sub _slurp ($self, $name) {
    return slurp($self->file($name), absent => '');
}


# Lines of the log that no test may see.

sub log_faults ($self) {
    return grep { /\[(?:alert|emerg)\]|open socket|Sanitizer|runtime error:/ }
           split /\n/, $self->log;
}


1;
