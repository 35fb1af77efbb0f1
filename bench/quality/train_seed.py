"""Worker of the experiment: everything that one seed has to train.

Reads one JSON order from standard input: {"url", "phase", "seed", "plan", "peaks"}; see run-experiment.ts. Writes one JSON
score a line.
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
    data = Digits(seed)
    base = pretrain(data, seed, plan["pretrain_steps"], plan["batch"], PRETRAIN_PEAK)
    tell({"base": True, "seed": seed, **{task: evaluate(base, data, task)["accuracy"] for task in ("upright", "shuffled")}})
    methods = Methods(LoraSqueeze(order["url"]), base, data, seed, plan)

    def train(phase, method, rank, peak, variant="default"):
        if method == "source":
            training = methods.source(peak)
        elif method == "in":
            training = methods.in_squeeze(rank, peak, variant)
        else:
            training = getattr(methods, method)(rank, peak)
        key = {"phase": phase, "seed": seed, "method": method, "variant": variant, "rank": rank, "peak": peak}
        tell({**key, **training.score()})

    cells = [("source", plan["source_rank"])]
    cells += [(method, rank) for method in ("direct", "post", "cont", "in") for rank in plan["ranks"]]
    for method, rank in cells:
        chosen = order["peaks"].get(f"{method}/{rank}")
        for peak in plan["peaks"] if order["phase"] == "sweep" else [chosen]:
            train(order["phase"], method, rank, peak)
    if order["phase"] == "main":
        rank = plan["variant_rank"]
        for variant in plan["variants"]:
            train("variant", "in", rank, order["peaks"][f"in/{rank}"], variant)


def tell(value: dict) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
