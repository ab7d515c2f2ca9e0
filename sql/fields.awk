# The tables of fields, for sql/embed: reads them, and makes SQL of them.


# -- rows --


# rowtext begins with rows; takes those that are whole
function take_rows(    i, len, ch, n, depth, quote, col) {
    for ( ;; ) {
        sub(/^[ \t]+/, "", rowtext)

        if (rowtext == "") {
            return
        }

        if (rowtext !~ /^[WR]\(/) {
            fail("a row is W(...) or R(...)")
        }

        len = length(rowtext)
        n = 1
        depth = quote = 0
        split("", col)

        for (i = 3; i <= len; i++) {
            ch = substr(rowtext, i, 1)

            if (quote) {
                if (ch == "\\") {
                    col[n] = col[n] ch
                    ch = substr(rowtext, ++i, 1)

                } else if (ch == "\"") {
                    quote = 0
                }

            } else if (ch == "\"") {
                quote = 1

            } else if (ch == "(") {
                depth++

            } else if (ch == ")" && depth-- == 0) {
                break

            } else if (ch == "," && depth == 0) {
                n++
                continue
            }

            col[n] = col[n] ch
        }

        if (i > len) {
            return
        }

        take_row(substr(rowtext, 1, 1), n, col)
        rowtext = substr(rowtext, i + 1)
    }
}


function take_row(kind, n, col,    i, name) {
    for (i = 1; i <= n; i++) {
        gsub(/^[ \t]+|[ \t]+$/, "", col[i])
    }

    if (n != 6) {
        fail("a row has 6 columns (name, type, shape, presence, filter, " \
             "sort), this has " n)
    }

    name = col[1]

    if (name !~ /^[a-z][a-z0-9_]*$/) {
        fail("\"" name "\" is not the name of a field")
    }

    if ((table, name) in field_known) {
        fail("field \"" name "\" is there twice")
    }

    if (col[2] !~ /^[a-z][a-z0-9_.]*(\[\])?$/) {
        fail("field \"" name "\": \"" col[2] "\" is not a type of SQL")
    }

    if (col[3] !~ /^(UUID|MEMBER|TIMESTAMP|BOOLEAN)$/ \
        && col[3] !~ /^(STRING|INTEGER)\(-?[0-9]+, *-?[0-9]+\)$/ \
        && col[3] !~ /^LABELS\([0-9]+, *[0-9]+, *[0-9]+\)$/ \
        && col[3] !~ /^(NAMES|CHECKED)\([a-z][a-z0-9_]*, *[0-9]+, *[0-9]+\)$/ \
        && col[3] !~ /^ENUM\([a-z][a-z0-9_]*\)$/)
    {
        fail("field \"" name "\": \"" col[3] "\" is not a shape")
    }

    if (kind == "W" && col[4] !~ /^(REQUIRED|NULLABLE|PRESET\(.*\))$/) {
        fail("field \"" name "\": \"" col[4] "\" is not REQUIRED, NULLABLE " \
             "or PRESET(...)")
    }

    if (kind == "R" && col[4] !~ /^(NOT_NULL|NULLABLE)$/) {
        fail("field \"" name "\": \"" col[4] "\" is not NOT_NULL or NULLABLE")
    }

    if (col[5] !~ /^(NO|FILTER\([a-z][a-z0-9_]*\))$/) {
        fail("field \"" name "\": \"" col[5] "\" is not NO or FILTER(...)")
    }

    if (col[6] !~ /^(NO|SORT|SORT_ID)$/) {
        fail("field \"" name "\": \"" col[6] "\" is not NO, SORT or SORT_ID")
    }

    i = ++nfields[table]
    field_known[table, name] = 1
    field_name[table, i] = name
    field_type[table, i] = col[2]
    field_shape[table, i] = col[3]
    field_kind[table, i] = kind
    field_null[table, i] = col[4] == "NULLABLE"
    field_filter[table, i] = ""

    if (match(col[5], /\(.*\)/)) {
        field_filter[table, i] = substr(col[5], RSTART + 1, RLENGTH - 2)
    }

    field_sort[table, i] = col[6]

    sub(/\(.*/, "", field_shape[table, i])

    if (col[6] == "SORT") {
        sort_key(table, i, "t", 1)
    }

    if (kind == "W") {
        settable[table, ++nsettable[table]] = i

        if (nsettable[table] > 31) {
            fail("table \"" table "\" has more than 31 fields to set")
        }
    }
}


# the lowest and the highest key, as SQL; low and high are set
function sort_bounds(table, i,    type, shape) {
    type = field_type[table, i]
    shape = field_shape[table, i]

    if (shape == "TIMESTAMP") {
        low = "\047-infinity\047"
        high = "\047infinity\047"

    } else if (shape == "INTEGER" && type == "smallint") {
        low = "-32768"
        high = "32767"

    } else if (shape == "INTEGER" && type == "integer") {
        low = "-2147483648"
        high = "2147483647"

    } else if (shape == "INTEGER" && type == "bigint") {
        low = "-9223372036854775808"
        high = "9223372036854775807"

    } else if (shape == "STRING" && !field_null[table, i]) {

        # no text is the highest
        low = high = "NULL"

    } else if (shape == "ENUM" && !field_null[table, i]) {
        low = "(SELECT enum_first(NULL::" type "))"
        high = "(SELECT enum_last(NULL::" type "))"

    } else {
        fail("field \"" field_name[table, i] "\": lists are not sorted by " \
             (field_null[table, i] ? "a NULLABLE " : "") shape " of type " type)
    }
}


# the words of an order
function sort_key(table, i, alias, ascending,    key, type) {
    low = "\04700000000-0000-0000-0000-000000000000\047"
    high = "\047ffffffff-ffff-ffff-ffff-ffffffffffff\047"

    word["field"] = field_name[table, i]
    word["order"] = ascending ? "ASC" : "DESC"
    word["after"] = ascending ? ">" : "<"
    word["until"] = ascending ? "<=" : ">="
    word["first_id"] = (ascending ? low : high) "::uuid"
    word["nulls"] = "none"

    if (field_sort[table, i] == "SORT_ID") {
        type = "uuid"
        key = alias ".id"
        word["column"] = key
        word["cursor"] = "NULL::text"

    } else {
        type = field_type[table, i]
        key = alias "." field_name[table, i]
        word["column"] = key
        sort_bounds(table, i)

        if (field_null[table, i]) {
            word["nulls"] = "last"
            key = "coalesce(" key ", " (ascending ? high : low) ")"
        }

        word["cursor"] = key "::text"
    }

    word["key"] = key
    word["type"] = type
    word["first"] = (ascending ? low : high) "::" type
    word["last"] = (ascending ? high : low) "::" type
}


# -- SQL --


function is_directive(line) {
    return line ~ /^ *-- (columns|event|names|types|values|patch): / \
           || line ~ /^ *-- (set|changes|filters|arguments|arrays|items): /
}


function want(n, form) {
    if (nargs != n) {
        fail("the form is -- " form)
    }
}


# the number in "$5"
function parameter(text) {
    if (text !~ /^\$[1-9][0-9]*$/) {
        fail("\"" text "\" is not a parameter")
    }

    return substr(text, 2) + 0
}


function directive(line,    verb, t, i, k, n, name, type, text, arg) {
    nargs = split(line, arg, " ") - 2
    verb = arg[2]
    t = arg[3]

    if (!(t in nfields)) {
        fail("no table of fields \"" t "\"")
    }

    if (verb == "columns:" || verb == "event:") {
        if (verb != "event:" || nargs != 3) {
            want(2, verb " TABLE ALIAS")
        }

        for (i = 1; i <= nfields[t]; i++) {
            name = arg[4] "." field_name[t, i]

            if (verb == "event:" && field_shape[t, i] == "TIMESTAMP") {
                name = (nargs == 3 && field_kind[t, i] == "R" \
                        ? made(t, i, name, arg[5]) : told(t, i, name)) \
                       " AS " field_name[t, i]
            }

            text = text (i > 1 ? ", " : "") name
        }

        return text
    }

    if (verb == "arguments:") {
        want(2, "arguments: TABLE $N")
        arguments(t, parameter(arg[4]))
        return ""
    }

    if (verb == "filters:") {
        want(nargs > 2 ? 3 : 2, "filters: TABLE ALIAS [-NAME]")
        return filters(t, arg[4], substr(arg[5], 2))
    }

    # what follows is of the fields that a client may set

    if (nsettable[t] == 0) {
        fail("table \"" t "\" has no field to set")
    }

    split("", instead)

    if (verb == "names:") {
        if (nargs > 1) {
            arg[4] = arg[4] "."
        }

        for (i = 5; i <= nargs + 2; i++) {
            take_instead(t, arg[i])
        }

    } else if (verb == "types:") {
        want(1, "types: TABLE")

    } else if (verb == "values:" || verb == "arrays:") {
        want(2, verb " TABLE $N")
        n = parameter(arg[4])

    } else if (verb == "items:") {
        want(2, "items: TABLE ALIAS")

    } else if (verb == "patch:") {
        want(4, "patch: TABLE MASK $N ALIAS")
        n = parameter(arg[5])

    } else if (verb == "set:") {
        want(2, "set: TABLE ALIAS")

    } else {
        want(3, "changes: TABLE OLD NEW")
    }

    for (k = 1; k <= nsettable[t]; k++) {
        i = settable[t, k]
        name = field_name[t, i]
        type = field_type[t, i]

        if (k > 1) {
            text = text ", "
        }

        if (name in instead) {
            text = text instead[name] " AS " name

        } else if (verb == "names:") {
            text = text arg[4] name

        } else if (verb == "types:") {
            text = text name " " type

        } else if (verb == "values:") {
            text = text "$" n++ "::" type " AS " name

        } else if (verb == "arrays:") {
            text = text "$" n++ "::" (type ~ /\[\]$/ ? "text" : type) "[]"

        } else if (verb == "items:") {
            text = text arg[4] "." name \
                   (type ~ /\[\]$/ ? "::" type " AS " name : "")

        } else if (verb == "patch:") {
            text = text "CASE WHEN " arg[4] " & " bit(k) " <> 0 THEN $" n++ \
                   "::" type " ELSE " arg[6] "." name " END AS " name

        } else if (verb == "set:") {
            text = text name " = " arg[4] "." name

        } else {
            text = text "(\047" name "\047, CASE WHEN " arg[5] "." name \
                   " IS DISTINCT FROM " arg[4] "." name \
                   " THEN json_build_array(" told(t, i, arg[4] "." name) ", " \
                   told(t, i, arg[5] "." name) ") END)"
        }
    }

    if (verb == "changes:") {
        text = "(SELECT json_object_agg(c.field, c.pair) FROM (VALUES " text \
               ") c (field, pair) WHERE c.pair IS NOT NULL)"
    }

    return text
}


# a column as events have it: times are written as the API writes them
function told(t, i, column) {
    return field_shape[t, i] == "TIMESTAMP" ? "notify.time(" column ")" : column
}


# the same in a row that was made at that time, a text: if it has one, then that
function made(t, i, column, time) {
    return field_null[t, i] \
           ? "CASE WHEN " column " IS NOT NULL THEN " time " END" : time
}


# "name=expression", of a field that a client may set
function take_instead(t, text,    at, name, k) {
    at = index(text, "=")
    name = substr(text, 1, at - 1)

    for (k = 1; k <= nsettable[t]; k++) {
        if (field_name[t, settable[t, k]] == name) {
            instead[name] = substr(text, at + 1)
            return
        }
    }

    fail("\"" text "\" is not FIELD=EXPRESSION")
}


function bit(k,    value) {
    for (value = 1; k > 1; k--) {
        value *= 2
    }

    return sprintf("%.0f", value)
}


# the parameters of a list's arguments, from $n on, in the order of
# ngx_api_field_args(): with["$due_after"] is that of the argument "due_after"
function arguments(t, n,    i, name) {
    for (i = 1; i <= nfields[t]; i++) {
        name = "$" field_filter[t, i]

        if (name == "$") {
            continue
        }

        if (field_shape[t, i] == "TIMESTAMP") {
            with[name "_before"] = "$" n++
            with[name "_after"] = "$" n++

            if (!field_null[t, i]) {
                continue
            }
        }

        with[name] = "$" n++
    }
}


# "less" is a field that is not asked for, so that the row need not be read
function filters(t, alias, less,    i, text, column, type, shape, name, p) {
    for (i = 1; i <= nfields[t]; i++) {
        name = "$" field_filter[t, i]

        if (name == "$") {
            continue
        }

        column = alias "." field_name[t, i]
        type = field_type[t, i]
        shape = field_shape[t, i]

        if (!(name in with) && !(name "_before" in with)) {
            fail("no \"-- arguments: " t " $N\" comes before the filters")
        }

        p = name in with ? with[name] : ""

        if (field_name[t, i] == less) {
            text = text " AND " p "::text IS NULL"

        } else if (shape == "MEMBER") {
            text = text filter(p "::text", "CASE " p \
                   " WHEN \047none\047 THEN " column " IS NULL" \
                   " WHEN \047me\047 THEN " column " = $1" \
                   " ELSE " column " = " p "::" type " END")

        } else if (shape == "TIMESTAMP") {
            text = text filter(with[name "_before"] "::" type, \
                               column " < " with[name "_before"]) \
                   filter(with[name "_after"] "::" type, \
                          column " > " with[name "_after"])

            if (field_null[t, i]) {
                text = text filter(p "::text", column " IS NULL")
            }

        } else if (shape == "ENUM") {
            text = text filter(p "::" type "[]", column " = ANY (" p ")")

        } else if (shape == "LABELS" || shape == "NAMES") {
            text = text filter(p "::text", column " @> ARRAY[" p "]")

        } else {
            text = text filter(p "::" type, column " = " p)
        }
    }

    if (text == "") {
        fail("table \"" t "\" has no filter")
    }

    return text
}


function filter(value, condition) {
    return " AND (" value " IS NULL OR " condition ")"
}
