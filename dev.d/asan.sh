# shellcheck shell=sh
#
# The build under AddressSanitizer and UBSan, in a directory of its own,
# build/asan: nginx itself, the modules, the worker and the unit tests.
#
#     build/asan/src/       nginx, as Debian's source package has it
#     build/asan/apt/       the lists and downloads that takes
#     build/asan/nginx/     what configure and make make of it
#     build/asan/bin/       nginx, before the system's in PATH
#
# nginx's pools hide what is done with the memory in them: NGX_DEBUG_PALLOC
# takes each allocation from malloc(), NGX_DEBUG_MALLOC fills what slabs free.


# asan: from here on that is the build, for the commands that tests run, too.
# SKEP_SANITIZE is for the tests: see t/lib/Skep/Sanitizer.pm.
asan() {
    plain=${build%/asan}
    build=$plain/asan
    nginx_src=$build/src
    nginx_targets="binary modules"
    PATH=$build/bin:$PATH

    export PATH SKEP_SANITIZE=1 SKEP_NGINX="$build/bin/nginx" \
        NGX_SRC="$nginx_src" SKEP_BUILD="$build"

    asan_flags
    asan_modules
    packages build asan
    mkdir -p "$build/bin" "$plain/npm" "$plain/pgtemplate"
    ln -sfn ../nginx/nginx "$build/bin/nginx"
    ln -sfn ../npm "$build/npm"
    ln -sfn ../pgtemplate "$build/pgtemplate"

    (
        flock 9
        asan_source
        asan_leaks
    ) 9>"$build/lock" || exit 1
}


asan_flags() {
    # float-* are not in undefined; what is found can be suppressed, since
    # parts of nginx are not ours: for this one goes on after it
    sanitize="-fsanitize=address,undefined,float-divide-by-zero"
    sanitize="$sanitize,float-cast-overflow"
    cc_opt="-O1 -g -fno-omit-frame-pointer $sanitize -DNGX_DEBUG_PALLOC=1"

    # what is instrumented draws warnings that are wrong: to warn is for the
    # build without
    cc_opt="$cc_opt -DNGX_DEBUG_MALLOC=1 -Wno-error -Wno-maybe-uninitialized"
    cc_opt="$cc_opt ${SKEP_CC_OPT:-}"

    # UBSan has a log_path in this way alone; the modules stay at dlclose(), for
    # the names in a report; crypt_r() of the library is what the runtime calls
    ld_opt="$sanitize -static-libasan -static-libubsan -Wl,-z,nodelete"
    ld_opt="$ld_opt -Wl,-z,relro -Wl,--no-as-needed -lcrypt"
    ld_opt="$ld_opt $build/nginx/leaks.o ${SKEP_LD_OPT:-}"
}


# those that are in Debian's nginx itself; what a file of its own has needs
# libraries that nothing here does
asan_modules() {
    nginx_flags=$(/usr/sbin/nginx -V 2>&1 | tr ' ' '\n' \
        | grep '^--with-http_[a-z0-9_]*_module$' | tr '\n' ' ')
}


# nginx's source, of the version that is installed
asan_source() {
    version=$(dpkg-query -W -f='${source:Version}' nginx)

    if [ -f "$nginx_src/configure" ] \
        && [ "$version" = "$(cat "$build/src.version" 2>/dev/null)" ]
    then
        return
    fi

    say "getting the source of nginx $version"
    asan_download "$version" >"$build/src.log" 2>&1 \
        || die "Debian's source of nginx can't be got: see $build/src.log"

    # the Makefile's objects are those of another source
    rm -rf "$nginx_src" "$build/nginx"
    dpkg-source -q --no-check --no-copy -x "$build"/apt/source/*.dsc "$nginx_src" \
        >>"$build/src.log" 2>&1 || die "see $build/src.log"
    echo "$version" >"$build/src.version"
}


asan_leaks() {
    from=$root/t/asan/leaks.c

    mkdir -p "$build/nginx"
    [ -n "$(find "$build/nginx/leaks.o" -newer "$from" 2>/dev/null)" ] \
        || gcc -O2 -fPIC -Wall -Wextra -Werror -c -o "$build/nginx/leaks.o" "$from" \
        || die "t/asan/leaks.c does not build"
}


# apt with lists of its own, which have what the system's say, as sources.  Of
# a version that the archive has replaced the next one of the same release of
# nginx is taken; and the other way round, if a mirror has not got that yet.
asan_download() {
    mkdir -p "$build/apt/lists/partial" "$build/apt/cache" "$build/apt/parts"
    asan_sources

    asan_apt update || return

    versions=$(
        echo "$1"
        asan_apt_cache showsrc nginx | sed -n 's/^Version: //p' \
            | grep -F "${1%-*}-" | sort -r -V
    )

    for candidate in $versions; do
        rm -rf "$build/apt/source"
        mkdir "$build/apt/source"

        if (
            cd "$build/apt/source"
            asan_apt source --download-only "nginx=$candidate"
        ); then
            echo "nginx $candidate"
            return 0
        fi
    done

    return 1
}


# sources as they are written now, and as before
asan_sources() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -r "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" \
            >"$build/apt/parts/${file##*/}"
    done

    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -r "$file" ] || sed -n 's/^deb\(-src\)\{0,1\} /deb-src /p' "$file" \
            >"$build/apt/parts/${file##*/}"
    done
}


asan_apt() {
    apt_with apt-get -q -y "$@"
}


asan_apt_cache() {
    apt_with apt-cache "$@"
}


apt_with() {
    tool=$1
    shift

    "$tool" -o Dir::Etc::SourceList=/dev/null \
        -o Dir::Etc::SourceParts="$build/apt/parts" \
        -o Dir::State::Lists="$build/apt/lists" \
        -o Dir::Cache="$build/apt/cache" \
        -o APT::Sandbox::User= "$@" </dev/null
}
