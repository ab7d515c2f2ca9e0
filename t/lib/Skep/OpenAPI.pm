package Skep::OpenAPI;

# docs/openapi.yaml, as the build turns it into JSON, and whether calls and
# answers are what it says.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(build_dir);
use Skep::Response;
use Skep::Schema;

# headers of every server, about the message or the connection, not the call
my %common = map { $_ => 1 } qw(
    server date connection keep-alive content-type content-length
    transfer-encoding cache-control vary x-content-type-options server-timing
);


sub load ($class) {
    my $file = build_dir() . '/share/openapi.json';
    my $text = slurp($file, absent => undef)
               // die "there is no $file: ./dev build makes it\n";
    my $doc = Skep::Response::decode($text);
    my (%fixed, @patterns);

    for my $path (sort keys $doc->{paths}->%*) {
        my $pattern = join '[^/]+', map { quotemeta } split /\{\w+\}/, $path, -1;

        $path =~ /\{/ ? push @patterns, [$path, qr/\A$pattern\z/]
                      : ($fixed{$path} = $path);
    }

    my $self = bless { doc => $doc, fixed => \%fixed,
                       patterns => \@patterns }, $class;

    my $resolve = sub ($ref) { $self->resolve({ '$ref' => $ref }) };

    $self->{schema} = Skep::Schema->new(resolve => $resolve);
    $self->{taken} = Skep::Schema->new(resolve => $resolve, lenient => 1);

    return $self;
}


sub doc ($self) { return $self->{doc} }


# What "$ref" points to, or the thing itself.

sub resolve ($self, $thing) {
    while (ref $thing eq 'HASH' && defined $thing->{'$ref'}) {
        my $ref = $thing->{'$ref'};

        $thing = $self->{refs}{$ref} //= $self->_at($ref);
    }

    return $thing;
}

sub _at ($self, $ref) {
    my $at = $self->{doc};

    $ref =~ m{\A#/} or die "$ref points elsewhere";
    $at = $at->{$_} // die "$ref points to nothing"
        for split m{/}, substr $ref, 2;

    return $at;
}


# All calls: [method, path, operation].

sub operations ($self) {
    my $paths = $self->{doc}{paths};

    return map {
        my $path = $_;

        map { [uc $_, $path, $paths->{$path}{$_}] }
        grep { $paths->{$path}{$_} } qw(get post put patch delete);
    } sort keys %$paths;
}


# The path of the document that a target has; undef if there is none.

sub path ($self, $target) {
    my ($uri) = $target =~ /\A([^?]*)/;

    # "/v1/tasks/bulk" is rather itself than a "/v1/tasks/{id}"
    return $self->{fixed}{$uri} if defined $self->{fixed}{$uri};

    for my $pattern ($self->{patterns}->@*) {
        return $pattern->[0] if $uri =~ $pattern->[1];
    }

    return undef;
}


# The operation that serves a request; undef if there is none.

sub operation ($self, $method, $target) {
    my $path = $self->path($target) // return undef;

    return $self->{doc}{paths}{$path}{lc($method eq 'HEAD' ? 'GET' : $method)};
}


sub mismatch ($self, $schema, $data, $at = '') {
    return $self->{schema}->mismatch($schema, $data, $at);
}


# What a webhook that was received has, { headers, body }, and the document does
# not tell.

sub webhook_faults ($self, $request) {
    my $operation = $self->{doc}{webhooks}{event}{post};
    my $schema = $operation->{requestBody}{content}{'application/json'}{schema};
    my @faults = $self->mismatch($schema,
                                 Skep::Response::decode($request->{body}));

    for my $parameter ($operation->{parameters}->@*) {
        my $value = $request->{headers}{lc $parameter->{name}};

        if (defined $value) {
            $value += 0 if $self->resolve($parameter->{schema})->{type}
                           eq 'integer';
            push @faults, $self->mismatch($parameter->{schema}, $value,
                                          $parameter->{name});

        } elsif ($parameter->{required}) {
            push @faults, "no $parameter->{name}";
        }
    }

    return @faults;
}


# What a call and its answer have that the document does not tell, as texts.
#     $asked  { method, target, type, body }; without a body it is not looked
#             at.  undef: what was sent is no request
#     absent  1: the server serves only a part of the calls
#     added   { name => 1 } of headers that its configuration adds

sub faults ($self, $asked, $res, %o) {
    local $self->{added} = $o{added} // {};

    return $self->_other($res) if !$asked;

    my ($method, $target) = $asked->@{qw(method target)};
    my $operation = $self->operation($method, $target);
    my $status = $res->status;

    return $self->_elsewhere($asked, $res) if !$operation;
    return () if $o{absent} && $status == 404;

    my $response = $self->resolve($operation->{responses}{$status})
        // return $self->_other($res);
    my @faults = ($self->_headers($response, $res),
                  $method eq 'HEAD' ? () : $self->_body($response, $res));

    push @faults, $self->_taken($asked, $operation)
        if $status >= 200 && $status < 300;

    return @faults;
}


# An answer to what is no call: the path is unknown, or takes other methods.

sub _elsewhere ($self, $asked, $res) {
    my $path = $self->path($asked->{target});

    # a preflight, and what a path takes: without a body, of any path
    if ($asked->{method} eq 'OPTIONS' && $res->status == 204) {
        return length $res->body ? 'a body of OPTIONS' : ();
    }

    # a path may have no id where there should be one
    return $self->_other($res, defined $path && $path !~ /\{/
                               ? () : '404 `not_found`');
}


# One of the errors that any call may have, which the document has as
# "default", and those given.

sub _other ($self, $res, @also) {
    my $response = $self->{doc}{components}{responses}{Other};
    my $status = $res->status;
    my @faults = $self->_headers($response, $res);
    my ($type) = ($res->header('Content-Type') // '') =~ /\A([^;]*)/;

    return (@faults, "$status is not documented")
        if $type ne 'application/problem+json'
           || $response->{description} !~ /\b$status\s`/
              && !grep { /\A$status / } @also;
    return @faults if !length $res->body;

    push @faults, $self->mismatch($response->{content}{$type}{schema},
                                  $res->json);

    my $code = $res->json->{code};

    push @faults, "the code \"$code\" of $status is not documented"
        if $response->{description} !~ /\b$status\s`$code`/
           && !grep { $_ eq "$status `$code`" } @also;

    return @faults;
}


sub _headers ($self, $response, $res) {
    my %headers = map { lc $_ => $response->{headers}{$_} }
                  keys(($response->{headers} // {})->%*);
    my @faults;

    for my $name (sort keys %headers) {
        my $header = $self->resolve($headers{$name});
        my $value = $res->header($name);

        if (!defined $value) {
            push @faults, "no $name" if $header->{required};
            next;
        }

        my $schema = $self->resolve($header->{schema});

        $value = 0 + $value
            if $schema->{type} eq 'integer' && $value =~ /\A-?\d+\z/;
        push @faults, $self->mismatch($schema, $value, $name);
    }

    push @faults, map { "$_ is not documented for " . $res->status }
                  grep { !$headers{$_} && !$common{$_} && !$self->{added}{$_}
                         && !/\Aaccess-control-/ } sort $res->header_names;

    return @faults;
}


sub _body ($self, $response, $res) {
    my $status = $res->status;
    my ($type) = ($res->header('Content-Type') // '') =~ /\A([^;]*)/;

    if (!$response->{content}) {
        return length $res->body ? "a body of $status is not documented" : ();
    }

    my $content = $response->{content}{$type}
        // return "the type \"$type\" of $status is not documented";

    return () if $type !~ m{[/+]json\z};

    my $json = eval { $res->json } // return "the body is no JSON: $@";
    my @faults = $self->mismatch($content->{schema}, $json);

    if ($type eq 'application/problem+json') {
        my $code = $json->{code};

        push @faults, "the code \"$code\" of $status is not documented"
            if $response->{description} !~ /`\Q$code\E`/;
    }

    return @faults;
}


# What was taken, and is not documented: query parameters, a body.

sub _taken ($self, $asked, $operation) {
    my ($query) = $asked->{target} =~ /\?(.*)/s;
    my %known = map { $_->{name} => 1 } grep { $_->{in} eq 'query' }
                map { $self->resolve($_) }
                ($operation->{parameters} // [])->@*;
    my @faults = map { "the parameter \"$_\" is not documented" }
                 grep { length && !$known{$_} }
                 map { s/=.*//sr =~ s/%([0-9a-f]{2})/chr hex $1/gier }
                 split /&/, $query // '';

    return @faults if !length($asked->{body} // '');

    # a body that is not asked for is not looked at by the server either
    my $want = $operation->{requestBody}{content} // return @faults;
    my ($type) = ($asked->{type} // '') =~ /\A\s*([^;\s]*)/;
    my $content = $want->{lc $type}
        // return (@faults, "a body of the type \"$type\" is not documented");

    return (@faults, $self->{taken}->mismatch(
        $content->{schema}, Skep::Response::decode($asked->{body}), 'body:'));
}


1;
