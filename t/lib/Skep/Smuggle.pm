package Skep::Smuggle;

# Requests that a server in front and the one behind it may take for different
# ones: where a body ends is said twice, or so that one does not see it.  And
# whether they did, by what both have logged.

use v5.36;

use parent qw(Exporter);
use Skep::Client;

our @EXPORT_OK = qw(attack attacks inner more_than_sent victim);

my $inner = "GET /inner HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n";
my $head = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\n";

# whoever goes by chunks finds another request behind the last of them
my $end = "0\r\n\r\n$inner";
# whoever goes by the length finds one after four bytes
my $begin = sprintf "%x\r\n%s\r\n0\r\n\r\n", length $inner, $inner;

# ways to hide a coding
my @hidden = (
    'Transfer-Encoding: chunked', 'Transfer-Encoding : chunked',
    "Transfer-Encoding:\tchunked", 'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity',
    "Transfer-Encoding:\r\n chunked", "Transfer-Encoding\r\n: chunked",
    " Transfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked", "Transfer-Encoding: chunked\0",
    "Transfer-Encoding: \x0bchunked", 'Transfer_Encoding: chunked',
    'Transfer-Encoding: "chunked"', "Transfer-Encoding: chunked;x",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "Transfer-encoding: CHUNKED", "Content-Encoding: chunked",
    "TE: chunked", "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    "Connection: Content-Length", "Upgrade: h2c\r\nConnection: Upgrade",
);


# The request that is hidden in all the others.

sub inner () { return $inner }


# [name, bytes of a connection, ...], ...

sub attacks () {
    return (
        ['a length before chunks', map {
            my $length = 'Content-Length: ' . length $end;

            ("$head$length\r\n$_\r\n\r\n$end",
             "$head$_\r\n$length\r\n\r\n$end");
        } @hidden],
        ['chunks before a length', map {
            ("${head}Content-Length: 4\r\n$_\r\n\r\n$begin",
             "$head$_\r\nContent-Length: 4\r\n\r\n$begin");
        } @hidden],
        ['lengths', map { "$head$_\r\n\r\n$inner" } _lengths()],
        ['chunks', map { "${head}Transfer-Encoding: chunked\r\n\r\n$_$inner" }
                   _chunks()],
        ['bodies and ends', map { "$_$inner" } _bodies(), _ends()],
    );
}


# Sends each of them to that port; those after which somebody else did not get
# their own answer, in one line each.

sub attack ($port, @attacks) {
    my @others;

    for my $bytes (@attacks) {
        my $client = Skep::Client->new(port => $port, timeout => 0.1);

        $client->connect;
        $client->send($bytes);
        1 while eval { $client->response(eof => 1) };
        $client->close;
        push @others, $bytes =~ s/\r/\\r/gr =~ s/\n/\\n/gr if !victim($port);
    }

    return @others;
}


# A victim's request over the same connections: whether it gets its own answer.

sub victim ($port) {
    state $n = 0;
    my $id = 'victim-' . ++$n;
    my $client = Skep::Client->new(port => $port);
    my $own = eval {
        my $res = $client->request('GET', "/$id",
                                   headers => ['X-Request-ID', $id]);

        $res->status == 404 && $res->json->{request_id} eq $id;
    };

    $client->close;
    return $own;
}


sub _lengths () {
    my $length = length $inner;

    return ('Content-Length: 0',
            "Content-Length: 0\r\nContent-Length: $length",
            "Content-Length: $length\r\nContent-Length: 0",
            'Content-Length: +0', 'Content-Length: 0,0', 'Content-Length : 0',
            'Content_Length: 5', "Content-Length: 0\r\n 5",
            'Content-Length: 00', "Content-Length:\0" . '0',
            'Content-Length: 0x5', 'Content-Length: -1', 'X: y');
}


# chunks that two servers may read in two ways

sub _chunks () {
    return ("2\nxx\n0\n\n", "2;\nxx\r\n0\r\n\r\n", "2;a\nxx\r\n0\r\n\r\n",
            "2;a=\"\r\nxx\r\n0\r\n\r\n", "2;\rxx\r\n0\r\n\r\n",
            "2 \r\nxx\r\n0\r\n\r\n", "\r\n2\r\nxx\r\n0\r\n\r\n",
            "0x2\r\nxx\r\n0\r\n\r\n", "2\r\nxxyy0\r\n\r\n",
            "2\r\nxx\n0\r\n\r\n", "2\r\nxx\r0\r\n\r\n",
            "100000002\r\nxx\r\n0\r\n\r\n", "0;\r\n\r\n", "0\r\n\n",
            "0\r\nX: y\r\n\r\n", "0\r\nContent-Length: 50\r\n\r\n",
            "0\r\n", "0\r\n \r\n\r\n", "00000\r\n\r\n",
            "ffffffffffffffff\r\n", "-0\r\n\r\n");
}


# bodies that nobody asked for

sub _bodies () {
    my $length = length $inner;

    return map {
        ("$_ / HTTP/1.1\r\nHost: x\r\nContent-Length: $length\r\n\r\n",
         "$_ / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         . "0\r\n\r\n",
         "$_ / HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n"
         . "Connection: keep-alive\r\n\r\n");
    } qw(GET HEAD OPTIONS DELETE BREW);
}


sub _ends () {
    my $waits = "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";

    return ("GET / HTTP/1.1\r\nHost: x\r\n$waits",
            "POST / HTTP/1.1\r\nHost: x\r\n$waits",
            "POST / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n"
            . "Content-Length: 0\r\n\r\n",
            "GET /\r\n", "GET / HTTP/1.1\nHost: x\n\n",
            "GET http://x/ HTTP/1.1\r\nHost: y\r\n\r\n",
            "GET /%0d%0a%0d%0aGET%20/inner HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /?\rx HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}


# Requests that the one behind has taken and the one in front has not sent, or
# that this one has an answer to and the other knows nothing of.  Of the front:
# lines of "METHOD URI STATUS", the status being that of the answer it got, if any;
# of the other one: lines of conf/nginx.conf's log.

sub more_than_sent ($front, $behind) {
    my (%sent, %answered, %taken);

    for (@$front) {
        my ($request, $status) = /\A(\S+ [^? ]*)\S* (\S+)\z/ or next;

        $sent{$request}++;
        $answered{$request}++ if $status =~ /\A\d/;
    }

    for (@$behind) {
        $taken{"$1 $2"}++ if /"method":"([^"]*)".*"uri":"([^"]*)"/;
    }

    return ((grep { $taken{$_} > ($sent{$_} // 0) } sort keys %taken),
            (grep { $answered{$_} > ($taken{$_} // 0) } sort keys %answered));
}


1;
