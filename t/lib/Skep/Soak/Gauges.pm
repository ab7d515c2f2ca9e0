package Skep::Soak::Gauges;

# What a soak looks at, every few seconds: memory and descriptors of processes,
# shared memory, connections, queues.  A sample is a hash; what could not be
# asked for, since a fault was on, is missing in it.
#
# It asks nothing that can hang, and PostgreSQL nothing at all.

use v5.36;

use Exporter qw(import);
use IO::Select;
use IO::Socket::UNIX;
use List::Util qw(sum0);
use Skep::Client;
use Skep::File qw(slurp);
use Skep::Metrics;
use Skep::Proc qw(descriptors);
use Skep::Process qw(children);
use Time::HiRes qw(time);

no warnings 'portable';         # addresses have 64 bits

our @EXPORT_OK = qw(trend memory open_files);

# of the metrics of nginx, [name of the sample, metric, labels]
my @nginx = (
    [in_flight   => 'skep_pg_in_flight'],
    [queued      => 'skep_pg_queued'],
    [ready       => 'skep_pg_connections', state => 'ready'],
    [hashing     => 'skep_auth_hash_queue_length'],
    [streams     => 'skep_notify_stream_clients'],
    [zone_used   => 'skep_metrics_zone_bytes', state => 'used'],
    [dropped     => 'skep_metrics_dropped_total'],
    [outbox      => 'skep_outbox_rows'],
    [outbox_age  => 'skep_outbox_age_seconds'],
);

# and of a worker's
my @worker = (
    [deliveries => 'skep_worker_deliveries_pending'],
    [mails      => 'skep_worker_mails_pending'],
    [stream     => 'skep_worker_stream_length'],
    [unacked    => 'skep_worker_stream_pending'],
    [fanned     => 'skep_worker_events_total'],
    [delivered  => 'skep_worker_deliveries_total'],
    [mailed     => 'skep_worker_mails_total'],
);


# new(steady => the server that lives through all, shaken => the other one;
#     both with metrics; the first worker of steady's lives, too)

sub new ($class, %o) {
    return bless { %o, began => time, nginx => [$o{steady}->nginx->workers] },
                 $class;
}


sub sample ($self) {
    my ($steady, $shaken) = @$self{qw(steady shaken)};
    my $worker = $steady->worker;
    my %sample = (
        t => time - $self->{began},
        _memory('nginx', $self->{nginx}->@*),
        _memory('master', $steady->nginx->pid),
        _memory('shaken', $shaken->nginx->workers),
        _memory('shaken_master', $shaken->nginx->pid),
        _memory('worker', $worker->pid),
        nginx_fds         => sum0(map { descriptors($_) } $self->{nginx}->@*),
        master_fds        => descriptors($steady->nginx->pid),
        shaken_master_fds => descriptors($shaken->nginx->pid),
        worker_fds        => descriptors($worker->pid),
        $self->_nginx('', $steady), $self->_nginx('shaken_', $shaken),
        $self->_worker($worker),
        $self->_backends, $self->_redis,
        map { ("zone_$_->[0]" => $_->[1]) } zones($self->{nginx}[0]),
    );

    delete @sample{grep { !defined $sample{$_} } keys %sample};
    return \%sample;
}


sub _nginx ($self, $prefix, $server) {
    my $metrics = _metrics($server->port('metrics')) // return;
    my %sample = map {
        my ($name, @of) = @$_;
        ($prefix . $name => $metrics->get(@of));
    } @nginx;

    $sample{$prefix . 'requests'} = $metrics->get('skep_http_requests_total');
    $sample{$prefix . 'errors'} = sum0(map { $_->[1] }
        grep { $_->[0]{status} >= 500 }
        $metrics->samples('skep_http_requests_total'));

    return %sample;
}


sub _worker ($self, $worker) {
    my $metrics = _metrics($worker->port) // return;

    return map {
        my ($name, @of) = @$_;
        ($name => $metrics->get(@of));
    } @worker;
}


sub _metrics ($port) {
    my $client = Skep::Client->new(port => $port, timeout => 3);
    my $res = eval { $client->request('GET', '/metrics') };

    $client->close;
    return $res && $res->status == 200 ? Skep::Metrics->new($res->body) : undef;
}


