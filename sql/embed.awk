# The awk of sql/embed, which says what it reads and writes.  POSIX's awk and
# nothing more; strings that grow are not given to printf, whose room is small
# in some.
#
# Lines are kept as they come, in blocks: block[b, i] is the i-th line of
# block b, a statement or a template.  When all are read, statements are
# compiled: so a template may stand in any file.


function fail(text) {
    printf "%s:%d: %s\n", at_file, at_line, text > "/dev/stderr"
    failed = 1
    exit 1
}


# -- statements --


function begin_block() {
    b = ++nblocks
    nlines[b] = 0
    block_file[b] = FILENAME
    block_line[b] = FNR
}


# a statement, or as many as it has orders
function compile(b,    i, line, arg, t, k, first) {
    split("", with)
    split("", word)
    lane = ""
    sorts = 0

    for (i = 1; i <= nlines[b]; i++) {
        if (block[b, i] ~ /^ *-- sorts: /) {
            at_file = block_file[b]
            at_line = block_line[b] + i
            sorts = split(block[b, i], arg, " ")
        }
    }

    if (!sorts) {
        compile_one(b, block_name[b])
        return
    }

    if (sorts != 4) {
        fail("the form is -- sorts: TABLE ALIAS")
    }

    t = arg[3]
    first = n + 1

    if (!(t in nfields)) {
        fail("no table of fields \"" t "\"")
    }

    for (k = 1; k <= nfields[t]; k++) {
        if (field_sort[t, k] != "NO") {
            sort_key(t, k, arg[4], 1)
            compile_one(b, block_name[b] "_" field_name[t, k] "_asc")
            sort_key(t, k, arg[4], 0)
            compile_one(b, block_name[b] "_" field_name[t, k] "_desc")
        }
    }

    at_file = block_file[b]
    at_line = block_line[b]

    if (first > n) {
        fail("table \"" t "\" has no field to sort by")
    }

    claim(block_name[b])
    groups[++ngroups] = block_name[b]
    group_first[ngroups] = first
}


function claim(name) {
    if (name in seen) {
        fail("statement \"" name "\" is there twice")
    }

    seen[name] = 1
}


