package Skep::Soak;

# All calls and all faults for a long time, and what is left of it in the end:
# see t/soak/soak.t.
#
# Two nginx stand before one PostgreSQL and one Redis, and two workers behind
# them.  One of each, the "steady" ones, live through all of it, so that what
# they lose they keep: their memory is looked at, and none of their connections
# may break.  The others, the "shaken" ones, are reloaded and killed.

use v5.36;

use parent 'Skep::Faults';

use JSON::PP ();
use Skep::File qw(slurp spew);
use Skep::Proc qw(cpu);
use Skep::Process qw(fork_child tempdir wait_until);
use Skep::Receiver;
use Skep::Server;
use Skep::Sink;
use Skep::Soak::Calls;
use Skep::Soak::Gauges qw(open_files trend);
use Skep::Test ();
use Test::More;
use Time::HiRes qw(sleep time);

# seconds from which on what grows in the beginning no longer counts
use constant LONG => 600;

use constant SETTLING => 60;        # seconds in which all must be as before

# callers: how many of each nginx, and how many calls a second each makes
use constant {
    STEADY => 6, SHAKEN => 2, RATE => 30,
};

my @faults = (
    (qw(kill_worker stop_worker freeze_worker reload_worker)) x 2,
    (qw(kill_redis kill_redis_aof flush_redis fill_redis freeze_redis)),
    (qw(kill_nginx reload storm reopen)) x 2,
    (qw(kill_postgres kill_backend end_sessions freeze_postgres lock_tasks)),
    qw(freeze_mail),
);

my $http = <<'EOT';
    rate_limit_zone $auth_user zone=user:576k rate=200r/s;
    rate_limit_zone $binary_remote_addr zone=login:704k rate=1000r/s redis;

    # a client that goes in the midst of a body which is not wanted is only
    # missed after a while
    client_header_timeout 10s;
    client_body_timeout 10s;
    keepalive_timeout 10s;
    lingering_time 5s;
EOT

my %set = (
    # of different sizes, by which they are told apart
    auth_token_cache   => '1088k',
    auth_revocations   => '832k poll=500ms',
    api_metrics_zone   => '2m',
    auth_access_ttl    => '90s',
    api_shutdown_delay => '200ms',
    notify_stream      => 'skep',
);

# what is deleted by age is so within the run
my %worker_conf = (
    smtp_timeout            => '5s',         # a killed worker's mail waits for it
    smtp_schedule           => '200ms 500ms 1s 2s',
    purge_interval          => '5s',
    purge_sessions          => '2m',
    purge_idempotency_keys  => '3m',
    purge_tombstones        => '1m',
    purge_inbox_read        => '1m',
    purge_inbox_deleted     => '10s',
    purge_deliveries        => '1m',
    purge_mails             => '1m',
);


# new(seconds => how long, seed => of the order of faults, dir => where samples
#     are kept, if not in the test's directory)

sub new ($class, %o) {
    my $sink = Skep::Sink->new(dir => tempdir());
    my %base = Skep::Faults->server;
    my %common = (
        workers => 2, metrics => 1, http => $http,
        main => 'worker_shutdown_timeout 5s;',
        location => "rate_limit zone=user burst=400 nodelay;\n"
                    . 'rate_limit zone=login burst=2000 nodelay;',
        set => { $base{set}->%*, %set },
    );
    my $steady = Skep::Test::skep(%common,
        worker => 2,
        pg_conf => ['autovacuum = on', 'autovacuum_naptime = 5s',
                    'max_connections = 300'],
        worker_conf => {
            $base{worker_conf}->%*, %worker_conf, $sink->conf,
        },
    );
    my $shaken = Skep::Server->new(%common, beside => $steady,
                                   allow_log => $base{allow_log})->start;
    # a lock that is held goes before autovacuum
    my $self = $class->SUPER::new(skep => $steady, rate => 40,
                                  refused => qr/canceling autovacuum task/);

    @$self{qw(shaken sink hooks seconds seed dir)} = (
        $shaken, $sink, Skep::Receiver->new(dir => $shaken->dir),
        @o{qw(seconds seed)}, $o{dir} // $steady->dir . '/soak',
    );
    $self->{hooks}->answer('/late', { status => 200, delay => 0.3 });
    $self->{hooks}->answer('/never', { status => 500 });
    $self->{wrong} = $steady->dir . '/wrong';

    # the writers' sessions last as long as all of it
    $_->{token} = $steady->token($_, { exp => int(time) + 86400 })
        for $self->{users}->@*;

    return $self;
}


