package Skep::Prometheus;

# A private Prometheus with the configuration and rules of conf/prometheus/,
# and an Alertmanager with that of conf/alertmanager/.
#
#     my $prometheus = Skep::Prometheus->new(
#         dir => $dir, nginx => $port, worker => $port, receiver => $receiver,
#     )->start;
#
#     my @samples = $prometheus->query('up');         # { labels, value }
#     $prometheus->wait_for('up == 1', 5);
#
# In it a minute is a second: windows and waits are those of the files, sixty
# times shorter.  Targets are scraped twice a second.

use v5.36;

use JSON::PP ();
use Skep::Client;
use Skep::File qw(slurp spew);
use Skep::Nginx;
use Skep::Process qw(alive source_dir spawn stop wait_until);

use constant SCRAPE => '500ms';


# new(dir => directory of the test, nginx => port, worker => port: of their
#     metrics; receiver => Skep::Receiver: Alertmanager, which tells it)

sub new ($class, %o) {
    my $dir = "$o{dir}/prometheus";
    my $self = bless {
        dir   => $dir,
        port  => Skep::Nginx::free_port(),
        peers => {},
    }, $class;

    mkdir $_ or die "$_: $!" for $dir, "$dir/rules";

    my %address = (9463 => $o{nginx}, 9464 => $o{worker});

    if ($o{receiver}) {
        $self->{alertmanager} = Skep::Prometheus::Alertmanager->new(
            dir => $o{dir}, receiver => $o{receiver},
        );
        $address{9093} = $self->{alertmanager}{port};
    }

    my $conf = source('conf/prometheus/prometheus.yml');

    # where somebody is to be asked who is not there, nobody listens
    $conf =~ s/^( *- targets: \[127\.0\.0\.1:)(9\d+)/
               $1 . ($address{$2} \/\/ 9)/gme;
    $conf =~ s/^( *\w+_(?:interval|timeout): ).*/$1@{[SCRAPE]}/gm;
    spew("$dir/prometheus.yml", $conf);

    for my $file (glob source_dir() . '/conf/prometheus/rules/*.yml') {
        my $name = $file =~ s{.*/}{}r;

        spew("$dir/rules/$name", hurry(source("conf/prometheus/rules/$name")));
    }

    return $self;
}


sub source ($name) { return slurp(source_dir() . "/$name") }


# Times of a configuration or a rule: each minute a second.

my %unit = (s => 1, m => 60, h => 3600, d => 86400);

sub hurry ($text) {
    my $before = qr/\[|^ *(?:for|group_wait|\w+_interval|\w+_timeout): /m;

    $text =~ s/($before)(\d+)([smhd])\b/
               $1 . int($2 * $unit{$3} * 1000 \/ 60) . 'ms'/gex;

    return $text;
}


sub start ($self) {
    $self->{alertmanager}->start if $self->{alertmanager};

    $self->{pid} = spawn(
        cmd  => ['prometheus', "--config.file=$self->{dir}/prometheus.yml",
                 "--storage.tsdb.path=$self->{dir}/data",
                 "--web.listen-address=127.0.0.1:$self->{port}",
                 '--rules.alert.resend-delay=1s'],
        name => 'prometheus',
        out  => "$self->{dir}/log",
    );

    _up($self, 'Prometheus');
    return $self;
}

sub _up ($self, $name) {
    my $up = wait_until(30, sub {
        return 1 if !alive($self->{pid});
        my $res = eval { _get($self, '/-/ready') };
        return $res && $res->status == 200;
    });

    return if $up && alive($self->{pid});

    die "$name did not start:\n", slurp("$self->{dir}/log");
}

sub _get ($self, $path) {
    return Skep::Client->new(port => $self->{port})->request('GET', $path);
}


sub port ($self) { return $self->{port} }
sub alertmanager ($self) { return $self->{alertmanager} }


# What the API says.

sub _data ($self, $path) {
    my $res = _get($self, "/api/v1/$path");
    my $answer = eval { $res->json } // {};

    die "Prometheus: $path: " . ($answer->{error} // $res->status) . "\n"
        if ($answer->{status} // '') ne 'success';

    return $answer->{data};
}


# What a query finds now: { labels => { ... }, value => number }.

sub query ($self, $query) {
    my $data = _data($self, 'query?query='
                            . $query =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger);

    return { labels => {}, value => $data->{result}[1] }
        if $data->{resultType} eq 'scalar';

    return map { { labels => $_->{metric}, value => $_->{value}[1] } }
           $data->{result}->@*;
}


# Waits until a query finds something; what it found.

sub wait_for ($self, $query, $timeout = 15) {
    my @found;

    wait_until($timeout, sub { @found = $self->query($query) }, 0.1);

    return @found;
}


# The rules, as Prometheus tells them: { type, name, query, health, ... }

sub rules ($self) {
    return map { $_->{rules}->@* } _data($self, 'rules')->{groups}->@*;
}


# The names of the alerts that fire, sorted.

sub firing ($self) {
    my %names = map { $_->{labels}{alertname} => 1 }
                $self->query('ALERTS{alertstate="firing"}');

    return sort keys %names;
}


sub stop_server ($self) {
    $self->{alertmanager}->stop_server if $self->{alertmanager};
    stop(delete $self->{pid} // return, 'TERM', 20);
}


package Skep::Prometheus::Alertmanager;

use v5.36;

use Skep::File qw(spew);
use Skep::Process qw(spawn stop wait_until);


# new(dir => directory of the test, receiver => Skep::Receiver)

sub new ($class, %o) {
    my $self = bless {
        dir      => "$o{dir}/alertmanager",
        port     => Skep::Nginx::free_port(),
        receiver => $o{receiver},
    }, $class;

    mkdir $self->{dir} or die "$self->{dir}: $!";

    my $conf = Skep::Prometheus::source('conf/alertmanager/alertmanager.yml');

    $conf =~ s/127\.0\.0\.1:9095/"127.0.0.1:" . $o{receiver}->port/ge;
    spew("$self->{dir}/alertmanager.yml", Skep::Prometheus::hurry($conf));

    return $self;
}


sub start ($self) {
    $self->{pid} = spawn(
        cmd  => ['prometheus-alertmanager',
                 "--config.file=$self->{dir}/alertmanager.yml",
                 "--storage.path=$self->{dir}/data",
                 "--web.listen-address=127.0.0.1:$self->{port}",
                 '--cluster.listen-address='],
        name => 'alertmanager',
        out  => "$self->{dir}/log",
    );

    Skep::Prometheus::_up($self, 'Alertmanager');
    return $self;
}


# What became of an alert here: the states ("active", "suppressed") of those
# that it has of that name, each once.

sub state ($self, $name) {
    my %states = map { $_->{status}{state} => 1 }
                 grep { $_->{labels}{alertname} eq $name }
                 Skep::Prometheus::_get($self, '/api/v2/alerts')->json->@*;

    return join ' ', sort keys %states;
}


# What the receiver was told of an alert, the oldest first: as Alertmanager
# sends it, with "receiver" (pager, team).

sub told ($self, $name) {
    my @told;

    for my $request ($self->{receiver}->requests) {
        my $message = JSON::PP::decode_json($request->{body});

        push @told, map { { %$_, receiver => $message->{receiver} } }
                    grep { $_->{labels}{alertname} eq $name }
                    $message->{alerts}->@*;
    }

    return @told;
}


# Waits until the receiver's last word on an alert is that it is "firing" or
# "resolved"; that word, or nothing.

sub wait_told ($self, $name, $status, $timeout = 30) {
    my $last;

    wait_until($timeout, sub {
        $last = ($self->told($name))[-1];
        return ($last->{status} // '') eq $status;
    }, 0.1);

    return ($last->{status} // '') eq $status ? $last : undef;
}


sub stop_server ($self) {
    stop(delete $self->{pid} // return, 'TERM', 10);
}


1;
