"""Compares plans that differ in one choice, by validation accuracy on the tuning tasks. The judging task is not read.

    python tune.py TASK RESULTS.jsonl [RANK …]

Appends a line for each setting and rank; settings that the file already contains are skipped.
"""

import json
import os
import sys
import time

import torch

import methods
from population import VALIDATION, Task, base_model

STEPS = 300
SEEDS = [0, 1, 2]
RATES = {
    32: [5e-4, 1e-3, 2e-3, 4e-3],
    8: [1e-3, 2e-3, 4e-3, 8e-3],
    4: [2e-3, 4e-3, 8e-3, 1.6e-2],
    2: [2e-3, 4e-3, 8e-3, 1.6e-2],
    1: [4e-3, 8e-3, 1.6e-2, 3.2e-2],
}
THIRD = 1 / 3
PLANS = {
    "in, equal stages": {"equal": True},
    "in, half, ^0": {},
    "in, half, ^1/3": {"power": THIRD},
    "in, half, ^2/3": {"power": 2 * THIRD},
    "in, half, hint": {"hint": True},
    "in, half, sqrt": {"alpha": "sqrt"},
    "in, half, ^1/3, reset": {"power": THIRD, "moments": "reset"},
    "in, third, ^1/3": {"power": THIRD, "share": THIRD},
    "in, two thirds, ^1/3": {"power": THIRD, "share": 2 * THIRD},
    "in, half, ^1/3, warm-up 30": {"power": THIRD, "warm": 30},
    "cont, third, ^0": {"cont": True, "share": THIRD},
    "cont, third, ^1/3": {"cont": True, "share": THIRD, "power": THIRD},
    "cont, half, ^0": {"cont": True},
    "cont, half, ^1/3": {"cont": True, "power": THIRD},
    "cont, half, hint": {"cont": True, "hint": True},
    "cont, half, ^1/3, reset": {"cont": True, "power": THIRD, "moments": "reset"},
    "cont, two thirds, ^1/3": {"cont": True, "share": 2 * THIRD, "power": THIRD},
}


def main(name, path, ranks):
    torch.set_num_threads(1)
    task, total = Task(name, base_model()), STEPS
    rows = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
    done = {(row["plan"], row["rank"], row.get("rate")) for row in rows if row["task"] == name}

    def keep(plan, rank, population, rate=None, at=slice(None)):
        accuracy, loss = population.score(VALIDATION)
        row = {
            "task": name,
            "plan": plan,
            "rank": rank,
            "rate": rate,
            "accuracy": [round(value, 2) for value in accuracy[at].tolist()],
            "loss": [round(value, 4) for value in loss[at].tolist()],
            "cpu_seconds": round(time.process_time()),
        }
        rows.append(row)
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    for rank in (methods.SOURCE_RANK, *ranks):
        wanted = [rate for rate in RATES[rank] if ("direct", rank, rate) not in done]
        for rate in wanted:
            keep("direct", rank, methods.direct(task, SEEDS, [rate] * len(SEEDS), rank, total), rate)
    sources = [row for row in rows if row["task"] == name and row["plan"] == "direct" and row["rank"] == methods.SOURCE_RANK]
    # Accuracy is coarse: among equally accurate rates, the one with the smallest loss is chosen.
    best = max(sources, key=lambda row: sum(row["accuracy"]) - 0.01 * sum(row["loss"]))["rate"]
    shared = methods.Sources()
    for rank in ranks:
        for plan, options in PLANS.items():
            if (plan, rank, None) in done:
                continue
            settings = {**options}
            if settings.pop("cont", False):
                settings["ranks"] = [methods.SOURCE_RANK, rank]
            keep(plan, rank, methods.anneal(task, SEEDS, best, rank, total, sources=shared, **settings))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(rank) for rank in sys.argv[3:]] or [1, 2, 4, 8])
