#!/bin/sh

# Fills a database that was just deployed with a million tasks:
#
#     bench/million/load.sh PSQL...
#
# where PSQL... is psql with what it needs to get there as a superuser.  Two
# sessions at a time do what takes long.  With TASKS=n in the environment there
# are only so many tasks; all else is the same.

set -eu

here=$(cd "$(dirname "$0")" && pwd -P)

sql() {
    "$@" -X -q -v ON_ERROR_STOP=1 -v parts=2 \
        -v tasks="${TASKS:-1000000}" >/dev/null
}

both() {
    step=$1
    shift

    sql "$@" -v part=1 -f "$here/$step.sql" &
    first=$!
    trap 'kill $first 2>/dev/null || :' EXIT

    sql "$@" -v part=2 -f "$here/$step.sql"
    trap - EXIT
    wait $first
}

sql "$@" -f "$here/frame.sql"
both tasks "$@"
both indexes "$@"
sql "$@" -c 'VACUUM ANALYZE'
