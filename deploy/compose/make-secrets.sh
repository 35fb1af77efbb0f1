#!/usr/bin/env bash
# Creates missing passwords and keys of docker-compose.yml as files in deploy/compose/secrets.
# Copy secrets_keys to a safe place: without it, stored secrets cannot be decrypted, not even in backups.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)/secrets
# Other users of this machine cannot enter the folder. The users of containers must be able to read the files, which are mounted one by one.
mkdir -p "$folder" && chmod 700 "$folder"
umask 022

make() {
  [ -s "$folder/$1" ] && return
  "${@:2}" >"$folder/$1"
  echo "Made $folder/$1." >&2
}
make redis_password openssl rand -hex 32
make postgres_password openssl rand -hex 32
make secrets_keys openssl rand -base64 32
