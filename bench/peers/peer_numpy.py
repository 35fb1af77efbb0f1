#!/usr/bin/python3
"""The exact peer without torch: QR of both factors and the SVD of the r×r core, by numpy and its LAPACK.

  peer_numpy.py SOURCE_DIR RANK OUT_DIR   squeezes a bfloat16 PEFT adapter; prints one JSON line: seconds, peak memory

One module per thread, on as many threads as there are cores. numpy always decomposes in float64; it gets float32 here,
like the peers in torch. It has no bfloat16, so the file is read and written by hand.
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# Read by the BLAS library when it is loaded.
os.environ.update(OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

CORES = len(os.sched_getaffinity(0))
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def factored_qr(b, a, k):
    qb, rb = np.linalg.qr(b)
    qa, ra = np.linalg.qr(a.T)
    u, s, vh = np.linalg.svd(rb @ ra.T)
    return qb @ (u[:, :k] * s[:k]), vh[:k] @ qa.T


def from_bfloat16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_bfloat16(numbers):
    bits = np.ascontiguousarray(numbers, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = np.frombuffer(file.read(), np.uint8)
    header.pop("__metadata__", None)
    return {
        name: data[slice(*entry["data_offsets"])].view(np.uint16).reshape(entry["shape"])
        for name, entry in header.items()
    }


def write(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, bits in tensors.items():
        header[name] = {"dtype": "BF16", "shape": bits.shape, "data_offsets": [offset, offset + bits.nbytes]}
        offset += bits.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for bits in tensors.values():
            file.write(bits.data)


def main(source, rank, out):
    started = time.perf_counter()
    tensors = read(os.path.join(source, WEIGHTS))
    loaded = time.perf_counter()

    def one(name):
        name_b = name.replace("lora_A", "lora_B")
        b, a = factored_qr(from_bfloat16(tensors[name_b]), from_bfloat16(tensors[name]), rank)
        return {name: to_bfloat16(a), name_b: to_bfloat16(b)}

    names = [name for name in tensors if ".lora_A." in name]
    result = {}
    with ThreadPoolExecutor(CORES) as pool:
        for pair in pool.map(one, names):
            result.update(pair)
    computed = time.perf_counter()

    os.makedirs(out, exist_ok=True)
    write(os.path.join(out, WEIGHTS), result)
    with open(os.path.join(source, CONFIG)) as file:
        config = json.load(file)
    config.update(lora_alpha=config["lora_alpha"] / config["r"] * rank, r=rank)
    with open(os.path.join(out, CONFIG), "w") as file:
        json.dump(config, file)
    saved = time.perf_counter()
    print(json.dumps({
        "load": loaded - started,
        "compute": computed - loaded,
        "save": saved - computed,
        "total": saved - started,
        "measured": saved - started,
        "modules_measured": len(names),
        "modules": len(names),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "library": f"numpy {np.__version__}",
    }))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
