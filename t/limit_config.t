#!/usr/bin/env perl

# Faults in the directives of rate limits: nginx -t fails, and says in a
# sentence why.

use v5.36;

use Skep::Server;
use Skep::Test;

my $skep = Skep::Server->new(pg => 0);
my $nginx = $skep->nginx;


sub test (%o) {
    $skep->{options} = { pg => 0 };
    $skep->reconfigure(%o);

    return $nginx->test_configuration;
}

sub refused ($name, $says, @o) {
    my ($ok, $out) = test(@o == 1 ? (http => $o[0]) : @o);

    ok(!$ok, "$name: nginx -t fails");
    like($out, qr/\[emerg\].*$says.*(?:nginx\.conf:\d+|\z)/s,
         "$name: it says why");
}

sub passes ($name, @o) {
    my ($ok, $out) = test(@o == 1 ? (http => $o[0]) : @o);

    ok($ok, "$name: nginx -t passes") or diag($out);
    unlike($out, qr/\[(?:warn|error|alert)\]/, "$name: in silence");
}

sub zone ($text) { return "rate_limit_zone \$remote_addr $text;" }


# rate_limit_zone

passes('a zone', zone('zone=z:1m rate=1r/s'));
passes('in another order', zone('rate=1r/s zone=z:1m'));
passes('a rate in two words', zone('zone=z:1m rate=1 r/s'));
passes('a rate in two words, further ones',
       zone('rate=1 r/m zone=z:1m'));
passes('per hour', zone('zone=z:32k rate=1000000r/h'));
passes('a zone that is used further up', 'rate_limit zone=z;'
       . zone('zone=z:1m rate=1r/s'));
passes('a key of text and variables',
       'rate_limit_zone "$remote_addr-${server_name}" zone=z:1m rate=1r/s;');

refused('no zone', 'must have "zone=" and "rate="', zone('rate=1r/s redis'));
refused('no rate', 'must have "zone=" and "rate="', zone('zone=z:1m redis'));
refused('a zone alone', 'must have "zone=" and "rate="', zone('zone=z:1m'));
refused('no key', 'invalid number of arguments', 'rate_limit_zone zone=z:1m;');

for my $rate ('0r/s', '1', 'r/s', '1r', '1r/d', '-1r/s', '1.5r/s',
              '1000001r/s', '1r/sec')
{
    refused("rate=$rate", 'invalid rate "rate=' . quotemeta $rate,
            zone("zone=z:1m rate=$rate"));
}

for my $zone ('z', ':1m', 'z:', 'z y:1m', 'z"y:1m', 'z' x 65 . ':1m') {
    refused("zone=$zone", 'invalid (?:zone|parameter)',
            zone("'zone=$zone' rate=1r/s"));
}

refused('a size that is none', 'invalid zone size',
        zone('zone=z:many rate=1r/s'));
refused('a zone too small', 'is too small, it must be at least',
        zone('zone=z:16k rate=1r/s'));
refused('two zones of a name', 'duplicate zone "z"',
        zone('zone=z:1m rate=1r/s') . zone('zone=z:1m rate=1r/s'));
refused('a name taken by another module', 'is already declared',
        'limit_req_zone $remote_addr zone=z:1m rate=1r/s;'
        . zone('zone=z:1m rate=1r/s'));
refused('an unknown parameter', 'invalid parameter "burst=1"',
        zone('zone=z:1m rate=1r/s burst=1'));
refused('an unknown variable', 'unknown "nonsense" variable',
        'rate_limit_zone $nonsense zone=z:1m rate=1r/s;');
refused('two late variables', 'are not known together',
        'rate_limit_zone $auth_account$auth_refresh_session zone=z:1m'
        . ' rate=1r/s;');
refused('in a location', 'is not allowed here',
        location => zone('zone=z:1m rate=1r/s'));


# Redis

my $redis = { set => { api_redis => '127.0.0.1:6379' } };

passes('redis', http => zone('zone=z:1m rate=1r/s redis fallback=open')
                        . 'rate_limit zone=z;', %$redis);
passes("fallback=$_", http => zone("zone=z:1m rate=1r/s redis fallback=$_"),
       %$redis) for qw(local open closed);
refused('an unknown fallback', 'invalid parameter "fallback=maybe"',
        http => zone('zone=z:1m rate=1r/s redis fallback=maybe'), %$redis);
refused('a fallback of nothing', '"fallback=" is of use only with "redis"',
        zone('zone=z:1m rate=1r/s fallback=open'));
refused('redis without api_redis', 'no "api_redis" is set',
        zone('zone=z:1m rate=1r/s redis') . 'rate_limit zone=z;');


# rate_limit

my $zone = zone('zone=z:1m rate=10r/s') . zone('zone=y:1m rate=1r/s');

passes('all of it', http => $zone . <<~'EOT', location => <<~'EOT');
    rate_limit zone=z burst=20 nodelay;
    rate_limit zone=y cost=2 burst=1;
    rate_limit_status 503;
    rate_limit_log_level info;
    rate_limit_dry_run on;
    EOT
    rate_limit off;
    rate_limit_status 429;
    rate_limit_log_level warn;
    rate_limit_dry_run off;
    EOT

refused('no such zone', 'unknown "rate_limit_zone" "x" in .*nginx.conf:\d+',
        $zone . 'rate_limit zone=x;');
refused('no zone at all', 'must have "zone="', $zone . 'rate_limit burst=1;');
refused("burst=$_", "invalid burst \"burst=$_\"",
        $zone . "rate_limit zone=z burst=$_;") for '', '-1', 'x', '1000000';
refused("cost=$_", "invalid cost \"cost=$_\"",
        $zone . "rate_limit zone=z cost=$_;") for '', '0', '-1', '1000001';
refused('an unknown parameter', 'invalid parameter "delay=1"',
        $zone . 'rate_limit zone=z delay=1;');
refused('a zone twice', '"rate_limit" directive is duplicate',
        $zone . 'rate_limit zone=z; rate_limit zone=z burst=1;');
refused('off and on', 'is set to "off" already',
        $zone . 'rate_limit off; rate_limit zone=z;');
refused('on and off', 'is set to something else already',
        $zone . 'rate_limit zone=z; rate_limit off;');
refused('a cost that is never met', 'a cost of 11 can never be met, 10 may',
        $zone . 'rate_limit zone=z cost=11;');
refused('a cost beyond the burst', 'a cost of 3 can never be met, 2 may',
        $zone . 'rate_limit zone=z cost=3 burst=1;');
refused('a status that is no error', 'value must be between 400 and 599|'
        . 'must be equal to or greater than 400', 'rate_limit_status 302;');
refused('an unknown level', 'invalid value "loud"',
        'rate_limit_log_level loud;');

done_testing();
