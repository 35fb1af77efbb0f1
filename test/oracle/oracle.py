#!/usr/bin/python3
"""Scores squeezed PEFT adapters in float64 with numpy alone: a check that shares no code with the service.

  oracle.py SOURCE_DIR OUT_DIR...

Prints one JSON document: {"numpy": version, "outputs": [{module: {rank, energy, sigma, optimal_error, actual_error}}]}.
Errors are relative to the norm of the source's update; an update of zero that did not stay zero has error null.
"""

import json
import os
import re
import sys

import numpy as np

FACTOR_A = re.compile(r"^(?:base_model\.model\.)?(.+)\.(lora_A(?:\.default)?\.weight|lora_embedding_A(?:\.default)?)$")


def read_tensors(path):
    """Every tensor of a safetensors file as a float64 array."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = decode(data[begin:end], entry["dtype"])
        if values is not None:
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def decode(raw, dtype):
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    kind = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}.get(dtype)
    return None if kind is None else np.frombuffer(raw, kind).astype(np.float64)


def matching(patterns, module):
    for key, value in (patterns or {}).items():
        if re.match(rf"(?:.*\.)?(?:{key})$", module):
            return value
    return None


def read_adapter(folder):
    """{module: (B·scale, A)}, matrices flattened from higher dimensions."""
    with open(os.path.join(folder, "adapter_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    tensors = read_tensors(os.path.join(folder, "adapter_model.safetensors"))
    modules = {}
    for name, a in tensors.items():
        match = FACTOR_A.match(name)
        if not match:
            continue
        module, suffix = match.groups()
        b = tensors[name[: -len(suffix)] + suffix.replace("_A", "_B")]
        a, b = a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1)
        rank = matching(config.get("rank_pattern"), module) or config["r"]
        alpha = matching(config.get("alpha_pattern"), module)
        alpha = config["lora_alpha"] if alpha is None else alpha
        if a.shape[0] != rank or b.shape[1] != rank:
            sys.exit(f"{folder}: {module} has rank {a.shape[0]}, the configuration says {rank}")
        scale = alpha / (np.sqrt(rank) if config.get("use_rslora") else rank)
        modules[module] = (b * scale, a)
    return modules


def spectrum(b, a):
    """Singular values of b·a through QR of both factors."""
    return np.linalg.svd(np.linalg.qr(b, "r") @ np.linalg.qr(a.T, "r").T, compute_uv=False)


def share(part, whole):
    return 0.0 if part == 0 else part / whole if whole else None


def score(source, output):
    if source.keys() != output.keys():
        sys.exit(f"the adapters have different modules: {sorted(source.keys() ^ output.keys())[:5]}")
    scores = {}
    for module, (b, a) in source.items():
        b2, a2 = output[module]
        rank = a2.shape[0]
        sigma = spectrum(b, a)
        whole = np.linalg.norm(sigma)
        difference = np.linalg.norm(spectrum(np.hstack([b, -b2]), np.vstack([a, a2])))
        scores[module] = {
            "rank": rank,
            "energy": whole**2,
            "sigma": sigma.tolist(),
            "optimal_error": share(np.linalg.norm(sigma[rank:]), whole),
            "actual_error": share(difference, whole),
        }
    return scores


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    original = read_adapter(sys.argv[1])
    outputs = [score(original, read_adapter(folder)) for folder in sys.argv[2:]]
    json.dump({"numpy": np.__version__, "outputs": outputs}, sys.stdout)
