#!/usr/bin/env bash
# Looks for inputs that break the readers, led by the code they reach (Jazzer.js, libFuzzer).
#   scripts/fuzz.sh [SECONDS for each target, 60] [TARGET …, all of test/fuzz/targets]
# The corpus grows in data/fuzz/corpus; what breaks something is left in data/fuzz/findings. Put it into
# test/fuzz/regressions/TARGET, where a test tries it for ever, and mend the fault.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
exec node --import tsx test/fuzz/run-targets.ts "$seconds" data/fuzz "$@"
