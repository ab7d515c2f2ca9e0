package Skep::Fail::Conf;

# nginx reads its configuration while an allocation of ours fails: nginx -t
# refuses it and says so, a reload keeps what is there.

use v5.36;

use Skep::Process qw(run wait_until);

# as much as one configuration can have
my @conf = (
    http => <<~'EOT',
        rate_limit_zone $auth_user zone=user:1m rate=100r/s redis fallback=local;
        rate_limit_zone $rate_limit_client$auth_account zone=login:1m rate=10r/m;
        log_format skep "$api_request_id $auth_user $rate_limit_status $api_route
                         $auth_claim_scope $api_time_db";
        api_drain_file %%DIR%%/drain;
        EOT
    servers => <<~'EOT',
        server {
            listen 127.0.0.1:%%PORT:two%%;
            api_cors https://app.example https://other.example;

            location / {
                auth_token optional;
                auth_forward_identity on;
                rate_limit zone=user burst=5 nodelay;
                return 200;
            }

            location /admin {
                auth_token required;
                auth_require role=admin,user;
                auth_require claim=scope:read,write;
                rate_limit zone=login;
                return 200;
            }
        }
        EOT
);


# What skep() takes for it.

sub options () {
    return (fail => 1, redis => 1, metrics => 1, @conf,
            set => { notify_stream => 'skep' },
            allow_log => qr/\[emerg\]/);
}


# How many allocations there are.

sub calls ($skep) {
    $skep->fail->arm(kind => 'memory', whose => ['ours'], from => 1e9);

    my ($ok, $out) = $skep->nginx->test_configuration;

    $skep->fail->disarm;
    die "not even without a fault:\n$out" if !$ok;

    return $skep->fail->seen;
}


# What is wrong with nginx -t when that one fails, as text.

sub refused ($skep, $from) {
    my $fail = $skep->fail;

    $fail->arm(kind => 'memory', whose => ['ours'], from => $from);

    my ($rc, $out) = run([$skep->nginx->_command, '-t'],
                         env => $skep->nginx->_env);

    $fail->disarm;

    my $where = $fail->where;

    # jansson has a reserve
    return if $rc == 0 && ($where eq '' || $where =~ /^ngx_api_reserve_malloc/);
    return if $rc == 1 && $out =~ /test failed$/;

    return "nginx -t, $from: exit status $rc, $out: $where";
}


# The same of a reload; the server goes on with what it has.

sub reloaded ($skep, $from) {
    my $fail = $skep->fail;
    my @old = sort $skep->nginx->workers;

    $fail->arm(kind => 'memory', whose => ['ours'], from => $from,
               pid => $skep->nginx->pid);

    my $done = _reload($skep->nginx);

    $fail->disarm;

    my @wrong = $done ? () : 'neither refused nor done';
    my $where = $fail->where;
    my $res = eval { $skep->client->request('GET', '/livez') };

    push @wrong, 'the master died' if !kill 0, $skep->nginx->pid;
    push @wrong, 'no worker serves' if !$res;
    push @wrong, 'new workers with half of a configuration'
        if $fail->failed && $where !~ /ngx_api_reserve_malloc/
           && join(' ', @old) ne join(' ', sort $skep->nginx->workers);

    # one that was done after all lets its old workers go
    wait_until(10, sub { $skep->nginx->workers == @old })
        or push @wrong, 'old workers stay';

    return map { "reload, $from: $_: $where" } @wrong;
}


# Whether the master is done with a reload: it takes the next signal when it has
# refused the configuration, or started workers with it.

sub _reload ($nginx) {
    my $log = length $nginx->log('error.log');
    my $says = sub ($what) {
        return wait_until(10, sub {
            substr($nginx->log('error.log'), $log) =~ /#\d+: $what$/m;
        });
    };

    kill 'HUP', $nginx->pid;
    $says->('reconfiguring') or return 0;
    kill 'USR1', $nginx->pid;

    return $says->('reopening logs');
}


1;
