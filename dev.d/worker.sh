# shellcheck shell=sh
#
# The part of ./dev up that is skep-worker, and where its mails go.
#
#     STATE/worker/      its binary, configuration, templates and password: a
#                        copy, for the user that it runs as
#     STATE/mail/        what the sink for mails got
#     STATE/{worker,mail}.pid
#
# For root both run as www-data.


# detached PIDFILE LOG COMMAND...: starts it as www-data, or as the caller
detached() {
    pidfile=$1 out=$2
    shift 2

    # a command in the background has no standard input but by another number
    {
        (
            cd /
            [ "$(id -u)" -ne 0 ] || set -- runuser -u www-data -- "$@"
            exec setsid "$@" <&3 3<&- >>"$out" 2>&1
        ) &
    } 3<&0

    echo $! >"$pidfile"
}


# undetach PATTERN PIDFILE NAME: stops it, if it runs
undetach() {
    pid=$(process "$1" "$2") || return 0
    say "stopping $3"
    kill -TERM "$pid"
    wait_gone "$pid" 40 || die "$3 does not stop"
    rm -f "$2"
}


# The sink: mails of development go nowhere else.  The script comes by its
# standard input: the user may not be let into this directory.

mail_pid() {
    process "/usr/bin/python3 - --port 0 $state/mail" "$state/mail.pid"
}


mail_up() {
    ! mail_pid >/dev/null || return 0
    say "starting the sink for mails"

    mkdir -p "$state/mail"
    [ "$(id -u)" -ne 0 ] || chown www-data: "$state/mail"
    rm -f "$state/mail/port"

    detached "$state/mail.pid" "$log/mail.log" \
        /usr/bin/python3 - --port 0 "$state/mail" <"$root/dev.d/smtp-sink"

    tries=100
    until [ -s "$state/mail/port" ]; do
        if [ $tries -eq 0 ] || ! kill -0 "$(cat "$state/mail.pid")" 2>/dev/null
        then
            die "the sink for mails does not start: see $log/mail.log"
        fi

        tries=$((tries - 1))
        sleep 0.1
    done
}


mail_down() {
    undetach "/usr/bin/python3 - --port 0 $state/mail" "$state/mail.pid" \
        "the sink for mails"
}


# stack_mail [TEXT]: the newest mail that has the text in it, which may be on
# its way
stack_mail() {
    [ $# -le 1 ] || no_more "$2"
    stack_find
    tries=100

    while :; do
        # its name is a number
        newest=$(find "$state/mail" -name '*.txt' \
                 -exec grep -l -F -e "${1:-}" {} + \
                 | sed 's|.*/\([0-9]*\)\.txt$|\1|' | sort -n | tail -n 1)

        [ -z "$newest" ] || break
        [ $tries -gt 0 ] || die "there is no such mail"
        tries=$((tries - 1))
        sleep 0.1
    done

    tr -d '\r' <"$state/mail/$newest.txt"
}


# The worker

worker_running() {
    process "$state/worker/skep-worker " "$state/worker.pid" >/dev/null
}


# What it has is replaced by a restart.
worker_up() {
    worker_files
    files=$(cd "$state/worker" && cksum skep-worker skep-worker.conf \
            pg_password mail/*)

    if worker_running; then
        [ "$files" != "$(cat "$state/worker.files" 2>/dev/null)" ] || return 0
        worker_down
    fi

    say "starting the worker"
    echo "$files" >"$state/worker.files"

    detached "$state/worker.pid" "$log/worker.log" \
        "$state/worker/skep-worker" -c "$state/worker/skep-worker.conf" \
        </dev/null
}


worker_files() {
    mkdir -p "$state/worker/mail"
    chmod 700 "$state/worker"

    # a running one has the old file mapped
    rm -f "$state/worker/skep-worker" "$state/worker/mail/"*
    cp "$build/skep-worker" "$state/worker/skep-worker"
    cp "$root"/conf/mail/* "$state/worker/mail/"
    worker_configure >"$state/worker/skep-worker.conf"

    (
        umask 077
        cat "$state/secrets/worker_pg_password" >"$state/worker/pg_password"
    )

    [ "$(id -u)" -ne 0 ] || chown -R www-data: "$state/worker"
}


# conf/skep-worker.conf with these values; a key that it leaves out, or has as
# a comment, is set too
worker_configure() {
    cat >"$state/worker.set" <<END
pg = host=$run/pg dbname=skep user=skep_worker
pg_password_file = $state/worker/pg_password
redis = unix:$run/redis/redis.sock
http = 127.0.0.1:$(beside "$port" 1384)
log = stderr
log_level = info
webhook_allow_http = on
webhook_allow_address = 127.0.0.1
webhook_schedule = 1s 5s 5m 30m 2h 5h 10h 10h
smtp_url = smtp://127.0.0.1:$(cat "$state/mail/port")
smtp_tls = off
mail_from = Skep <skep@localhost>
mail_base_url = http://127.0.0.1:$port
mail_templates = $state/worker/mail
END

    awk '
        { key = $0; sub(/^# ?/, "", key); sub(/[ \t]*=.*/, "", key) }
        FNR == NR { value[key] = $0; order[n++] = key; next }
        /^(# ?)?[a-z_]+[ \t]*=/ && key in value {
            if (!done[key]++) {
                print value[key]
            }
            next
        }
        { print }
        END {
            for (i = 0; i < n; i++) {
                if (!done[order[i]]) {
                    print value[order[i]]
                }
            }
        }
    ' "$state/worker.set" "$root/conf/skep-worker.conf"
}


worker_ready() {
    say "waiting for the worker to be ready"
    tries=0

    until curl -s -f -o /dev/null -m 5 "http://127.0.0.1:$(beside "$port" 1384)/readyz"
    do
        tries=$((tries + 1))

        if [ $tries -eq 60 ] || ! worker_running; then
            tail -n 10 "$log/worker.log" >&2
            die "the worker is not ready: see $log/worker.log"
        fi

        sleep 0.5
    done
}


worker_down() {
    undetach "$state/worker/skep-worker " "$state/worker.pid" "the worker"
}
