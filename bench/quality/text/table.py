"""The tables of docs/annealing.md and docs/policies.md, from what tune.py and tune_ranks.py wrote: python table.py"""

import collections
import json
import os

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "results")
TASKS = ("proscons", "products")


def rows_of(name):
    with open(os.path.join(RESULTS, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def mean(values):
    return sum(values) / len(values)


def table(cells, columns, text):
    """cells: name of the row → column → result."""
    lines = [["", *(f"{task}, rank {rank}" for task, rank in columns)], ["---"] * (1 + len(columns))]
    lines += [[name, *(text(row[column]) if column in row else "–" for column in columns)] for name, row in cells.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plans():
    cells, best = collections.OrderedDict(), {}
    for row in rows_of("plans.jsonl"):
        column = (row["task"], row["rank"])
        if row["plan"] != "direct":
            cells.setdefault(row["plan"], {})[column] = row
        elif column not in best or mean(row["accuracy"]) > mean(best[column]["accuracy"]):
            best[column] = row
    cells["direct, best of four rates"] = best
    columns = [(task, rank) for task in TASKS for rank in (1, 2, 4)]
    return table(cells, columns, lambda row: f"{mean(row['accuracy']):.1f}, {mean(row['loss']):.3f}")


def ranks():
    cells = collections.OrderedDict()
    for row in rows_of("ranks.jsonl"):
        name = row["criterion"] + (", norm restored" if row["norm"] == "restored" else "")
        cells.setdefault(name, {})[(row["task"], row["rank"])] = row
    columns = [(task, rank) for task in TASKS for rank in (1, 2, 3, 4)]
    return table(cells, columns, lambda row: f"−{mean(row['cost']):.1f}, +{mean(row['loss']):.3f}")


if __name__ == "__main__":
    print(plans(), ranks(), sep="\n\n")
