#!/usr/bin/env perl

# auth_forward_identity: the server behind is told who is calling by headers
# that a client can't set, whatever it tries.

use v5.36;

use Skep::Test;

my @kept = qw(X-Auth X-Auth-Users X-Authentic X-Auth-Token);

my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        auth_key HS256 %%DIR%%/../key;
        underscores_in_headers on;
        log_format seen '\$uri u=\$http_x_auth_user r=\$http_x_auth_role s=\$http_x_auth_session i=\$http_x_auth_issuer';

        server {
            listen 127.0.0.1:%%PORT%%;
            auth_forward_identity on;

            location / {
                auth_token required;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /optional/ {
                auth_token optional;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /off/ {
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /any/ {
                satisfy any;
                allow 127.0.0.1;
                deny all;
                auth_token required;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /not/ {
                auth_forward_identity off;
                auth_token required;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /redirected/ {
                auth_token required;
                error_page 418 = /off/there;
                return 418;
            }

            location /named/ {
                auth_token required;
                try_files /nowhere \@named;
            }

            location \@named {
                auth_token optional;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /mirrored/ {
                auth_token required;
                mirror /mirror;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /mirrored-off/ {
                auth_forward_identity off;
                mirror /mirror;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /mirrored-half/ {
                auth_forward_identity off;
                auth_token required;
                mirror /mirror;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location = /mirror {
                internal;
                proxy_pass http://127.0.0.1:%%PORT:peer%%/mirror;
            }
        }

        server {
            listen 127.0.0.1:%%PORT:peer%%;
            underscores_in_headers on;

            access_log %%DIR%%/seen.log seen;
            large_client_header_buffers 8 16k;

            location / {
                return 200 "\$http_x_auth_user|\$http_x_auth_role|\$http_x_auth_session|\$http_x_auth_issuer|\$http_x_auth|\$http_x_auth_users|\$http_x_authentic|\$http_x_auth_token|\$http_last";
            }
        }
    }
    EOT

my $user = Skep::User->new($skep, { user => { id => nobody } }, {});
my $token = $skep->token($user, { role => 'editor' });
my $who = nobody . '|editor|01890000-0000-7000-8000-000000000001|skep';
my $rest = '|a|a|a|a|z';

my @lies = map { ($_ => 'root') }
           qw(X-Auth-User x-auth-role X-AUTH-SESSION X-Auth-Issuer
              X_Auth_User x_auth-role X-Auth_Session X-Auth-User);


# asks with and without lies; what the other server saw
sub seen ($target, $want, @token) {
    my @more = ((map { ($_ => 'a') } @kept), Last => 'z');

    is($skep->get($target, plain => 1, @token, headers => \@more)->body,
       "$want$rest", "$target");
    is($skep->get($target, plain => 1, @token,
                  headers => [@lies[0 .. 7], @more, @lies[8 .. $#lies]])->body,
       "$want$rest", "$target, with lies");
    is($skep->get($target, plain => 1, @token,
                  headers => [@more[0 .. 3], map({ ("A$_" => $_) } 1 .. 60),
                              @lies, @more[4 .. $#more]])->body,
       "$want$rest", "$target, with lies among many headers");
}


my $nobody = '|||';

seen('/', $who, token => $token);
seen('/optional/', $who, token => $token);
seen('/optional/', $nobody);
seen('/off/', $nobody, token => $token);
seen('/off/', $nobody);
seen('/any/', $nobody);
seen('/named/', $who, token => $token);

is($skep->get('/redirected/', plain => 1, token => $token,
              headers => \@lies)->body, "$nobody|||||",
   'after a redirect to where nobody is asked');

status_is($skep->get('/', plain => 1, headers => \@lies), 401,
          'they are no token');
is($skep->get('/not/', plain => 1, token => $token)->body, "$nobody|||||",
   'off: nothing is told');

# without sid and with another role
is($skep->get('/', plain => 1, token => $skep->token($user, {
       sid => undef, role => 'x-y_z' }))->body,
   nobody . '|x-y_z||skep|||||', 'a token without a session');


# subrequests

is($skep->get('/mirrored/', plain => 1, token => $token,
              headers => \@lies)->body, "$who|||||", 'with a mirror');
$skep->get('/mirrored-off/', plain => 1, headers => ['X-Auth-User', 'root']);
is($skep->get('/mirrored-half/', plain => 1, token => $token)->body,
   "$nobody|||||", 'what a mirror is told is not told to others');

my $id = nobody;
Skep::Process::wait_until(5, sub {
    3 == grep { m{^/mirror } } split /\n/, $skep->nginx->log('seen.log');
});
my @mirrored = grep { m{^/mirror } } split /\n/, $skep->nginx->log('seen.log');

is(scalar @mirrored, 3, 'the mirror was asked');
like($mirrored[0], qr/u=$id r=editor s=0189[-0-9a-f]+1 i=skep$/,
     'it knows who is calling');
is($mirrored[1], '/mirror u=- r=- s=- i=-',
   'and takes nobody for somebody');
is($mirrored[2], $mirrored[0], 'it knows, whatever its parent is told');

finish();
