#!/usr/bin/env perl

# Behind another server, which keeps connections for many clients: what a client
# sends to confuse the two is one request to both or to neither, and nobody gets
# another's answer.  What a server behind nginx is told about who is calling, was
# said by nginx alone.

use v5.36;

use IO::Socket::INET;
use Skep::H2;
use Skep::Process qw(wait_until);
use Skep::Smuggle qw(attack attacks inner more_than_sent);
use Skep::Test;

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
                                     Timeout => 15) or die "listen: $!";
my $behind = $listener->sockport;

my $proxy = 'proxy_pass http://skep; proxy_http_version 1.1;
             proxy_set_header Connection "";';
my @fronts = qw(front stream h2);

my $skep = skep(
    access_log => 1,
    http => <<~'EOT',
        upstream skep {
            server 127.0.0.1:%%PORT%%;
            keepalive 1;
        }

        log_format front '$request_method $request_uri $upstream_status';
        EOT
    servers => <<~"EOT",
        server {
            listen 127.0.0.1:%%PORT:front%%;
            access_log %%DIR%%/front.log front;
            location / { $proxy }
        }

        server {
            listen 127.0.0.1:%%PORT:stream%%;
            access_log %%DIR%%/front.log front;
            location / { $proxy proxy_request_buffering off; }
        }

        server {
            listen 127.0.0.1:%%PORT:h2%% http2;
            access_log %%DIR%%/front.log front;
            location / { $proxy proxy_request_buffering off; }
        }

        server {
            listen 127.0.0.1:%%PORT:identity%%;
            ignore_invalid_headers off;
            underscores_in_headers on;
            location / {
                auth_token optional;
                auth_forward_identity on;
                proxy_pass http://127.0.0.1:$behind;
            }
        }
        EOT
);
my $user = $skep->user;
my $task = $user->task(title => 'Own');
my $n = 0;

sub lines ($file) {
    my @lines = split /\n/, $skep->nginx->log($file);

    return @lines;
}

wait_until(3, sub { lines('json.log') >= 2 });
my $before = lines('json.log');


# A victim's request by HTTP/2: it has to get its own answer, too.

sub victim_h2 () {
    my $id = 'victim-h2-' . ++$n;
    my $h2 = Skep::H2->new(port => $skep->port('h2'));
    my $stream = $h2->get("/$id", headers => ['x-request-id', $id]);

    $h2->close;
    return $stream && $stream->{body} =~ /"request_id":"$id"/;
}

# what the two servers have not in common; they log a little after their answers
sub unlike_each_other () {
    my @wrong;

    wait_until(3, sub {
        my @taken = lines('json.log');

        @wrong = more_than_sent([lines('front.log')],
                                [@taken[$before .. $#taken]]);
        return !@wrong;
    });

    return "@wrong";
}

sub attacked ($name, @attacks) {
    for my $front (grep { $_ ne 'h2' } @fronts) {
        my @others = attack($skep->port($front), @attacks);

        is("@others", '', "$name, by \"$front\": each gets their own answer");
    }

    is(unlike_each_other(), '', "$name: what one server sent on the other one "
       . 'took, request by request');
}


attacked(@$_) for attacks();


# what HTTP/2 lets a client say, and HTTP/1 not

my ($inner, @wrong) = inner();
my $end = "0\r\n\r\n$inner";

for my $case (
    [[], "x\r\n\r\n$inner", 5], [['transfer-encoding', 'chunked'], $end, undef],
    [['content-length', 0], $inner, undef], [['content-length', 5], $inner, undef],
    [['content-length', 5000], $inner, undef], [['connection', 'close'], $inner,
     undef], [['transfer-encoding', 'x'], $inner, undef],
    [['x', "y\r\ntransfer-encoding: chunked"], $end, undef],
    [["x\r\ny", 'z'], $inner, undef], [['te', 'trailers'], $inner, undef],
    [['upgrade', 'x'], $inner, undef],
) {
    my ($headers, $body, $cut) = @$case;
    my $h2 = Skep::H2->new(port => $skep->port('h2'));
    my ($id, $bytes) = $h2->format_request('POST', '/v1/tasks', body => $body,
                                           headers => $headers, cut => $cut);

    $h2->send($bytes);
    $h2->answer($id, 0.5);
    $h2->close;
    push @wrong, "@$headers" if !victim_h2();
}

is("@wrong", '', 'by HTTP/2: each gets their own answer');

is(unlike_each_other(), '', 'by HTTP/2: nor is anything made of one request');
is(scalar(grep { m{"method":"(?!GET|POST|HEAD|OPTIONS|DELETE|BREW)} }
          lines('json.log')), 0, 'nothing in a body was taken for a method');


# Who is calling: a server behind is told by nginx, whatever a client sends.

sub told ($bytes) {
    my $client = Skep::Client->new(port => $skep->port('identity'));

    $client->connect;
    $client->send($bytes);

    my $connection = $listener->accept // die "nobody comes: $!";
    my $in = '';

    1 while $in !~ /\r\n\r\n/ && sysread $connection, $in, 4096, length $in;
    print $connection "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    close $connection;
    $client->response;
    $client->close;

    # as CGI and its like make one name of many
    return map { my ($name, $value) = /\A([^:]+):\s*(.*)/;
                 defined $name ? [lc $name =~ s/[^A-Za-z0-9]/_/gr, $value] : () }
           split /\r\n/, $in =~ s/\r\n\r\n.*//sr;
}

my $lies = join '', map { "$_: root\r\n" }
    qw(X-Auth-User x_auth_user X.Auth.User X~Auth~User X-Auth_Role X_Auth-Session
       X-AUTH-ISSUER X*Auth*User x!auth!role X^Auth^User X|Auth|User X+Auth+User
       X'Auth'User X`Auth`User X%Auth&User);

my @told = told("GET / HTTP/1.1\r\nHost: x\r\n${lies}Last: z\r\n\r\n");

is_deeply([grep { $_->[0] =~ /\Ax_auth_/ } @told], [], 'nobody is nobody');
is((grep { $_->[0] eq 'last' } @told)[0][1], 'z', 'what else was sent is there');

@told = told("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Auth-User\r\n"
             . $lies . 'Authorization: Bearer ' . $user->token . "\r\n$lies\r\n");
is(join(' ', map { $_->[1] } grep { $_->[0] eq 'x_auth_user' } @told), $user->id,
   'somebody is who they are');
is(join(' ', map { $_->[1] } grep { $_->[0] eq 'x_auth_role' } @told), 'user',
   'and what they are');

@told = told("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
             . "Trailer: X-Auth-User\r\n\r\n1\r\nx\r\n0\r\nX-Auth-User: root\r\n"
             . "\r\n");
is_deeply([grep { $_->[0] =~ /\Ax_auth_/ } @told], [],
          'nor is it told by what comes after a body');

finish();
