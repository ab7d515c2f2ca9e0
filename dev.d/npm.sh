# shellcheck shell=sh
#
# Packages of npm, in the versions and with the digests of a lock file, put
# below build/ and nowhere else.  Their install scripts are not run.
#
#     docs/site/    what the reference page of the API is made of
#     t/tools/      tools of the tests


# npm_install DIR: the packages that DIR/package-lock.json names, into
# $build/npm/NAME/node_modules, NAME being the last part of DIR; again only when
# the lock has changed.  Returns 1, having said why, when they cannot be had.
npm_install() {
    home=$build/npm/${1##*/}

    cmp -s "$root/$1/package-lock.json" "$home/installed" && return

    if ! command -v npm >/dev/null; then
        say "npm is missing: install the packages nodejs and npm"
        return 1
    fi

    say "installing what $1/package-lock.json names"

    mkdir -p "$home"
    rm -f "$home/installed"
    cp "$root/$1/package.json" "$root/$1/package-lock.json" "$home"

    if ! npm --prefix "$home" ci --ignore-scripts --prefer-offline --no-audit \
        --no-fund --no-update-notifier >"$home/npm.log" 2>&1 </dev/null
    then
        grep -i -m 3 'error' "$home/npm.log" >&2
        say "npm has failed: see $home/npm.log"
        return 1
    fi

    cp "$root/$1/package-lock.json" "$home/installed"
}
