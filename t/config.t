#!/usr/bin/env perl

# Faults of the configuration: nginx -t fails, and says in a sentence why.

use v5.36;

use Skep::Server;
use Skep::Test;

my $skep = Skep::Server->new(pg => 0);
my $nginx = $skep->nginx;
my $dir = $skep->dir;


# The configuration with these changes does not pass, and says so.

sub refused ($name, $says, %o) {
    $skep->{options} = { pg => 0 };
    $skep->reconfigure(%o);

    my ($ok, $out) = $nginx->test_configuration;

    ok(!$ok, "$name: nginx -t fails");
    like($out, qr/\[emerg\].*$says/, "$name: it says why");
    unlike($out, qr/hunter2|@{[$skep->key]}/, "$name: and no secret");
}

sub passes ($name, %o) {
    $skep->{options} = { pg => 0 };
    $skep->reconfigure(%o);

    my ($ok, $out) = $nginx->test_configuration;

    ok($ok, "$name: nginx -t passes") or diag($out);
    unlike($out, qr/\[(?:warn|error|alert)\]/, "$name: in silence");
}

sub file ($text) {
    state $n = 0;

    return $nginx->write_file('file' . $n++, $text, 0600);
}


passes('the usual');


# api_pg

refused('no api_pg', 'no "api_pg" is set', set => { api_pg => undef });
refused('api_pg that is none', 'invalid connection string in "api_pg"',
        set => { api_pg => 'nonsense' });
refused('an unknown keyword', 'invalid connection string in "api_pg"',
        set => { api_pg => '"hots=x"' });
refused('a password in it', 'has a password in it.*api_pg_password_file',
        set => { api_pg => '"host=/tmp dbname=skep password=hunter2"' });
refused('a password in its URI', 'has a password in it',
        set => { api_pg => '"postgresql://skep:hunter2@localhost/skep"' });
refused('a host that is not there', 'host not found in "api_pg".*no-such-host',
        set => { api_pg => '"host=no-such-host.invalid dbname=skep"' });
refused('api_pg twice', '"api_pg" directive is duplicate',
        http => 'api_pg "host=/tmp";');
passes('a URI', set => { api_pg => '"postgresql://skep@127.0.0.1:5433/skep"' });
passes('a host that is an address',
       set => { api_pg => '"host=127.0.0.1,::1 dbname=skep"' });


# files

refused('no password file', 'nowhere" failed \(2: No such file',
        set => { api_pg_password_file => 'nowhere' });
refused('an empty password file', 'must hold at least 1 byte',
        set => { api_pg_password_file => file("\n") });
refused('no secret file', 'nowhere" failed \(2: No such file',
        set => { api_secret_file => 'nowhere' });
refused('a short secret', 'must hold at least 32 bytes',
        set => { api_secret_file => file('x' x 31 . "\n") });
refused('a secret that is a directory', "\"$dir\"",
        set => { api_secret_file => $dir });
refused('a file that is no secret', 'is too long',
        set => { api_secret_file => file('x' x 10000) });
passes('a secret of 32 bytes', set => { api_secret_file => file('x' x 32) });
passes('no secret at all', set => { api_secret_file => undef });


# numbers and times

for my $lane (qw(read write search)) {
    refused("$lane connections $_", 'value must be between 1 and 64',
            set => { "api_pg_${lane}_connections" => $_ }) for 0, 65;
    refused("$lane connections x", 'invalid number',
            set => { "api_pg_${lane}_connections" => 'x' });
}

refused('api_pg_queue 0', 'value must be between 1 and',
        set => { api_pg_queue => 0 });
refused("$_ soon", 'invalid value', set => { $_ => 'soon' })
    for qw(api_pg_timeout api_pg_connect_timeout auth_access_ttl
           auth_refresh_ttl auth_session_ttl auth_leeway);
refused("$_ 0", 'must be', set => { $_ => 0 })
    for qw(api_pg_timeout api_pg_connect_timeout auth_access_ttl
           auth_refresh_ttl auth_session_ttl);
refused('a long leeway', 'must be between', set => { auth_leeway => '2h' });
refused("auth_bcrypt_cost $_", 'value must be between 4 and 31',
        set => { auth_bcrypt_cost => $_ }) for 3, 32;


# keys

refused('no auth_key', 'no "auth_key" is set', set => { auth_key => undef });
refused('no key file', 'nowhere" failed \(2: No such file',
        set => { auth_key => 'HS256 nowhere' });
refused('a short key', 'must hold at least 32 bytes',
        set => { auth_key => 'HS256 ' . file('x' x 31 . "\n") });
refused("algorithm $_", 'unknown algorithm',
        set => { auth_key => "$_ $dir/key" }) for qw(none HS512 hs256);
refused('kid twice', 'duplicate kid "a"', set => {
            auth_key => "HS256 $dir/key kid=a; auth_key HS256 $dir/key kid=a"
        });
