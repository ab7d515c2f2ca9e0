package Skep::Server;

# Skep as a whole: nginx with the modules, before a private PostgreSQL.

use v5.36;

use Carp qw(croak);
use Skep::Client;
use Skep::Fail;
use Skep::File qw(slurp spew);
use Skep::JWT qw(jwt);
use Skep::Load;
use Skep::Metrics;
use Skep::Nginx;
use Skep::Postgres;
use Skep::Process qw(source_dir tempdir wait_until);
use Skep::Redis;
use Skep::Sanitizer;
use Skep::User;
use Skep::Witness;
use Skep::Worker;
use Test::Builder;
use Time::HiRes qw(time);

# the stable part of every configuration; "set" of new() changes it
my %defaults = (
    api_pg_read_connections   => 2,
    api_pg_write_connections  => 4,
    api_pg_search_connections => 1,
    api_pg_timeout            => Skep::Sanitizer::patience(5) . 's',
    api_pg_connect_timeout    => Skep::Sanitizer::patience(2) . 's',
    auth_bcrypt_cost          => 4,
    auth_thread_pool          => 'hash',
);


# new() makes the files; start() starts all and waits until it is ready.
#
#     workers    of nginx (1)
#     connections  of each of them (1024)
#     daemon     1: nginx is one, so that it can be upgraded
#     modules_dir  where the modules are, instead of in the build
#     pg         0: no PostgreSQL; api_pg points to where none is; or
#                { more options of Skep::Postgres }
#     redis      1: a Redis, and api_redis; or { settings of it }
#     worker     1: a skep-worker, and the stream; or how many of them
#     worker_conf  { key => value } of its configuration
#     beside     another server: the same PostgreSQL, Redis, keys
#     pg_conf    [ lines for postgresql.conf ]
#     pg_tcp     a port: nginx connects over TCP
#     set        { directive of http level => value, undef to leave out }
#     main, http, server, location, servers
#                further text for those levels; "servers" stands in http,
#                after the server
#     access_log 1: that of conf/nginx.conf, into json.log
#     threads    of the hash pool, "threads=2 max_queue=64"
#     conf       the whole text instead of all that, from "http" on
#     metrics    1: a server beside it with the metrics; or its zone's size
#     fail       1: calls of nginx and of the workers can be made to fail, see
#                fail() and fail_worker()
#     allow_log  pattern of lines that may be in the error log

