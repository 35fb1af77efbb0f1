#!/usr/bin/env bash
# Fetches programs of others that load adapters and runs the tests that judge our files by them (test/formats/foreign). Needs torch
# and safetensors for Python (Debian: python3-torch, python3-safetensors), and for diffusers fsspec, filelock, httpx, PIL, regex, tqdm
# and yaml (python3-fsspec, …), for ComfyUI einops, psutil, PIL and scipy. docs/format-checks.md has the results. Fails if a test is
# skipped.
#   scripts/run-foreign.sh [FOLDER]     where their sources are, or are put (default: .foreign)
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-.foreign}")

declare -A SOURCES=(
  [llama.cpp]=https://github.com/ggml-org/llama.cpp
  [ComfyUI]=https://github.com/Comfy-Org/ComfyUI
  [accelerate]=https://github.com/huggingface/accelerate
  [diffusers]=https://github.com/huggingface/diffusers
  [forge]=https://github.com/lllyasviel/stable-diffusion-webui-forge
  [huggingface_hub]=https://github.com/huggingface/huggingface_hub
  [mlx]=https://github.com/ml-explore/mlx
  [mlx-lm]=https://github.com/ml-explore/mlx-lm
  [musubi-tuner]=https://github.com/kohya-ss/musubi-tuner
  [peft]=https://github.com/huggingface/peft
  [LyCORIS]=https://github.com/KohakuBlueleaf/LyCORIS
  [sd-scripts]=https://github.com/kohya-ss/sd-scripts
)
for name in "${!SOURCES[@]}"; do
  [ -d "$folder/$name" ] || git clone --quiet --depth 1 "${SOURCES[$name]}" "$folder/$name"
done
sources="$folder/llama.cpp/gguf-py:$folder/LyCORIS:$folder/sd-scripts:$folder/ComfyUI:$folder/forge:$folder/mlx/python:$folder/mlx-lm"
for name in accelerate diffusers huggingface_hub musubi-tuner peft; do sources+=":$folder/$name/src"; done
log=$(mktemp)
trap 'rm "$log"' EXIT
PYTHONPATH="$sources" npm test -- test/formats/foreign | tee "$log"
! grep -q '^ *skipped:' "$log"
