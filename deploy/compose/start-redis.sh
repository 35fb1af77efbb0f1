# Starts the server given as arguments with the password of its secret, which stands in a file (of the memory that /tmp is):
# arguments are seen by every process of the machine.
set -eu
umask 077
printf 'requirepass %s\n' "$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")" >"${TMPDIR:-/tmp}/password.conf"
program=$1
shift
exec "$program" "${TMPDIR:-/tmp}/password.conf" "$@"
