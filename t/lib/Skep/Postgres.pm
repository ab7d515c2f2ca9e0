package Skep::Postgres;

# A private PostgreSQL on a unix socket.
#
# A cluster is made once per state of sql/ and version of PostgreSQL, with
# Skep's migrations in it, and kept under $SKEP_BUILD/pgtemplate; each test
# gets a copy.

use v5.36;

use Digest::SHA ();
use Fcntl qw(:flock);
use File::Find ();
use File::Path ();
use Skep::File qw(slurp spew);
use Skep::Process qw(
    alive as_user build_dir children fork_child reap run source_dir spawn stop
    wait_until
);
use Time::HiRes qw(sleep time);

# one that a careless writer of connection strings would trip over
use constant PASSWORD => q{it's a \\ "long" pass word};

use constant TERMINATE => <<~'SQL';
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename IN ('skep_nginx', 'skep_worker');
    SQL

my @settings = (
    "listen_addresses = ''",
    'fsync = off',                  # a test's data need not survive the host
    'max_connections = 100',
    'shared_buffers = 32MB',
    'max_wal_size = 256MB',
    'autovacuum = off',
    'log_line_prefix = \'%m [%p] %q%u \'',
);


# new(dir => directory of the test, settings => [ lines ],
#     tcp => port on 127.0.0.1, beside the unix socket
#     network => a peer of Skep::Namespace, whose address it listens on instead
#     at => the servers of conninfo(), "host=... port=..."
#     size => of a file system of its own, "100m"; for root alone, see finish())

sub new ($class, %o) {
    my $self = bless {
        dir  => "$o{dir}/pg",
        data => "$o{dir}/pg/data",
        log  => "$o{dir}/pg/log",
        user => $> == 0 ? 'postgres' : (getpwuid $>)[0],
        port => $o{tcp} // 5432,
        tcp  => defined $o{tcp},
        %o{qw(network at size)},
    }, $class;

    $self->_mkdir($self->{dir});
    $self->_mount if defined $o{size};

    my $template = _template($self->{user});

    my ($rc, $out) = run(['cp', '-a', '--reflink=auto',
                          "$template/data", $self->{data}]);
    die "copy of the cluster: $out" if $rc;

    $self->{own} = [
        @settings, "unix_socket_directories = '$self->{dir}'",
        "port = $self->{port}", ($o{settings} // [])->@*,
        $self->{tcp} ? "listen_addresses = '" . $self->address . "'" : (),
    ];
    $self->own_settings;
    $self->append('pg_hba.conf', 'host all all samenet scram-sha-256')
        if $o{network};

    return $self;
}


# Its settings, in a cluster that is the copy of another.

sub own_settings ($self) {
    $self->append('postgresql.conf', $self->{own}->@*);
}


# Where it listens beside the unix socket.

sub address ($self) {
    return $self->{network} ? $self->{network}->address : '127.0.0.1';
}


# A file system of its own, in memory, which finish() takes away again.

sub _mount ($self) {
    my ($uid, $gid) = (getpwnam $self->{user})[2, 3];

    _mounted('mount', '-t', 'tmpfs', '-o',
             "size=$self->{size},mode=755,uid=$uid,gid=$gid", 'tmpfs',
             $self->{dir});
}


sub finish ($self) {
    $self->stop_server;
    _mounted('umount', $self->{dir}) if $self->{size};
}


sub _mounted (@cmd) {
    my ($rc, $out) = run(\@cmd);

    die "@cmd: $out" if $rc;
}


# More lines for a file of the cluster.

sub append ($self, $name, @lines) {
    spew("$self->{data}/$name", join('', map { "$_\n" } @lines), append => 1);
}


sub _mkdir ($self, $dir) {
    mkdir $dir, 0755 or die "$dir: $!";
    chown((getpwnam $self->{user})[2, 3], $dir) or die "$dir: $!" if $> == 0;
}


# Where PostgreSQL's programs are: Debian keeps the servers' out of PATH.

sub bin ($name) {
    state $dir = do {
        my @dirs = sort { ($b =~ m{/(\d+)/bin})[0] <=> ($a =~ m{/(\d+)/bin})[0] }
                   glob '/usr/lib/postgresql/*/bin';
        my ($found) = grep { -x "$_/postgres" } @dirs, split /:/, $ENV{PATH};
        $found // die "PostgreSQL's server programs are not installed\n";
    };

    return "$dir/$name";
}


# What nginx connects with, and as "skep_worker" the worker; both by PASSWORD.

sub conninfo ($self, $role = 'skep_nginx') {
    my $where = $self->{at}
                // ($self->{network}
                        ? "host=" . $self->address . " port=$self->{port}"
                    : $self->{tcp} ? "host=localhost port=$self->{port}"
                                   : "host=$self->{dir}");

    return "$where dbname=skep user=$role";
}


# What sqitch works on, and what it wants to know.

sub uri ($self) {
    return "db:pg://postgres\@/skep?host=$self->{dir}";
}


sub sqitch_env ($self) {
    return { SQITCH_FULLNAME => 'test', SQITCH_EMAIL => 'test@localhost',
             TZ => 'UTC' };
}


sub pid ($self) { return $self->{pid} }
sub log_file ($self) { return $self->{log} }
sub server_options ($self) { return ('-h', $self->{dir}, '-p', $self->{port}) }


# Starts it and waits until it takes connections.  After a kill -9 the old
# processes' shared memory may be in use for a moment: then again.

sub start ($self) {
    my $until = time + 30;

    while (1) {
        $self->launch;

        while (time < $until && alive($self->{pid})) {
            return $self if $self->ready;
            sleep 0.02;
        }

        die "PostgreSQL did not start:\n" . $self->log_tail
            if time >= $until
               || $self->log_tail !~ /shared memory block|lock file/;

        sleep 0.1;
    }
}


# Starts it, and does not wait.

sub launch ($self) {
    my @cmd = (as_user($self->{user}), bin('postgres'), '-D', $self->{data});

    $self->{pid} = spawn(
        cmd  => [$self->{network} ? $self->{network}->inside(@cmd) : @cmd],
        name => 'postgres',
        out  => $self->{log},
    );
}


sub ready ($self) {
    my ($rc) = run([bin('pg_isready'), '-q', '-t', '1', $self->server_options]);

    return $rc == 0;
}


# stop('INT') is a fast shutdown, stop('QUIT') an immediate one

sub stop_server ($self, $signal = 'INT') {
    return if !$self->{pid};

    stop($self->{pid}, $signal, 20) // die 'PostgreSQL did not stop';
    delete $self->{pid};
}


# kill -9 of the postmaster, as the kernel's out-of-memory killer would

sub kill_server ($self) {
    my @backends = children($self->{pid});

    kill 'KILL', $self->{pid};
    reap($self->{pid}, 5);
    delete $self->{pid};

    return @backends;
}


# The postmaster and all that it started.

sub processes ($self) {
    return ($self->{pid}, children($self->{pid}));
}


sub freeze ($self) {
    kill 'STOP', $self->{pid};              # so that it starts no more
    kill 'STOP', children($self->{pid});
}


sub thaw ($self) {
    kill 'CONT', $self->processes;
}


# SQL as the superuser.  query: rows as arrays of text (NULL is ''); value:
# the first row's first column; execute: several statements, nothing back.

sub query ($self, $sql) {
    my ($rc, $out) = $self->_psql(['-A', '-t', '-F', "\x1f", '-R', "\x1e"],
                                  $sql);
    die "psql: $out\n$sql" if $rc;

    chomp $out;
    return [ map { [ split /\x1f/, $_, -1 ] } split /\x1e/, $out ];
}


sub value ($self, $sql) {
    return $self->query($sql)->[0][0];
}


sub execute ($self, $sql) {
    my ($rc, $out) = $self->_psql([], $sql);

    die "psql: $out\n$sql" if $rc;
}


sub _psql ($self, $options, $sql, $db = 'skep') {
    return run([$self->psql($db), '-q', '-v', 'ON_ERROR_STOP=1', @$options],
               stdin => $sql, env => { PGCLIENTENCODING => 'UTF8' },
               timeout => 600);
}


# The words of a command that is psql, as the superuser.

sub psql ($self, $db = 'skep') {
    return (bin('psql'), '-X', $self->server_options, '-U', 'postgres', '-d', $db);
}


# Fans out all that is in the outbox, as a worker does; how many rows.

sub fan_out ($self) {
    return $self->value(<<~'SQL');
        SELECT count(*) FROM notify.fan_out(9223372036854775807, 1000000)
        SQL
}


# Ends the sessions of nginx and of the workers; they may come again.

sub terminate ($self) {
    $self->execute(TERMINATE);
}


# How many connections nginx has here.

sub connections ($self) {
    return $self->value(<<~'SQL');
        SELECT count(*) FROM pg_stat_activity WHERE usename = 'skep_nginx'
        SQL
}


# Waits until so many statements of a role wait for a lock; whether they do.

sub blocked ($self, $n = 1, $role = 'skep_nginx') {
    return wait_until(10, sub { $self->value(<<~"SQL") >= $n });
        SELECT count(*) FROM pg_stat_activity
        WHERE usename = '$role' AND wait_event_type = 'Lock'
        SQL
}


# Makes commits wait for a standby that does not come, or lets them go on: they
# have happened by then, but nobody is told.

sub hold_commits ($self, $on) {
    $self->execute($on
        ? "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
        : 'ALTER SYSTEM RESET synchronous_standby_names');
    $self->execute('SELECT pg_reload_conf()');
    sleep 0.3;
}


# A session of psql that stays open: for locks.  Give it SQL by send(), or
# by hold(), and end it by close().

sub session ($self) {
    pipe my $out, my $in or die "pipe: $!";
    $in->autoflush(1);

    my $pid = fork_child(sub {
        open STDIN, '<&', $out or die "dup: $!";
        open STDOUT, '>', '/dev/null' or die "/dev/null: $!";
        exec bin('psql'), '-X', '-q', $self->server_options, '-U', 'postgres',
             '-d', 'skep' or die "psql: $!";
    }, 'psql');

    return bless { in => $in, pid => $pid, server => $self },
           'Skep::Postgres::Session';
}


sub log_tail ($self, $lines = 30) {
    my @lines = split /^/, slurp($self->{log}, absent => '');

    splice @lines, 0, @lines - $lines if @lines > $lines;
    return join '', @lines;
}


# The template: its path.  One test makes it, others wait for that.

sub _template ($user) {
    my $base = build_dir() . '/pgtemplate';
    my $dir = "$base/" . _key();

    File::Path::make_path($base);

    open my $lock, '>', "$base/lock" or die "$base/lock: $!";
    flock $lock, LOCK_EX or die "$base/lock: $!";

    return $dir if -d $dir;

    my $work = Skep::Process::tempdir();
    my $self = bless {
        dir => "$work/pg", data => "$work/pg/data", log => "$work/pg/log",
        user => $user, port => 5432,
    }, __PACKAGE__;

    $self->_mkdir($self->{dir});
    $self->_initdb;
    $self->start;
    $self->_migrate;
    $self->stop_server('INT');
    unlink $self->{log};

    # the old ones are of no use to anybody
    for my $old (grep { m{/[0-9a-f]{16}$} } glob "$base/*") {
        File::Path::remove_tree($old);
    }

    my ($rc, $out) = run(['cp', '-a', '--reflink=auto', $self->{dir},
                          "$dir.new"]);
    die "copy of the cluster: $out" if $rc;
    rename "$dir.new", $dir or die "$dir: $!";

    return $dir;
}


sub _key () {
    my @files;
    my $sql = source_dir() . '/sql';

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @files, $_ if -f && m{/(deploy/|sqitch\.)};
    } }, $sql) if -d $sql;

    my $sha = Digest::SHA->new(256);
    $sha->add(bin('postgres'), (run([bin('postgres'), '--version']))[1]);

    for my $file (sort(@files), __FILE__) {
        $sha->add($file =~ s{.*/}{}r);
        $sha->addfile($file);
    }

    return substr $sha->hexdigest, 0, 16;
}


