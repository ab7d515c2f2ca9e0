#!/usr/bin/env perl

# sql/embed: what statements ask for comes from the tables of fields, and what
# is malformed is told by file and line.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Process qw(run source_dir tempdir);
use Test::More;

my $dir = tempdir();

my @rows = (
    'R(id, uuid, UUID, NOT_NULL, NO, NO)',
    'W(name, text, STRING(1, 20), REQUIRED, FILTER(name), NO)',
    'W(kind, x.kind, ENUM(kinds), PRESET("a, (b)"), FILTER(kind), SORT)',
    'W(tags, text[], LABELS(3, 1, 9), PRESET("{}"), FILTER(tag), NO)',
    'W(due_at, timestamptz, TIMESTAMP, NULLABLE, FILTER(due), SORT)',
    'W(owner_id, uuid, MEMBER, NULLABLE, FILTER(owner), NO)',
    'R(made_at, timestamptz, TIMESTAMP, NOT_NULL, FILTER(made), SORT_ID)',
);

# shapes that no test above needs
my @more = (
    'W(uses, text[], NAMES(x_uses, 1, 9), REQUIRED, FILTER(use), NO)',
    'W(link, text, CHECKED(x_link, 1, 2048), REQUIRED, FILTER(link), NO)',
);


sub put ($name, $text) { return spew("$dir/$name", $text) }

# a header with the table "x_thing"
sub header (@rows) {
    return put('x_fields.h', "/* none of W(these) */\n\n"
               . "#define NGX_X_THING_FIELDS(W, R) \\\n"
               . join(" \\\n", map { "    $_" } @rows)
               . "\n\nW(is no row,\n");
}

# Runs sql/embed over these files; (status, what it printed, the header, the C).

sub embed (@files) {
    my ($rc, $out) = run([source_dir() . '/sql/embed', @files, 'x_sql', $dir]);
    my @made = map { slurp("$dir/x_sql.$_") } $rc == 0 ? qw(h c) : ();

    return ($rc, $out, @made);
}

# The statements of these files: { name => [lane, parameters, SQL] }, and their
# names in order.

