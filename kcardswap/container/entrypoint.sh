#!/bin/sh
# Brings the database to the newest schema, then becomes the server, or the command given as arguments.
#
#   DATABASE_WAIT_SECONDS  how long to wait for a database that does not answer (60)
#   WEB_CONCURRENCY        gunicorn's worker processes (1; with more, set RATE_LIMIT_STORAGE_URL to Redis)
#   THREADS                threads of each worker, and connections of its pool (4)
#   GRACEFUL_SECONDS       how long requests in flight may take after SIGTERM (30)
set -eu
cd "$(dirname "$0")/../.."

# As process 1 of a container the shell would ignore SIGTERM, and while it waits for a program in the
# foreground run no trap. So programs run in the background and are told.
child=
stop() {
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
    exit 143
}
trap stop TERM INT
run() {
    "$@" &
    child=$!
    wait "$child"
    child=
}

run flask db wait --seconds "${DATABASE_WAIT_SECONDS:-60}"
# Several containers may start at once: one migrates and the others wait for it. A failure ends the start,
# because the old schema and the new code do not fit together.
run flask db upgrade

[ $# -gt 0 ] || set -- gunicorn \
    --bind "0.0.0.0:${PORT:-8000}" \
    --worker-class gthread \
    --workers "${WEB_CONCURRENCY:-1}" \
    --threads "${THREADS:-4}" \
    --graceful-timeout "${GRACEFUL_SECONDS:-30}" \
    --no-control-socket \
    --log-level warning \
    --logger-class kcardswap.logs.GunicornLogger \
    wsgi:app
exec "$@"
