package Skep::Schema;

# The part of JSON Schema (2020-12) that docs/openapi.yaml uses, compiled into
# code: each answer that a test gets is looked at by it.  A schema with a word
# that is not known here dies.
#
# One thing is stricter than the standard: an object has no other members than
# those that are told, unless additionalProperties says what they are.

use v5.36;
no warnings 'experimental::builtin';

use JSON::PP ();
use Scalar::Util qw(refaddr);

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

# what clients may send besides: ids in capitals; times in all forms of RFC 3339
my %lenient = (
    'uuid'          => qr/\A[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}
                          -[0-9A-Fa-f]{12}\z/x,
    'date-time'     => qr/\A\d{4}-\d\d-\d\d[Tt\x20]\d\d:\d\d:\d\d(?:\.\d+)?
                          (?:[Zz]|[+-]\d\d:\d\d)\z/x,
);

# which words are about values of which type, and who looks at them
my %words = (
    object => [\&_object, qw(properties required additionalProperties
                             minProperties)],
    array  => [\&_array, qw(items minItems maxItems uniqueItems)],
    string => [\&_string, qw(format minLength maxLength pattern)],
    number => [\&_number, qw(minimum maximum)],
);

my %known = map { $_ => 1 } (
    map({ @$_[1 .. $#$_] } values %words),
    qw(type enum const oneOf anyOf $ref),
    # what says nothing about a value
    qw(default description example examples title),
);

my $json = JSON::PP->new->allow_nonref->canonical;


# new(resolve => code that turns a "$ref" into what it points to,
#     lenient => 1: ids and times as clients may send them)

sub new ($class, %o) {
    return bless { %o, code => {} }, $class;
}


# Where data is not what a schema wants, as texts.

sub mismatch ($self, $schema, $data, $at = '') {
    return $self->_code($schema)->($data, $at);
}


# The code of a schema.  A schema may contain itself: what is not compiled yet
# is looked up when it is needed.

sub _code ($self, $schema) {
    my $key = refaddr $schema;

    if (!exists $self->{code}{$key}) {
        $self->{code}{$key} = undef;
        $self->{code}{$key} = $self->_compile($schema);
    }

    return $self->{code}{$key}
           // sub ($data, $at) { $self->{code}{$key}->($data, $at) };
}

sub _compile ($self, $schema) {
    my @unknown = grep { !$known{$_} } sort keys %$schema;

    die "the harness knows no \"@unknown\" of schemas" if @unknown;

    my @all = ($self->_any($schema));

    push @all, $self->_code($self->{resolve}->($schema->{'$ref'}))
        if defined $schema->{'$ref'};

    my %by = map { $_ => $self->_typed($_, $schema) } sort keys %words;

    $by{integer} = $by{number};

    # only where the type is said: a bare "required" in a oneOf closes nothing
    my $types = $schema->{type};
    my %allowed = map { $_ => 1 } ref $types ? @$types : $types // ();

    $allowed{integer} = 1 if $allowed{number};

    return sub ($data, $at) {
        my $type = _type($data);

        return "$at is $type, not " . join '|', sort keys %allowed
            if %allowed && !$allowed{$type};

        return ((map { $_->($data, $at) } @all),
                $by{$type} ? $by{$type}->($data, $at) : ());
    };
}


# The check of values of a type; undef if the schema has nothing to say.

sub _typed ($self, $type, $schema) {
    my ($make, @words) = $words{$type}->@*;
    my $types = $schema->{type} // '';
    my $closed = $type eq 'object'
                 && (ref $types ? grep { $_ eq 'object' } @$types
                                : $types eq 'object');

    return undef if !$closed && !grep { exists $schema->{$_} } @words;
    return $make->($self, $schema, $closed);
}


# enum, const, oneOf, anyOf: for every type.

sub _any ($self, $schema) {
    my @all;

    if ($schema->{enum}) {
        my %enum = map { $json->encode($_) => 1 } $schema->{enum}->@*;

        push @all, sub ($data, $at) {
            return $enum{$json->encode($data)} ? () : "$at is none of the enum";
        };
    }

    if (exists $schema->{const}) {
        my $const = $json->encode($schema->{const});

        push @all, sub ($data, $at) {
            return $json->encode($data) eq $const ? ()
                                                  : "$at is not the const";
        };
    }

    for my $word (grep { $schema->{$_} } qw(oneOf anyOf)) {
        my @codes = map { $self->_code($_) } $schema->{$word}->@*;

        push @all, sub ($data, $at) {
            my @faults = map { [$_->($data, $at)] } @codes;
            my $n = grep { !@$_ } @faults;

            return if $n == 1 || $n && $word eq 'anyOf';
            return "$at is $n of $word" . join '', map { " (@$_)" } @faults;
        };
    }

    return @all;
}


sub _object ($self, $schema, $closed) {
    my %properties = map { $_ => $self->_code($schema->{properties}{$_}) }
                     keys(($schema->{properties} // {})->%*);
    my @required = ($schema->{required} // [])->@*;
    my $min = $schema->{minProperties} // 0;
    my $more = $schema->{additionalProperties};

    $more = ref $more eq 'HASH' ? $self->_code($more)
          : $more || !defined $more && !$closed ? sub ($data, $at) { }
          : sub ($data, $at) { return "$at is unknown" };

    return sub ($data, $at) {
        return (
            map({ "$at/$_ is missing" } grep { !exists $data->{$_} } @required),
            keys %$data < $min ? "$at has too few members" : (),
            map { ($properties{$_} // $more)->($data->{$_}, "$at/$_") }
            sort keys %$data,
        );
    };
}


sub _array ($self, $schema, $closed) {
    my $items = $schema->{items} ? $self->_code($schema->{items}) : undef;
    my $min = $schema->{minItems} // 0;
    my $max = $schema->{maxItems} // 'inf';
    my $unique = $schema->{uniqueItems};

    return sub ($data, $at) {
        my %seen;

        return (
            @$data < $min ? "$at has too few items" : (),
            @$data > $max ? "$at has too many items" : (),
            $unique && grep({ $seen{$json->encode($_)}++ } @$data)
                ? "$at has an item twice" : (),
            $items ? map { $items->($data->[$_], "$at/$_") } 0 .. $#$data : (),
        );
    };
}


sub _string ($self, $schema, $closed) {
    my $name = $schema->{format};
    my $format = defined $name
        ? $self->{lenient} && $lenient{$name} || $format{$name}
          // die "the harness knows no format \"$name\""
        : undef;
    my $min = $schema->{minLength} // 0;
    my $max = $schema->{maxLength} // 'inf';
    my $pattern = defined $schema->{pattern} ? qr/$schema->{pattern}/ : undef;

    return sub ($data, $at) {
        return (
            $format && $data !~ $format ? "$at is no $name" : (),
            length $data < $min ? "$at is too short" : (),
            length $data > $max ? "$at is too long" : (),
            $pattern && $data !~ $pattern ? "$at is not of the pattern" : (),
        );
    };
}


sub _number ($self, $schema, $closed) {
    my $min = $schema->{minimum} // '-inf';
    my $max = $schema->{maximum} // 'inf';

    return sub ($data, $at) {
        return ($data < $min ? "$at is too small" : (),
                $data > $max ? "$at is too large" : ());
    };
}


sub _type ($data) {
    my $ref = ref $data;

    return 'null' if !defined $data;
    return $ref eq 'HASH' ? 'object' : $ref eq 'ARRAY' ? 'array' : 'boolean'
        if $ref;
    return 'string' if !builtin::created_as_number($data);
    return $data == int $data ? 'integer' : 'number';
}


1;
