#!/usr/bin/env bash
# Fetches programs of others that load adapters and runs the tests that judge our files by them (test/formats/foreign). Needs torch
# and safetensors for Python (Debian: python3-torch, python3-safetensors), and for diffusers fsspec, filelock, httpx, PIL, regex, tqdm
# and yaml (python3-fsspec, …). docs/format-checks.md has the results.
#   scripts/run-foreign.sh [FOLDER]     where their sources are, or are put (default: .foreign)
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-.foreign}")

declare -A SOURCES=(
  [llama.cpp]=https://github.com/ggml-org/llama.cpp
  [accelerate]=https://github.com/huggingface/accelerate
  [diffusers]=https://github.com/huggingface/diffusers
  [huggingface_hub]=https://github.com/huggingface/huggingface_hub
  [peft]=https://github.com/huggingface/peft
  [LyCORIS]=https://github.com/KohakuBlueleaf/LyCORIS
  [sd-scripts]=https://github.com/kohya-ss/sd-scripts
)
for name in "${!SOURCES[@]}"; do
  [ -d "$folder/$name" ] || git clone --quiet --depth 1 "${SOURCES[$name]}" "$folder/$name"
done
sources="$folder/llama.cpp/gguf-py:$folder/LyCORIS:$folder/sd-scripts"
for name in accelerate diffusers huggingface_hub peft; do sources+=":$folder/$name/src"; done
PYTHONPATH="$sources" exec npm test -- test/formats/foreign