function compile_one(b, name,    i) {
    lane = sql = quoted = ""
    nparams = 0
    traced = 0
    split("", used)
    split("", with)

    at_file = block_file[b]
    at_line = block_line[b]
    claim(name)
    names[n + 1] = name

    for (i = 1; i <= nlines[b]; i++) {
        at_line = block_line[b] + i
        statement_line(block[b, i])
    }

    at_line = block_line[b]

    if (lane == "" && !worker) {
        fail("statement \"" name "\" has no lane")
    }

    sub(/[ \t\n]*;?[ \t\n]*$/, "", sql)

    if (sql == "") {
        fail("statement \"" name "\" is empty")
    }

    if (quoted) {
        fail("statement \"" name "\" ends inside a quoted text")
    }

    if (sql ~ /;[ \t]*\n/) {
        fail("statement \"" name "\" is more than one")
    }

    for (i = 1; i <= nparams; i++) {
        if (!(i in used)) {
            fail("statement \"" name "\" uses $" nparams " but not $" i)
        }
    }

    if (traced) {
        gsub(/[$]trace/, "$" nparams + 1, sql)
    }

    if (nparams + traced > 32) {
        fail("statement \"" name "\" has more than 32 parameters")
    }

    gsub(/[\\"]/, "\\\\&", sql)
    gsub(/\n/, "\\n\"\n      \"", sql)

    text[++n] = "    { \"" name "\",\n      \"" sql "\",\n      " nparams \
              (worker ? "" : ", NGX_API_PG_" toupper(lane) ", " traced) " }"
}


function statement_line(line,    arg, k) {
    if (sorts || line ~ /^-- with /) {
        line = fill(line, "statement \"" names[n + 1] "\"")
    }

    if (line ~ /^-- lane:/) {
        k = split(line, arg, " ")

        if (lane != "" || sql != "") {
            fail("a lane follows a name")
        }

        if (worker) {
            fail("the worker has no lanes")
        }

        if (k != 3 || arg[3] !~ /^(read|write|search)$/) {
            fail("a lane is read, write or search")
        }

        lane = arg[3]
        return
    }

    if (line !~ /^ *-- sorts: /) {
        put(line)
    }
}


# a line of a statement or of a template that it uses
function put(line,    arg) {
    if (line ~ /^ *-- with [a-z_]+: /) {
        split(line, arg, " ")
        with[substr(arg[3], 1, length(arg[3]) - 1)] = \
            substr(line, index(line, ": ") + 2)

    } else if (line ~ /^ *-- use: /) {
        split(line, arg, " ")
        use(arg[3])

    } else if (is_directive(line)) {
        add(directive(line))

    } else {
        add(line)
    }
}


# adds a line to the statement being compiled
function add(line) {
    line = code(line)

    if (line != "") {
        sql = sql (sql == "" ? "" : "\n") line
    }
}


function use(template,    i, t) {
    if (!(template in templates)) {
        fail("no template \"" template "\"")
    }

    if (template in using) {
        fail("template \"" template "\" uses itself")
    }

    using[template] = 1
    t = templates[template]

    for (i = 1; i <= nlines[t]; i++) {
        put(fill(block[t, i], "template \"" template "\""))
    }

    delete using[template]
}


# a line with {name} replaced by what "with" says, or the order
function fill(line, whose,    name, value, done) {
    while (match(line, /[{][$]?[a-z_]+[}]/)) {
        name = substr(line, RSTART + 1, RLENGTH - 2)

        if (name in with) {
            value = with[name]

        } else if (name in word) {
            value = word[name]

        } else {
            fail(whose " needs \"" name "\"")
        }

        done = done substr(line, 1, RSTART - 1) value
        line = substr(line, RSTART + RLENGTH)
    }

    return done line
}


# a line of SQL without its comment; notes the parameters
function code(line,    i, ch, len, num) {
    len = length(line)

    for (i = 1; i <= len; i++) {
        ch = substr(line, i, 1)

        if (quoted) {
            if (ch == quoted) {
                quoted = ""
            }

        } else if (ch == "\047" || ch == "\"") {
            quoted = ch

        } else if (ch == "-" && substr(line, i + 1, 1) == "-") {
            line = substr(line, 1, i - 1)
            break

        } else if (ch == "/" && substr(line, i + 1, 1) == "*") {
            fail("comments begin with --")

        } else if (ch == "$" && substr(line, i + 1) ~ /^trace::text/) {
            if (worker) {
                fail("the worker has no $trace")
            }

            traced = 1
            i += length("trace")

        } else if (ch == "$") {
            if (!match(substr(line, i + 1), /^[1-9][0-9]*/)) {
                fail("$ without a number")
            }

            num = substr(line, i + 1, RLENGTH) + 0
            used[num] = 1

            if (num > nparams) {
                nparams = num
            }

            i += RLENGTH
        }
    }

    if (!quoted) {
        sub(/[ \t]+$/, "", line)
    }

    return line
}


# -- reading --


BEGIN {
    worker = prefix == "skep_sql"
    type = worker ? "skep_pg_statement_t" : "ngx_api_pg_statement_t"
}


{
    at_file = FILENAME
    at_line = FNR
}


FNR == 1 {
    b = 0
}


kind == "fields" && !in_table {
    if (!match($0, /^#define NGX_[A-Z0-9_]+_FIELDS\(W, R\)/)) {
        next
    }

    table = tolower(substr($0, length("#define NGX_") + 1,
                           RLENGTH - length("#define NGX__FIELDS(W, R)")))
    in_table = 1
    rowtext = ""

    if (table in nfields) {
        fail("table \"" table "\" is there twice")
    }

    nfields[table] = nsettable[table] = 0
    $0 = substr($0, RLENGTH + 1)
}


kind == "fields" {
    line = $0
    in_table = sub(/[ \t]*\\$/, "", line)
    rowtext = rowtext line
    take_rows()

    if (!in_table && rowtext != "") {
        fail("a row has no end: " substr(rowtext, 1, 40))
    }

    if (!in_table && nfields[table] == 0) {
        fail("table \"" table "\" has no field")
    }

    next
}


/^-- template:/ {
    begin_block()

    if (NF != 3) {
        fail("the form is -- template: NAME")
    }

    if ($3 in templates) {
        fail("template \"" $3 "\" is there twice")
    }

    templates[$3] = b
    next
}


/^-- name:/ {
    begin_block()

    if (NF != 3 || $3 !~ /^[a-z][a-z0-9_]*$/) {
        fail("a name is lower-case letters, digits and _")
    }

    block_name[b] = $3
    next
}


{
    if (b) {
        block[b, ++nlines[b]] = $0

    } else if (code($0) != "") {
        fail("SQL before the first name")
    }
}


END {
    if (failed) {
        exit 1
    }

    if (in_table) {
        fail("the table does not end")
    }

    for (b = 1; b <= nblocks; b++) {
        if (b in block_name) {
            compile(b)
        }
    }

    guard = "_" toupper(prefix) "_H_INCLUDED_"

    print "\n/* Generated by sql/embed: edit the SQL instead. */\n\n" > h
    print "#ifndef " guard "\n#define " guard "\n\n" > h
    print "#include \"" (worker ? "skep_pg.h" : "ngx_api_pg.h") "\"\n\n" > h
    print "extern const " type "  " prefix "[];\n" > h
    print "#define " toupper(prefix) "_N  " n + 0 "\n" > h

    print "\n/* Generated by sql/embed: edit the SQL instead. */\n\n" > c
    print "#include \"" prefix ".h\"\n\n" > c
    print "const " type "  " prefix "[] = {\n" > c

    for (i = 1; i <= n; i++) {
        print "#define " toupper(prefix "_" names[i]) "  (&" prefix "[" \
              i - 1 "])" > h
        print text[i] (i < n ? ",\n" : "") > c
    }

    for (i = 1; i <= ngroups; i++) {
        print "#define " toupper(prefix "_" groups[i]) "  (&" prefix "[" \
              group_first[i] - 1 "])" > h
    }

    print "\n\n#endif /* " guard " */" > h
    print "};" > c
}