sub new ($class, %o) {
    my $dir = tempdir();

    $o{redis} //= 1 if $o{worker};

    my $self = bless { dir => $dir, allow_log => $o{allow_log} }, $class;

    if ($o{beside}) {
        $self->{$_} = $o{beside}{$_} for qw(pg redis key secret);

    } else {
        $self->{pg} = Skep::Postgres->new(dir => $dir,
                                          settings => $o{pg_conf},
                                          tcp => $o{pg_tcp},
                                          (ref $o{pg} ? $o{pg}->%* : ()))
            if $o{pg} // 1;
        $self->{redis} = Skep::Redis->new(
            dir => $dir, settings => ref $o{redis} ? $o{redis} : {},
        ) if $o{redis};
        $self->{key} = join '', map { sprintf '%02x', int rand 256 } 1 .. 24;
        $self->{secret} = join '', map { chr int rand 256 } 1 .. 48;
    }

    $self->write_file('key', "$self->{key}\n");
    $self->write_file('password', Skep::Postgres::PASSWORD . "\n");
    $self->write_file('secret', $self->{secret});

    if ($o{fail}) {
        $self->{$_} = Skep::Fail->new(dir => $dir) for qw(fail fail_worker);
    }

    $self->{options} = \%o;
    $self->{nginx} = Skep::Nginx->new(
        dir     => $dir,
        workers => $o{workers},
        connections => $o{connections},
        modules_dir => $o{modules_dir},
        daemon  => $o{daemon},
        env     => $o{fail} ? $self->fail->env : undef,
        main    => 'thread_pool hash ' . ($o{threads}
                   // 'threads=2 max_queue=64') . ";\n" . ($o{main} // ''),
        conf    => $o{conf} // $self->_conf(%o),
    );
    $self->{witness} = Skep::Witness->new(nginx => $self->nginx,
                                          file => "$dir/witness");
    $self->{client} = $self->new_client;
    $self->add_worker(conf => $o{worker_conf}) for 1 .. $o{worker} // 0;

    return $self;
}


# One more worker, not yet started.

sub add_worker ($self, %o) {
    my $n = push $self->{workers}->@*, undef;

    return $self->{workers}[-1] = Skep::Worker->new(
        dir => $self->{dir}, name => 'worker' . ($n == 1 ? '' : $n),
        pg => $self->pg, redis => $self->redis,
        env => $self->{fail_worker} ? $self->fail_worker->env : undef, %o,
    );
}


# Writes a file that the master may read, and no worker; its path.

sub write_file ($self, $name, $text) {
    return spew("$self->{dir}/$name", $text, mode => 0600);
}


sub _conf ($self, %o) {
    my $dir = $self->{dir};
    my $pg = $self->{pg} ? $self->{pg}->conninfo
                         : "host=$dir/none dbname=skep user=skep_nginx";

    my %set = (
        %defaults,
        api_pg               => qq{"$pg"},
        api_pg_password_file => "$dir/password",
        api_secret_file      => "$dir/secret",
        auth_key             => "HS256 $dir/key",
        $self->{redis} ? (api_redis => $self->{redis}->address) : (),
        $o{worker} ? (notify_stream => Skep::Worker::STREAM) : (),
        ($o{metrics} // 0) =~ /^\d+[km]$/ ? (api_metrics_zone => $o{metrics})
                                         : (),
        ($o{set} // {})->%*,
    );

    my $set = join '', map { "    $_ $set{$_};\n" }
              grep { defined $set{$_} } sort keys %set;
    my %text = map { $_ => $o{$_} // '' } qw(http server location servers);

    $text{http} = _access_log() . $text{http} if $o{access_log};
    $text{servers} .= <<~"EOT" if $o{metrics};
        server {
            listen 127.0.0.1:%%PORT:metrics%%;

            location = /metrics {
                api_metrics on;
            }
        }
        EOT

    return "http {\n" . Skep::Nginx::http_paths() . $set . <<~"EOT";
            $text{http}
            server {
                listen 127.0.0.1:%%PORT%%;
                server_name localhost;

                api_errors on;
                client_max_body_size 64k;
                client_body_buffer_size 64k;
                $text{server}

                location / {
                    api_health on;
                    auth_token required;
                    auth_api on;
                    task_api on;
                    notify_api on;
                    $text{location}
                }
            }
            $text{servers}
        }
        EOT
}


sub _access_log () {
    my $conf = slurp(source_dir() . '/conf/nginx.conf');
    my $maps = join '', $conf =~ /^( +map \S+ +\$log_.*\n)/mg;
    my ($format) = $conf =~ /^ +(log_format skep [^;]*;)/ms;

    return "$maps\n$format\naccess_log %%DIR%%/json.log skep;\n";
}


# Writes a configuration anew, of the same options with these changes.

sub reconfigure ($self, %o) {
    $self->{options} = { $self->{options}->%*, %o };
    $self->nginx->configure($self->_conf($self->{options}->%*));
}


# Reloads nginx, and waits until the workers of before are gone.

sub reload ($self) {
    my @old = $self->nginx->reload;

    $self->client->close;
    $self->nginx->gone(10, @old) or croak 'old workers stay';
}


sub start ($self) {
    for my $other (grep { $_ } @$self{qw(redis pg)}) {
        $other->start if !defined $other->pid;
    }

    $self->nginx->start;

    if ($self->{pg} && !defined $self->{options}{conf}) {
        $self->wait_ready(10) or die "never ready:\n" . $self->nginx->log;
    }

    for my $worker ($self->workers) {
        $worker->start->ready or die "never ready:\n" . $worker->log;
    }

    return $self;
}


# Whether /readyz says so within so many seconds.

sub wait_ready ($self, $timeout) {
    return wait_until($timeout, sub {
        my $res = eval { $self->client->request('GET', '/readyz') };
        return $res && $res->status == 200;
    });
}


# Waits until each worker has all its connections to PostgreSQL; how many.

sub connected ($self) {
    my %set = (%defaults, ($self->{options}{set} // {})->%*);
    my $n = 0;

    $n += $set{"api_pg_${_}_connections"} for qw(read write search);
    $n *= $self->{options}{workers} // 1;

    wait_until(5, sub { $self->pg->connections == $n })
        or croak $self->pg->connections . " connections, not $n";

    return $n;
}


# What nginx has at hand; see resources_are() of Skep::Test.

sub resources ($self) {
    return {
        connections => $self->connected,
        workers     => [sort $self->nginx->workers],
        descriptors => $self->nginx->descriptors,
    };
}


# Another PostgreSQL has taken over.

sub use_pg ($self, $pg) { $self->{pg} = $pg }


sub fail ($self) { return $self->{fail} }
sub fail_worker ($self) { return $self->{fail_worker} }
sub dir ($self) { return $self->{dir} }
sub pg ($self) { return $self->{pg} }
sub redis ($self) { return $self->{redis} }
sub nginx ($self) { return $self->{nginx} }
sub worker ($self) { return $self->{workers}[0] }
sub workers ($self) { return ($self->{workers} // [])->@* }
sub client ($self) { return $self->{client} }
sub witness ($self) { return $self->{witness} }
sub port ($self, @name) { return $self->nginx->port(@name) }
sub key ($self) { return $self->{key} }


sub new_client ($self, %o) {
    return Skep::Client->new(port => $self->port, witness => $self->{witness},
                             %o);
}


# A request over the kept connection; what every response must have is
# checked, beside what docs/openapi.yaml says of it.  %o is format_request()'s,
# and plain => 1 for a response that is not Skep's.

sub request ($self, $method, $target, %o) {
    my $res = $self->client->request($method, $target, %o);

    $self->check($res, $method, %o) if !$o{plain};

    return $res;
}


sub get ($self, $target, %o) { return $self->request('GET', $target, %o) }
sub head ($self, $target, %o) { return $self->request('HEAD', $target, %o) }
sub delete ($self, $target, %o) { return $self->request('DELETE', $target, %o) }

sub post ($self, $target, $json = undef, %o) {
    return $self->request('POST', $target, _body($json), %o);
}

sub put ($self, $target, $json, %o) {
    return $self->request('PUT', $target, _body($json), %o);
}

sub patch ($self, $target, $json, %o) {
    return $self->request('PATCH', $target, _body($json), %o);
}

sub _body ($json) { return defined $json ? (json => $json) : () }


# X-Request-ID, nosniff, the type of the body: of every response.

sub check ($self, $res, $method, %o) {
    my @wrong;
    my @id = $res->headers('X-Request-ID');
    my %sent = ref $o{headers} eq 'HASH' ? $o{headers}->%*
                                         : ($o{headers} // [])->@*;
    my $sent = $sent{'X-Request-ID'};

    push @wrong, 'X-Request-ID is not there once' if @id != 1;
    push @wrong, 'X-Request-ID is malformed'
        if ($id[0] // '') !~ /\A[A-Za-z0-9._-]{1,64}\z/;
    push @wrong, 'X-Request-ID is not the one sent'
        if defined $sent && $sent =~ /\A[A-Za-z0-9._-]{1,64}\z/
           && $sent ne ($id[0] // '');
    push @wrong, 'no nosniff'
        if join(',', $res->headers('X-Content-Type-Options')) ne 'nosniff';

    my $type = $res->header('Content-Type') // '';
    my $want = $res->status >= 400 ? 'application/problem+json'
                                   : 'application/json';

    push @wrong, "Content-Type is \"$type\""
        if length $res->body && $type ne $want;
    push @wrong, 'a body in answer to HEAD'
        if $method eq 'HEAD' && length $res->body;
    push @wrong, 'no Cache-Control'
        if length $res->body
           && ($res->header('Cache-Control') // '')
              !~ /\A(?:no-store|private, no-cache)\z/;

    return if !@wrong;

    my $test = Test::Builder->new;
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    $test->ok(0, "what every response has: @wrong");
    $test->diag($res->head);
}


# Registers a user over the API.

sub user ($self, %o) {
    state $n = 0;

    $n++;
    my %body = (email => "user$n\@example.com", name => "User $n",
                password => 'correct horse', %o);
    my $res;

    # right after PostgreSQL came up, not every worker can write yet
    wait_until(5, sub {
        $res = $self->post('/v1/auth/register', \%body);
        return $res->status != 503;
    });

    croak 'not registered: ' . $res->status . ' ' . $res->body
        if $res->status != 201;

    return Skep::User->new($self, $res->json, \%body);
}


# The metrics as Skep::Metrics, asked for now.

sub metrics ($self) {
    my $client = Skep::Client->new(port => $self->port('metrics'));
    my $res = $client->request('GET', '/metrics');

    croak '/metrics: ' . $res->status if $res->status != 200;

    return Skep::Metrics->new($res->body);
}


# Logs a user in; the session as a user of its own.

sub login ($self, $user, %o) {
    my %body = (email => $user->email, password => $user->password);
    my $res = $self->post('/v1/auth/login', \%body, %o);

    croak 'not logged in: ' . $res->status . ' ' . $res->body
        if $res->status != 200;

    return Skep::User->new($self, $res->json, {
        %body, name => $user->{name},
    });
}


# A user who is an admin.

sub admin ($self, %o) {
    my $user = $self->user(%o);

    $self->pg->execute(<<~"SQL");
        UPDATE auth.users SET role = 'admin' WHERE id = '@{[$user->id]}'
        SQL

    return $self->login($user);
}


# A project of a user's, with members: (role => user, ...); its id.

sub project ($self, $owner, @members) {
    my $project = $owner->project(
        name    => 'Shared',
        members => [map { [reverse @$_] } _pairs(@members)],
    );

    return $project->{id};
}

sub _pairs (@list) {
    my @pairs;

    push @pairs, [splice @list, 0, 2] while @list;
    return @pairs;
}


# The tokens that were mailed to a user, the latest first; type is
# "password_reset" or "email_verification".

sub mailed ($self, $user, $type) {
    return map { $_->[0] } $self->pg->query(<<~"SQL")->@*;
        SELECT data ->> 'token' FROM notify.outbox
        WHERE type = 'auth.${type}_requested'
          AND actor_id = '@{[ref $user ? $user->id : $user]}'
        ORDER BY id DESC
        SQL
}


# A token for a user, signed here; claims override the right ones, undef
# takes one away.  %$o is jwt()'s.

sub token ($self, $user, $claims = {}, $o = {}) {
    my $now = int time;

    return jwt({
        iss => 'skep', aud => 'skep', sub => $user->id, role => 'user',
        sid => '01890000-0000-7000-8000-000000000001',
        jti => '01890000-0000-7000-8000-000000000002',
        iat => $now, nbf => $now, exp => $now + 900, %$claims,
    }, key => $self->key, %$o);
}


# Load on this server; see Skep::Load.

sub load ($self, %o) {
    return Skep::Load->start(port => $self->port, witness => $self->{witness},
                             %o);
}


1;
