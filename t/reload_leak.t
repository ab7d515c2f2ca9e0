#!/usr/bin/env perl

# A hundred reloads leave nothing behind, nor do those of configurations that
# nginx refuses: no memory, no descriptor, no shared memory in the master, which
# lives on; no process and no connection.
#
# There is no pattern in this configuration: nginx itself loses 72 bytes for
# those of each.

use v5.36;

use Skep::File qw(slurp);
use Skep::JWT qw(jwt_keys);
use Skep::Preload qw(preload);
use Skep::Proc qw(descriptors);
use Skep::Process qw(wait_until);
use Skep::Sanitizer;
use Skep::Server;
use Skep::Stream;
use Skep::Test;

my $skep = Skep::Server->new(
    redis => 1, metrics => 1, allow_log => qr/\[emerg\]/,
    set => {
        map({ ("api_pg_${_}_connections" => 1) } qw(read write search)),
        notify_stream => 'skep', api_pg_connect_timeout => '20s',
        api_pg_timeout => '20s', api_shutdown_delay => '10ms',
    },
);
my $nginx = $skep->nginx;
my $dir = $skep->dir;
my ($rsa) = jwt_keys($dir, 'rsa:2048');
my ($ec, $ec_pub) = jwt_keys($dir, 'ec:P-256');
my $keys = "HS256 $dir/key kid=h; auth_key RS256 $rsa kid=r; "
           . "auth_key ES256 $ec kid=e";

$skep->{options}{set}{auth_key} = $keys;
$skep->reconfigure;


# What counts the master's memory is preloaded, into nginx alone; under
# sanitizers LeakSanitizer looks at what is left in the end.

my $live = "$dir/live";

$nginx->{env} = { LD_PRELOAD => preload('live'), SKEP_LIVE => $live }
    if !Skep::Sanitizer::on();

$_->start for $skep->pg, $skep->redis, $nginx;
$skep->wait_ready(10) or die "never ready:\n" . $nginx->log;

my $user = $skep->user;


# What the master has: { blocks, bytes, descriptors, shared memory }.

sub master () {
    my $pid = $nginx->pid;
    my %has = (descriptors => descriptors($pid));

    for my $line (split /\n/, slurp("/proc/$pid/maps")) {
        no warnings 'portable';         # addresses of 64 bits
        my ($from, $to, $mode) = $line =~ /^(\w+)-(\w+) (\S+)/;

        $has{shared} += hex($to) - hex $from
            if $mode =~ /s$/ && $line =~ m{/dev/zero|/SYSV};
    }

    @has{qw(blocks bytes)} = unpack 'qq', slurp($live)
        if !Skep::Sanitizer::on();

    return \%has;
}

sub reload ($n) {
    for (1 .. $n) {
        my @old = $nginx->reload;

        $nginx->gone(10, @old) or die 'old workers stay';
    }
}

# all of it is used, so that a worker that leaves has something to leave
sub used () {
    $skep->client->close;
    $skep->connected;
    $skep->wait_ready(10) or die 'not ready';

    my $stream = Skep::Stream->open($user);

    $user->task(title => 'Before a reload');
    $user->get($_, plain => 1)
        for qw(/v1/tasks /v1/me /readyz /.well-known/jwks.json);
    $skep->metrics;
    $stream->close;
}

# what is the same after as before
sub same ($name, $before, $after) {
    # of what is as many blocks some are some bytes longer than needed
    my $grown = (delete $after->{bytes} // 0) - (delete $before->{bytes} // 0);

    cmp_ok($grown, '<', 500, "$name: bytes of the master");

    for my $what (sort keys %$before) {
        is($after->{$what}, $before->{$what}, "$name: $what of the master");
    }
}


# the first ones make what stays: lists that grow once, what libraries keep

used();
reload(5);
used();

my $before = master();
my $resources = $skep->resources;

ok($before->{shared} > 0, 'there is shared memory');

for (1 .. 10) {
    reload(10);
    used();
}

same('100 reloads', $before, master());
delete $resources->{workers};
resources_are($skep, $resources);


# configurations that nginx refuses at one place or another, when all before
# that has been made

my $short = $nginx->write_file('short', 'x', 0600);
my $jwks = $nginx->write_file('jwks', '{"keys":[{"kty":"EC","crv":"P-256"}]}');
my %usual = $skep->{options}{set}->%*;

my %refused = (
    'the last key of several' =>
        { set => { auth_key => "$keys; auth_key HS256 $short" } },
    'a key of another algorithm' =>
        { set => { auth_key => "$keys; auth_key RS256 $ec" } },
    'a file that is no key' =>
        { set => { auth_key => "$keys; auth_key ES256 $short" } },
    'kid twice' => { set => { auth_key => "$keys; $keys" } },
    'a key without its coordinates' =>
        { http => qq{auth_key_jwks $jwks issuer="https://a.example";} },
    'no secret file' => { set => { api_secret_file => 'nowhere' } },
    'a short secret' => { set => { api_secret_file => $short } },
    'a connection string' => { set => { api_pg => '"host=/tmp hots=x"' } },
    'no password file' => { set => { api_pg_password_file => 'nowhere' } },
    'Redis nowhere' => { set => { api_redis => 'no-such-host.invalid' } },
    'a small zone' => { set => { auth_token_cache => '8k' } },
    'another size of a zone, and a fault after it' =>
        { set => { auth_token_cache => '4m' }, servers => 'nonsense;' },
    'a limit' => { set => { auth_login_limit => 'account=often' } },
    'an origin' => { server => 'api_cors http://a.example *;' },
    'a directive in a location' => { location => 'auth_require role=;' },
    'no such pool' => { set => { auth_thread_pool => 'nowhere' } },
    'an unknown directive at the end' => { servers => 'nonsense on;' },
);

sub refuse ($rounds) {
    for my $round (1 .. $rounds) {
        for my $name (sort keys %refused) {
            my %change = $refused{$name}->%*;
            my $told = () = $nginx->log =~ /\[emerg\]/g;

            $skep->reconfigure(%change, set => {
                %usual, ($change{set} // {})->%*,
            });
            kill 'HUP', $nginx->pid;

            my $said = wait_until(10, sub {
                $told < (() = $nginx->log =~ /\[emerg\]/g);
            });

            ok($said, "$name: refused") if $round == 1 || !$said;
            $skep->{options}->@{qw(http server location servers)} = ();
        }
    }

    delete $skep->{options}{$_} for qw(http server location servers);
    $skep->reconfigure(set => \%usual);
    reload(1);
    used();
}

refuse(1);
$before = master();
refuse(6);
same('100 that are refused', $before, master());
resources_are($skep, $resources);

finish();
