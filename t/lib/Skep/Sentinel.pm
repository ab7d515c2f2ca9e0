package Skep::Sentinel;

# A Redis with a replica, and three Sentinels that watch them; each a process of
# its own, on ports of 127.0.0.1.
#
#     my $sentinel = Skep::Sentinel->new(dir => $dir)->start;
#
#     $sentinel->conf_nginx, $sentinel->conf_worker   where Redis is, for both
#     $sentinel->master->kill_server;
#     $sentinel->promoted;                            waits for the other one
#     $sentinel->restore;                             a replica, again

use v5.36;

use Skep::File qw(spew);
use Skep::Nginx;
use Skep::Process qw(alive run spawn stop wait_until);
use Skep::Redis;

use constant NAME => 'skep-events';


# new(dir => directory of the test, password => of Redis,
#     sentinel_password => of the Sentinels)

sub new ($class, %o) {
    my $self = bless { dir => $o{dir}, password => $o{password},
                       sentinel_password => $o{sentinel_password} }, $class;
    my %auth = defined $o{password}
               ? (requirepass => $o{password}, masterauth => $o{password}) : ();

    $self->{redis} = [map {
        Skep::Redis->new(
            dir => $o{dir}, name => "redis-$_", tcp => Skep::Nginx::free_port(),
            settings => { 'repl-diskless-sync-delay' => 0, %auth },
        );
    } 1 .. 2];
    $self->{sentinels} = [map { { port => Skep::Nginx::free_port(),
                                  name => "sentinel-$_" } } 1 .. 3];

    return $self;
}


sub start ($self) {
    my ($master, $replica) = $self->{redis}->@*;

    $master->start;
    $replica->{settings}{replicaof} = "127.0.0.1 $master->{tcp}";
    $replica->start;
    $self->{master} = $master;

    $self->start_sentinel($_) for $self->{sentinels}->@*;
    $self->watched or die 'the Sentinels do not see each other';

    return $self;
}


# One of $self->{sentinels}.

sub start_sentinel ($self, $sentinel) {
    my $dir = "$self->{dir}/$sentinel->{name}";
    my $name = NAME;
    my $text = <<~"EOT";
        port $sentinel->{port}
        bind 127.0.0.1
        dir $dir
        sentinel monitor $name 127.0.0.1 $self->{master}{tcp} 2
        sentinel down-after-milliseconds $name 500
        sentinel failover-timeout $name 1000
        EOT

    $text .= "sentinel auth-pass $name $self->{password}\n"
        if defined $self->{password};
    $text .= "requirepass $self->{sentinel_password}\n"
             . "sentinel sentinel-pass $self->{sentinel_password}\n"
        if defined $self->{sentinel_password};

    # it keeps what it learns in the file
    if (!-d $dir) {
        mkdir $dir, 0755 or die "$dir: $!";
        spew("$dir/conf", $text);
    }

    my $user = $self->{master}{user};

    if ($> == 0) {
        chown((getpwnam $user)[2, 3], $dir, "$dir/conf") or die "$dir: $!";
    }

    $sentinel->{pid} = spawn(
        cmd  => ['redis-server', "$dir/conf", '--sentinel'],
        name => 'sentinel', user => $user, out => "$dir/log",
    );
}


sub conf_nginx ($self) {
    return join ' ', $self->addresses, 'sentinel=' . NAME;
}

sub conf_worker ($self) {
    return (redis => join(' ', $self->addresses), redis_sentinel => NAME);
}

sub addresses ($self) {
    return map { "127.0.0.1:$_->{port}" } $self->{sentinels}->@*;
}


sub master ($self) { return $self->{master} }

sub replica ($self) {
    return (grep { $_ != $self->{master} } $self->{redis}->@*)[0];
}


# What a Sentinel says about the master, by the names of its answer.

sub says ($self, $sentinel = $self->{sentinels}[0]) {
    my %says = eval { split /\n/, $self->_ask($sentinel, 'master', NAME) };

    return \%says;
}


sub _ask ($self, $sentinel, @words) {
    my ($rc, $out) = run(['redis-cli', '-p', $sentinel->{port}, 'SENTINEL',
                          @words],
                         env => defined $self->{sentinel_password}
                                ? { REDISCLI_AUTH => $self->{sentinel_password} }
                                : {});
    die "redis-cli: $out" if $rc;

    return $out;
}


# All Sentinels know each other, and a replica that follows.

sub watched ($self, $timeout = 30) {
    return wait_until($timeout, sub {
        my @up = grep { $_->{pid} && alive($_->{pid}) } $self->{sentinels}->@*;

        return 0 if grep {
            my $says = $self->says($_);
            ($says->{'num-other-sentinels'} // 0) != 2
                || ($says->{flags} // '') ne 'master'
                || ($says->{port} // 0) != $self->{master}{tcp}
                || !$self->_replica_follows($_);
        } @up;
        return 1;
    }, 0.1);
}


sub _replica_follows ($self, $sentinel) {
    my %says = eval { split /\n/, $self->_ask($sentinel, 'replicas', NAME) };

    return ($says{port} // 0) == $self->replica->{tcp}
           && $says{flags} eq 'slave'
           && (eval { $self->replica->command('ROLE') } // '') =~ /connected/;
}


# Waits until the replica is the master, which it is from then on.

sub promoted ($self, $timeout = 20) {
    my $other = $self->replica;

    wait_until($timeout, sub {
        return (eval { $other->command('ROLE') } // '') =~ /^master/;
    }) or return 0;

    $self->{master} = $other;
    return 1;
}


# Has the one that was the master follow.

sub restore ($self) {
    my $other = $self->replica;

    delete $self->{master}{settings}{replicaof};

    if (!defined $other->pid) {
        $other->{settings}{replicaof} = "127.0.0.1 $self->{master}{tcp}";
        $other->start;
    }

    return $self->watched;
}


sub stop_server ($self) {
    for my $sentinel ($self->{sentinels}->@*) {
        my $pid = delete $sentinel->{pid} // next;
        stop($pid, 'TERM', 10);
    }

    $_->stop_server for $self->{redis}->@*;
}


1;
