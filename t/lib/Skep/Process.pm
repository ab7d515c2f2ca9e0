package Skep::Process;

# Processes and temporary directories of one test.
#
# Whatever is started here is stopped by its pid when the test ends: by END,
# upon die and upon SIGINT, SIGTERM and SIGHUP; and if the test itself is
# killed, by a guard process that notices the end of a pipe.

use v5.36;

use Errno qw(ESRCH);
use Exporter qw(import);
use Fcntl qw(F_SETFD FD_CLOEXEC);
use File::Path ();
use File::Temp ();
use IO::Handle;
use POSIX qw(:sys_wait_h);
use Skep::Sanitizer;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(
    spawn run adopt alive stop reap wait_until tempdir discard as_user
    children descendants build_dir source_dir fork_child
);

my %started;        # pid => name, of processes that run
my %adopted;        # pid => 1, of those that are no children of ours
my %status;         # pid => wait status, of processes that ended
my @dirs;
my $owner = $$;
my $guard;          # the pipe's end to the guard process

Skep::Sanitizer::start();


# The root of the repository, and where the build put its output.

sub source_dir () {
    state $dir = do {
        require Cwd;
        my $path = Cwd::abs_path(__FILE__);
        $path =~ s{/t/lib/Skep/Process\.pm\z}{};
        $path;
    };

    return $dir;
}


sub build_dir () {
    my $dir = $ENV{SKEP_BUILD} // 'build';

    return $dir =~ m{^/} ? $dir : source_dir() . "/$dir";
}


# A short path: a unix socket's is at most 107 bytes.  Readable for others:
# PostgreSQL and nginx's workers run as users of their own.  In memory, if
# there is plenty: a cluster is a thousand files.

sub tempdir () {
    state $base = $ENV{TMPDIR} // (_free('/dev/shm') > 2e9 ? '/dev/shm'
                                                           : '/tmp');
    my $dir = File::Temp::tempdir('skep-XXXXXX', DIR => $base);

    chmod 0755, $dir or die "chmod $dir: $!";
    push @dirs, $dir;
    _guard("dir $dir");

    return $dir;
}


# Removes a directory that tempdir() made before the test ends.

sub discard ($dir) {
    return if $ENV{SKEP_KEEP};

    File::Path::remove_tree($dir);
    @dirs = grep { $_ ne $dir } @dirs;
}


sub _free ($dir) {
    return 0 if !-w $dir;

    my $line = (split /\n/, `df -Pk $dir 2>/dev/null`)[1] // return 0;

    return 1024 * (split ' ', $line)[3];
}


# The words before a command that make it run as that user, if we may.

sub as_user ($user) {
    return () if $> != 0 || !defined $user || $user eq 'root';

    return ('setpriv', "--reuid=$user", "--regid=" . _group($user),
            '--init-groups', '--');
}


sub _group ($user) {
    my @pw = getpwnam $user or die "no user \"$user\" here";

    return $pw[3];
}


# Starts a program; returns its pid.
#     cmd => [...], name => what to call it, user => whom to run it as,
#     out => file for stdout and stderr (appended), env => {...}

sub spawn (%o) {
    my $name = $o{name} // $o{cmd}[0];

    my $pid = fork_child(sub {
        POSIX::setpgid(0, 0);       # ^C is for the test, which stops us
        chdir '/';
        open STDIN, '<', '/dev/null' or die "/dev/null: $!";

        if (defined $o{out}) {
            open STDOUT, '>>', $o{out} or die "$o{out}: $!";
            open STDERR, '>&', \*STDOUT or die "dup: $!";
        }

        %ENV = (%ENV, $o{env}->%*) if $o{env};

        my @cmd = (as_user($o{user}), $o{cmd}->@*);
        exec { $cmd[0] } @cmd or die "exec $cmd[0]: $!\n";
    }, $name);

    return $pid;
}


# A child process that runs code and never comes back from it: neither END
# blocks nor the test's plan are its business.

sub fork_child ($code, $name = 'child') {
    STDOUT->flush;
    STDERR->flush;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        close $guard if $guard;         # else the guard never sees its end
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP __DIE__);
        eval { $code->(); 1 } and POSIX::_exit(0);
        print STDERR "$name: $@";
        POSIX::_exit(127);
    }

    # a number that another one had before
    delete $status{$pid};
    delete $adopted{$pid};

    $started{$pid} = $name;
    _guard("pid $pid");

    return $pid;
}


# Takes on a process that another one of ours has started and will leave behind.
# How it ended is not known: its wait status is 0.

sub adopt ($pid, $name) {
    delete $status{$pid};
    $started{$pid} = $name;
    $adopted{$pid} = 1;
    _guard("pid $pid");
}


# Runs a program to its end: (exit status, stdout and stderr).
#     timeout => seconds (60), stdin => text, user => ..., env => {...}

