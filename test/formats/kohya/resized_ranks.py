#!/usr/bin/python3
"""The ranks that the dynamic methods of kohya-ss/sd-scripts (networks/resize_lora.py) give the modules of a file, computed
from their definition, in float64 and from whole update matrices.

  resized_ranks.py FILE SETTINGS     prints a list: for each of the settings in JSON, the rank of each module by its name

A setting is {"method": …, "parameter": …, "new_rank": …}. Only numpy is needed, so that this runs where sd-scripts does not."""

import json
import sys

import numpy as np

# An update whose largest singular value does not exceed this gets rank 1.
ZERO = 1e-6


def tensors_of(path):
    """float32 tensors by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    found = {}
    for name, info in header.items():
        assert info["dtype"] == "F32", name
        begin, end = info["data_offsets"]
        found[name] = np.frombuffer(data[begin:end], "<f4").reshape(info["shape"]).astype(np.float64)
    return found


def spectra_of(tensors):
    """All min(m, n) singular values of each update, a convolution as [out, in·k·k], and the rank of its factors."""
    spectra = {}
    for name in sorted(tensors):
        if not name.endswith(".lora_down.weight"):
            continue
        module = name.removesuffix(".lora_down.weight")
        down, up = tensors[name], tensors[f"{module}.lora_up.weight"]
        update = up.reshape(len(up), -1) @ down.reshape(len(down), -1)
        spectra[module] = (np.linalg.svd(update, compute_uv=False), len(down))
    return spectra


def directions_wanted(sigma, method, parameter):
    if method == "sv_ratio":
        return int(np.sum(sigma > sigma[0] / parameter))
    # The smallest number of leading directions with the given share of the sum, or of the Frobenius norm, which is a root.
    weights, share = (sigma**2, parameter**2) if method == "sv_fro" else (sigma, parameter)
    held = np.cumsum(weights) / np.sum(weights)
    return int(np.sum(held < share)) + 1


def rank_of(sigma, own_rank, method, parameter, new_rank):
    if sigma[0] <= ZERO:
        return 1
    # The number is treated as an index: it is kept below the number of singular values, and one is added.
    index = max(1, min(directions_wanted(sigma, method, parameter), len(sigma) - 1))
    # A larger rank than its own would give a module directions of zeros.
    return min(index + 1, new_rank, own_rank)


path, settings = sys.argv[1:]
spectra = spectra_of(tensors_of(path))
print(json.dumps([{name: rank_of(*spectrum, **setting) for name, spectrum in spectra.items()} for setting in json.loads(settings)]))
