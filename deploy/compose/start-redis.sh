# Starts the given server with the password from its secret. The password goes into a file in /tmp, which is in memory,
# because every process of the machine can see arguments.
set -eu
umask 077
printf 'requirepass %s\n' "$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")" >"${TMPDIR:-/tmp}/password.conf"
program=$1
shift
exec "$program" "${TMPDIR:-/tmp}/password.conf" "$@"
