"""Compares squeezes in this process with those of the service's runs, with moments: python local_engine.py URL"""

import json
import math
import os
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

from lora_squeeze import CONFIG, OPTIMIZER, WEIGHTS, Client
from lora_squeeze.annealing.layers import config_of
from lora_squeeze.annealing.local_engine import Factors, Goal, Pair, squeeze_layers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXTURES = {
    name: os.path.join(ROOT, folder, name)
    for folder, names in {
        "test/fixtures/adapters": [
            "peft-gpt2-deepbiolab",
            "peft-gpt2-mycguo",
            "peft-gpt2-niket",
            "peft-mountain",
            "peft-sd-skinlesion",
        ],
        "examples/adapters": ["gpt2-lora-r8"],
    }.items()
    for name in names
}
PREFIX, ENDINGS = "base_model.model.", (".lora_A.weight", ".lora_B.weight")
ADAM = {"exp_avg": 1, "exp_avg_sq": 2, "max_exp_avg_sq": 2}
service = Client(sys.argv[1], timeout_seconds=300)


class Layer:
    """The attributes of a layer that config_of reads."""

    def __init__(self, factors):
        self.lora_A, self.lora_B, self.scaling = factors


def read(folder):
    """The linear layers of a PEFT adapter, by name."""
    tensors = load_file(os.path.join(folder, WEIGHTS))
    with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
        config = json.load(file)
    assert not config["rank_pattern"] and not config["alpha_pattern"] and not config["use_rslora"]
    names = [key[len(PREFIX) : -len(ENDINGS[0])] for key in tensors if key.endswith(ENDINGS[0])]
    scaling = config["lora_alpha"] / config["r"]
    return {name: Factors(*(tensors[f"{PREFIX}{name}{end}"] for end in ENDINGS), scaling) for name in sorted(names)}


def write(folder, layers):
    tensors = {f"{PREFIX}{name}{end}": values for name, layer in layers.items() for end, values in zip(ENDINGS, layer)}
    save_file(tensors, os.path.join(folder, WEIGHTS), {"format": "pt"})
    with open(os.path.join(folder, CONFIG), "w", encoding="utf-8") as file:
        json.dump(config_of({name: Layer(layer) for name, layer in layers.items()}, None), file)


def random_moments(layers, powers, dtype=torch.float32):
    """First moments as a gradient G of ΔW leaves them, s·Bᵀ·G and s·G·Aᵀ; second moments as they come."""
    generator = torch.Generator().manual_seed(5)

    def normal(*shape):
        return 1e-3 * torch.randn(*shape, generator=generator)

    def pair(layer, power):
        a, b, scaling = layer
        if power == 2:
            return Pair(*(normal(*factor.shape).square().to(dtype) for factor in (a, b)))
        gradient = scaling * normal(b.shape[0], a.shape[1])
        return Pair((b.float().T @ gradient).to(dtype), (gradient @ a.float().T).to(dtype))

    return {
        name: {moment: pair(layer, power) for moment, power in powers.items()} for name, layer in layers.items()
    }


def squeezed_by_service(folder, moments, out, run_request):
    """Sends the adapter of a folder as the first checkpoint of a run that squeezes it."""
    optimizer = os.path.join(out, "sent.safetensors")
    save_file(
        {
            f"{PREFIX}{name}{end}.{moment}": values
            for name, pairs in moments.items()
            for moment, pair in pairs.items()
            for end, values in zip(ENDINGS, pair)
        },
        optimizer,
    )
    run = service.runs.create(**run_request)
    files = {"weights": os.path.join(folder, WEIGHTS), "config": os.path.join(folder, CONFIG)}
    record = service.runs.send_checkpoint(run["id"], run["next_checkpoint_step"], **files, optimizer=optimizer)
    service.runs.download(record, out)
    return record, service.jobs.report(record["job_id"])


def distance(actual, expected):
    """‖actual − expected‖ relative to ‖expected‖; where that is 0, the other must be 0 too."""
    size, lost = float(expected.norm()), float((actual - expected).norm())
    return lost / size if size else (0.0 if lost == 0 else math.inf)


def update(layer):
    return layer.scaling * layer.lora_B.double() @ layer.lora_A.double()


