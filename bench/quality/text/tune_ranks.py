"""Compares ways to choose ranks by module: Post-Squeezes of the same adapters with equal parameters, by validation accuracy,
with and without singular values raised to restore the norm. The judging task is not read.

    python tune_ranks.py TASK RATE RESULTS.jsonl

RATE: the learning rate that `tune.py` found best at the source rank.
"""

import json
import sys

import torch

import methods
from allocation import COSTS, ranks_by_module, same_tolerance
from population import VALIDATION, Task, base_model

STEPS = 300
SEEDS = [0, 1, 2, 3, 4]
RANKS = [1, 2, 3, 4]
POWERS = [0, 0.5, 0.75, 1, 1.25]


def main(name, rate, path):
    torch.set_num_threads(1)
    task = Task(name, base_model())
    source = methods.direct(task, SEEDS, [rate] * len(SEEDS), methods.SOURCE_RANK, STEPS)
    spectra = [values for _, values, _ in source.spectra()]
    before, loss_before = source.score(VALIDATION)

    def keep(criterion, rank, ranks, restore_norm=False):
        population = source.take()
        energy, _ = population.squeeze(ranks, restore_norm=restore_norm)
        accuracy, loss = population.score(VALIDATION)
        row = {
            "task": name,
            "criterion": criterion,
            "rank": rank,
            "norm": "restored" if restore_norm else "kept",
            "accuracy": [round(value, 2) for value in accuracy.tolist()],
            "cost": [round(value, 2) for value in (before - accuracy).tolist()],
            "loss": [round(value, 4) for value in (loss - loss_before).tolist()],
            "energy": [round(value, 4) for value in energy.tolist()],
            "module_energy": [round(value, 4) for value in module_energy(ranks).tolist()],
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def module_energy(ranks):
        """The share of its own energy that a module keeps, in the mean over modules, [P]."""
        shares = []
        for at, values in enumerate(spectra):
            own = [ranks if isinstance(ranks, int) else ranks[p][at] for p in range(len(values))]
            kept = torch.stack([(values[p, : own[p]] ** 2).sum() for p in range(len(values))])
            shares.append(kept / (values**2).sum(1))
        return torch.stack(shares).mean(0)

    for rank in RANKS:
        choices = {"uniform": rank}
        for power in POWERS:
            choices[f"power {power}"] = ranks_by_module(source, rank, power)
            # A module needs at least one direction to stay trainable; with a floor of 0 it may have none.
            choices[f"power {power}, floor 0"] = ranks_by_module(source, rank, power, floor=0)
        values = [module.tolist() for module in spectra]
        choices["tolerance"] = [
            same_tolerance([module[p] for module in values], rank * sum(COSTS)) for p in range(len(source))
        ]
        for criterion, ranks in choices.items():
            keep(criterion, rank, ranks)
            if "floor" not in criterion or rank < 3:
                keep(criterion, rank, ranks, restore_norm=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
