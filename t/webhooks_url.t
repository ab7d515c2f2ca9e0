#!/usr/bin/env perl

# Where a webhook may point to, by the directives; t/unit/notify_url.c has the
# forms of URLs.

use v5.36;

use Skep::Nginx;
use Skep::Test;

my $skep = skep;
my $user = $skep->user;

sub made ($url) {
    return $user->post('/v1/webhooks', { url => $url, events => ['*'] });
}

sub taken ($url) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $res = made($url);

    status_is($res, 201, $url) || diag($res->body), return;
    is($res->json->{url}, $url, 'as it was given');
    $user->delete($res->header('Location'));
}

sub refused ($url, @codes) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    problem(made($url), 422, 'validation_failed',
            (map { ['/url', $_] } @codes), "$url: @codes");
}


# by default

taken('https://example.com:8443/a?b=c');
taken('https://8.8.8.8/');
taken('https://[2606:4700::1111]/');
refused('http://example.com/', 'https_required');
refused($_, 'address_not_allowed')
    for map { "https://$_/" } qw(
        localhost 127.0.0.1 127.1 2130706433 0x7f.1 0177.0.0.1 10.1.2.3
        172.16.0.1 192.168.0.1 169.254.169.254 0 224.0.0.1 [::] [::1]
        [::ffff:127.0.0.1] [::ffff:a9fe:a9fe] [64:ff9b::10.0.0.1] [fe80::1]
        [fd00::1] [ff02::1]);
refused('example.com', 'invalid_format');
refused('https://', 'invalid_host');
refused('https://a:b@example.com/', 'userinfo_not_allowed');
refused('https://example.com/#x', 'fragment_not_allowed');
refused('https://example.com:65536/', 'invalid_port');

my $at = made('https://example.com/')->header('Location');

problem($user->patch($at, { url => 'https://10.0.0.1/' }), 422,
        'validation_failed', ['/url', 'address_not_allowed'], 'PATCH');
problem($user->put($at, { url => 'http://10.0.0.1/', events => ['*'] }), 422,
        'validation_failed', ['/url', 'https_required'],
        ['/url', 'address_not_allowed'], 'PUT');


# what the operator allows

$skep->reconfigure(http => 'notify_webhook_http on;
    notify_webhook_allow_address 127.0.0.0/8 ::1;
    notify_webhook_allow_address fd00::/8;');
$skep->reload;

taken($_) for qw(http://example.com/ http://localhost:8080/ http://127.1/
                 https://[::1]/ https://[::ffff:127.0.0.1]/
                 http://[fd12::1]/);
refused('http://10.0.0.1/', 'address_not_allowed');
refused('http://[fe80::1]/', 'address_not_allowed');
refused('ftp://127.0.0.1/', 'https_required');


# the directives

sub configured ($http, $want) {
    my $test = Skep::Server->new(pg => 0, http => $http);
    my ($ok, $out) = $test->nginx->test_configuration;

    if (!defined $want) {
        ok($ok, $http) || diag($out);
        return;
    }

    ok(!$ok, "$http: refused");
    like($out, qr/\[emerg\].*\Q$want\E.* in .*nginx\.conf:\d+/, "$http: why");
}

configured("notify_webhook_$_;", undef)
    for 'max 10000', 'http off', 'allow_address 0.0.0.0/0 ::/0';
configured('notify_webhook_max 1; notify_webhook_max 2;', 'is duplicate');
configured('notify_webhook_http on; notify_webhook_http on;', 'is duplicate');
configured('notify_webhook_max 10001;',
           'value must be between 0 and 10000');
configured('notify_webhook_max many;', 'invalid number');
configured('notify_webhook_http yes;', 'invalid value "yes"');
configured("notify_webhook_allow_address $_;",
           "invalid range of addresses \"$_\"")
    for qw(10.0.0.1/8 10.0.0.0/33 fd00::/129 example.com 10.0.0.0/x /8);

finish();
