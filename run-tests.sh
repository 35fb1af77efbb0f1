#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests: the fast ones, or with --all
# every one. Other arguments are described in scripts/run-tests.ts.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/setup.sh

need_node
need_redis
need_packages
need_build
# The last line is the number of tests that passed and failed, and the exit code is the runner's.
exec npm test --silent -- "$@"
