#!/usr/bin/env perl

# Tokens of another issuer, by its JSON Web Key Set: good in front of
# proxy_pass, of no use for the API, whose users have accounts.

use v5.36;

use Skep::JWT qw(jwt jwt_keys);
use Skep::Server;
use Skep::Test;

my %location = (
    '/gw/'       => 'auth_token required;',
    '/optional/' => 'auth_token optional;',
    '/admin/'    => 'auth_token required; auth_require role=admin;',
    '/theirs/'   => 'auth_token required; '
                    . 'auth_require claim=iss:https://id.example;',
);

my $skep = skep(
    server => join('', map { <<~"EOT" } sort keys %location),
        location $_ {
            $location{$_}
            auth_forward_identity on;
            proxy_pass http://127.0.0.1:%%PORT:peer%%;
            proxy_set_header X-Claims "\$auth_claim_name|\$auth_claim_sid";
        }
        EOT
    servers => <<~'EOT',
        server {
            listen 127.0.0.1:%%PORT:peer%%;
            return 200 "$http_x_auth_user $http_x_auth_role $http_x_auth_session $http_x_auth_issuer $http_x_claims";
        }
        EOT
);
my $dir = $skep->dir;
my $user = $skep->user;
my ($rsa) = jwt_keys($dir, 'rsa:2048');
my ($ec) = jwt_keys($dir, 'ec:P-256');
my $issuer = 'https://id.example';


# their key set is what this server itself would publish of their keys

$skep->reconfigure(set => { auth_key => "RS256 $rsa kid=r; auth_key ES256 $ec "
                                        . 'kid=e' });
$skep->reload;

my $set = $skep->get('/.well-known/jwks.json', plain => 1)->body;
my $file = $skep->nginx->write_file('jwks.json', $set);
my $sets = "auth_key_jwks $file issuer=$issuer audience=gateway;";

$skep->reconfigure(set => {}, http => $sets);
$skep->reload;


sub token ($claims = {}, %o) {
    return jwt({
        iss => $issuer, aud => ['other', 'gateway'], sub => 'auth0|42',
        iat => time, exp => time + 600, name => 'Ann', sid => 'their-own',
        %$claims,
    }, alg => 'RS256', key => $rsa, header => { kid => 'r' }, %o);
}

sub get ($target, $token) {
    return $skep->get($target, plain => 1, token => $token);
}

sub said ($name, $target, $token, $want) {
    for my $again ('', ', from the cache') {
        my $res = get($target, $token);

        status_is($res, 200, "$name$again");
        is($res->body, $want, "$name: what the other server is told$again");
    }
}


said('RS256', '/gw/', token(), "auth0|42   $issuer Ann|their-own");
said('ES256', '/gw/', token({}, alg => 'ES256', key => $ec,
                            header => { kid => 'e' }),
     "auth0|42   $issuer Ann|their-own");
said('a role', '/gw/', token({ role => 'admin', sub => 'x' }),
     "x admin  $issuer Ann|their-own");
said('a long sub', '/gw/', token({ sub => 'x' x 255 }),
     'x' x 255 . "   $issuer Ann|their-own");
said('a user of ours', '/gw/', $user->token,
     $user->id . ' user ' . $user->get('/v1/sessions')->json->{data}[0]{id}
     . ' skep |' . $user->get('/v1/sessions')->json->{data}[0]{id});

status_is(get('/optional/', token()), 200, 'optional');
status_is(get('/admin/', token({ role => 'admin' })), 200, 'a role admits');
problem(get('/admin/', token()), 403, 'forbidden', 'no role does not');
problem(get('/admin/', token({ role => ['admin'] })), 403, 'forbidden',
        'nor does a list');
status_is(get('/theirs/', token()), 200, 'a guard on the issuer');
problem(get('/theirs/', $user->token), 403, 'forbidden', 'keeps ours out');


# each issuer by its own keys, for its own audience

