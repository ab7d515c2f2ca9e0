# shellcheck shell=sh
#
# ./dev up and its kin: a private PostgreSQL, Redis, nginx and worker.
#
#     STATE/skep            marks a state directory
#     STATE/port            where nginx listens
#     STATE/secrets/        root's, or the caller's: mode 0600
#     STATE/run/            the sockets; a link into /tmp when STATE is a long
#                           path, since that of a socket has 107 bytes at most
#     STATE/share/          what nginx serves beside the API, a copy
#     STATE/{pg,redis,nginx,worker,mail,log}/
#
# For root, PostgreSQL runs as postgres, Redis as redis and nginx's workers as
# www-data; else all run as the caller.


stack_up() {
    stack_port
    packages build run
    stack_open
    build
    stack_secrets
    pg_up
    pg_migrate
    redis_up
    stack_share
    nginx_up
    mail_up
    worker_up
    stack_ready
    worker_ready
    stack_journey
}


stack_down() {
    stack_find
    worker_down
    mail_down
    nginx_down
    redis_down
    pg_down
}


stack_reset() {
    stack_find
    worker_down
    mail_down
    nginx_down
    redis_down
    pg_down
    stack_remove
}


stack_psql() {
    stack_find
    pg_psql "$@"
}


stack_logs() {
    stack_find
    exec tail -n 20 -F "$log/error.log" "$log/access.log" \
        "$log/postgresql.log" "$log/redis.log" "$log/worker.log" \
        "$log/mail.log"
}


# the state directory, made if need be
stack_open() {
    if [ ! -e "$state/skep" ]; then
        if [ -e "$state" ] && [ -n "$(ls -A "$state")" ]; then
            die "$state has other things in it: name an empty directory"
        fi

        mkdir -p "$state"
        stack_reachable
        : >"$state/skep"
    fi

    stack_find

    mkdir -p "$state/secrets" "$state/pg" "$state/redis" "$state/nginx" "$log"
    chmod 700 "$state/secrets" "$state/redis"
    echo "$port" >"$state/port"
    stack_run

    if [ "$(id -u)" -eq 0 ]; then
        chown postgres: "$state/pg" "$run/pg"
        chown redis: "$state/redis"
        # Redis asks for no password
        chown redis:www-data "$run/redis"
    fi

    # the socket in it is of the same group
    chmod 2750 "$run/redis"
}


# Root's services run as others, who may have no way in here.
stack_reachable() {
    [ "$(id -u)" -eq 0 ] || return 0

    real=$(cd "$state" && pwd -P)

    for user in postgres redis www-data; do
        if ! runuser -u $user -- test -x "$real/."; then
            other=/var/lib/skep-$(printf '%s' "$real" | cksum | cut -d ' ' -f 1)
            say "$state cannot be reached by the user $user: it becomes a" \
                "link to $other"
            mkdir -p "$other"
            rmdir "$real"
            ln -s "$other" "$real"
            return
        fi
    done
}


# an existing state directory
stack_find() {
    [ -e "$state/skep" ] || die "there is no stack in $state: see ./dev help"
    [ -O "$state/skep" ] || die "the stack in $state is another user's"

    link=$state
    state=$(cd "$state" && pwd -P)
    log=$state/log
    run=$(readlink -f "$state/run") || run=

    case $state in
        *[!A-Za-z0-9/._+@%:,=-]*)
            die "$state has a character that nginx cannot take: name another"
            ;;
    esac
}


