# shellcheck shell=sh
#
# ./dev install [DIR]: what was built, and what it needs, as a tree below DIR:
#
#     usr/lib/nginx/modules/                the modules
#     usr/share/nginx/modules-available/    the lines that load them
#     usr/bin/skep-worker                   the worker, and its unit of systemd
#     usr/share/skep/                       conf/, sql/, what nginx serves
#     usr/share/doc/skep/                   documentation
#     etc/skep/mail/                        templates, where there is none yet
#
# Nothing of what is in DIR/etc is replaced, and nothing is started.


install_tree() {
    [ $# -le 1 ] || no_more "$2"
    into=${1-/}
    [ -n "$into" ] || die "install wants a directory"

    build
    share

    case $into in
        /) into= ;;
        /*) into=${into%/} ;;
        *) into=$PWD/${into%/} ;;
    esac

    install_check
    say "installing into ${into:-/}"

    install_modules
    install_worker
    install_share
    install_docs
    install_etc
}


# root's files into a directory that the caller may not write to
install_check() {
    as=
    mkdir -p "${into:-/}" 2>/dev/null || as=as_root
    [ -w "${into:-/}" ] || as=as_root
}


# install_files MODE TO FILE...: a file that is in use keeps its old content
# for who has it open
install_files() {
    mode=$1 to=$into/$2
    shift 2
    $as install -d -m 755 "$to"
    $as install -m "$mode" "$@" "$to/"
}


# install_dir FROM TO: with all that is below FROM; what was in TO before, and
# is no more, goes
install_dir() {
    to=$into/$2
    $as rm -rf "$to.new"
    $as install -d -m 755 "$to.new"
    $as cp -R "$1/." "$to.new/"
    $as chmod -R u=rwX,go=rX "$to.new"
    $as rm -rf "$to"
    $as mv "$to.new" "$to"
}


install_modules() {
    install_files 644 usr/lib/nginx/modules "$build"/modules/*.so
    available=usr/share/nginx/modules-available

    # as conf/nginx.conf has them
    sed -n '/^load_module /p' "$root/conf/nginx.conf" >"$build/mod-skep.conf"
    install_files 644 $available "$build/mod-skep.conf"
}


install_worker() {
    install_files 755 usr/bin "$build/skep-worker"
    install_files 644 usr/lib/systemd/system "$root/conf/skep-worker.service"
}


install_share() {
    share=usr/share/skep

    # conf/docker is for images, and no use in them
    rm -rf "$build/install.conf"
    cp -R "$root/conf" "$build/install.conf"
    rm -rf "$build/install.conf/docker"
    install_dir "$build/install.conf" $share/conf
    rm -rf "$build/install.conf"

    for name in deploy revert verify; do
        install_dir "$root/sql/$name" $share/sql/$name
    done
    install_files 644 $share/sql "$root/sql/sqitch.conf" "$root/sql/sqitch.plan"

    install_files 644 $share "$root/docs/openapi.yaml"

    for path in "$build"/share/*; do
        if [ -d "$path" ]; then
            install_dir "$path" "$share/${path##*/}"
        else
            install_files 644 $share "$path"
        fi
    done
}


install_docs() {
    install_files 644 usr/share/doc/skep "$root/LICENSE" "$root/README.md" \
        "$root/CHANGES.md"
    install_files 644 usr/share/doc/skep/docs "$root"/docs/*.md
}


# an operator's edits stay
install_etc() {
    $as install -d -m 755 "$into/etc/skep"

    for path in "$root"/conf/mail/*; do
        [ -e "$into/etc/skep/mail/${path##*/}" ] \
            || install_files 644 etc/skep/mail "$path"
    done
}
