package Skep::Example;

# A file of conf/examples/ as a server of a test: the same text, but for the
# places of files, the ports, how many workers there are and what a password
# costs.

use v5.36;

use parent qw(Skep::Server);
use Skep::File qw(slurp spew);
use Skep::Nginx;
use Skep::Postgres;
use Skep::Process qw(build_dir run source_dir tempdir);
use Skep::Witness;

my $conf = source_dir() . '/conf';
my $examples = "$conf/examples";


# The names of all.

sub names ($class) {
    return map { s{.*/}{}r =~ s/\.conf\z//r } glob "$examples/*.conf";
}


# Keys and passwords as they stand in /etc/skep, for several examples; the
# directory.

sub secrets ($class) {
    my $dir = tempdir();

    spew("$dir/pg_password", Skep::Postgres::PASSWORD . "\n", mode => 0600);
    spew("$dir/$_", join('', map { sprintf '%02x', int rand 256 } 1 .. 32),
         mode => 0600)
        for qw(token.key cursor.key);

    for my $command (
        ['genpkey', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256),
         '-out', "$dir/token.pem"],
        ['pkey', '-in', "$dir/token.pem", '-pubout', '-out',
         "$dir/token.pub.pem"],
        ['req', qw(-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
                   -days 2 -subj /CN=localhost -addext),
         'subjectAltName=DNS:localhost', '-keyout', "$dir/privkey.pem",
         '-out', "$dir/fullchain.pem"],
    ) {
        my ($rc, $out) = run(['openssl', @$command]);
        die "openssl @$command: $out" if $rc;
    }

    return $dir;
}


# Beside what Skep::Server has:
#
# new(name => of the file, port => the one that requests go to, of those in the
#     file, secrets => directory, pg => ..., redis => ..., ports => { in the
#     file => in the test }, which several examples may share, change => code
#     that gets the text and returns another)

sub new ($class, %o) {
    my $self = bless { %o, dir => tempdir(), options => {} }, $class;
    my $text = $self->_text("$o{name}.conf");

    $text = $o{change}->($text) if $o{change};

    $self->{nginx} = Skep::Nginx->new(dir => $self->{dir}, whole => 1,
                                      conf => $text);
    $self->{nginx}{ports}{''} = $self->port;
    $self->{witness} = Skep::Witness->new(nginx => $self->nginx,
                                          file => "$self->{dir}/witness");
    $self->{client} = $self->new_client;

    return $self;
}


# A port of the file, in the test; without, the one that requests go to.

sub port ($self, $port = $self->{port}) {
    return $self->{ports}{$port} //= Skep::Nginx::free_port();
}


sub _text ($self, $name) {
    my $text = slurp("$examples/$name");
    my $user = $> == 0 ? 'user nobody nogroup;' : '';
    my $temp = join '', map { "    ${_}_temp_path %%DIR%%/$_;\n" }
               qw(client_body proxy fastcgi uwsgi scgi);

    $text =~ s{include ((?:service|limits)[a-z-]*\.conf);}
              {slurp("$examples/$1")}ge;

    for ($text) {
        s{^user .*$}{$user}m;
        s{^(worker_processes) auto;}{$1 1;}m;
        s{^http \{\n}{$&$temp}m;
        s{ auth_thread_pool hash;}{$& auth_bcrypt_cost 4;};
        s{/usr/lib/nginx/modules/}{build_dir() . '/modules/'}ge;
        s{/run/(?:nginx\.pid|skep\.drain)}{$& =~ s/.*\.//r =~ s/^/%%DIR%%\//r}ge;
        s{/var/log/nginx/(\S+\.log)}{%%DIR%%/$1}g;
        s{/usr/share/skep/conf/}{$conf/};
        s{/var/www/\w+}{%%DIR%%/www}g;
        s{/etc/letsencrypt/live/skep/|/etc/skep/}{$self->{secrets}/}g;
        s{host=/run/postgresql }{host=$self->{pg}{dir} } if $self->{pg};
        s{\b127\.0\.0\.1:6379}{$self->{redis}->address}ge if $self->{redis};
        s{^([^#\n]*\b127\.0\.0\.1):(\d+)}{"$1:" . $self->port($2)}gme;
        s{^([^#\n]*\b)0\.0\.0\.0:(\d+)}{"${1}127.0.0.1:" . $self->port($2)}gme;
    }

    return $text;
}


sub start ($self) {
    $self->{nginx}->start;

    return $self;
}


# PostgreSQL and Redis are whose they were given from.

sub pg ($self) { return undef }
sub redis ($self) { return undef }


1;
