#!/usr/bin/python3
"""Squeezes every PEFT adapter below a folder: the loop that somebody with a thousand adapters writes in an afternoon.

  torch_loop.py SOURCE_DIR RANK OUT_DIR

Loads, takes Gram matrices in float64, decomposes the core, saves. A process a core, one thread each. Prints one JSON
line: adapters, seconds of the clock from the first adapter to the last, seconds of CPU of these processes meanwhile.
"""

import json
import os
import resource
import sys
import time
from multiprocessing import Pool

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "peers"))

import torch
from peers import CONFIG, WEIGHTS, factored_gram, read_config
from safetensors.torch import load_file, save_file

source, rank, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
torch.set_grad_enabled(False)


def squeeze(name):
    tensors = load_file(os.path.join(source, name, WEIGHTS))
    result = {}
    for key_a in tensors:
        if "lora_A" not in key_a:
            continue
        key_b = key_a.replace("lora_A", "lora_B")
        b, a = factored_gram(tensors[key_b].float(), tensors[key_a].float(), rank)
        result[key_a], result[key_b] = a.contiguous(), b.contiguous()
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    save_file(result, os.path.join(folder, WEIGHTS), {"format": "pt"})
    config = read_config(os.path.join(source, name))
    config.update(lora_alpha=config["lora_alpha"] / config["r"] * rank, r=rank)
    with open(os.path.join(folder, CONFIG), "w") as file:
        json.dump(config, file)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return os.getpid(), used.ru_utime + used.ru_stime


if __name__ == "__main__":
    names = sorted(os.listdir(source))
    with Pool(len(os.sched_getaffinity(0))) as pool:
        pool.map(squeeze, names[:2], chunksize=1)  # what is made once
        began = time.perf_counter()
        first, last = {}, {}
        for pid, cpu in pool.imap_unordered(squeeze, names):
            first.setdefault(pid, cpu)
            last[pid] = cpu
        seconds = time.perf_counter() - began
    cpu = sum(last[pid] - first[pid] for pid in last)
    # The first adapter of each process is in `first` already.
    cpu *= len(names) / (len(names) - len(first))
    print(json.dumps({"adapters": len(names), "seconds": seconds, "cpu_seconds": cpu, "library": f"torch {torch.__version__}"}))
