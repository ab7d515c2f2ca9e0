#!/usr/bin/env perl

# Skep behind other servers than nginx, which parse HTTP in their own ways: no
# request becomes two between them, and nobody gets another's answer.

use v5.36;

use Skep::File qw(spew);
use Skep::Process qw(spawn stop tempdir wait_until);
use Skep::Smuggle qw(attack attacks more_than_sent victim);
use Skep::Test;

my $skep = skep(access_log => 1);
my $dir = tempdir();
my $back = $skep->port;


# configurations and commands, by name; each logs "METHOD URI STATUS"

my %front = (
    haproxy => {
        cmd  => sub ($conf) { ['haproxy', '-db', '-f', $conf] },
        conf => sub ($port) { <<~"EOT" },
            global
                log stdout format raw local0
            defaults
                mode http
                timeout connect 2s
                timeout client 5s
                timeout server 5s
                http-reuse always
                log global
                log-format "%HM %HPO %ST"
            frontend front
                bind 127.0.0.1:$port
                default_backend skep
            backend skep
                server skep 127.0.0.1:$back pool-max-conn 1
            EOT
    },
    apache => {
        cmd  => sub ($conf) { ['apache2', '-X', '-f', $conf] },
        conf => sub ($port) { _apache($port) },
    },
);

sub _apache ($port) {
    my $modules = '/usr/lib/apache2/modules';
    my $load = join '', map {
        -e "$modules/mod_$_.so" ? "LoadModule ${_}_module $modules/mod_$_.so\n"
                                : ''
    } qw(mpm_event authz_core proxy proxy_http);

    return <<~"EOT";
        ServerRoot $dir
        ServerName localhost
        DefaultRuntimeDir $dir
        PidFile $dir/apache.pid
        Listen 127.0.0.1:$port
        $load
        @{[$> == 0 ? "User nobody\nGroup nogroup" : '']}
        StartServers 1
        ServerLimit 1
        ThreadsPerChild 25
        MaxRequestWorkers 25
        ErrorLog $dir/apache.error
        TransferLog /dev/null
        LogFormat "%r %>s" front
        CustomLog /dev/stdout front
        AllowEncodedSlashes NoDecode
        ProxyPass / http://127.0.0.1:$back/ nocanon keepalive=On
        EOT
}

sub lines ($file) {
    open my $fh, '<', $file or return ();
    chomp(my @lines = <$fh>);

    return @lines;
}


for my $name (sort keys %front) {
    my $port = Skep::Nginx::free_port();
    my $conf = spew("$dir/$name.conf", $front{$name}{conf}->($port), mode => 0644);
    my $log = "$dir/$name.log";
    my $taken = $skep->nginx->file('json.log');
    my $pid = spawn(cmd => $front{$name}{cmd}->($conf), name => $name,
                    out => $log);

    ok(wait_until(10, sub { victim($port) }), "$name is in front")
        or diag(lines($log)), next;

    my $before = () = lines($taken);
    my $sent = () = lines($log);

    for my $attacks (attacks()) {
        my ($what, @attacks) = @$attacks;
        my @others = attack($port, @attacks);

        is("@others", '', "$name: $what: each gets their own answer");
    }

    my @wrong;

    # one that did not pass a request on has a status of its own for it
    wait_until(8, sub {
        my @front = lines($log);
        my @behind = lines($taken);

        @wrong = more_than_sent([map { s{(?: HTTP/\S+)? \S+\z}{ -}r }
                                 @front[$sent .. $#front]],
                                [@behind[$before .. $#behind]]);
        return !@wrong;
    });

    is("@wrong", '', "$name: no request became two");
    stop($pid, 'TERM');
}

finish();
