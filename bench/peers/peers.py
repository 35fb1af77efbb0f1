#!/usr/bin/python3
"""The peers of LoRA-Squeeze, written for the benchmark: common methods in Python with torch.

  peers.py run METHOD SOURCE_DIR RANK OUT_DIR   squeezes a PEFT adapter; prints one JSON line: seconds and peak memory
  peers.py score SOURCE_DIR RANK OUT_DIR...     one JSON line for each: relative error, optimum, excess over it (float64)

Methods
  peft            PEFT's convert_to_lora: builds every ΔW, full torch.linalg.svd, all threads. Takes the better part of
                  an hour, so it squeezes one module of each size and the time is that of all, extrapolated
  kohya           kohya-ss sd-scripts' current resize: builds every ΔW, torch.svd_lowrank(q=2k, niter=2), all threads
  factored-qr     exact without building ΔW: QR of both factors, SVD of the r×r core, float32
  factored-gram   exact through float64 Gram matrices and eigh: the fastest exact script we know how to write
  factored-rsvd   randomised SVD without building ΔW: oversampling 10, two power iterations
The factored methods run one module per thread, on as many threads as there are cores, which is faster than threads inside each.
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# Read by the BLAS library when it is loaded. A spinning OpenMP pool costs dearly when two pools share the cores.
CORES = len(os.sched_getaffinity(0))
BLAS_THREADS = CORES if sys.argv[2:3] in (["peft"], ["kohya"]) else 1
os.environ.update(OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS=str(BLAS_THREADS), OPENBLAS_NUM_THREADS=str(BLAS_THREADS))

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
OVERSAMPLING, POWER_ITERATIONS = 10, 2
SMALLEST_PIVOT = 1e-7  # relative; below it a direction of a float64 Gram matrix is rounding noise


def peft(b, a, k):
    u, s, vh = torch.linalg.svd(b @ a, full_matrices=False)
    return u[:, :k] * s[:k], vh[:k]


def kohya(b, a, k):
    delta = b @ a
    u, s, v = torch.svd_lowrank(delta, q=min(2 * k, *delta.shape), niter=2)
    return u[:, :k] * s[:k], v[:, :k].T


def factored_qr(b, a, k):
    qb, rb = torch.linalg.qr(b)
    qa, ra = torch.linalg.qr(a.T)
    u, s, vh = torch.linalg.svd(rb @ ra.T)
    return qb @ (u[:, :k] * s[:k]), vh[:k] @ qa.T


def factored_gram(b, a, k):
    bd, ad = b.double(), a.double()
    root_b, basis_b, inverse_b = half_powers(bd.T @ bd)
    root_a, basis_a, inverse_a = half_powers(ad @ ad.T)
    u, s, vh = torch.linalg.svd(root_b[:, None] * (basis_b.T @ basis_a) * root_a)
    left = (basis_b * inverse_b) @ (u[:, :k] * s[:k])
    right = (vh[:k] * inverse_a) @ basis_a.T
    return b @ left.float(), right.float() @ a


def half_powers(gram):
    values, vectors = torch.linalg.eigh(gram)
    root = values.clamp_min(0).sqrt()
    return root, vectors, torch.where(root > root.max() * SMALLEST_PIVOT, 1 / root, torch.zeros_like(root))


def factored_rsvd(b, a, k):
    sketch = torch.randn(a.shape[1], min(k + OVERSAMPLING, a.shape[0]))
    q = torch.linalg.qr(b @ (a @ sketch))[0]
    for _ in range(POWER_ITERATIONS):
        z = torch.linalg.qr(a.T @ (b.T @ q))[0]
        q = torch.linalg.qr(b @ (a @ z))[0]
    u, s, vh = torch.linalg.svd((q.T @ b) @ a, full_matrices=False)
    return q @ (u[:, :k] * s[:k]), vh[:k]


METHODS = {
    "peft": peft,
    "kohya": kohya,
    "factored-qr": factored_qr,
    "factored-gram": factored_gram,
    "factored-rsvd": factored_rsvd,
}


SAMPLED = {"peft"}


def read_config(folder):
    with open(os.path.join(folder, CONFIG)) as file:
        return json.load(file)


def run(method, source, rank, out):
    squeeze = METHODS[method]
    torch.set_num_threads(BLAS_THREADS)
    torch.manual_seed(0)

    started = time.perf_counter()
    tensors = load_file(os.path.join(source, WEIGHTS))
    loaded = time.perf_counter()

    def one(name):
        torch.set_grad_enabled(False)  # a setting of each thread
        begun = time.perf_counter()
        name_b = name.replace("lora_A", "lora_B")
        dtype = tensors[name].dtype
        b, a = squeeze(tensors[name_b].float(), tensors[name].float(), rank)
        pair = {name: a.to(dtype).contiguous(), name_b: b.to(dtype).contiguous()}
        return pair, time.perf_counter() - begun

    groups = by_size(tensors)
    names = [group[0] for group in groups] if method in SAMPLED else [name for group in groups for name in group]
    result, spent = {}, {}
    with ThreadPoolExecutor(CORES // BLAS_THREADS) as pool:
        for name, (pair, seconds) in zip(names, pool.map(one, names)):
            result.update(pair)
            spent[name] = seconds
    computed = time.perf_counter()

    os.makedirs(out, exist_ok=True)
    save_file(result, os.path.join(out, WEIGHTS), {"format": "pt"})
    config = read_config(source)
    config.update(lora_alpha=config["lora_alpha"] / config["r"] * rank, r=rank)
    with open(os.path.join(out, CONFIG), "w") as file:
        json.dump(config, file)
    saved = time.perf_counter()
    modules = sum(map(len, groups))
    share = len(names) / modules
    compute = computed - loaded if share == 1 else sum(spent[group[0]] * len(group) for group in groups)
    seconds = {"load": loaded - started, "compute": compute, "save": (saved - computed) / share}
    print(json.dumps({
        **seconds,
        "total": sum(seconds.values()),
        "measured": saved - started,
        "modules_measured": len(names),
        "modules": modules,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "library": f"torch {torch.__version__}",
    }))


def by_size(tensors):
    """The names of all A, grouped by the size of ΔW up to transposition, since an SVD then takes the same time."""
    groups = {}
    for name in tensors:
        if ".lora_A." in name:
            size = sorted([tensors[name].shape[1], tensors[name.replace("lora_A", "lora_B")].shape[0]])
            groups.setdefault(tuple(size), []).append(name)
    return list(groups.values())


def score(source, rank, outs):
    torch.set_num_threads(BLAS_THREADS)

    def pair(folder, file, name):
        config = read_config(folder)
        scale = config["lora_alpha"] / config["r"]
        return scale * file.get_tensor(name.replace("lora_A", "lora_B")).double(), file.get_tensor(name).double()

    def spectrum(b, a):
        return torch.linalg.svdvals(torch.linalg.qr(b)[1] @ torch.linalg.qr(a.T)[1].T)

    original = safe_open(os.path.join(source, WEIGHTS), "pt")
    files = [safe_open(os.path.join(out, WEIGHTS), "pt") for out in outs]
    written = [set(file.keys()) for file in files]

    def one(name):
        torch.set_grad_enabled(False)
        b, a = pair(source, original, name)
        sigma = spectrum(b, a)
        errors = []
        for out, file, names in zip(outs, files, written):
            if name in names:
                b2, a2 = pair(out, file, name)
                errors.append(spectrum(torch.hstack([b, -b2]), torch.vstack([a, a2])).square().sum())
            else:
                errors.append(torch.tensor(torch.nan, dtype=torch.double))
        return torch.stack([sigma.square().sum(), sigma[rank:].square().sum(), *errors])

    with ThreadPoolExecutor(CORES) as pool:
        rows = torch.stack(list(pool.map(one, [name for name in original.keys() if ".lora_A." in name])))
    for column, out in enumerate(outs, start=2):
        # A sampled peer is judged by the modules it has written.
        there = rows[~rows[:, column].isnan()]
        energy, least, errors = there[:, 0], there[:, 1], there[:, column]
        print(json.dumps({
            "optimum": (least.sum() / energy.sum()).sqrt().item(),
            "relative_error": (errors.sum() / energy.sum()).sqrt().item(),
            "excess": ((errors.sum() / least.sum()).sqrt() - 1).item(),
            "worst_excess": ((errors / least).sqrt() - 1).max().item(),
            "modules": len(there),
        }))


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    elif sys.argv[1] == "score":
        score(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    else:
        sys.exit(__doc__)
