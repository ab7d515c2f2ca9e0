# shellcheck shell=sh
#
# ./dev test, lint, format, schema, bench.


# check [asan] [WHAT]: one run of prove, whose closing line is the last one
# printed.  Tests wait more than they work, so there is one more of them than
# there are processors.
check() {
    if [ "${1:-}" = coverage ]; then
        shift
        coverage "$@"
        return
    fi

    if [ "${1:-}" = asan ]; then
        shift
        asan
    fi

    [ $# -le 1 ] || no_more "$2"

    packages build run test
    case ${1:-} in
        containers | fuzz) packages "$1" ;;
        http | http/* | faults | faults/*)
            # what is measured has the machine for itself
            packages "${1%%/*}"
            check_jobs=1
            ;;
        soak)
            check_jobs=1
            ;;
        valgrind)
            # Debian's nginx and the plain build, slowly
            packages valgrind
            export SKEP_VALGRIND=1
            ;;
    esac
    build

    check_unit

    tests=$(check_list "${1:-}")
    [ -n "$tests" ] || die "no test has \"$1\" in its name"

    # shellcheck disable=SC2086
    check_prove $tests && status=0 || status=$?

    case ${1:-} in
        faults | faults/*) dev.d/reliability ;;
        soak) dev.d/soak ;;
    esac

    return "$status"
}


# check_unit [ASSIGNMENT...]: builds the unit tests, which are under sanitizers
# in the plain build already
check_unit() {
    make -C "$root/t/unit" --no-print-directory -s \
        BUILD="${plain:-$build}" "$@" >&2 \
        || die "the unit tests do not build"
}


# check_prove TEST...: runs them
check_prove() {
    export SKEP_ROOT="$root" SKEP_BUILD="$build" CMOCKA_MESSAGE_OUTPUT=TAP
    cd "$root"

    if grep -q '^use Skep::Tools' "$@"; then
        npm_install t/tools || die "the tests want tools of npm"
        share
    fi

    # one build, before others want the processors
    if [ -z "${SKEP_SANITIZE:-}" ] \
        && grep -q "^use Skep::Sanitizer 'build'" "$@"
    then
        "$root/dev" build asan >&2 || die "the build with sanitizers fails"
    fi

    prove --timer -j "${check_jobs:-$(($(nproc) + 1))}" -I t/lib "$@"
}


# What AddressSanitizer does not see is read before it was written: these go
# through each part of the code, and don't ask how long it takes.
check_memcheck() {
    for name in auth_refresh auth_users body_bad bulk_create comment_crud cors \
        etag idempotency_key jwks list_filters list_sync member_crud \
        metrics_requests notify_inbox outbox project_crud revoke_redis \
        stream_live task_patch token_bad trace webhook_delivery webhooks_crud \
        worker_journey
    do
        echo "t/$name.t"
    done
}


# the files of tests that are asked for; those that take long, by name alone
check_list() {
    case $1 in
        valgrind)
            check_memcheck
            return
            ;;
        soak | containers | fuzz | faults | http | fail | security)
            (cd "$root" && ls t/"$1"/*.t)
            return
            ;;
        */*)
            (cd "$root" && ls t/"$1"*.t)
            return
            ;;
    esac

    for test in "${plain:-$build}"/unit/*; do
        if [ ! -f "$test" ] || [ ! -x "$test" ]; then
            continue
        fi

        case $1 in
            '' | unit) echo "$test" ;;
            *) case ${test##*/} in *"$1"*) echo "$test" ;; esac ;;
        esac
    done

    for test in "$root"/t/*.t; do
        [ -f "$test" ] || continue

        # the guide is of Debian's nginx; failing allocations come before
        # malloc(), which is the sanitizer's
        case ${SKEP_SANITIZE:+asan}/${test##*/} in
            asan/install_guide.t | asan/fail_*) continue ;;
        esac

        case ${test##*/} in
            *"$1"*) echo "t/${test##*/}" ;;
        esac
    done
}


bench() {
    packages build run bench
    build

    export SKEP_ROOT="$root" SKEP_BUILD="$build"
    cd "$root"
    exec bench/run "$@"
}


# docs/schema.md, of a private PostgreSQL with all migrations
schema() {
    packages run test
    mkdir -p "$build"

    SKEP_BUILD=$build "$root/dev.d/schema" >"$build/schema.md" \
        || die "docs/schema.md stays as it is"
    cp "$build/schema.md" "$root/docs/schema.md"
}


# the tables of docs/reliability.md, of the last runs of ./dev test faults and
# ./dev test soak
reliability() {
    if [ -n "$(find "$build/faults" -name '*.json' 2>/dev/null)" ]; then
        SKEP_BUILD=$build "$root/dev.d/reliability" -w
    fi

    if [ -f "$build/soak/soak.json" ]; then
        SKEP_BUILD=$build "$root/dev.d/soak" -w
    fi
}