def compare(layers, local, moments, record, report, out):
    """The largest differences over all layers, each relative to the norm of the expected value."""
    tensors = load_file(os.path.join(out, WEIGHTS))
    modules = service.adapters.modules(record["adapter_id"])["modules"]
    scalings = {module["name"]: module["scale"] for module in modules}
    spectra = {module["name"]: torch.tensor(module["singular_values"]).double() for module in report["modules"]}
    carried = load_file(os.path.join(out, OPTIMIZER))
    worst = dict.fromkeys(["singular_values", "update", "scaling", "balance", *next(iter(moments.values()))], 0.0)

    def note(what, value):
        worst[what] = max(worst[what], value)

    for name in layers:
        there = Factors(*(tensors[f"{PREFIX}{name}{end}"] for end in ENDINGS), scalings[name])
        here = local.factors[name]
        assert here.lora_A.shape == there.lora_A.shape and here.lora_B.shape == there.lora_B.shape, name
        assert here.lora_A.dtype == there.lora_A.dtype and here.lora_B.dtype == there.lora_B.dtype, name
        note("singular_values", distance(local.singular_values[name], spectra[name]))
        note("update", distance(update(here), update(there)))
        note("scaling", abs(here.scaling / there.scaling - 1))
        if here.lora_A.shape[0] < layers[name].lora_A.shape[0]:
            # A direction counts the same with both of its signs. Revived rows are random on both sides.
            lengths = [there.lora_A.double().norm(dim=1), there.lora_B.double().norm(dim=0)]
            alive = lengths[1] > 0
            note("balance", distance(lengths[0][alive], lengths[1][alive]))
            signs = torch.sign((here.lora_A.double() * there.lora_A.double()).sum(1)) * alive
        else:
            signs = torch.ones(here.lora_A.shape[0])
        for moment, pair in local.moments.get(name, {}).items():
            for end, values, sign in zip(ENDINGS, pair, (signs[:, None], signs)):
                expected = carried[f"{PREFIX}{name}{end}.{moment}"]
                assert values.dtype == expected.dtype and values.shape == expected.shape, (name, moment)
                turned = values.double() * sign if ADAM.get(moment, 1) == 1 else values.double()
                note(moment, distance(turned, expected.double()))
    training = record["training"]
    return {
        **worst,
        "learning_rate_factor": abs(local.learning_rate_factor / training["learning_rate_factor"] - 1),
        "relative_error": abs(local.relative_error - record["relative_error"]),
        "revived": [local.revived_directions, training["revived_directions"]],
        "optimizer": [local.optimizer, training["optimizer"]],
        "ranks": sorted(set(local.ranks.values())),
    }


def case(layers, ranks, folder=None, powers=ADAM, moments_dtype=torch.float32, **how):
    """Both squeezes of some layers: those of a folder, or layers that are written to one first."""
    source = max(layer.lora_A.shape[0] for layer in layers.values())
    if isinstance(ranks, Goal):
        wanted = {"energy": ranks.energy} if ranks.energy else {"tolerance": ranks.tolerance}
        clock = {"total_steps": 10, "min_stage_steps": 1, "target_rank": ranks.min_rank}
        run_request = {"adaptive": {**clock, **wanted, "source_rank": source, "uniform": ranks.uniform}}
    else:
        run_request = {
            "schedule": {"source_rank": source, "target_rank": ranks, "total_steps": 2, "squeeze_steps": [1]}
        }
    moments = random_moments(layers, powers, moments_dtype)
    with tempfile.TemporaryDirectory() as out:
        if folder is None:
            folder = os.path.join(out, "source")
            os.mkdir(folder)
            write(folder, layers)
        record, report = squeezed_by_service(folder, moments, out, {**run_request, **how})
        local = squeeze_layers(layers, ranks, moments=moments, **how)
        return compare(layers, local, moments, record, report, out)


def random_layer(rows, columns, rank, scaling=2.0, dtype=torch.float32, falls=0.7):
    """Factors whose singular values fall by `falls` from one to the next, mixed so that the rows are alike."""
    lengths = falls ** torch.arange(rank)
    mixture = torch.linalg.qr(torch.randn(rank, rank)).Q
    a = mixture @ (lengths[:, None] * torch.randn(rank, columns))
    return Factors(a.to(dtype), (torch.randn(rows, rank) @ mixture.T).to(dtype), scaling)


def main():
    torch.manual_seed(0)
    results = {}
    for name, folder in FIXTURES.items():
        layers = read(folder)
        own = next(iter(layers.values())).lora_A.shape[0]
        results[f"{name} half"] = case(layers, own // 2, folder)
        results[f"{name} rank 1, sqrt"] = case(layers, 1, folder, alpha="sqrt")
    layers, folder = read(FIXTURES["peft-mountain"]), FIXTURES["peft-mountain"]
    results["energy by layer"] = case(layers, Goal(energy=0.9, uniform=False), folder)
    results["tolerance, uniform"] = case(layers, Goal(tolerance=0.3, min_rank=2), folder, {"momentum_buffer": 1})
    shapes = {"tall": random_layer(300, 20, 8), "wide": random_layer(20, 300, 8)}
    results["tall and wide"] = case(shapes, 4)
    # A rank of 8 in a shape that allows only 5. P and R are not unique then, so second moments, which are only estimated,
    # may differ.
    narrow = {"in": random_layer(40, 5, 12), "out": random_layer(5, 40, 12)}
    results["narrow"] = case(narrow, 8, powers={"momentum_buffer": 1})
    mixed = {"small": random_layer(30, 40, 3), "equal": random_layer(30, 40, 4), "large": random_layer(30, 40, 8, -1.5)}
    results["ranks not above their own"] = case(mixed, 4, alpha="sqrt")
    untrained = {
        "zero": Factors(torch.randn(8, 30), torch.zeros(20, 8), 2.0),
        "both": Factors(torch.zeros(8, 30), torch.zeros(20, 8), 2.0),
        "trained": random_layer(20, 30, 8),
    }
    results["zero factors"] = case(untrained, 3)
    results["zero factors, not revived"] = case(untrained, 3, revive=False)
    half = {"q": random_layer(64, 48, 8, dtype=torch.bfloat16), "v": random_layer(48, 64, 8, dtype=torch.bfloat16)}
    results["bfloat16"] = case(half, 4, moments_dtype=torch.bfloat16)
    results["reset"] = case(shapes, 4, optimizer="reset")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
