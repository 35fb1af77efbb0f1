"""Worker of the experiment: everything that one seed has to train.

Reads one JSON order from standard input: {"url", "seed", "plan", "cells"}; see results.ts. Writes the score of the base
model and of each cell, one JSON value a line.
"""

import json
import sys

import torch
from squeezing import Methods
from digits import Digits
from lora_squeeze import LoraSqueeze
from transformer import evaluate, pretrain

PRETRAIN_PEAK = 2e-3


def main() -> None:
    torch.set_num_threads(1)
    order = json.load(sys.stdin)
    plan, seed = order["plan"], order["seed"]
    data = Digits(seed, plan.get("test_images"))
    base = pretrain(data, seed, plan["pretrain_steps"], plan["batch"], PRETRAIN_PEAK)
    tell({"base": True, "seed": seed, **{task: evaluate(base, data, task)["accuracy"] for task in ("upright", "shuffled")}})
    methods = Methods(LoraSqueeze(order["url"]), base, data, seed, plan)

    for cell in order["cells"]:
        method, rank, peak = cell["method"], cell["rank"], cell["peak"]
        if method == "source":
            training = methods.source(peak)
        elif method == "in":
            training = methods.in_squeeze(rank, peak, cell["variant"])
        else:
            training = getattr(methods, method)(rank, peak)
        tell({**cell, "seed": seed, **training.score()})


def tell(value: dict) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
