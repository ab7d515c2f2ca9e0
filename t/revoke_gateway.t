#!/usr/bin/env perl

# In front of another server, without PostgreSQL: what is heard through Redis is
# refused, over a reload, too.

use v5.36;

use Skep::Process qw(tempdir wait_until);
use Skep::Redis;
use Skep::Test;

my $redis = Skep::Redis->new(dir => tempdir())->start;

my $skep = skep(pg => 0, workers => 2, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        auth_key HS256 %%DIR%%/../key;
        api_redis @{[$redis->address]};

        server {
            listen 127.0.0.1:%%PORT%%;
            auth_token required;

            location / {
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }

            location /optional/ {
                auth_token optional;
                proxy_pass http://127.0.0.1:%%PORT:peer%%;
            }
        }

        server {
            listen 127.0.0.1:%%PORT:peer%%;
            location / { return 200 "the other server"; }
        }
    }
    EOT

my $user = Skep::User->new($skep, { user => { id => nobody } }, {});
my $token = $skep->token($user);
my $sid = '01890000-0000-7000-8000-000000000001';


# Whether each of some connections, of both workers, gets that status.

sub all_are ($status, $target = '/') {
    return 20 == grep {
        $_->request('GET', $target, token => $token)->status == $status
    } map { $skep->new_client } 1 .. 20;
}


ok(all_are(200), 'there is nothing to wait for');
ok(wait_until(5, sub { $redis->clients == 4 }), 'the workers listen');

$redis->command('PUBLISH', 'skep:auth:revoked', $sid);
ok(wait_until(1, sub { all_are(401) }), 'revoked by another instance');
ok(all_are(401, '/optional/'), 'it is refused where none is needed, too');

my $res = $skep->get('/', token => $token, plain => 1);

problem($res, 401, 'token_revoked', 'the answer');
like($res->header('WWW-Authenticate'), qr/error="invalid_token"/,
     'its challenge');

$skep->reload;
ok(all_are(401), 'after a reload');
status_is($skep->get('/', plain => 1,
                     token => $skep->token($user, { sid => nobody })), 200,
          'another session goes on');

$redis->stop_server;
ok(all_are(401), 'and without Redis');

finish();
