#!/usr/bin/env bash
# Searches for inputs that break the readers, guided by code coverage (Jazzer.js, libFuzzer).
#   scripts/fuzz.sh [SECONDS for each target, 60] [TARGET …, all of test/fuzz/targets]
# The corpus grows in data/fuzz/corpus. Inputs that break a reader are written to data/fuzz/findings. Move them to
# test/fuzz/regressions/TARGET, where a test tries them in every run, and fix the fault.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
exec node --import tsx test/fuzz/run-targets.ts "$seconds" data/fuzz "$@"