sub run ($cmd, %o) {
    open my $out, '+>', undef or die "temporary file: $!";
    open my $in, '+>', undef or die "temporary file: $!";

    print $in $o{stdin} // '';
    $in->flush;
    seek $in, 0, 0;

    my $pid = fork_child(sub {
        POSIX::setpgid(0, 0);
        open STDIN, '<&', $in or die "dup: $!";
        open STDOUT, '>&', $out or die "dup: $!";
        open STDERR, '>&', $out or die "dup: $!";
        %ENV = (%ENV, $o{env}->%*) if $o{env};
        chdir $o{dir} or die "chdir $o{dir}: $!" if $o{dir};

        my @cmd = (as_user($o{user}), @$cmd);
        exec { $cmd[0] } @cmd or die "exec $cmd[0]: $!\n";
    }, $cmd->[0]);

    my $status = reap($pid, $o{timeout} // 60);

    if (!defined $status) {
        stop($pid, 'KILL');
        die "\"@$cmd\" did not end within " . ($o{timeout} // 60) . " s";
    }

    seek $out, 0, 0;
    my $text = do { local $/; <$out> } // '';

    return ($status & 127 ? 128 + ($status & 127) : $status >> 8, $text);
}


# Whether a process that we started still runs.

sub alive ($pid) {
    return exists $started{$pid} && !defined reap($pid, 0);
}


# Waits for the end of a process of ours: its wait status, or undef when it
# still runs after so many seconds.

sub reap ($pid, $timeout) {
    my $until = time + Skep::Sanitizer::patience($timeout);
    my $pause = 0.001;

    while (1) {
        return $status{$pid} if exists $status{$pid};

        my $got = waitpid $pid, WNOHANG;

        $got = 0 if $got < 0 && $adopted{$pid} && (_stat($pid))[0] ne 'X';

        if ($got == $pid || $got < 0) {
            $status{$pid} = $got < 0 ? 0 : $?;
            delete $started{$pid};
            _guard("end $pid");
            next;
        }

        return undef if time >= $until;
        sleep $pause;
        $pause = $pause * 1.5 > 0.02 ? 0.02 : $pause * 1.5;
    }
}


# Signals a process of ours and waits for its end; its wait status, or undef
# if it took longer and had to be killed.

sub stop ($pid, $signal = 'TERM', $timeout = 10) {
    return $status{$pid} if !alive($pid);

    kill 'CONT', $pid;
    kill $signal, $pid;

    my $status = reap($pid, $timeout);
    return $status if defined $status;

    kill 'KILL', $pid;
    reap($pid, 5);

    return undef;
}


# Calls code until it returns true, at most so many seconds; what it returned.

sub wait_until ($timeout, $code, $pause = 0.02) {
    my $until = time + Skep::Sanitizer::patience($timeout);

    while (1) {
        my $rc = $code->();
        return $rc if $rc;
        return $rc if time >= $until;
        sleep $pause;
    }
}


# The pids of a process's children, and of all below it.

sub children ($pid) {
    opendir my $proc, '/proc' or die "/proc: $!";

    return grep { (_stat($_))[1] == $pid } grep { /^\d+$/ } readdir $proc;
}


sub descendants ($pid) {
    return map { ($_, descendants($_)) } children($pid);
}


# (state, ppid, start time) of a process, or (X, -1, 0)

sub _stat ($pid) {
    open my $fh, '<', "/proc/$pid/stat" or return ('X', -1, 0);
    my $line = <$fh> // return ('X', -1, 0);

    $line =~ s/^.*\) //s;               # the name may hold anything
    my @field = split ' ', $line;

    # a zombie is gone, too, whoever is to notice it
    return $field[0] eq 'Z' ? ('X', -1, 0) : @field[0, 1, 19];
}


# The guard: reads what was started from a pipe, and cleans up if the pipe
# ends before the test said that it had done so.

sub _guard ($line) {
    return if $$ != $owner;

    _guard_start() if !$guard;
    syswrite $guard, "$line\n";
}


sub _guard_start () {
    pipe my $read, $guard or die "pipe: $!";
    fcntl $guard, F_SETFD, FD_CLOEXEC;

    my $pid = fork // die "fork: $!";
    return close $read if $pid;

    close $guard;
    POSIX::setpgid(0, 0);
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';      # prove waits for the end of its pipe
    open STDERR, '>', '/dev/null';

    my @dir = Skep::Sanitizer::dir();
    my %pid;

    while (my $line = <$read>) {
        my ($what, $value) = $line =~ /^(\w+) ?(.*)$/;

        POSIX::_exit(0) if $what eq 'done';
        push @dir, $value if $what eq 'dir';
        $pid{$value} = (_stat($value))[2] if $what eq 'pid';
        delete $pid{$value} if $what eq 'end';
    }

    my @left = grep { $pid{$_} && (_stat($_))[2] == $pid{$_} } keys %pid;
    my @all = map { ($_, descendants($_)) } @left;

    kill 'CONT', @all;
    kill 'TERM', @left;

    for (1 .. 50) {
        last if !grep { (_stat($_))[0] ne 'X' } @all;
        sleep 0.1;
    }

    kill 'KILL', grep { (_stat($_))[0] ne 'X' } @all;
    File::Path::remove_tree(@dir);
    POSIX::_exit(0);
}


# Stops all that still runs, the last started first.

sub _cleanup () {
    return if $$ != $owner;

    my @pids = sort { $b <=> $a } keys %started;

    kill 'CONT', map { ($_, descendants($_)) } @pids;
    kill 'TERM', @pids;
    stop($_, 'QUIT', 5) for @pids;

    if ($ENV{SKEP_KEEP}) {
        print STDERR "# kept: @dirs\n" if @dirs;

    } else {
        File::Path::remove_tree(@dirs);
    }

    _guard('done') if $guard;
}


for my $name (qw(INT TERM HUP)) {
    $SIG{$name} = sub { exit 130 };     # END is run
}

$SIG{PIPE} = 'IGNORE';


END {
    my $rc = $?;

    _cleanup();
    $? = Skep::Sanitizer::finish() ? $rc || 1 : $rc;
}


1;
