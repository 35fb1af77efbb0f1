#!/usr/bin/env bash
# Fetches programs of others that load adapters and runs the tests that judge our files by them (test/formats/foreign). Needs torch
# and safetensors for Python (Debian: python3-torch, python3-safetensors). docs/format-checks.md has the results.
#   scripts/run-foreign.sh [FOLDER]     where their sources are, or are put (default: .foreign)
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-.foreign}")

declare -A SOURCES=(
  [llama.cpp]=https://github.com/ggml-org/llama.cpp
  [peft]=https://github.com/huggingface/peft
  [LyCORIS]=https://github.com/KohakuBlueleaf/LyCORIS
  [sd-scripts]=https://github.com/kohya-ss/sd-scripts
)
for name in "${!SOURCES[@]}"; do
  [ -d "$folder/$name" ] || git clone --quiet --depth 1 "${SOURCES[$name]}" "$folder/$name"
done
PYTHONPATH="$folder/llama.cpp/gguf-py:$folder/peft/src:$folder/LyCORIS:$folder/sd-scripts" exec npm test -- test/formats/foreign
