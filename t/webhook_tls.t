#!/usr/bin/env perl

# Webhooks over TLS: a receiver must show a certificate for its name, by an
# authority that is trusted.

use v5.36;

use Skep::File qw(spew);
use Skep::Hooks;
use Skep::Nginx;
use Skep::Process qw(run);
use Test::More;

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule   => '1h',
    webhook_allow_http => undef,
});
my $receiver = $hooks->receiver;
my $dir = $hooks->dir;


sub openssl (@words) {
    my ($rc, $out) = run(['openssl', @words], dir => $dir);

    die "openssl: $out" if $rc;
}


# an authority, and a certificate by it for a name

sub authority ($name) {
    openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
               -days 2 -subj), "/CN=$name", '-keyout', "$name.key",
            '-out', "$name.pem");
}


sub certificate ($file, $by, $alt, @good) {
    openssl(qw(req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj),
            '/CN=receiver', '-keyout', "$file.key", '-out', "$file.csr");

    spew("$dir/$file.ext", "subjectAltName = $alt\n");

    openssl(qw(x509 -req -set_serial 2 -in), "$file.csr", '-CA', "$by.pem",
            '-CAkey', "$by.key",
            @good ? @good : ('-days', 2), '-extfile', "$file.ext",
            '-out', "$file.pem");
}


authority($_) for qw(ca stranger);
certificate('good', 'ca', 'DNS:localhost,IP:127.0.0.1');
certificate('name', 'ca', 'DNS:example.com');
certificate('unknown', 'stranger', 'DNS:localhost,IP:127.0.0.1');

# one that has expired; how, is a question of OpenSSL's version
my ($rc, $help) = run(['openssl', 'x509', '-help']);
certificate('old', 'ca', 'DNS:localhost,IP:127.0.0.1',
            $help =~ /-not_after/ ? ('-not_before', '20200101000000Z',
                                     '-not_after', '20200102000000Z')
                                  : ('-days', -1));

# nginx ends TLS before the receiver
my %tls = (good => '', name => '', unknown => '', old => '',
           tls11 => 'ssl_protocols TLSv1.1;');

my $servers = join '', map {
    my $file = -e "$dir/$_.pem" ? $_ : 'good';
    <<~"EOT";
        server {
            listen 127.0.0.1:%%PORT:$_%% ssl;
            ssl_certificate $dir/$file.pem;
            ssl_certificate_key $dir/$file.key;
            $tls{$_}
            location / {
                proxy_pass http://127.0.0.1:@{[$receiver->port]};
            }
        }
        EOT
} sort keys %tls;

my $nginx = Skep::Nginx->new(dir => $dir, modules => [], conf =>
    "http {\n" . Skep::Nginx::http_paths()
    . "server { listen 127.0.0.1:%%PORT%%; }\n$servers}\n");

$nginx->start;


my %port = map { $_ => $nginx->port($_) } keys %tls;
my $not_valid = 'TLS: the certificate is not valid for this host';
my $worker = $hooks->start(webhook_ca_file => "$dir/ca.pem");
my $rows = $hooks->deliveries(
    "https://localhost:$port{good}/a", "https://127.0.0.1:$port{good}/b",
    "https://localhost:$port{name}/c", "https://localhost:$port{unknown}/d",
    "https://localhost:$port{old}/e", "https://localhost:$port{tls11}/f",
    "https://127.0.0.1:@{[$nginx->port]}/g",
);

for my $url (grep { /good/ || /:$port{good}/ } sort keys %$rows) {
    is($rows->{$url}{status}, 'delivered', "$url: a certificate of its own");
}

for my $case (['name', 'c'], ['unknown', 'd'], ['old', 'e']) {
    my ($name, $path) = @$case;
    my $row = $rows->{"https://localhost:$port{$name}/$path"};

    is_deeply([@$row{qw(status error response_status)}],
              ['pending', $not_valid, undef], "$name: refused");
}

is($rows->{"https://localhost:$port{tls11}/f"}{error}, 'TLS: no connection',
   'TLS 1.1 is not spoken');
like($rows->{"https://127.0.0.1:@{[$nginx->port]}/g"}{error}, qr/^TLS: /,
     'nor what is no TLS');

is_deeply([sort map { $_->{path} } $receiver->requests], ['/a', '/b'],
          'nothing else was sent');


# without the authority's certificate nobody knows it

$worker->quit;
$worker = $hooks->start(webhook_ca_file => undef);
$rows = $hooks->deliveries("https://localhost:$port{good}/h");
is($rows->{"https://localhost:$port{good}/h"}{error}, $not_valid,
   'an authority of one\'s own must be named');

my $file = "$dir/none.pem";
$worker->configure($hooks->conf(webhook_ca_file => $file));
my ($passed, $out) = $worker->check;
ok(!$passed, 'a file that is not there');
like($out, qr/"webhook_ca_file": No such file/, 'is told of');

ok(defined $nginx->quit, 'nginx quits');
$hooks->finish;