stack_run() {
    if [ -z "$run" ] || [ ! -d "$run" ]; then
        rm -f "$state/run"
    fi

    if [ ! -e "$state/run" ]; then
        if [ ${#state} -le 80 ]; then
            mkdir "$state/run"
        else
            ln -s "$(mktemp -d /tmp/skep-XXXXXX)" "$state/run"
        fi
    fi

    run=$(readlink -f "$state/run")
    [ -O "$run" ] || die "$run is another user's"
    chmod 755 "$run"
    mkdir -p "$run/pg" "$run/redis"
}


# the port asked for, else the last one, else 8080; it is free, or ours
stack_port() {
    last=
    [ ! -e "$state/skep" ] || stack_find
    [ ! -e "$state/port" ] || last=$(cat "$state/port")
    port=${port:-${last:-8080}}

    if { [ "$port" != "$last" ] || ! nginx_running; } && port_taken "$port"
    then
        die "port $port is taken: use ./dev up --port N"
    fi
}


# beside PORT N: a port that goes with another, N above it or below
beside() {
    if [ "$1" -le 64000 ]; then
        echo $(($1 + $2))
    else
        echo $(($1 - $2))
    fi
}


# Linux alone; without /proc nginx will tell
port_taken() {
    # the local address, and the state LISTEN
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null \
        | grep -q "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' "$1") [^ ]* 0A "
}


stack_secrets() {
    for name in pg_password worker_pg_password token.key cursor.key; do
        [ -s "$state/secrets/$name" ] || (
            umask 077
            od -An -v -N 32 -t x1 /dev/urandom | tr -d ' \n' \
                >"$state/secrets/$name"
        )
    done
}


# nginx's workers may not be let into build/
stack_share() {
    share

    rm -rf "$state/share.new"
    cp -R "$build/share" "$state/share.new"
    rm -rf "$state/share"
    mv "$state/share.new" "$state/share"
}


stack_remove() {
    case $run in
        /tmp/skep-*) rm -rf "$run" ;;
    esac

    rm -rf "$state"
    [ ! -L "$link" ] || rm -f "$link"
}


stack_ready() {
    say "waiting for nginx to be ready"
    tries=0

    until curl -s -f -o /dev/null -m 5 "http://127.0.0.1:$port/readyz"; do
        tries=$((tries + 1))

        if [ $tries -eq 60 ]; then
            curl -s -m 5 "http://127.0.0.1:$port/readyz" >&2 || :
            tail -n 10 "$log/error.log" >&2
            die "nginx is not ready after 30 seconds: see $log"
        fi

        sleep 0.5
    done
}


stack_journey() {
    echo
    echo "Skep is at http://127.0.0.1:$port"
    [ ! -e "$state/share/docs" ] \
        || echo "Its reference is at http://127.0.0.1:$port/docs/"
    echo "Try it:"
    echo

    # the README's, for this port and state
    sed -n -e '/^<!-- journey -->/,/^<!-- end -->/ {' -e '/^<!--/d' \
        -e '/^```/d' -e "s/127\.0\.0\.1:8080/127.0.0.1:$port/" \
        -e "s/127\.0\.0\.1:8090/127.0.0.1:$(beside "$port" 10)/" \
        -e "s|\./dev mail|$root/dev mail --state $state|" -e 's/^./    &/' \
        -e p -e '}' "$root/README.md"
}


# as_user NAME COMMAND...: for root as that user, else as the caller
as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        # that user may not be let into the current directory
        (
            cd /
            user=$1
            shift
            exec runuser -u "$user" -- "$@"
        )
    else
        shift
        "$@"
    fi
}


# process PATTERN PIDFILE: prints the id in the file if it is such a process;
# a file may be stale, and its id another's
process() {
    pid=$(cat "$2" 2>/dev/null) || return 1
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 1

    if [ -r /proc/self/cmdline ]; then
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -F -e "$1" \
            || return 1
    fi

    echo "$pid"
}


# wait_gone PID SECONDS
wait_gone() {
    tries=$(($2 * 10))

    while kill -0 "$1" 2>/dev/null; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.1
    done
}


# PostgreSQL

# the binaries of the version that made the data, else the newest
pg_bin() {
    version=$(cat "$state/pg/data/PG_VERSION" 2>/dev/null) || version=

    # shellcheck disable=SC2012,SC2086
    bin=$(ls -d /usr/lib/postgresql/${version:-*}/bin/initdb 2>/dev/null \
          | sort -V | tail -n 1)

    [ -n "$bin" ] || die "PostgreSQL $version is not installed"
    bin=${bin%/initdb}
}


