"""Resizes FILE by sd-scripts' own code as each of the settings in JSON says, to OUT/0.safetensors and so on. PYTHONPATH has its
sources."""

import contextlib
import io
import json
import sys
from pathlib import Path

import absent
import torch
from safetensors.torch import load_file, save_file

# What resize_lora imports of it is about models, needs many packages, and serves the metadata alone.
sys.meta_path.insert(0, absent.Finder(["library"]))
from networks.resize_lora import resize_lora_model  # noqa: E402

source, out, settings = sys.argv[1:]
for index, setting in enumerate(json.loads(settings)):
    rank = setting["new_rank"]
    # It shows its progress there.
    with contextlib.redirect_stderr(io.StringIO()):
        resized, _, _ = resize_lora_model(
            load_file(source), rank, rank, torch.float, "cpu", setting["method"], setting["parameter"], verbose=False
        )
    save_file(resized, Path(out) / f"{index}.safetensors")
print("null")
