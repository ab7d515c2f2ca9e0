#!/usr/bin/env perl

# auth_require: guards by role and by claim, before any location; and
# $auth_claim_NAME.

use v5.36;

use Skep::Test;

# location => directives
my %guards = (
    '/admin/'     => 'auth_require role=admin;',
    '/staff/'     => 'auth_require role=admin,editor;',
    '/both/'      => 'auth_require role=admin; auth_require claim=mfa;',
    '/verified/'  => 'auth_require claim=email_verified;',
    '/team/'      => 'auth_require claim=team:red,blue;',
    '/level/'     => 'auth_require claim=level:3;',
    '/scope/'     => 'auth_require claim=scope:tasks.write;',
    '/nested/'    => 'auth_require claim=realm_access.roles:ops;',
    '/url/'       => 'auth_require claim=https://x.example/roles:ops;',
    '/urn/'       => 'auth_require claim=acr:urn:x:high;',
    '/optional/'  => 'auth_token optional; auth_require role=admin;',
    '/no-token/'  => 'auth_token off; auth_require role=admin;',
    '/inherited/' => '',
    '/other/'     => 'auth_require role=editor;',
    '/open/'      => 'auth_require off;',
    '/any/'       => 'satisfy any; deny all; auth_require role=admin;',
    '/any-here/'  => 'satisfy any; allow 127.0.0.1; deny all; '
                     . 'auth_require role=admin;',
    '/errors/'    => 'auth_require role=admin; api_errors off;',
);

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        auth_key HS256 %%DIR%%/../key;

        server {
            listen 127.0.0.1:%%PORT%%;

            api_errors on;
            auth_token required;
            auth_require claim=inherited;

            @{[map { <<~"EOL" } sort keys %guards]}
                location $_ {
                    $guards{$_}
                    proxy_set_header X-Claims "\$auth_claim_name|\$auth_claim_n|\$auth_claim_yes|\$auth_claim_list|\$auth_claim_object|\$auth_claim_none";
                    proxy_pass http://127.0.0.1:%%PORT:peer%%;
                }
                EOL
        }

        server {
            listen 127.0.0.1:%%PORT:peer%%;
            return 200 "\$http_x_claims";
        }
    }
    EOT

my $user = Skep::User->new($skep, { user => { id => nobody } }, {});


sub ask ($location, $claims = {}, %o) {
    return $skep->get($location, plain => 1,
                      token => $skep->token($user, $claims), %o);
}

# the second time from the cache of verified tokens
sub passes ($name, $location, $claims) {
    status_is(ask($location, $claims), 200, "$name$_") for '', ', again';
}

sub refused ($name, $location, $claims) {
    for my $again ('', ', again') {
        my $res = ask($location, $claims);

        problem($res, 403, 'forbidden', "$name$again");
        like($res->header('WWW-Authenticate'),
             qr/\ABearer realm="[^"]+", error="insufficient_scope"/,
             'with the challenge');
    }
}


passes('the role', '/admin/', { role => 'admin' });
refused('another role', '/admin/', { role => 'user' });
refused("role $_", '/admin/', { role => $_ })
    for qw(Admin admins admi admin-);
passes("role $_ of two", '/staff/', { role => $_ }) for qw(admin editor);
refused('none of two', '/staff/', { role => 'viewer' });

passes('both guards', '/both/', { role => 'admin', mfa => 1 });
refused('the first alone', '/both/', { role => 'admin' });
refused('the second alone', '/both/', { mfa => 1 });

passes('a claim is there', '/verified/', { email_verified => JSON::PP::true });
refused('a claim is false', '/verified/',
        { email_verified => JSON::PP::false });
refused('a claim is not there', '/verified/', {});

passes('a value', '/team/', { team => 'blue' });
passes('one of a list', '/team/', { team => ['green', 'red'] });
refused('another value', '/team/', { team => 'green' });
refused('another list', '/team/', { team => ['green', 'reddish'] });
refused('no list, but words', '/team/', { team => 'green red' });
refused('an object', '/team/', { team => { red => 1 } });

passes('a number', '/level/', { level => 3 });
passes('a number as a text', '/level/', { level => '3' });
refused('another number', '/level/', { level => 4 });

passes('a scope of several', '/scope/',
       { scope => 'tasks.read tasks.write' });
refused('another scope', '/scope/', { scope => 'tasks.read tasks.writer' });

passes('a claim in a claim', '/nested/',
       { realm_access => { roles => ['dev', 'ops'] } });
refused('another in it', '/nested/', { realm_access => { roles => ['dev'] } });
passes('a URL for a name', '/url/', { 'https://x.example/roles' => ['ops'] });
refused('another value of it', '/url/',
        { 'https://x.example/roles' => ['dev'] });
passes('colons in the value', '/urn/', { acr => 'urn:x:high' });
refused('other ones', '/urn/', { acr => 'urn:x:low' });


# a guard asks for a token, whatever auth_token says

for my $location ('/admin/', '/optional/', '/no-token/') {
    my $res = $skep->get($location, plain => 1);

    problem($res, 401, 'token_missing', "$location without a token");
    problem($skep->get($location, plain => 1, token => 'x'), 401,
            'token_invalid', "$location with a bad one");
    refused("$location with another role", $location, {});
    passes("$location with the role", $location, { role => 'admin' });
}

problem(ask('/admin/', { role => 'admin', exp => 1 }), 401, 'token_expired',
        'an old token is of no use');


# inherited, replaced, taken away

passes('inherited', '/inherited/', { inherited => 'x' });
refused('inherited, not met', '/inherited/', {});
passes('replaced', '/other/', { role => 'editor' });
passes('taken away', '/open/', {});
problem($skep->get('/open/', plain => 1), 401, 'token_missing',
        'the token is still asked for');


# with nginx's own guards

passes('satisfy any', '/any/', { role => 'admin' });
status_is(ask('/any/', {}), 403, 'satisfy any, by neither');
status_is($skep->get('/any-here/', plain => 1), 200,
          'satisfy any, by the address');
problem(ask('/errors/', {}), 403, 'forbidden', 'without api_errors, too');


# variables

my %claims = (
    role => 'admin', name => "Ann \x{e9}", n => 42, yes => JSON::PP::true,
    list => ['a', 2], object => { a => 1 },
);

is(ask('/admin/', \%claims)->body, "Ann \xc3\xa9|42|true|a,2||",
   'claims as variables');
is(ask('/admin/', { role => 'admin', name => "x\r\nX-Evil: 1",
                    list => ['a,b'], yes => JSON::PP::false })->body,
   '||false|||', 'what is no line of text is nothing');
is($skep->get('/any-here/', plain => 1)->body, '|||||', 'nobody has claims');

like($skep->nginx->log, qr/\[info\].*access forbidden: "auth_require" wants/,
     'a refusal is logged at info');

finish();
