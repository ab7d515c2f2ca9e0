package Skep::OpenAPI;

# docs/openapi.yaml, and whether data and answers are what it says: the part of
# JSON Schema that it uses, and its responses.

use v5.36;

use JSON::PP ();
use Skep::Process qw(source_dir);
use Skep::YAML;

my $time = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)\z/;
my %format = (
    'uuid'          => qr/\A[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\z/,
    'date-time'     => $time,
    'email'         => qr/\A[^\s@]+@[^\s@]+\z/,
    'uri'           => qr/\A[a-z][a-z0-9+.-]*:\S+\z/,
    'uri-reference' => qr/\A\S+\z/,
    'json-pointer'  => qr{\A(?:/.*)?\z}s,
    'password'      => qr//,
);

# what is looked at below, and what says nothing about a value
my %keyword = map { $_ => 1 } qw(
    $ref type enum const format properties required additionalProperties items
    minItems maxItems uniqueItems minLength maxLength minimum maximum oneOf
    anyOf minProperties default description example examples title pattern
);


sub load ($class) {
    my $doc = Skep::YAML->load(source_dir() . '/docs/openapi.yaml');
    my %paths;

    for my $path (keys $doc->{paths}->%*) {
        my $pattern = join '[^/]+', map { quotemeta } split /\{\w+\}/, $path, -1;

        $paths{$path} = qr/\A$pattern\z/;
    }

    return bless { doc => $doc, paths => \%paths }, $class;
}


sub doc ($self) { return $self->{doc} }


# What "$ref" points to, or the thing itself.

sub resolve ($self, $thing) {
    while (ref $thing eq 'HASH' && defined $thing->{'$ref'}) {
        my $ref = $thing->{'$ref'};
        my $at = $self->{doc};

        $ref =~ m{\A#/} or die "$ref points elsewhere";
        $at = $at->{$_} // die "$ref points to nothing"
            for split m{/}, substr $ref, 2;
        $thing = $at;
    }

    return $thing;
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


# The operation that serves a request; undef if there is none.

sub operation ($self, $method, $target) {
    my ($uri) = $target =~ /\A([^?]*)/;

    # "/v1/tasks/bulk" is rather itself than a "/v1/tasks/{id}"
    my ($path) = sort { ($a =~ tr/{//) <=> ($b =~ tr/{//) }
                 grep { $uri =~ $self->{paths}{$_} } keys $self->{paths}->%*
        or return undef;

    return $self->{doc}{paths}{$path}{lc($method eq 'HEAD' ? 'GET' : $method)};
}


# What an answer has that the document does not tell, as texts.

sub faults ($self, $method, $target, $res) {
    my $operation = $self->operation($method, $target) // return;
    my $status = $res->status;
    my $response = $self->resolve($operation->{responses}{$status})
        // return "$status is not documented";
    my @faults;

    for my $name (sort keys(($response->{headers} // {})->%*)) {
        my $header = $self->resolve($response->{headers}{$name});

        push @faults, "no $name" if $header->{required}
                                    && !defined $res->header($name);
    }

    for my $name (qw(ETag Location Link Idempotent-Replayed Retry-After
                     WWW-Authenticate))
    {
        push @faults, "$name is not documented for $status"
            if defined $res->header($name)
               && !exists +($response->{headers} // {})->{$name};
    }

    return @faults if $method eq 'HEAD';

    my ($type) = ($res->header('Content-Type') // '') =~ /\A([^;]*)/;

    if (!$response->{content}) {
        push @faults, "a body of $status is not documented"
            if length $res->body;
        return @faults;
    }

    my $content = $response->{content}{$type}
        // return (@faults, "the type \"$type\" is not documented");

    push @faults, $self->mismatch($content->{schema}, $res->json);

    if ($type eq 'application/problem+json') {
        my $code = $res->json->{code};

        push @faults, "the code \"$code\" of $status is not documented"
            if ($response->{description} // '') !~ /`\Q$code\E`/;
    }

    return @faults;
}


# Where data is not what a schema wants, as texts.

sub mismatch ($self, $schema, $data, $at = '') {
    if (defined $schema->{'$ref'}) {
        my %more = %$schema;
        my $ref = delete $more{'$ref'};

        return ($self->mismatch($self->resolve($schema), $data, $at),
                keys %more ? $self->mismatch(\%more, $data, $at) : ());
    }

    my @unknown = grep { !$keyword{$_} } sort keys %$schema;

    die "this test knows no \"@unknown\" of schemas" if @unknown;

    my $type = _type($data);
    my @wrong = $self->_of_any($schema, $data, $at);

    if (defined $schema->{type}) {
        my @types = ref $schema->{type} ? $schema->{type}->@*
                                        : ($schema->{type});

        return (@wrong, "$at is a $type, not " . join '|', @types)
            if !grep { $_ eq $type || $_ eq 'number' && $type eq 'integer' }
                     @types;
    }

    push @wrong, "$at is none of the enum"
        if $schema->{enum} && !grep { _same($_, $data) } $schema->{enum}->@*;
    push @wrong, "$at is not the const"
        if exists $schema->{const} && !_same($schema->{const}, $data);

    return (@wrong, $type eq 'object'  ? $self->_object($schema, $data, $at)
                  : $type eq 'array'   ? $self->_array($schema, $data, $at)
                  : $type eq 'string'  ? _string($schema, $data, $at)
                  : $type eq 'integer' ? _number($schema, $data, $at)
                  : ());
}

sub _of_any ($self, $schema, $data, $at) {
    my @wrong;

    for my $word (grep { $schema->{$_} } qw(oneOf anyOf)) {
        my $n = grep { !$self->mismatch($_, $data, $at) }
                $schema->{$word}->@*;

        push @wrong, "$at is $n of $word"
            if $n == 0 || $n > 1 && $word eq 'oneOf';
    }

    return @wrong;
}

sub _object ($self, $schema, $data, $at) {
    my $properties = $schema->{properties} // {};
    my $more = $schema->{additionalProperties};
    my @wrong = map { "$at/$_ is missing" }
                grep { !exists $data->{$_} } ($schema->{required} // [])->@*;

    for my $name (sort keys %$data) {
        my $at = "$at/$name";

        push @wrong, $properties->{$name}
                         ? $self->mismatch($properties->{$name},
                                           $data->{$name}, $at)
                   : ref $more eq 'HASH'
                         ? $self->mismatch($more, $data->{$name}, $at)
                   : defined $more && !$more ? "$at is unknown"
                   : ();
    }

    return @wrong;
}

sub _array ($self, $schema, $data, $at) {
    my $items = $schema->{items};

    return ("$at has too few items") if @$data < ($schema->{minItems} // 0);
    return ("$at has too many items")
        if defined $schema->{maxItems} && @$data > $schema->{maxItems};
    return $items ? map { $self->mismatch($items, $data->[$_], "$at/$_") }
                    0 .. $#$data : ();
}

sub _string ($schema, $data, $at) {
    my $format = $schema->{format};
    my @wrong;

    die "this test knows no format \"$format\""
        if defined $format && !$format{$format};
    push @wrong, "$at is no $format"
        if defined $format && $data !~ $format{$format};
    push @wrong, "$at is too short" if length $data < ($schema->{minLength} // 0);
    push @wrong, "$at is too long"
        if defined $schema->{maxLength} && length $data > $schema->{maxLength};
    return @wrong;
}

sub _number ($schema, $data, $at) {
    return "$at is too small"
        if defined $schema->{minimum} && $data < $schema->{minimum};
    return "$at is too large"
        if defined $schema->{maximum} && $data > $schema->{maximum};
    return;
}

sub _type ($data) {
    return 'null' if !defined $data;
    return 'object' if ref $data eq 'HASH';
    return 'array' if ref $data eq 'ARRAY';
    return 'boolean' if JSON::PP::is_bool($data);

    my $text = JSON::PP->new->allow_nonref->encode($data);

    return $text =~ /\A"/ ? 'string' : $text =~ /\A-?\d+\z/ ? 'integer'
                                                            : 'number';
}

sub _same ($a, $b) {
    my $json = JSON::PP->new->allow_nonref->canonical;

    return $json->encode($a) eq $json->encode($b);
}


1;