sub refused ($name, $token, $code = 'token_invalid') {
    problem(get('/gw/', $token), 401, $code, $name);
}

refused('their token, expired', token({ exp => time - 1 }), 'token_expired');
refused('another audience', token({ aud => 'skep' }));
refused('our name by their key', token({ iss => 'skep', aud => 'skep',
                                         sub => $user->id, role => 'admin' }));
refused('their name by our key', token({}, alg => 'HS256',
                                       key => $skep->key, header => {}));
refused('their public keys as a secret', token({}, alg => 'HS256',
                                               key => $set));
refused('another issuer', token({ iss => 'https://id.example.org' }));
refused("a sub of $_->[0]", token({ sub => $_->[1] }))
    for ['nothing', undef], ['a number', 7], ['no letters', ''],
        ['two lines', "a\nX-Auth-Role: admin"], ['a blank', 'a b'],
        ['256', 'x' x 256];
refused('a kid that they have not', token({}, header => { kid => 'x' }));


# what their tokens are for: with "typ=" an ID token is no access token

for my $typ ('at+jwt', 'JWT') {
    $skep->reconfigure(set => {}, http => $sets =~ s/;/ typ=$typ;/r);
    $skep->reload;

    my ($good, $bad) = $typ eq 'JWT' ? ('JWT', 'at+jwt') : ('at+jwt', 'JWT');

    status_is(get('/gw/', token({}, header => { kid => 'r', typ => $_ })), 200,
              "typ=$typ: $_") for $good, "application/$good";
    refused("typ=$typ: " . ($_ // 'none'),
            token({}, header => { kid => 'r', typ => $_ }))
        for $bad, undef;
    status_is(get('/gw/', $user->token), 200, "typ=$typ: ours");
}

$skep->reconfigure(set => {}, http => $sets);
$skep->reload;
status_is(get('/gw/', token({}, header => { kid => 'r', typ => $_ })), 200,
          'without it: ' . ($_ // 'none')) for 'JWT', 'at+jwt', undef;


# the API has accounts: nobody of theirs has one, whatever the sub is

for my $sub ('auth0|42', $user->id) {
    my $token = token({ sub => $sub, role => 'admin' });

    for my $target ('/v1/me', '/v1/tasks', '/v1/users', '/v1/sessions') {
        problem($skep->get($target, token => $token), 401, 'token_invalid',
                "$target for $sub of theirs");
    }

    problem($skep->post('/v1/tasks', { title => 'x' }, token => $token), 401,
            'token_invalid', 'nor can they write');
    problem($skep->post('/v1/auth/logout', undef, token => $token), 401,
            'token_invalid', 'nor log anybody out');
}

status_is($user->get('/v1/me'), 200, 'the user of ours is well');
status_is($skep->get('/livez', token => token()), 200, 'what is public is');


# the keys are changed by reload

my $token = token();
status_is(get('/gw/', $token), 200, 'good before');

my $other = $set =~ s/"kid":"r"/"kid":"r2"/r;
$skep->nginx->write_file('jwks.json', $other);
$skep->reload;
problem(get('/gw/', $token), 401, 'token_invalid', 'the key is gone');
status_is(get('/gw/', token({}, header => { kid => 'r2' })), 200,
          'the new one is there');

$skep->reconfigure(http => '');
$skep->reload;
problem(get('/gw/', token({}, header => { kid => 'r2' })), 401,
        'token_invalid', 'and the issuer');


# a gateway with no key of its own, and neither database nor accounts

$skep->nginx->write_file('jwks.json', $set);
$skep->nginx->configure(<<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}
        $sets
        server {
            listen 127.0.0.1:%%PORT%%;
            auth_token required;
            location /gw/ { alias %%DIR%%/; }
        }
    }
    EOT
$skep->reload;

status_is(get('/gw/jwks.json', token()), 200, 'a gateway of theirs alone');
problem(get('/gw/jwks.json', $user->token), 401, 'token_invalid', 'ours are nobody');

finish();
