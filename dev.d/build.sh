# shellcheck shell=sh
#
# ./dev build: the modules, against Debian's nginx-dev; the worker; the document
# of the API as JSON.


nginx_dev=/usr/share/nginx/src
nginx_src=$nginx_dev
nginx_targets=modules

# what this project adds to the flags of Debian's nginx and of its configure
# (-W -Wall -Wno-unused-parameter -Werror)
cc_opt="-O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
-Wformat=2 -Wdeclaration-after-statement ${SKEP_CC_OPT:-}"
ld_opt="-Wl,-z,relro ${SKEP_LD_OPT:-}"


build() {
    packages build
    mkdir -p "$build/nginx" "$build/modules"

    # one build at a time
    (
        flock 9
        build_configure
        build_make
        build_publish
        build_worker
        share_openapi
    ) 9>"$build/lock" || exit 1
}


# again only when something that configure looks at has changed
build_configure() {
    compiled=$(
        cksum "$nginx_dev/conf_flags" /usr/sbin/nginx
        echo "$cc_opt"
    )
    stamp=$(
        echo "$compiled $ld_opt"
        cksum "$root/config" "$root/config.make"
        ls "$root"/ngx_*/*.h "$root"/sql/statements/*.sql \
            "$root"/sql/statements/*/*.sql
    )

    if [ -f "$build/nginx/Makefile" ] && [ -f "$build/nginx/stamp" ] \
        && [ "$stamp" = "$(cat "$build/nginx/stamp")" ]
    then
        return
    fi

    say "configuring"
    build_keep

    # conf_flags is an array of bash
    # shellcheck disable=SC2016
    flags=$(bash -c '. "$1" && printf "%s\n" "${NGX_CONF_FLAGS[@]}"' \
            bash "$nginx_dev/conf_flags")
    flags="$flags ${nginx_flags:-}"

    # shellcheck disable=SC2086
    if ! (
        cd "$nginx_src"
        unset CFLAGS
        ./configure $flags --builddir="$build/nginx" \
            --with-cc-opt="$cc_opt" --with-ld-opt="$ld_opt" \
            --add-dynamic-module="$root"
    ) >"$build/configure.log" 2>&1 </dev/null
    then
        rm -f "$build/nginx/stamp"
        tail -n 5 "$build/configure.log" >&2
        die "configure failed: see $build/configure.log"
    fi

    build_kept
    rm -f "$build/nginx/nginx" "$build/nginx"/*.so
    echo "$compiled" >"$build/nginx/compiled"
    echo "$stamp" >"$build/nginx/stamp"
}


# All objects depend on the headers that configure writes.  As long as they are
# compiled in the same way these keep their times, if they stay as they are but
# for what "nginx -V" says.
build_keep() {
    rm -rf "$build/nginx/kept"
    mkdir "$build/nginx/kept"

    if [ "$compiled" = "$(cat "$build/nginx/compiled" 2>/dev/null)" ]; then
        cp -p "$build/nginx"/ngx_auto_*.h "$build/nginx/kept" || :
    fi
}


build_kept() {
    for header in "$build/nginx/kept"/*.h; do
        new=$build/nginx/${header##*/}

        # a pattern that is there when none was kept
        if [ -f "$header" ] && [ "$(grep -v NGX_CONFIGURE "$header")" \
            = "$(grep -v NGX_CONFIGURE "$new")" ]
        then
            touch -r "$header" "$new"
        fi
    done
}


build_make() {
    # shellcheck disable=SC2086
    make -C "$nginx_src" -f "$build/nginx/Makefile" --no-print-directory -q \
        $nginx_targets >/dev/null 2>&1 && return

    say "compiling"

    # shellcheck disable=SC2086
    make -C "$nginx_src" -f "$build/nginx/Makefile" --no-print-directory -s \
        -k -j "$(nproc)" $nginx_targets >&2 || die "the build failed"
}


# A running nginx has the old file mapped: replace it, never write into it.
build_publish() {
    for so in "$build"/nginx/*_module.so; do
        name=${so##*/}

        if ! cmp -s "$so" "$build/modules/$name"; then
            cp "$so" "$build/modules/$name.new"
            mv "$build/modules/$name.new" "$build/modules/$name"
        fi
    done
}


build_worker() {
    make -C "$root/worker" --no-print-directory -s BUILD="$build" \
        CFLAGS="-g $cc_opt" LDFLAGS="$ld_opt" >&2 \
        || die "the build of the worker failed"
}
