#!/usr/bin/env perl

# Each directive of the modules' tables: it stands in the contexts that it is
# for and in no other, takes no argument too few or too many, and is not given
# twice at a level, unless it is one of a list.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Skep::Server;
use Skep::Test;

my $skep = Skep::Server->new(pg => 0);
my $nginx = $skep->nginx;
my $dir = $skep->dir;
my $code = join '', map { slurp($_) }
           glob source_dir() . '/ngx_*_module/*_module.c';

# the key of RFC 7517, A.1
$skep->write_file('jwks', <<~'EOT');
    {"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256",
               "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
               "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}
    EOT
$skep->write_file('words', "secret\n");


# a good value of each: its default as the documents have it, or this

my $docs = slurp(source_dir() . '/docs/directives.md');
my %value = (
    $docs =~ /^ {4}Default:\s+(\w+) (.+);$/mg,
    api_pg => '"host=/tmp dbname=skep"', api_pg_password_file => "$dir/password",
    api_pg_read_connections => 1, api_pg_write_connections => 1,
    api_pg_search_connections => 1, api_pg_queue => 10,
    api_pg_timeout => '1s', api_pg_connect_timeout => '1s',
    api_redis => '127.0.0.1 db=1', api_redis_password_file => "$dir/password",
    api_redis_timeout => '1s', api_redis_connect_timeout => '1s',
    api_secret_file => "$dir/secret", api_cors => 'https://a.example',
    api_metrics_zone => '128k', api_health_timeout => '1s',
    api_shutdown_delay => '1s', api_drain_file => "$dir/drain",
    auth_key => "HS256 $dir/key kid=one", auth_issuer => 'a',
    auth_key_jwks => "$dir/jwks issuer=a audience=b",
    auth_audience => 'a', auth_access_ttl => '1m', auth_refresh_ttl => '1d',
    auth_session_ttl => '2d',
    auth_leeway => '1s', auth_token_cache => '1m', auth_revocations => '1m',
    auth_bcrypt_cost => 4, auth_password_min_length => 10,
    auth_password_refuse => "$dir/words", auth_thread_pool => 'hash',
    auth_token => 'optional', auth_require => 'role=admin',
    rate_limit_zone => '$remote_addr zone=one:1m rate=1r/s',
    rate_limit => 'zone=one', rate_limit_status => 429,
    rate_limit_log_level => 'warn',
    notify_stream => 'skep', notify_stream_heartbeat => '10s',
    notify_stream_buffer => '64k', notify_stream_max => 10,
    notify_webhook_max => 10, notify_webhook_allow_address => '10.0.0.0/8',
);

# what another one needs beside it
my %beside = (
    rate_limit => 'rate_limit_zone $remote_addr zone=one:1m rate=1r/s;',
    notify_stream => 'api_redis 127.0.0.1;',
);

# those that may be given more than once, and what is said of the same twice
my %again = (
    auth_key => 'duplicate kid "one"', auth_key_jwks => 'duplicate',
    auth_require => undef, notify_webhook_allow_address => undef,
    rate_limit_zone => 'duplicate zone "one"',
);


my %command;

while ($code =~ /\{ \s* ngx_string\("(\w+)"\), \s* (NGX_[A-Z0-9_|\s]+),/gx) {
    my ($name, $flags) = ($1, $2);
    my %is = map { $_ => 1 } $flags =~ /\bNGX_(?:HTTP_)?(\w+)/g;

    $value{$name} //= "$dir/password" if $name =~ /_password_file\z/;
    $command{$name} = \%is if grep { $is{$_} } qw(MAIN_CONF SRV_CONF LOC_CONF);
}

cmp_ok(scalar keys %command, '>', 45, 'the tables are read');
is_deeply([grep { !$command{$_}{CONF_FLAG} && !defined $value{$_} }
           sort keys %command], [], 'each has a value here');


# What nginx -t says of a configuration with this at a level, which has not got
# the directive else.

sub says ($name, $level, $text) {
    my %at = (http => '', server => '', location => '');

    $at{$level} = $text;
    $skep->{options} = { pg => 0 };
    $skep->reconfigure(
        set     => { $name => undef },
        http    => ($beside{$name} // '') . $at{http},
        servers => <<~"EOT",
            server {
                listen 127.0.0.1:%%PORT:other%%;
                $at{server}

                location / {
                    $at{location}
                }
            }
            EOT
    );

    return $nginx->test_configuration;
}

my @levels = ([MAIN_CONF => 'http'], [SRV_CONF => 'server'],
              [LOC_CONF => 'location']);

for my $name (sort keys %command) {
    my $is = $command{$name};
    my $good = "$name " . ($is->{CONF_FLAG} ? 'on' : $value{$name}) . ';';

    for (@levels) {
        my ($flag, $level) = @$_;
        my ($ok, $out) = says($name, $level, $good);

        if (!$is->{$flag}) {
            like($out, qr/"$name" directive is not allowed here/,
                 "$name in $level: refused");
            next;
        }

        ok($ok, "$name in $level") or diag($out);

        ($ok, $out) = says($name, $level, "$good $good");
        my $says = exists $again{$name} ? $again{$name}
                 : qq{"$name" directive is duplicate};

        defined $says ? like($out, qr/\[emerg\].*$says/, "$name: not twice")
                      : ok($ok, "$name: more than one") || diag($out);
    }

    my ($level) = map { $_->[1] } grep { $is->{$_->[0]} } @levels;
    my $refused = $is->{CONF_1MORE} || $is->{CONF_2MORE}
                  ? qr/\[emerg\]/ : qr/invalid number of arguments in "$name"/;

    like((says($name, $level, "$name;"))[1],
         qr/invalid number of arguments in "$name"/, "$name of nothing");
    like((says($name, $level, "$name " . join(' ', ('x') x 8) . ';'))[1],
         $refused, "$name of too much");
}

done_testing();
