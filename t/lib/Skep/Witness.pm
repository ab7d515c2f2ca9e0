package Skep::Witness;

# Sees every answer that the nginx of a test gives to the harness, and says
# where it is not what docs/openapi.yaml tells.  Which answers are Skep's, the
# configuration of that nginx says: those of locations that serve the API, and
# have no other answer.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::OpenAPI;
use Skep::Response;
use Test::Builder;

my @apis = qw(auth_api task_api notify_api);


# new(nginx => the Skep::Nginx, file => where children tell what they see)

sub new ($class, %o) {
    return bless { %o, pid => $$, told => {} }, $class;
}


# docs/openapi.yaml, the same for all of a test.

sub openapi () {
    state $openapi = Skep::OpenAPI->load;

    return $openapi;
}


# An answer, to what a client sent: see Skep::Client.

sub saw ($self, $asked, $res) {
    $self->_tell($asked, $self->faults($asked, $res));
}


# An event of a stream.

sub event ($self, $data) {
    my $schema = openapi()->doc->{components}{schemas}{Notification};

    $self->_tell({ method => 'an event of', target => 'the stream' },
                 openapi()->mismatch($schema, $data));
}


sub faults ($self, $asked, $res) {
    my $location = $self->_location($asked) // return;
    my ($type) = ($res->header('Content-Type') // '') =~ /\A([^;]*)/;

    # nginx's own pages, which is what the operator wants there
    return if $res->status >= 400 && $location->{errors} ne 'on'
              && $type eq 'text/html';

    return openapi()->faults(_rewritten($asked, $location), $res,
                             absent => $location->{absent},
                             added => $self->{added});
}


# The request as it is after the location's own "rewrite".

sub _rewritten ($asked, $location) {
    my ($pattern, $to) = ($location->{rewrite} // return $asked)->@*;
    my ($uri, $query) = $asked->{target} =~ /\A([^?]*)(.*)/s;
    my @parts = $uri =~ /$pattern/ or return $asked;

    return { %$asked, target => $to =~ s/\$(\d)/$parts[$1 - 1]/gr . $query };
}


sub _tell ($self, $asked, @faults) {
    return if !@faults;

    my $what = ($asked ? "$asked->{method} $asked->{target}" : 'no request')
               =~ s/[0-9a-f]{8}-[0-9a-f-]{27}/{}/gr . ": @faults";
    return if $self->{told}{$what}++;           # once each

    if ($$ != $self->{pid}) {
        spew($self->{file}, "$what\n", append => 1);
        return;
    }

    local $Test::Builder::Level = $Test::Builder::Level + 4;
    Test::Builder->new->ok(0, "what docs/openapi.yaml says: $what");
}


# What child processes had to tell.

sub told ($self) {
    return split /\n/, slurp($self->{file}, absent => '');
}


# The location that serves a request, if it serves the API:
#     { errors: "on" or "off", absent: 1 if it serves not all of the API,
#       rewrite: [pattern, to] }

sub _location ($self, $asked) {
    my $text = $self->{nginx}->text;

    if (($self->{text} // '') ne $text) {
        $self->{text} = $text;
        $self->{locations} = _locations($text, $self->{nginx}->port);
        $self->{added} = { map { lc $_ => 1 }
                           $text =~ /\badd_header\s+(\S+)/g };
    }

    my ($uri) = $asked ? $asked->{target} =~ /\A([^?]*)/ : '/';
    my $found;

    # as nginx chooses: an exact one, one by pattern, the longest prefix
    for my $location ($self->{locations}->@*) {
        my ($how, $what) = $location->@{qw(how what)};

        if ($how eq '=') {
            return $location->{api} ? $location : undef if $uri eq $what;

        } elsif ($how =~ /~/ && $how ne '^~') {
            return $location->{api} ? $location : undef
                if $how eq '~*' ? $uri =~ /$what/i : $uri =~ /$what/;

        } elsif (index($uri, $what) == 0) {
            $found = $location
                if !$found || length $what > length $found->{what};
        }
    }

    return $found && $found->{api} ? $found : undef;
}


# The locations of the server that listens to a port.

sub _locations ($text, $port) {
    my @tokens = $text =~ /\G(?:\s+|\#[^\n]*)*+
                            ([{};]|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'
                             |(?:[^\s{};"'\\\$]|\\.|\$\{\w*\}|\$)
                              (?:[^\s{};\\\$]|\\.|\$\{\w*\}|\$)*+)/gxs;
    my @locations;

    for my $server (_find('server', {}, _tree(\@tokens))) {
        my ($set, $block) = @$server;
        my @listens = grep { $_->[0] eq 'listen' } @$block;

        next if !grep { $_->[1] =~ /(?:\A|:)$port\z/ } @listens;

        push @locations, map {
            my ($set, $block, @words) = @$_;
            my $what = pop @words;

            {
                how => $words[0] // '', what => $what =~ s/\A"(.*)"\z/$1/r,
                api => _serves($set, $block),
                absent => grep({ ($set->{$_} // '') ne 'on' } @apis) ? 1 : 0,
                errors => $set->{api_errors} // 'off',
                rewrite => scalar((map { [@$_[1, 2]] }
                                   grep { $_->[0] eq 'rewrite' } @$block)[0]),
            };
        } _find('location', $set, $block);
    }

    my %rank = ('=' => 0, '~' => 1, '~*' => 1);

    return [sort { ($rank{$a->{how}} // 2) <=> ($rank{$b->{how}} // 2) }
            @locations];
}

# Whether the API is what a location answers with: 1 or 0.

sub _serves ($set, $block) {
    return 0 if grep { $_->[0] =~ /\A(?:return|proxy_pass)\z/ } @$block;
    return grep({ ($set->{$_} // '') eq 'on' } @apis, 'api_health') ? 1 : 0;
}

# Statements: [word, ...], with a block as their last word.

sub _tree ($tokens) {
    my (@block, @statement);

    while (defined(my $token = shift @$tokens)) {
        last if $token eq '}';

        if ($token eq ';' || $token eq '{') {
            push @statement, _tree($tokens) if $token eq '{';
            push @block, [splice @statement];

        } else {
            push @statement, $token;
        }
    }

    return \@block;
}

# Blocks of a name, however deep: [{ directive => value, with what it inherits
# }, block, words].

sub _find ($name, $inherited, $block) {
    my %set = (%$inherited,
               map { $_->[0] => $_->[1] } grep { !ref $_->[-1] } @$block);
    my @found;

    for my $statement (grep { ref $_->[-1] } @$block) {
        my ($word, @words) = @$statement;
        my $inner = pop @words;

        if ($word eq $name) {
            my %own = (%set, map { $_->[0] => $_->[1] // '' }
                             grep { !ref $_->[-1] } @$inner);

            push @found, [\%own, $inner, @words];
        }

        push @found, _find($name, \%set, $inner);
    }

    return @found;
}


1;