sub shaken ($self) { return $self->{shaken} }


# All of it, from quiet to quiet.

sub soak ($self) {
    my $dir = $self->{dir};

    mkdir $dir;
    unlink glob "$dir/*";
    $self->{gauges} = Skep::Soak::Gauges->new(steady => $self->skep,
                                              shaken => $self->shaken);
    $self->{before} = $self->_quiet;

    my $until = time + $self->{seconds};
    my $sampler = $self->_sample;
    my @callers = $self->_call;

    $self->start;
    $self->_faults($until);

    for my $caller (@callers) {
        Skep::Process::stop($caller, 'TERM', 30) // fail('a caller hangs');
    }

    $self->stop;
    is(Skep::Process::stop($sampler, 'TERM', 30), 0, 'the sampler ends');
}


# Nobody asks anything: a sample of that.

sub _quiet ($self) {
    $_->client->close for $self->skep, $self->shaken;
    sleep 1;
    return $self->{gauges}->sample;
}


# A process that takes samples, as a table; its pid.

sub _sample ($self) {
    my $gauges = $self->{gauges};
    my $pause = $self->{seconds} / 60;

    $pause = 5 if $pause > 5;

    return fork_child(sub {
        open my $out, '>', "$self->{dir}/samples.tsv" or die "samples: $!";
        my @columns = (sort keys $self->{before}->%*);
        my $stopping = 0;
        local $SIG{TERM} = sub { $stopping = 1 };

        syswrite $out, join("\t", @columns) . "\n";

        while (!$stopping) {
            my $sample = $gauges->sample;

            syswrite $out, join("\t", map { $sample->{$_} // '' } @columns)
                           . "\n";
            sleep $pause;
        }
    }, 'sampler');
}


# The callers; their pids.

sub _call ($self) {
    my @hooks = map { $self->{hooks}->url($_) } qw(/good /good /late /never);
    my @servers = (($self->skep) x STEADY, ($self->shaken) x SHAKEN);

    return map {
        my $server = $servers[$_];

        Skep::Soak::Calls->start(
            port => $server->port, name => "caller$_", rate => RATE,
            wrong => $self->{wrong}, hooks => \@hooks, seed => $self->{seed},
            lossy => $server == $self->shaken,
        );
    } 0 .. $#servers;
}


# One fault after the other, each of them once before any is repeated.

sub _faults ($self, $until) {
    my @left;

    $self->{done} = {};
    open my $out, '>', "$self->{dir}/faults.tsv" or die "faults: $!";
    srand($self->{seed});

    while (time < $until) {
        @left = sort { rand 2 < 1 ? -1 : 1 } @faults if !@left;

        my $fault = pop @left;

        syswrite $out, sprintf "%.1f\t%s\n",
                               time - $self->{gauges}{began}, $fault;
        eval { $self->$fault; 1 } or fail("$fault: $@");
        $self->{done}{$fault}++;
        sleep 1 + rand 4;
    }

    note('faults: ', join ', ', map { "$_ $self->{done}{$_} times" }
                                sort keys $self->{done}->%*);
}


# The faults: kill_backend is Skep::Faults'

sub _shaken_worker ($self) { return ($self->skep->workers)[1] }

# On a machine that has much else to do it may take longer than a test waits.

sub _start_again ($self, $server, $kill) {
    for (1 .. 5) {
        return if eval { $server->start };
        $server->$kill;
    }

    die "it does not start: $@";
}


sub _start_worker ($self) {
    $self->_start_again($self->_shaken_worker, 'kill_process');
}


sub _kill_redis ($self, $aof) {
    my $redis = $self->skep->redis;

    $redis->{settings}{appendonly} = $aof;
    $redis->kill_server;
    sleep rand 0.5;
    $self->_start_again($redis, 'kill_server');
}


# it comes back with what it had, or with nothing

sub kill_redis_aof ($self) { $self->_kill_redis('yes') }
sub kill_redis ($self) { $self->_kill_redis('no') }

sub flush_redis ($self) { $self->skep->redis->command('FLUSHALL') }


# It refuses whatever would need memory.

sub fill_redis ($self) {
    my $redis = $self->skep->redis;

    $redis->command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    $redis->command('CONFIG', 'SET', 'maxmemory', 1);
    sleep 0.5 + rand 0.5;
    $redis->command('CONFIG', 'SET', 'maxmemory', 0);
}


sub freeze_redis ($self) {
    $self->skep->redis->freeze;
    sleep 0.5 + rand 1.5;
    $self->skep->redis->thaw;
}


sub kill_postgres ($self) {
    $self->skep->pg->kill_server;
    sleep rand 0.3;
    $self->skep->pg->start;
}


sub kill_worker ($self) {
    $self->_shaken_worker->kill_process;
    sleep rand 0.3;
    $self->_start_worker;
}


sub stop_worker ($self) {
    $self->_shaken_worker->quit;
    $self->_start_worker;
}


sub freeze_worker ($self) {
    $self->_shaken_worker->freeze;
    sleep 1 + rand 3;
    $self->_shaken_worker->thaw;
}


sub reload_worker ($self) { $self->skep->worker->signal('HUP') }


sub kill_nginx ($self) {
    my @workers = $self->shaken->nginx->workers;

    kill 'KILL', $workers[rand @workers];
}


sub reload ($self) {
    $self->shaken->nginx->reload;
    $self->{reloads}++;
}


# one upon the other, so that those who leave are still there

sub storm ($self) {
    for (1 .. 5) {
        $self->shaken->nginx->hup;
        sleep rand 0.3;
    }

    $self->{reloads} += 5;
}


sub reopen ($self) {
    kill 'USR1', $self->skep->nginx->pid, $self->shaken->nginx->pid;
    $_->signal('USR1') for $self->skep->workers;
}


sub end_sessions ($self) {
    eval { $self->skep->pg->query(<<~'SQL') };
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename LIKE 'skep\_%'
        SQL
}


sub freeze_postgres ($self) {
    $self->skep->pg->freeze;
    sleep 0.5 + rand 2.5;
    $self->skep->pg->thaw;
}


sub lock_tasks ($self) {
    my $session = $self->skep->pg->session;

    eval { $session->hold('LOCK TABLE task.tasks IN EXCLUSIVE MODE') };
    sleep 0.5 + rand 2.5;
    $session->close;
}


sub freeze_mail ($self) {
    $self->{sink}->freeze;
    sleep 1 + rand 2;
    $self->{sink}->thaw;
}


# What must be true in the end

sub check ($self) {
    $self->SUPER::check;

    my @wrong = split /^/, slurp($self->{wrong}, absent => '');

    is(scalar @wrong, 0, 'each call had its own answer, one that may be')
        or diag(@wrong[0 .. ($#wrong > 20 ? 20 : $#wrong)]);

    $self->_check_back;
    $self->_check_idle;
}


# What is counted is as it was, or nothing; descriptors are no more.

sub _check_back ($self) {
    my $before = $self->{before};
    my @most = qw(nginx_fds master_fds shaken_master_fds worker_fds);
    my @same = qw(backends ready shaken_ready redis_clients);
    my @none = qw(in_flight queued hashing streams shaken_in_flight
                  shaken_queued shaken_hashing shaken_streams outbox
                  deliveries mails unacked dropped);
    my %want = ((map { $_ => $before->{$_} } @most, @same),
                (map { $_ => 0 } @none));
    my %have;

    wait_until(SETTLING, sub {
        my $sample = $self->{after} = $self->_quiet;

        %have = map { $_ => $sample->{$_} } keys %want;

        for my $name (@most) {
            $have{$name} = $before->{$name} if $have{$name} < $before->{$name};
        }

        return !grep { ($have{$_} // -1) != $want{$_} } keys %want;
    });

    is_deeply(\%have, \%want,
              'descriptors, connections and queues are as before')
        or diag(explain(\%have), "descriptors of nginx:\n",
                map { open_files($_) } $self->skep->nginx->workers);
}


# Nobody turns in a circle.

sub _check_idle ($self) {
    my %name = (
        (map { $_ => 'nginx' } $self->skep->nginx->workers),
        (map { $_ => 'shaken nginx' } $self->shaken->nginx->workers),
        (map { $_->pid => $_->{name} } $self->skep->workers),
    );
    my %cpu = map { $_ => cpu($_) } keys %name;

    sleep 3;

    my @busy = map { sprintf '%s: %.2f s', $name{$_}, cpu($_) - $cpu{$_} }
               grep { cpu($_) - $cpu{$_} > 0.5 } sort keys %name;

    is_deeply(\@busy, [], 'nobody is busy when there is nothing to do');
}


# The samples of the last two thirds; growth is looked for there.

sub _samples ($self) {
    my ($head, @lines) = split /\n/, slurp("$self->{dir}/samples.tsv");
    my @columns = split /\t/, $head;
    my @samples = map {
        my %sample;
        @sample{@columns} = split /\t/, $_, -1;
        \%sample;
    } @lines;

    return grep { $_->{t} >= $self->{seconds} / 3
                  && $_->{t} <= $self->{seconds} } @samples;
}


# What grows, by the line through the samples: [what, in KB, of how many, bytes
# that each of them may leave behind; KB that are not one's fault]: a worker
# takes more when it has more connections at once than ever before.

sub check_growth ($self) {
    my @samples = $self->_samples;
    my ($first, $last) = @samples[0, -1];
    my $steady = $last->{requests} - $first->{requests};
    my $jobs = 0;

    $jobs += $last->{$_} - $first->{$_} for qw(fanned delivered mailed);

    for (['nginx_own', $steady, 'requests', 16, 0],
         ['worker_own', $jobs, 'events, deliveries and mails', 16, 4096],
         ['shaken_master_own', ($self->{reloads} // 0) * 2 / 3, 'reloads', 1024,
          0],
         ['master_own', 1, 'life', 65536, 0])
    {
        my ($what, $n, $of, $bound, $free) = @$_;
        my ($from, $to) = trend(map { [$_->{t}, $_->{$what}] }
                                grep { length $_->{$what} } @samples);
        my $bytes = 1024 * ($to - $from) / ($n || 1);

        $self->{growth}{$what} = { from => $from, to => $to, n => $n,
                                   of => $of, bytes => $bytes };
        note(sprintf '%s: from %d to %d KB in %d %s: %.1f bytes for each',
             $what, $from, $to, $n, $of, $bytes);
        cmp_ok($bytes - 1024 * $free / ($n || 1), '<', $bound,
               "$what does not grow")
            if $self->{seconds} >= LONG;
    }
}


# Keeps the figures, for the page.

sub keep ($self) {
    my %figures = map { $_ => $self->{$_} }
                  qw(seconds before after growth done reloads);

    $figures{events} = $self->skep->pg->value('SELECT n FROM notify.position');
    $figures{sent} = _sent($self->{receiver}) + _sent($self->{hooks});
    $figures{mails} = $self->{sink}->count;

    spew("$self->{dir}/soak.json",
         JSON::PP->new->utf8->canonical->pretty->encode(\%figures));
}

sub _sent ($receiver) {
    my $n = () = slurp($receiver->{file}) =~ /"method"/g;

    return $n;
}


sub finish ($self) {
    $self->SUPER::finish;
    $self->{hooks}->stop_server;
    $self->{sink}->stop_server;
    Skep::Test::finish($self->shaken);
}


1;
