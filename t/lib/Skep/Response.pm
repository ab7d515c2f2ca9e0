package Skep::Response;

# An HTTP response, and a parser that takes it in pieces.

use v5.36;

use JSON::PP ();

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


sub encode ($data) { return $json->encode($data) }
sub decode ($text) { return $json->decode($text) }


sub status ($self) { return $self->{status} }
sub body ($self) { return $self->{body} }
sub head ($self) { return $self->{head} }
sub version ($self) { return $self->{version} }
sub keep_alive ($self) { return $self->{keep_alive} }


# All values of a header, joined as RFC 9110 has it; undef if there is none.

sub header ($self, $name) {
    my $values = $self->{headers}{lc $name} // return undef;

    return join ', ', @$values;
}


sub headers ($self, $name) {
    return ($self->{headers}{lc $name} // [])->@*;
}


# The names of all headers, in lower case.

sub header_names ($self) { return keys $self->{headers}->%* }


# The body as data; dies if it is not JSON.

sub json ($self) {
    return $self->{json} //= $json->decode($self->{body});
}


sub parser ($class, $method) {
    return bless { method => $method }, 'Skep::Response::Parser';
}


package Skep::Response::Parser;

use v5.36;


# Takes what is there off the buffer; the response when it is whole.

sub parse ($self, $in) {
    my $res = $self->{res} // $self->_head($in) // return undef;

    if ($self->{chunked}) {
        return $self->_chunks($in);
    }

    if (defined $self->{left}) {
        return undef if length $$in < $self->{left};
        $res->{body} = substr $$in, 0, $self->{left}, '';
        return $res;
    }

    return undef;                       # to the end of the connection
}


# The connection ended: the response if that is what ends it.

sub end ($self, $in) {
    my $res = $self->{res} // return undef;

    return undef if $self->{chunked} || defined $self->{left};

    $res->{body} = $$in;
    $$in = '';

    return $res;
}


sub untouched ($self, $in) {
    return !$self->{res} && $$in eq '';
}


sub _head ($self, $in) {
    my $end = index $$in, "\r\n\r\n";
    return undef if $end < 0;

    my $head = substr $$in, 0, $end + 4, '';
    my ($line, @lines) = split /\r\n/, $head;

    my ($version, $status) = $line =~ m{^HTTP/(1\.[01]) (\d{3})( |$)}
        or die "not a status line: $line\n";

    my %headers;

    for (@lines) {
        my ($name, $value) = /^([!#\$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
            or die "not a header: $_\n";
        push $headers{lc $name}->@*, $value;
    }

    my $connection = lc join ',', ($headers{connection} // [])->@*;

    my $res = bless {
        status     => $status,
        version    => $version,
        head       => $head,
        headers    => \%headers,
        body       => '',
        keep_alive => $version eq '1.1' ? $connection !~ /\bclose\b/
                                        : $connection =~ /\bkeep-alive\b/,
    }, 'Skep::Response';

    if ($status < 200) {                # 100: the real one follows
        push $self->{informational}->@*, $status;
        return $self->_head($in);
    }

    $res->{informational} = $self->{informational} // [];
    $self->{res} = $res;

    my $coding = lc join ',', ($headers{'transfer-encoding'} // [])->@*;
    my @length = ($headers{'content-length'} // [])->@*;

    die "two Content-Length\n" if @length > 1;
    die "Content-Length beside Transfer-Encoding\n" if @length && $coding;

    if ($self->{method} eq 'HEAD' || $status == 204 || $status == 304) {
        $self->{left} = 0;

    } elsif ($coding =~ /\bchunked$/) {
        $self->{chunked} = 1;

    } elsif (@length) {
        $self->{left} = $length[0];

    } else {
        $res->{keep_alive} = 0;
    }

    return $res;
}


sub _chunks ($self, $in) {
    my $res = $self->{res};

    while (1) {
        my ($line, $size) = $$in =~ /^(([0-9a-fA-F]+)[^\r\n]*\r\n)/
            or return undef;

        $size = hex $size;
        my $whole = length($line) + $size + 2;

        return undef if length $$in < $whole;

        my $chunk = substr $$in, 0, $whole, '';
        die "a chunk that does not end\n" if substr($chunk, -2) ne "\r\n";

        return $res if $size == 0;
        $res->{body} .= substr $chunk, length $line, $size;
    }
}


1;