# How many processes of PostgreSQL serve nginx and workers.  It may have been
# started anew.

sub _backends ($self) {
    my $file = $self->{steady}->pg->{data} . '/postmaster.pid';
    my ($pid) = slurp($file, absent => '') =~ /^(\d+)$/m or return;
    my $n = grep { slurp("/proc/$_/cmdline", absent => '')
                   =~ /^postgres: skep_(?:nginx|worker) / } children($pid);

    return (backends => $n);
}


sub _redis ($self) {
    my $socket = IO::Socket::UNIX->new(Peer => $self->{steady}->redis->{socket},
                                       Timeout => 1) // return;
    my $text = '';

    $socket->blocking(0);
    syswrite $socket, "INFO memory\r\nINFO clients\r\nPING\r\n";

    while ($text !~ /\+PONG/) {
        IO::Select->new($socket)->can_read(1) or return;
        sysread $socket, $text, 65536, length $text or return;
    }

    return (
        redis_bytes   => ($text =~ /^used_memory:(\d+)/m)[0],
        redis_clients => ($text =~ /^connected_clients:(\d+)/m)[0],
    );
}


# In KB, of some processes: all that they have, with their share of what is
# shared; and what no file and no shared memory is behind.

sub memory (@pids) {
    my %memory = (pss => 0, own => 0);

    for my $pid (@pids) {
        my $text = eval { slurp("/proc/$pid/smaps_rollup") } // next;

        $memory{pss} += ($text =~ /^Pss:\s+(\d+)/m)[0] // 0;
        $memory{own} += ($text =~ /^Anonymous:\s+(\d+)/m)[0] // 0;
    }

    return \%memory;
}

sub _memory ($name, @pids) {
    my $memory = memory(@pids);

    return map { ("${name}_$_" => $memory->{$_}) } keys %$memory;
}


# What the descriptors of a process are, a line for each: files, and the ends of
# connections.

sub open_files ($pid) {
    my %end;

    for my $line (split /\n/, slurp('/proc/net/tcp') . slurp('/proc/net/unix')) {
        my @field = split ' ', $line;

        # the state of a TCP connection is in hexadecimal: 01 is established
        $end{$field[9]} = "tcp @field[1 .. 3]" if @field > 9 && $field[0] =~ /^\d+:$/;
        $end{$field[6]} = 'unix ' . ($field[7] // '')
            if ($field[6] // '') =~ /^\d+$/;
    }

    return map {
        my $to = readlink($_) // '';

        $to .= ' ' . ($end{$1} // 'gone') if $to =~ /^socket:\[(\d+)\]/;
        s{.*/}{}r . " $to\n";
    } glob "/proc/$pid/fd/*";
}


# The zones of shared memory of an nginx, as seen by one of its processes: [size
# in KB, pages that are free].  That is what stands at the beginning of each,
# ngx_slab_pool_t: two words before "end", which is the zone's end.

sub zones ($pid) {
    open my $memory, '<:raw', "/proc/$pid/mem" or return;
    my @zones;

    for (split /\n/, slurp("/proc/$pid/maps")) {
        my ($from, $to) = m{^([0-9a-f]+)-([0-9a-f]+) rw-s .* /dev/zero} or next;

        ($from, $to) = (hex $from, hex $to);
        seek $memory, $from, 0;
        read($memory, my $pool, 160) == 160 or next;

        my @words = unpack 'Q<*', $pool;
        my ($end) = grep { $words[$_] == $to } 0 .. $#words;

        push @zones, [($to - $from) >> 10, $words[$end - 2]] if defined $end;
    }

    return @zones;
}


# The straight line that fits a series best: (value at its beginning, and at its
# end).  The series is [[x, y], ...].

sub trend (@series) {
    my $n = @series;
    return (0, 0) if !$n;

    my $x = sum0(map { $_->[0] } @series) / $n;
    my $y = sum0(map { $_->[1] } @series) / $n;
    my $xx = sum0(map { ($_->[0] - $x) ** 2 } @series);
    my $xy = sum0(map { ($_->[0] - $x) * ($_->[1] - $y) } @series);
    my $slope = $xx ? $xy / $xx : 0;

    return map { $y + $slope * ($_ - $x) } $series[0][0], $series[-1][0];
}


1;
