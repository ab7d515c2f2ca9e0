package Skep::Contract;

# What tests over all calls share: the route tables and the tables of fields as
# the sources have them.

use v5.36;

use Exporter qw(import);
use Skep::File qw(slurp);
use Skep::Process qw(source_dir);

our @EXPORT_OK = qw(routes fields names args sorts fill);


# The routes of a module, in the order of the table:
#     { method, path, body, args, flags }
# as the C has them; body and args are undef for NULL.

sub routes ($module = 'task') {
    my @routes;

    for my $file (_sources("ngx_${module}_module/*.c")) {
        my $text = slurp($file);

        while ($text =~ m{ \{ \s* NGX_HTTP_(\w+), \s*
                           ngx_string\("([^"]+)"\), \s* \w+, \s*
                           (\w+), \s* (\w+), \s* ([\w|\s]+) \} }gx)
        {
            push @routes, {
                method => $1, path => $2,
                body   => $3 eq 'NULL' ? undef : $3,
                args   => $4 eq 'NULL' ? undef : $4,
                flags  => $5,
            };
        }
    }

    return @routes;
}


# The fields of a resource, "task" or "task_comment": the rows of its table, see
# ngx_api_module/ngx_api_fields.h, in the order of answers.
#     { name, writable, type, shape, presence, filter, sort }
# What is in brackets is a list: shape => ['STRING', 1, 500].

sub fields ($table) {
    my $macro = 'NGX_' . uc($table) . '_FIELDS';
    my ($rows) = map { slurp($_) =~ /^#define $macro\(W, R\)(.*?[^\\])$/ms }
                 _sources('ngx_*_module/*_fields.h');

    die "there is no $macro" if !defined $rows;
    $rows =~ s/\\\n/ /g;

    my $text = qr/(?:"[^"]*"|\([^()]*\)|[^(),"])+/;
    my @fields;

    while ($rows =~ /\b([WR])\(((?:$text,){5}$text)\)/g) {
        my ($writable, @row) = ($1 eq 'W', $2 =~ /\s*($text?)\s*(?:,|\z)/g);

        push @fields, {
            name     => $row[0], writable => $writable, type => $row[1],
            shape    => _list($row[2]), presence => _list($row[3]),
            filter   => _list($row[4]), sort => $row[5],
        };
    }

    return @fields;
}

# STRING(1, 500): ('STRING', 1, 500)

sub _list ($text) {
    my ($word, $list) = $text =~ /\A(\w+)(?:\((.*)\))?\s*\z/s
        or die "a column \"$text\"";

    return [$word, map { s/\A"(.*)"\z/$1/r } split /\s*,\s*/, $list // ''];
}


# The names of the query arguments in a table of theirs, those of filters by
# field included.

sub args ($table) {
    my ($rows) = map { slurp($_) =~ /\b$table\[\] = \{(.*?)\n\};/s }
                 _sources('ngx_*_module/*.c');
    my @args;

    die "there is no $table" if !defined $rows;

    while ($rows =~ /ngx_string\("(\w+)"\), \s* NGX_API_
                     |NGX_(\w+)_FIELDS\(ngx_api_field_args/gx)
    {
        push @args, defined $1 ? $1 : map { _filters($_) } fields(lc $2);
    }

    return @args;
}

sub _filters ($field) {
    my ($filter, $name) = $field->{filter}->@*;

    return if $filter eq 'NO';
    return $name if $field->{shape}[0] ne 'TIMESTAMP';
    return ("${name}_before", "${name}_after",
            $field->{presence}[0] eq 'NULLABLE' ? $name : ());
}


# The orders of a list by the rows of its table.

sub sorts ($table) {
    return map { ($_->{name}, "-$_->{name}") }
           grep { $_->{sort} ne 'NO' } fields($table);
}


# The names of an enum: those of a table of ngx_str_t.

sub names ($table) {
    for my $file (_sources('ngx_*_module/*.c')) {
        my ($rows) = slurp($file) =~ /\b$table\[\] = \{(.*?)\n\};/s or next;

        # and of types of events, which the worker has, too
        my ($types) = $rows =~ /\bSKEP_EVENT_TYPES\(/
            ? slurp(source_dir() . '/worker/skep_wire.h')
              =~ /^#define SKEP_EVENT_TYPES\(X\)(.*?[^\\])$/ms
            : '';

        return ($types =~ /\bX\(\w+, "([^"]*)"\)/g,
                $rows =~ /ngx_string\("([^"]*)"\)/g);
    }

    die "there is no $table";
}


# A path or a body with each "{name}" in its texts replaced from the hash.

sub fill ($what, $by) {
    return ref $what eq 'HASH'
               ? { map { $_ => fill($what->{$_}, $by) } keys %$what }
         : ref $what eq 'ARRAY' ? [map { fill($_, $by) } @$what]
         : defined $what && !ref $what
               ? $what =~ s/\{(\w+)\}/$by->{$1}/gr
         : $what;
}


sub _sources ($pattern) {
    return sort glob source_dir() . "/$pattern";
}


1;