# the files that style is for, tracked or not
texts() {
    find "$root" \( -path "$root/.git" -o -path "$root/.dev" \
        -o -path "$build" -o -name node_modules \) -prune \
        -o -type f \( -name '*.[cht]' -o -name '*.sql' -o -name '*.pm' \
        -o -name '*.pl' -o -name '*.sh' -o -name '*.md' -o -name '*.conf' \
        -o -name '*.js' -o -name '*.py' -o -name '*.lua' -o -name '*.yaml' \
        -o -name '*.yml' -o -name '*.awk' \
        -o -name Makefile -o -name config -o -name config.make \
        -o -path "$root/dev" -o -path "$root/dev.d/*" \
        -o -path "$root/sql/embed" -o -path "$root/sql/expected" \
        -o -path "$root/.ci/run" \
        -o -path "$root/bench/run" \) -print
}


# shell scripts: those that say so in their first line
scripts() {
    texts | while read -r file; do
        case $(head -n 1 "$file") in
            '#!/bin/sh'* | '#!/bin/bash'* | '#!/usr/bin/env bash'*)
                echo "$file"
                ;;
        esac
    done
}


lint() {
    packages build lint
    build

    status=0

    say "style"
    # shellcheck disable=SC2046
    "$root/dev.d/style" $(texts) || status=1

    for file in "$root"/ngx_*/*.c; do
        grep -q "/${file##*/} " "$root/config" || {
            echo "$file is not in config"
            status=1
        }
    done

    say "shellcheck"
    # shellcheck disable=SC2046
    (cd "$root" && shellcheck -x -a $(scripts)) || status=1

    say "perl"
    for file in "$root"/t/*.t "$root"/t/*/*.t $(find "$root/t/lib" -name '*.pm'); do
        if [ -f "$file" ] && perl -I "$root/t/lib" -wc "$file" 2>&1 \
            | grep -v ' syntax OK$'
        then
            status=1
        fi
    done

    say "cppcheck"
    lint_cppcheck || status=1

    say "clang-tidy"
    lint_tidy || status=1

    [ $status -eq 0 ] || die "not clean"
    say "clean"
}


# what the build includes
lint_includes() {
    sed -n '/^ALL_INCS/,/^$/p' "$build/nginx/Makefile" | tr -d '\\\n' \
        | sed -e 's/ALL_INCS = //' -e 's/-I /-I/g'
}


lint_worker_includes() {
    echo "-I$root/worker -I$build/worker"
    pkg-config --cflags-only-I libpq hiredis libcurl jansson libmicrohttpd
}


lint_cppcheck() {
    (
        cd "$nginx_src"
        # shellcheck disable=SC2046
        cppcheck --quiet --std=c11 --language=c -j "$(nproc)" \
            --enable=warning,performance,portability --inline-suppr \
            --error-exitcode=1 --suppress=missingIncludeSystem \
            --suppress='*:src/*' --suppress=normalCheckLevelMaxBranches \
            $(lint_includes) "$root"/ngx_*/*.c
    ) || return

    # shellcheck disable=SC2046
    cppcheck --quiet --std=c11 --language=c -j "$(nproc)" -D_GNU_SOURCE \
        --enable=warning,performance,portability --inline-suppr \
        --error-exitcode=1 --suppress=missingIncludeSystem \
        --suppress=normalCheckLevelMaxBranches \
        $(lint_worker_includes) "$root"/worker/*.c
}


lint_tidy() {
    (
        cd "$nginx_src"
        # shellcheck disable=SC2016
        printf '%s\n' "$root"/ngx_*/*.c \
            | xargs -P "$(nproc)" -n 4 sh -c '
                list=$1 flags=$2 && shift 2 || exit 1
                clang-tidy --quiet --config-file="$list" "$@" -- $flags \
                    2>/dev/null
            ' sh "$root/.clang-tidy" "$(lint_includes)"
    ) || return

    # shellcheck disable=SC2016
    printf '%s\n' "$root"/worker/*.c \
        | xargs -P "$(nproc)" -n 4 sh -c '
            list=$1 flags=$2 && shift 2 || exit 1
            clang-tidy --quiet --config-file="$list" "$@" -- -std=c11 \
                -D_GNU_SOURCE $flags 2>/dev/null
        ' sh "$root/.clang-tidy" "$(lint_worker_includes | tr '\n' ' ')"
}


format() {
    # shellcheck disable=SC2046
    "$root/dev.d/style" -f $(texts)
}
