"""Worker of the experiment: everything that one seed has to train.

Reads one JSON order from standard input: {"url", "seed", "plan", "cells"}; see results.ts. Writes the score of the base
model and of each cell, one JSON value a line.
"""

import json
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "text"))
from squeezing import Client, Methods  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    order = json.load(sys.stdin)
    plan, seed = order["plan"], order["seed"]
    case = make_case(plan, seed)
    tell({"base": True, "seed": seed, **case.base_scores()})
    methods = Methods(Client(order["url"]), case, plan)
    for cell in order["cells"]:
        training, facts = methods.train(cell)
        tell({**cell, "seed": seed, **training.score(cell["phase"] == "main"), **facts})


def make_case(plan: dict, seed: int):
    if plan["task"] == "digits":
        from shuffled_digits import ShuffledDigits

        return ShuffledDigits(seed, plan)
    from sentences import Sentences

    return Sentences(seed, plan)


def tell(value: dict) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