sub statements (@files) {
    my ($rc, $out, $h, $c) = embed(@files);
    my (%found, @names);

    is($rc, 0, 'embed: ' . join ' ', map { s{.*/}{}r } @files)
        or diag($out), return;

    while ($c =~ /\{ "(\w+)",\n((?: *".*"\n?)*),\n *(\d+), NGX_API_PG_(\w+)/g) {
        my ($name, $text, $n, $lane) = ($1, $2, $3, $4);
        my $sql = join '', $text =~ /"(.*)"/g;

        $sql =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
        $found{$name} = [lc $lane, $n, $sql];
        push @names, $name;
    }

    return (\%found, \@names, $h);
}

# What a line becomes in a statement.

sub becomes ($line, $want, $name = $line, @table) {
    my ($found) = statements('-f', header(@table ? @table : @rows), put('one.sql', <<~"SQL"));
        -- name: one
        -- lane: read
        SELECT 1
        $line
        -- template: asked
        {\$made_after} {\$made_before} {\$owner} {\$due} {\$due_after}
        {\$due_before} {\$tag} {\$kind} {\$name}
        SQL

    is($found->{one}[2] =~ s/\ASELECT 1\s+//r, $want, $name);
}


becomes('-- columns: x_thing t',
        't.id, t.name, t.kind, t.tags, t.due_at, t.owner_id, t.made_at');
becomes('-- event: x_thing t',
        't.id, t.name, t.kind, t.tags, notify.time(t.due_at) AS due_at, '
        . 't.owner_id, notify.time(t.made_at) AS made_at');
becomes('-- event: x_thing t $1::text',
        't.id, t.name, t.kind, t.tags, notify.time(t.due_at) AS due_at, '
        . 't.owner_id, $1::text AS made_at');
becomes('-- names: x_thing', 'name, kind, tags, due_at, owner_id');
becomes('    -- names: x_thing w',
        'w.name, w.kind, w.tags, w.due_at, w.owner_id');
becomes("-- names: x_thing w kind='a' owner_id=p.id",
        "w.name, 'a' AS kind, w.tags, w.due_at, p.id AS owner_id");
becomes('-- types: x_thing', 'name text, kind x.kind, tags text[], '
        . 'due_at timestamptz, owner_id uuid');
becomes('-- values: x_thing $1', '$1::text AS name, $2::x.kind AS kind, '
        . '$3::text[] AS tags, $4::timestamptz AS due_at, '
        . '$5::uuid AS owner_id');
becomes('-- arrays: x_thing $1', '$1::text[], $2::x.kind[], $3::text[], '
        . '$4::timestamptz[], $5::uuid[]');
becomes('-- items: x_thing g', 'g.name, g.kind, g.tags::text[] AS tags, '
        . 'g.due_at, g.owner_id');
becomes('-- set: x_thing w', 'name = w.name, kind = w.kind, tags = w.tags, '
        . 'due_at = w.due_at, owner_id = w.owner_id');
becomes('-- patch: x_thing $1::int $2 s', join ', ', map {
            my ($name, $type, $bit, $n) = @$_;
            "CASE WHEN \$1::int & $bit <> 0 THEN \$$n\::$type"
            . " ELSE s.$name END AS $name";
        } ['name', 'text', 1, 2], ['kind', 'x.kind', 2, 3],
          ['tags', 'text[]', 4, 4], ['due_at', 'timestamptz', 8, 5],
          ['owner_id', 'uuid', 16, 6]);
becomes('-- changes: x_thing s w',
        '(SELECT json_object_agg(c.field, c.pair) FROM (VALUES '
        . join(', ', map {
              my ($old, $new) = map {
                  /due_at/ ? "notify.time($_)" : $_
              } "s.$_", "w.$_";
              "('$_', CASE WHEN w.$_ IS DISTINCT FROM s.$_"
              . " THEN json_build_array($old, $new) END)"
          } qw(name kind tags due_at owner_id))
        . ') c (field, pair) WHERE c.pair IS NOT NULL)');
becomes("-- arguments: x_thing \$1\n    -- filters: x_thing t",
        'AND ($1::text IS NULL OR t.uses @> ARRAY[$1])'
        . ' AND ($2::text IS NULL OR t.link = $2)', 'filters of more', @more);
becomes('WHERE $1 -- filters: not here', 'WHERE $1', 'a comment is none');

my $filters = <<'SQL' =~ s/\n */ /gr =~ s/ \z//r;
AND ($2::text IS NULL OR t.name = $2)
AND ($3::x.kind[] IS NULL OR t.kind = ANY ($3))
AND ($4::text IS NULL OR t.tags @> ARRAY[$4])
AND ($5::timestamptz IS NULL OR t.due_at < $5)
AND ($6::timestamptz IS NULL OR t.due_at > $6)
AND ($7::text IS NULL OR t.due_at IS NULL)
AND ($8::text IS NULL OR CASE $8 WHEN 'none' THEN t.owner_id IS NULL
    WHEN 'me' THEN t.owner_id = $1 ELSE t.owner_id = $8::uuid END)
AND ($9::timestamptz IS NULL OR t.made_at < $9)
AND ($10::timestamptz IS NULL OR t.made_at > $10)
SQL

becomes("-- arguments: x_thing \$2\n    -- filters: x_thing t", $filters);
becomes("-- arguments: x_thing \$1\n    -- use: asked",
        join(' ', map { "\$$_" } reverse 5 .. 9) . "\n\$4 \$3 \$2 \$1",
        'arguments by their names');


# templates: in any file, with words, that stand for words

my ($found, $names, $h) = statements('-f', header(@rows),
    put('a.sql', <<~'SQL'), put('b.sql', <<~'SQL'));
        -- name: one
        -- lane: search
        -- with mine: $2
        -- with list: x_thing {mine}
        -- use: outer
        SQL
        -- template: inner
        -- values: {list}
        -- template: outer
        SELECT {mine}, $1,
            -- use: inner
        -- name: two
        -- lane: write
        SELECT '{mine}' -- as it is
        SQL

is_deeply($names, ['one', 'two'], 'the statements of two files');
is_deeply($found->{one}, ['search', 6, 'SELECT $2, $1,' . "\n"
          . '$2::text AS name, $3::x.kind AS kind, $4::text[] AS tags, '
          . '$5::timestamptz AS due_at, $6::uuid AS owner_id'],
          'a template of another file, and of that');
is_deeply($found->{two}, ['write', 0, q(SELECT '{mine}')],
          'a word in a statement is none');


# one for each order

($found, $names, $h) = statements('-f', header(@rows), put('a.sql', <<~'SQL'));
    -- name: before
    -- lane: read
    SELECT 1
    -- template: page
    ORDER BY {key} {order}
    -- name: list
    -- lane: read
    -- sorts: x_thing t
    SELECT {cursor}, '{field}' WHERE ({key}, t.id) {after}
        (coalesce($1, {first}), coalesce($2, {first_id}))
    -- use: page
    SQL

is_deeply($names, ['before', map { ("list_${_}_asc", "list_${_}_desc") }
                             qw(kind due_at made_at)], 'the orders');
like($h, qr/^#define X_SQL_LIST  \(&x_sql\[1\]\)$/m, 'the first of them');
like($h, qr/^#define X_SQL_N  7$/m, 'their number');

my ($low, $high) = map { "'$_'::uuid" } map { s/x{4}/$_ x 4/r }
                   map { join '-', $_ x 8, ($_ x 4) x 3, $_ x 12 } 0, 'f';

is($found->{list_kind_asc}[2], <<~"SQL" =~ s/\n\z//r, 'by an enum');
    SELECT t.kind::text, 'kind' WHERE (t.kind, t.id) >
        (coalesce(\$1, (SELECT enum_first(NULL::x.kind))::x.kind), coalesce(\$2, $low))
    ORDER BY t.kind ASC
    SQL
is($found->{list_due_at_asc}[2], <<~"SQL" =~ s/\n\z//r, 'null comes last');
    SELECT coalesce(t.due_at, 'infinity')::text, 'due_at' WHERE (coalesce(t.due_at, 'infinity'), t.id) >
        (coalesce(\$1, '-infinity'::timestamptz), coalesce(\$2, $low))
    ORDER BY coalesce(t.due_at, 'infinity') ASC
    SQL
is($found->{list_due_at_desc}[2], <<~"SQL" =~ s/\n\z//r, 'both ways');
    SELECT coalesce(t.due_at, '-infinity')::text, 'due_at' WHERE (coalesce(t.due_at, '-infinity'), t.id) <
        (coalesce(\$1, 'infinity'::timestamptz), coalesce(\$2, $high))
    ORDER BY coalesce(t.due_at, '-infinity') DESC
    SQL
is($found->{list_made_at_desc}[2], <<~"SQL" =~ s/\n\z//r, 'by the id');
    SELECT NULL::text, 'made_at' WHERE (t.id, t.id) <
        (coalesce(\$1, $high), coalesce(\$2, $high))
    ORDER BY t.id DESC
    SQL


# what is wrong is told, and nothing is written

sub refused ($want, $name, @files) {
    unlink map { "$dir/x_sql.$_" } qw(c h);

    my ($rc, $out) = embed(@files);

    isnt($rc, 0, "$name: refused");
    is($out, "$dir/$want\n", "$name: told");
    is_deeply([glob "$dir/x_sql.*"], [], "$name: nothing is written");
}

my $sql = put('ok.sql', "-- name: one\n-- lane: read\nSELECT 1\n");
my $good = 'W(good, text, STRING(1, 2), REQUIRED, NO, NO)';

for my $case (
    ['Good(name, text)', 'a row is W(...) or R(...)'],
    ['W(a, text, STRING(1, 2), REQUIRED, NO)', 'a row has 6 columns (name, '
     . 'type, shape, presence, filter, sort), this has 5'],
    ['W(a, text, STRING(1, 2), REQUIRED, NO, NO, NO)', 'a row has 6 columns '
     . '(name, type, shape, presence, filter, sort), this has 7'],
    ['W(A, text, STRING(1, 2), REQUIRED, NO, NO)',
     '"A" is not the name of a field'],
    ['W(good, text, STRING(1, 2), REQUIRED, NO, NO)',
     'field "good" is there twice'],
    ['W(a, text; DROP, STRING(1, 2), REQUIRED, NO, NO)',
     'field "a": "text; DROP" is not a type of SQL'],
    ['W(a, text, TEXT, REQUIRED, NO, NO)', 'field "a": "TEXT" is not a shape'],
    ['W(a, text[], NAMES(X, 1, 2), REQUIRED, NO, NO)',
     'field "a": "NAMES(X, 1, 2)" is not a shape'],
    ['W(a, text, CHECKED(x), REQUIRED, NO, NO)',
     'field "a": "CHECKED(x)" is not a shape'],
    ['W(a, text, STRING(1), REQUIRED, NO, NO)',
     'field "a": "STRING(1)" is not a shape'],
    ['W(a, text, UUID(1, 2), REQUIRED, NO, NO)',
     'field "a": "UUID(1, 2)" is not a shape'],
    ['W(a, text, STRING(1, 2), NOT_NULL, NO, NO)',
     'field "a": "NOT_NULL" is not REQUIRED, NULLABLE or PRESET(...)'],
    ['R(a, text, STRING(1, 2), REQUIRED, NO, NO)',
     'field "a": "REQUIRED" is not NOT_NULL or NULLABLE'],
    ['W(a, text, STRING(1, 2), REQUIRED, FILTER, NO)',
     'field "a": "FILTER" is not NO or FILTER(...)'],
    ['W(a, text, STRING(1, 2), REQUIRED, NO, YES)',
     'field "a": "YES" is not NO, SORT or SORT_ID'],
    ['W(a, text, STRING(1, 2), NULLABLE, NO, SORT)',
     'field "a": lists are not sorted by a NULLABLE STRING of type text'],
    ['W(a, numeric, INTEGER(1, 2), REQUIRED, NO, SORT)',
     'field "a": lists are not sorted by INTEGER of type numeric'],
    ['W(a, x.e, ENUM(e), NULLABLE, NO, SORT)',
     'field "a": lists are not sorted by a NULLABLE ENUM of type x.e'],
    ['W(a, text, STRING(1, 2), REQUIRED, NO, NO',
     'a row has no end: W(a, text, STRING(1, 2), REQUIRED, NO, N'],
) {
    my ($row, $told) = @$case;

    refused("x_fields.h:5: $told", $row, '-f', header($good, $row), $sql);
}

my $fixed = 'R(a, text, STRING(1, 2), NOT_NULL, NO, NO)';

becomes('-- columns: x_thing t', 't.a', 'none to set', $fixed);
refused('one.sql:4: table "x_thing" has no field to set', 'none to set',
        '-f', header($fixed),
        put('one.sql', "-- name: one\n-- lane: read\nSELECT\n"
                       . "-- names: x_thing\n"));
refused('x_fields.h:4: table "x_thing" has no field', 'no field at all',
        '-f', header(''), $sql);
refused('x_fields.h:3: table "x_thing" is there twice', 'one table twice',
        '-f', header($good), '-f', "$dir/x_fields.h", $sql);

for my $case (
    ['-- columns: other t', 'no table of fields "other"'],
    ['-- columns: x_thing', 'the form is -- columns: TABLE ALIAS'],
    ['-- values: x_thing 1', '"1" is not a parameter'],
    ['-- patch: x_thing $1 s', 'the form is -- patch: TABLE MASK $N ALIAS'],
    ['-- changes: x_thing s', 'the form is -- changes: TABLE OLD NEW'],
    ['-- names: x_thing w bad=1', '"bad=1" is not FIELD=EXPRESSION'],
    ['-- filters: x_thing t', 'table "x_thing" has no filter'],
    ['-- arguments: x_thing', 'the form is -- arguments: TABLE $N'],
    ['-- use: nothing', 'no template "nothing"'],
    ['-- use: self', 'template "self" uses itself'],
    ['-- use: word', 'template "word" needs "word"'],
    ['SELECT $', '$ without a number'],
    ['/* no */', 'comments begin with --'],
) {
    my ($line, $told) = @$case;

    refused("bad.sql:7: $told", $line, '-f', header($good),
            put('bad.sql', <<~"SQL"));
        -- template: self
        -- use: self
        -- template: word
        {word}
        -- name: bad
        -- lane: read
        $line
        SQL
}

for my $case (
    ["SELECT 1", 1, 'SQL before the first name'],
    ["-- name: a\nSELECT 1", 1, 'statement "a" has no lane'],
    ["-- name: a\n-- lane: fast", 2, 'a lane is read, write or search'],
    ["-- name: a\n-- lane: read", 1, 'statement "a" is empty'],
    ["-- name: A", 1, 'a name is lower-case letters, digits and _'],
    ["-- name: a\n-- lane: read\nSELECT 1\n-- name: a\n-- lane: read\nSELECT 2",
     4, 'statement "a" is there twice'],
    ["-- name: a\n-- lane: read\nSELECT 'x", 1,
     'statement "a" ends inside a quoted text'],
    ["-- name: a\n-- lane: read\nSELECT 1;\nSELECT 2", 1,
     'statement "a" is more than one'],
    ["-- name: a\n-- lane: read\nSELECT \$2", 1,
     'statement "a" uses $2 but not $1'],
    ["-- name: a\n-- lane: read\nSELECT " . join(', ', map { "\$$_" } 1 .. 33),
     1, 'statement "a" has more than 32 parameters'],
    ["-- name: a\n-- lane: read\n-- sorts: x_thing t\nSELECT 1", 1,
     'table "x_thing" has no field to sort by'],
    ["-- template: a\n-- template: a", 2, 'template "a" is there twice'],
) {
    my ($text, $line, $told) = @$case;

    refused("bad.sql:$line: $told", $told, '-f', header($good),
            put('bad.sql', "$text\n"));
}

done_testing();