pg_up() {
    pg_bin
    data=$state/pg/data

    if [ ! -e "$data/skep.conf" ]; then
        say "making a PostgreSQL cluster"
        as_user postgres rm -rf "$data"
        as_user postgres "$bin/initdb" -D "$data" -U postgres -E UTF8 \
            --locale=C.UTF-8 --data-checksums -A reject >"$log/initdb.log" \
            2>&1 || die "initdb failed: see $log/initdb.log"
    fi

    pg_configure

    if ! as_user postgres "$bin/pg_ctl" -D "$data" status >/dev/null; then
        say "starting PostgreSQL"
        touch "$log/postgresql.log"
        [ "$(id -u)" -ne 0 ] || chown postgres: "$log/postgresql.log"

        if ! as_user postgres "$bin/pg_ctl" -D "$data" -w -t 60 \
            -l "$log/postgresql.log" start >/dev/null
        then
            tail -n 5 "$log/postgresql.log" >&2
            die "PostgreSQL does not start: see $log/postgresql.log"
        fi
    fi
}


pg_configure() {
    # local, by password, for nginx and the worker; by the kernel's word for
    # the owner
    as_user postgres tee "$data/pg_hba.conf" >/dev/null <<'END'
local  skep  skep_nginx   scram-sha-256
local  skep  skep_worker  scram-sha-256
local  all   postgres     peer map=owner
END

    as_user postgres tee "$data/pg_ident.conf" >/dev/null <<END
owner  $(id -un)  postgres
owner  $(as_user postgres id -un)  postgres
END

    as_user postgres tee "$data/skep.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$run/pg'
port = 5432
max_connections = 100
shared_buffers = 128MB
END

    grep -q '^include' "$data/postgresql.conf" \
        || echo "include 'skep.conf'" \
           | as_user postgres tee -a "$data/postgresql.conf" >/dev/null
}


pg_down() {
    [ -e "$state/pg/data/skep.conf" ] || return 0
    pg_bin

    if as_user postgres "$bin/pg_ctl" -D "$state/pg/data" status >/dev/null
    then
        say "stopping PostgreSQL"
        as_user postgres "$bin/pg_ctl" -D "$state/pg/data" -m fast -w stop \
            >/dev/null || die "PostgreSQL does not stop"
    fi
}


# a client, as the owner and by nothing of the caller's environment
pg_client() {
    (
        for name in $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p'); do
            unset "$name"
        done

        export PGHOST="$run/pg" PGPORT=5432 PGUSER=postgres
        "$@"
    )
}


pg_psql() {
    pg_client psql -X -d skep "$@"
}


pg_migrate() {
    [ -n "$(pg_client psql -X -A -t -d postgres \
            -c "SELECT 1 FROM pg_database WHERE datname = 'skep'")" ] \
        || pg_client createdb skep

    say "migrating the database"

    (
        cd "$root/sql"
        pg_client env TZ=UTC SQITCH_FULLNAME=dev SQITCH_EMAIL=dev@localhost \
            SQITCH_USER_CONFIG=/dev/null SQITCH_SYSTEM_CONFIG=/dev/null \
            sqitch --quiet deploy db:pg:skep >&2
    ) || die "the migration failed"

    pg_psql -q -v ON_ERROR_STOP=1 <<END >&2 || die "the migration failed"
ALTER ROLE skep_nginx PASSWORD '$(cat "$state/secrets/pg_password")';
ALTER ROLE skep_worker PASSWORD '$(cat "$state/secrets/worker_pg_password")';
END
}


# Redis

redis_running() {
    process "$run/redis/" "$state/redis/redis.pid"
}