sub _initdb ($self) {
    my ($rc, $out) = run([bin('initdb'), '-D', $self->{data}, '-U', 'postgres',
                          '--no-sync', '--wal-segsize=1', '-E', 'UTF8',
                          '--locale=C.UTF-8'],
                         user => $self->{user}, dir => '/');
    die "initdb: $out" if $rc;

    # the superuser is whoever runs the tests, and nobody else
    my $me = (getpwuid $>)[0];

    spew("$self->{data}/pg_hba.conf", <<~'EOT');
        local all postgres peer map=skep
        local all all scram-sha-256
        host all all 127.0.0.1/32 scram-sha-256
        EOT
    spew("$self->{data}/pg_ident.conf",
         join '', map { "skep $_ postgres\n" } $me, $self->{user});
    $self->append('postgresql.conf', "listen_addresses = ''", 'fsync = off',
                  "unix_socket_directories = '$self->{dir}'");
}


sub _migrate ($self) {
    my ($rc, $out) = $self->_psql([], 'CREATE DATABASE skep', 'postgres');
    die "CREATE DATABASE: $out" if $rc;

    ($rc, $out) = run(['sqitch', '--quiet', 'deploy', '--verify', $self->uri],
                      dir => source_dir() . '/sql', env => $self->sqitch_env);
    die "sqitch deploy: $out" if $rc;

    my $password = PASSWORD =~ s/'/''/gr;
    $self->execute("ALTER ROLE $_ LOGIN PASSWORD '$password'")
        for qw(skep_nginx skep_worker);
}


package Skep::Postgres::Session;

use v5.36;


sub send ($self, $sql) {
    $self->{in}->say($sql);
}


# Begins a transaction with this SQL, and holds what it locks; the session.

sub hold ($self, $sql) {
    state $n = 0;
    my $name = 'holds ' . ++$n;

    $sql =~ s/;?\s*\z/;/;
    $self->send("BEGIN; $sql SET application_name = '$name';");

    Skep::Process::wait_until(10, sub { $self->{server}->value(<<~"SQL") })
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name = '$name' AND state = 'idle in transaction'
        SQL
        or die "it does not end: $sql";

    return $self;
}


sub close ($self) {
    my $in = delete $self->{in} // return;

    # by command: a child of the test may hold the pipe open still
    $in->say(';\q');
    CORE::close $in;
    Skep::Process::stop($self->{pid}) if !defined Skep::Process::reap(
                                                      $self->{pid}, 2);
}


1;
