# shellcheck shell=sh
#
# ./dev test coverage: the tests on a build that counts which lines and branches
# of the C code were run.

# per cent of all of them, below which it fails
coverage_lines=85
coverage_branches=70


# coverage [WHAT]: everything, on counts that begin at nothing; or the tests
# whose name has WHAT in it, whose counts are added to those there are
coverage() {
    [ $# -le 1 ] || no_more "$2"

    build=$build/coverage
    coverage_flags

    packages build run test coverage
    coverage_share
    coverage_hook
    build
    check_unit SANITIZE="$coverage_opt" CFLAGS="-O0 -g"

    tests=$(check_list "${1:-}")
    [ -n "$tests" ] || die "no test has \"$1\" in its name"

    [ $# -eq 1 ] || find "$build" -name '*.gcda' -delete
    coverage_begin
    export GCOV_PREFIX="$coverage_dir"
    trap 'rm -rf "$coverage_dir" "$build/where"' EXIT
    trap 'exit 1' HUP INT TERM

    status=0
    # shellcheck disable=SC2086
    check_prove $tests || status=1

    cp -a "$coverage_dir$build/." "$build/"
    coverage_report "${1:-}" || status=1
    exit $status
}


# Lines as they are written, not as an optimizer orders them.  Some tests run
# this command, and have to build the same.
coverage_flags() {
    coverage_opt="--coverage -fprofile-update=atomic -fprofile-abs-path"
    SKEP_CC_OPT="-U_FORTIFY_SOURCE -O0 $coverage_opt"
    SKEP_LD_OPT="--coverage -Wl,--wrap=_exit $build/nginx/dump.o"
    export SKEP_CC_OPT SKEP_LD_OPT

    # shellcheck source=dev.d/build.sh
    . "$root/dev.d/build.sh"
}


# what is the same for every build
coverage_share() {
    mkdir -p "$build"

    for name in npm pgtemplate; do
        mkdir -p "${build%/coverage}/$name"
        [ -e "$build/$name" ] || ln -s "../$name" "$build/$name"
    done
}


coverage_hook() {
    # what a test copies of the build has it, too
    mkdir -p "$build/nginx"
    gcc -O2 -fPIC -Wall -Wextra -Werror \
        -DSKEP_COVERAGE_FILE="\"$build/where\"" -c \
        -o "$build/nginx/dump.o" "$root/t/coverage/dump.c" \
        || die "t/coverage/dump.c does not build"
}


# Where counts are written while tests run: a directory that nginx's workers may
# reach, with what was counted before.
coverage_begin() {
    coverage_dir=$(mktemp -d "${TMPDIR:-/tmp}/skep-coverage-XXXXXX")
    mkdir -p "$coverage_dir$build"

    (
        cd "$build"
        find . -name '*.gcno' | while read -r notes; do
            file=${notes%.gcno}.gcda
            mkdir -p "$coverage_dir$build/${file%/*}"

            # counts of what was compiled anew since are worth nothing
            if [ -n "$(find "$file" -newer "$notes" 2>/dev/null)" ]; then
                cp -p "$file" "$coverage_dir$build/$file"
            else
                rm -f "$file"
            fi
        done
    )

    chmod -R a+rwX "$coverage_dir"
    echo "$coverage_dir" >"$build/where"
    chmod 644 "$build/where"
}


# coverage_report [WHAT]: a line for each file, the worst first, and the sums,
# which are held against the bars when everything was run.  What the build makes
# of the statements is not code of ours.
coverage_report() {
    say "counting"

    gcovr --root "$root" --filter "$root/ngx_" --filter "$root/worker/" \
        --gcov-ignore-parse-errors -j "$(nproc)" \
        --csv "$build/coverage.csv" --json "$build/coverage.json" \
        "$build" >"$build/gcovr.log" 2>&1 \
        || die "gcovr failed: see $build/gcovr.log"

    tr -d '\r' <"$build/coverage.csv" | sort -t , -k 4,4n | awk -F , \
        -v lines="$coverage_lines" -v branches="$coverage_branches" \
        -v whole="${1:-yes}" '

    function share(n, of) { return of ? 100 * n / of : 100 }

    function row(name, lines, ran, branches, taken) {
        printf "%-44s %6d %6d %5.1f %% %6d %6d %5.1f %%\n", name, lines, ran,
            share(ran, lines), branches, taken, share(taken, branches)
    }

    BEGIN {
        printf "%-44s %6s %6s %7s %6s %6s %7s\n", "file", "lines", "run", "",
            "branch", "taken", ""
    }

    $1 == "filename" { next }

    {
        row($1, $2, $3, $5, $6)
        n[1] += $2; n[2] += $3; n[3] += $5; n[4] += $6
    }

    END {
        row("all", n[1], n[2], n[3], n[4])

        if (whole == "yes" && (share(n[2], n[1]) < lines \
                               || share(n[4], n[3]) < branches))
        {
            printf "too few: lines %d %%, branches %d %% are the bars\n", \
                lines, branches
            exit 1
        }
    }'
}
