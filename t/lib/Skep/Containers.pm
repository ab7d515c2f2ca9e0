package Skep::Containers;

# compose.yaml with a real engine.
#
# The engine is dockerd with its state in build/containers, so that the images
# are there the next time; it ends with the test.  It changes nothing of the
# host's firewall: the ports of containers are reached by its proxy alone.
# DOCKER_HOST names another engine instead.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp);
use Skep::Process qw(build_dir run source_dir spawn stop tempdir wait_until);


# new(name => of the project, env => {...})

sub new ($class, %o) {
    my $self = bless { files => [], env => {}, %o }, $class;

    $self->{env}{COMPOSE_PROJECT_NAME} = $o{name} // "skep$$";
    $self->{env}{DOCKER_BUILDKIT} = 0;
    $self->_engine if !$ENV{DOCKER_HOST};

    return $self;
}


sub _engine ($self) {
    my $data = build_dir() . '/containers';
    my $dir = tempdir();

    $self->{dir} = $dir;
    $self->{env}{DOCKER_HOST} = "unix://$dir/docker.sock";
    mkdir $data;

    $self->{pid} = spawn(
        name => 'dockerd', out => "$dir/dockerd.log",
        cmd => ['dockerd', '--data-root', $data, '--exec-root', "$dir/exec",
                '--pidfile', "$dir/pid", '-H', $self->{env}{DOCKER_HOST},
                '--bridge=none', '--iptables=false', '--ip6tables=false',
                '--ip-masq=false', '--ip-forward=false'],
    );

    wait_until(60, sub { ($self->docker('info'))[0] == 0 }, 0.2)
        or die 'the engine does not start: '
               . slurp("$dir/dockerd.log", absent => '');
}


# docker WORD..., docker-compose WORD...: the exit status and what was printed

sub docker ($self, @words) {
    return run(['/usr/bin/docker', @words], env => $self->{env},
               dir => source_dir(), timeout => 1800);
}


sub compose ($self, @words) {
    return run(['docker-compose', (map { ('-f', $_) } $self->{files}->@*),
                @words], env => $self->{env}, dir => source_dir(),
               timeout => 1800);
}


# The same, that must succeed: what was printed.

sub ok ($self, $command, @words) {
    my ($rc, $out) = $self->$command(@words);

    die "$command @words: $rc\n$out" if $rc != 0;
    return $out =~ s/\n\z//r;
}


# The containers of a service, of those that run.

sub ids ($self, $service) {
    return split /\n/, $self->ok('docker', 'ps', '-q', '--no-trunc',
        '--filter', "label=com.docker.compose.service=$service", '--filter',
        "label=com.docker.compose.project=$self->{env}{COMPOSE_PROJECT_NAME}");
}


sub inspect ($self, $id) {
    return JSON::PP::decode_json($self->ok('docker', 'inspect', $id))->[0];
}


# Whether all containers of the services are healthy, after a while

sub healthy ($self, @services) {
    return wait_until(120, sub {
        for my $service (@services) {
            my @ids = $self->ids($service) or return 0;

            for my $id (@ids) {
                my ($rc, $out) = $self->docker('inspect', '-f',
                                               '{{.State.Health.Status}}', $id);
                return 0 if $rc != 0 || $out !~ /^healthy$/;
            }
        }

        return 1;
    }, 0.5);
}


# Ends all of it, with its data, and the engine.

sub end ($self) {
    $self->compose('down', '-v', '--remove-orphans', '-t', '2');

    if (my $pid = delete $self->{pid}) {
        stop($pid, 'TERM', 60);

        # which it leaves mounted
        run(['umount', "$self->{dir}/exec/netns/default"]);
    }
}


1;