redis_up() {
    ! redis_running >/dev/null || return 0
    say "starting Redis"

    cat >"$state/redis.conf" <<END
port 0
unixsocket $run/redis/redis.sock
unixsocketperm 770
dir $state/redis
pidfile $state/redis/redis.pid
logfile $log/redis.log
daemonize yes
save ""
appendonly yes
END

    rm -f "$state/redis/redis.pid"
    touch "$log/redis.log"
    [ "$(id -u)" -ne 0 ] || chown redis: "$log/redis.log"

    as_user redis redis-server "$state/redis.conf" >/dev/null \
        || die "Redis does not start: see $log/redis.log"

    tries=50
    until [ -S "$run/redis/redis.sock" ] && redis_running >/dev/null; do
        [ $tries -gt 0 ] || die "Redis does not start: see $log/redis.log"
        tries=$((tries - 1))
        sleep 0.1
    done
}


redis_down() {
    pid=$(redis_running) || return 0
    say "stopping Redis"
    kill -TERM "$pid"
    wait_gone "$pid" 30 || die "Redis does not stop"
}


# nginx

nginx_pid() {
    process "nginx -p $state/nginx " "$state/nginx/nginx.pid"
}


nginx_running() {
    nginx_pid >/dev/null
}


nginx_command() {
    nginx -p "$state/nginx" -c "$state/nginx/nginx.conf" -e "$log/error.log" \
        "$@"
}


# Modules are replaced by a restart: the loader takes a file that it knows by
# name for the one that it has.
nginx_up() {
    modules=$(cksum "$build"/modules/*.so /usr/sbin/nginx)
    nginx_configure

    if nginx_running; then
        if [ "$modules" = "$(cat "$state/nginx/modules" 2>/dev/null)" ]; then
            say "reloading nginx"
            nginx_command -t >"$log/nginx.log" 2>&1 || nginx_failed
            kill -HUP "$(nginx_pid)"
            return
        fi

        nginx_down
    fi

    say "starting nginx"
    rm -f "$state/nginx/nginx.pid"
    nginx_command >"$log/nginx.log" 2>&1 || nginx_failed
    echo "$modules" >"$state/nginx/modules"
}


nginx_failed() {
    if grep -q 'Address already in use' "$log/nginx.log"; then
        die "port $port is taken: use ./dev up --port N"
    fi

    cat "$log/nginx.log" >&2
    die "nginx does not start"
}


# conf/nginx.conf with the paths of this stack
nginx_configure() {
    user=
    [ "$(id -u)" -eq 0 ] || user='s|^user .*||;'
    unlimited=
    [ "$limits" = yes ] || unlimited='/^ *rate_limit /d'
    # webhooks of development go to this machine
    hooks='notify_webhook_http on;\n    notify_webhook_allow_address 127.0.0.1;'

    sed -e "$user" -e "$unlimited" \
        -e "s|/usr/lib/nginx/modules/|$build/modules/|" \
        -e "s|/run/nginx.pid|$state/nginx/nginx.pid|" \
        -e "s|127\.0\.0\.1:6379|unix:$run/redis/redis.sock|" \
        -e "s|/run/postgresql|$run/pg|" \
        -e "s|/run/skep.drain|$state/nginx/drain|" \
        -e "s|/etc/skep/|$state/secrets/|" \
        -e "s|/usr/share/skep/conf/|$root/conf/|" \
        -e "s|/usr/share/skep|$state/share|" \
        -e "s|/var/log/nginx/|$log/|" \
        -e "s|/var/lib/nginx/|$state/nginx/|" \
        -e "s|127\.0\.0\.1:8080|127.0.0.1:$port|" \
        -e "s|127\.0\.0\.1:9463|127.0.0.1:$(beside "$port" 1383)|" \
        -e "/^ *notify_stream /s|\$|\n    $hooks|" \
        "$root/conf/nginx.conf" >"$state/nginx/nginx.conf"
}


# gracefully; what is not done in ten seconds is cut
nginx_down() {
    pid=$(nginx_pid) || return 0
    say "stopping nginx"
    kill -QUIT "$pid"

    if ! wait_gone "$pid" 10; then
        kill -TERM "$pid" 2>/dev/null || :
        wait_gone "$pid" 10 || die "nginx does not stop"
    fi
}