refused('an empty kid', 'invalid kid',
        set => { auth_key => "HS256 $dir/key kid=" });
refused('a kid with a space', 'invalid kid',
        set => { auth_key => "HS256 $dir/key \"kid=a b\"" });
refused('a parameter that is not known', 'invalid parameter "id=a"',
        set => { auth_key => "HS256 $dir/key id=a" });
passes('two keys', set => {
           auth_key => "HS256 $dir/key kid=a; auth_key HS256 $dir/key kid=b"
       });


# the rest of auth

refused('auth_token maybe', 'invalid value "maybe"',
        server => 'auth_token maybe;');
refused('a small cache', 'too small', set => { auth_token_cache => '8k' });
refused('a cache of no size', 'invalid size',
        set => { auth_token_cache => 'big' });
refused('no such pool', 'thread pool "nowhere"',
        set => { auth_thread_pool => 'nowhere' });
refused('an empty issuer', 'must be 1 to 255 bytes',
        set => { auth_issuer => '""' });
refused('an audience that is not UTF-8', 'UTF-8',
        set => { auth_audience => "\"\xff\"" });
passes('no cache', set => { auth_token_cache => 'off' });


# switches and where they stand

refused('task_api twice', '"task_api" directive is duplicate',
        location => 'task_api on;');
refused('notify_api twice', '"notify_api" directive is duplicate',
        location => 'notify_api on;');
refused('auth_api twice', '"auth_api" directive is duplicate',
        location => 'auth_api on;');
refused('task_api perhaps', 'must be "on" or "off"',
        server => 'location /x { task_api perhaps; }');
refused("$_->[0] in the server", 'directive is not allowed here',
        server => "$_->[0] $_->[1];")
    for ['task_api', 'on'], ['auth_api', 'on'], ['api_health', 'on'],
        ['api_pg', '"host=/tmp"'], ['auth_key', "HS256 $dir/key"],
        ['auth_issuer', 'x'];
refused('api_errors twice', '"api_errors" directive is duplicate',
        server => 'api_errors on;');
refused("api_drain_file $_->[0]", $_->[1], http => $_->[2])
    for ['twice', '"api_drain_file" directive is duplicate',
         "api_drain_file $dir/drain; api_drain_file $dir/drain;"],
        ['of no name', '"api_drain_file" directive must name a file',
         'api_drain_file "";'];
refused('api_metrics among routes', '"api_metrics" needs a location without',
        location => 'api_metrics on;');
refused('api_metrics_zone that is too small', 'must be at least 64k',
        http => 'api_metrics_zone 63k;');
refused('api_metrics_zone twice', '"api_metrics_zone" directive is duplicate',
        http => 'api_metrics_zone 64k; api_metrics_zone 64k;');
passes('api_metrics off', location => 'api_metrics off;');
refused('api_health_timeout 0', 'must be at least 1 millisecond',
        http => 'api_health_timeout 0;');
passes('health', http => "api_drain_file $dir/drain; api_health_timeout 2s;"
       . ' api_shutdown_delay 1s;');
passes('task_api off', server => 'location /x { task_api off; }');
passes('task_api in two places', server => 'location /x { task_api on; }');


# the stream of events

refused('notify_stream without Redis', '"notify_stream" needs "api_redis"',
        set => { notify_stream => 'skep' });
refused('notify_stream twice', '"notify_stream" directive is duplicate',
        set => { notify_stream => 'skep' }, http => 'notify_stream off;');
refused("notify_stream $_", 'must be a name of',
        set => { notify_stream => $_, api_redis => '127.0.0.1' })
    for '""', '"a b"', 'a/b', "\xc3\xa9", 'x' x 65;
refused("notify_stream_heartbeat $_", 'must be at least 1 second',
        set => { notify_stream_heartbeat => $_ }) for '0', '999ms';
refused("notify_stream_buffer $_", 'must be at least 1k',
        set => { notify_stream_buffer => $_ }) for '0', '1023';
refused("notify_stream_max $_", 'value must be',
        set => { notify_stream_max => $_ }) for '0', '100001';
passes('streams, each as it may be least',
       set => { notify_stream_heartbeat => '1s', notify_stream_buffer => '1k',
                notify_stream_max => 1 });
refused("notify_stream with $_", "invalid parameter \"$_\"",
        set => { notify_stream => "skep $_", api_redis => '127.0.0.1' })
    for 'maxlen=0', 'maxlen=x', 'maxlen=', 'size=1', 'maxlen=' . 9 x 20;
refused('no stream with a bound', 'invalid parameter "maxlen=1"',
        set => { notify_stream => 'off maxlen=1' });
passes('a bound of the stream', set => { notify_stream => 'skep maxlen=1',
                                         api_redis => '127.0.0.1' });
passes('no stream', set => { notify_stream => 'off' });
passes("notify_stream $_",
       set => { notify_stream => qq{"$_"}, api_redis => '127.0.0.1' })
    for 'skep', '{skep}:events', 'x' x 64;

done_testing();
