package Skep::Raw;

# Requests as bytes, well-formed or not, and what became of them: which answers
# came, in which order, and where the server believes that they ended.

use v5.36;

use parent qw(Exporter);
use Test::More;

our @EXPORT_OK = qw(answered talk);

my $n = 0;


# Sends bytes on a connection of its own.  The answers have to be those of $want,
# such as "201 open" or "400 closed": statuses, each a pattern, and what becomes of
# the connection.  On one that stays open the next request has to get its own
# answer, and no other: then all has been read as one request for each answer.
# Returns the answers.
#
#     method  of all the requests
#     target  of the next request
#     port    of another server than the one that requests go to
#     pieces  bytes are sent in so many pieces

sub answered ($server, $name, $want, $bytes, %o) {
    my @want = split ' ', $want;
    my $after = pop @want;
    my ($got, @res) = talk($server, $bytes, scalar @want, $after, %o);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    like($got, qr/\A@{[join ' ', map { "(?:$_)" } @want, $after]}\z/, $name);

    return @res;
}


# The same without an assertion: what came, in the words of $want, and the answers.

sub talk ($server, $bytes, $count, $after, %o) {
    my $client = $server->new_client(timeout => 10);
    my (@res, @got);

    # what is no request is not for a witness to understand
    delete $client->{witness};

    $client->{port} = $o{port} if $o{port};
    $client->connect;
    $client->send($_) for _pieces($bytes, $o{pieces} // 1);

    for (1 .. $count) {
        my $res = eval { $client->response(method => $o{method} // 'GET',
                                           eof => 1) };

        last if !$res;
        push @res, $res;
        push @got, $res->status;
        $server->check($res, $o{method} // 'GET') if !$o{port};
    }

    push @got, $after =~ /open/ ? _next($client, $o{target} // '/of-its-own')
               : $client->closed_by_peer ? 'closed' : 'left open';
    $client->close;

    return ("@got", @res);
}


sub _pieces ($bytes, $n) {
    return $bytes if $n <= 1;

    my $size = int(length($bytes) / $n) + 1;

    return grep { length } unpack "(a$size)*", $bytes;
}


# "open" if the next request gets its own answer

sub _next ($client, $target) {
    my $id = "next-$$-" . ++$n;

    return 'closed' if !$client->connected;

    $client->send($client->format_request('GET', $target,
                                          headers => ['X-Request-ID', $id]));

    my $res = eval { $client->response(eof => 1) } // return 'closed';
    my $its = $res->header('X-Request-ID') // '';

    return $its eq $id ? 'open' : "answered by @{[$res->status]} of \"$its\"";
}


1;
