# shellcheck shell=sh
#
# Debian's packages, installed when they are missing.  No system service is
# started or enabled by it, and no PostgreSQL cluster is made.


# packages SET...
packages() {
    # shellcheck disable=SC2046
    packages_ensure $(for set in "$@"; do packages_of "$set"; done)
}


packages_of() {
    case $1 in
        build)
            echo gcc make libc6-dev pkg-config nginx nginx-dev libpq-dev \
                libjansson-dev libhiredis-dev libcrypt-dev libssl-dev \
                libcurl4-openssl-dev libmicrohttpd-dev perl libyaml-pp-perl
            ;;
        run)
            echo postgresql postgresql-client sqitch libdbd-pg-perl \
                redis-server nginx curl python3-aiosmtpd
            ;;
        test)
            echo perl libcmocka-dev libjwt-dev libfaketime patch chromium \
                prometheus prometheus-alertmanager
            packages_of npm
            packages_of asan
            ;;
        containers)
            echo debootstrap docker.io docker-compose
            # in Debian 12 the client is in docker.io
            grep -q '^VERSION_ID="12"' /etc/os-release || echo docker-cli
            ;;
        asan)
            # nginx's source package, and what nginx links with
            echo dpkg-dev patch xz-utils libpcre2-dev zlib1g-dev
            ;;
        fuzz)
            echo clang libclang-rt-dev
            ;;
        valgrind)
            # with the names of the C library's functions, which it replaces
            echo valgrind libc6-dbg
            ;;
        coverage)
            echo gcovr
            ;;
        faults)
            # namespaces of the network
            echo iproute2 util-linux
            ;;
        http)
            # other servers in front; and clients
            echo haproxy apache2-bin nghttp2-client
            ;;
        lint)
            echo shellcheck cppcheck clang-tidy perl
            ;;
        bench)
            # comments stand in it
            sed 's/#.*//' "$root/bench/packages"
            packages_of npm
            ;;
        npm)
            # both may come from elsewhere
            command -v npm >/dev/null || echo nodejs npm
            ;;
    esac
}


# packages_ensure NAME...
packages_ensure() {
    [ $# -gt 0 ] || return 0
    missing=$(packages_missing "$@")

    # shellcheck disable=SC2086
    [ -z "$missing" ] || packages_install $missing
}


packages_missing() {
    command -v dpkg-query >/dev/null \
        || die "this needs Debian 12 or 13: there is no dpkg here"

    # names in $@ less the installed ones
    {
        dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null \
            || :
        printf '%s\n' "$@"
    } | awk 'NF == 2 { if ($2 == "installed") have[$1] = 1; next }
             !($1 in have) && !seen[$1]++ { printf "%s ", $1 }'
}


as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}


apt() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
        --no-install-recommends "$@" </dev/null
}


packages_install() {
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "some packages are missing, and there is no sudo;" \
            "as root, run: apt-get install --no-install-recommends $*"
    fi

    mkdir -p "$build"
    packages_log=$build/packages.log
    : >"$packages_log"

    say "installing packages: $*"
    say "(this can take some minutes; the log is $packages_log)"

    services=$(packages_services)
    trap packages_restore EXIT
    trap 'exit 1' HUP INT TERM

    # policy-rc.d is how Debian is told not to start services
    policy=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >"$build/policy-rc.d"
        chmod 755 "$build/policy-rc.d"
        as_root cp "$build/policy-rc.d" /usr/sbin/policy-rc.d
        policy=made
    fi

    apt update >>"$packages_log" 2>&1 \
        || say "apt-get update failed: going on without"

    cluster=
    case " $* " in
        *" postgresql "*)
            apt install postgresql-common >>"$packages_log" 2>&1 \
                || packages_failed "$@"
            packages_no_cluster
            ;;
    esac

    apt install "$@" >>"$packages_log" 2>&1 || packages_failed "$@"

    packages_restore
    trap - EXIT HUP INT TERM
}


packages_failed() {
    tail -n 5 "$packages_log" >&2
    die "apt-get could not install: $* (see $packages_log)"
}


# a new postgresql-NN makes a cluster unless this file says no
packages_no_cluster() {
    cluster=/etc/postgresql-common/createcluster.conf

    if [ -e $cluster ]; then
        cp $cluster "$build/createcluster.conf"
    else
        rm -f "$build/createcluster.conf"
    fi

    echo 'create_main_cluster = false' >"$build/no-cluster.conf"
    as_root cp "$build/no-cluster.conf" $cluster
}


# services that are there before
packages_services() {
    for name in nginx postgresql redis-server prometheus \
        prometheus-alertmanager docker haproxy
    do
        [ ! -e "/etc/init.d/$name" ] || printf '%s ' "$name"
    done
}


# what was changed for the time of the installation, as it was; services that
# are new stay off, at the next boot too
packages_restore() {
    [ -z "$policy" ] || as_root rm -f /usr/sbin/policy-rc.d
    policy=

    if [ -n "$cluster" ]; then
        if [ -e "$build/createcluster.conf" ]; then
            as_root cp "$build/createcluster.conf" "$cluster"
        else
            as_root rm -f "$cluster"
        fi
    fi
    cluster=

    for name in $(packages_services); do
        case " $services " in
            *" $name "*) ;;
            *)
                as_root update-rc.d "$name" disable >>"$packages_log" 2>&1 || :
                ;;
        esac
    done
}
