#!/usr/bin/env bash
# Installs what is missing, builds, and passes the tests.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/setup.sh

need_node
need_redis
need_packages
need_build
# The runner's own summary is the last thing printed, and its exit code ours.
exec npm run --silent test:bundled
