"""Trainings whose steps are not plain float32: python anneal_precision.py URL"""

import json
import sys

import torch
from toy_model import Toy, loss, task

from lora_squeeze import Client
from lora_squeeze.annealing import Annealer

STEPS = 60
SCHEDULE = {"source_rank": 8, "target_rank": 2, "total_steps": STEPS, "min_stage_steps": 10}
service = Client(sys.argv[1], timeout_seconds=60)


def factors_of(model):
    return [factor for layer in model.layers().values() for factor in (layer.lora_A, layer.lora_B)]


def answer(model, optimizer, began, ended, annealer):
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        "lost": ended / began,
        "ranks": [layer.lora_A.shape[0] for layer in model.layers().values()],
        "dtypes": sorted({str(factor.dtype) for factor in factors_of(model)}),
        "held_dtypes": sorted({str(one.dtype) for one in held}),
        "held": len(held),
        "moments": [list(optimizer.state[one]["exp_avg"].shape) for one in held],
        "shapes": [list(one.shape) for one in held],
        "squeezes": [one["step"] for one in service.runs.get(annealer.run_id)["checkpoints"]],
    }


def accumulated():
    """Two micro-batches a step; gradients are cleared before the first of them."""
    model = Toy(8)
    optimizer = torch.optim.AdamW(factors_of(model), lr=0.02)
    annealer = Annealer(service, model.layers(), optimizer, schedule=SCHEDULE)
    x, y = task(model, 1)
    began = float(loss(model, x, y))
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        for part in (slice(0, 32), slice(32, 64)):
            (loss(model, x[part], y[part]) / 2).backward()
        optimizer.step()
        annealer.step(step)
    return answer(model, optimizer, began, float(loss(model, x, y)), annealer)


def autocast():
    """bfloat16 in the forward pass only."""
    model = Toy(8)
    optimizer = torch.optim.AdamW(factors_of(model), lr=0.02)
    annealer = Annealer(service, model.layers(), optimizer, schedule=SCHEDULE)
    x, y = task(model, 1)
    began = float(loss(model, x, y))
    for step in range(1, STEPS + 1):
        with torch.autocast("cpu", torch.bfloat16):
            error = loss(model, x, y)
        error.backward()
        optimizer.step()
        optimizer.zero_grad()
        annealer.step(step)
    return answer(model, optimizer, began, float(loss(model, x, y)), annealer)


def scaled():
    """A gradient scaler that starts far too high: it skips steps, but the trainer still counts them."""
    model = Toy(8)
    optimizer = torch.optim.AdamW(factors_of(model), lr=0.02)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    annealer = Annealer(service, model.layers(), optimizer, schedule=SCHEDULE)
    x, y = task(model, 1)
    began = float(loss(model, x, y))
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        scaler.scale(1000 * loss(model, x, y)).backward()
        scaler.step(optimizer)
        scaler.update()
        annealer.step(step)
    made = int(optimizer.state[factors_of(model)[0]]["step"])
    return {**answer(model, optimizer, began, float(loss(model, x, y)), annealer), "skipped": STEPS - made}


def masters():
    """A model in bfloat16, whose optimizer steps float32 copies."""
    model = Toy(8)
    x, y = task(model, 1)
    x, y = x.bfloat16(), y.bfloat16()
    model.to(torch.bfloat16)
    copies = {factor: torch.nn.Parameter(factor.detach().float()) for factor in factors_of(model)}
    optimizer = torch.optim.AdamW(copies.values(), lr=0.02)
    annealer = Annealer(service, model.layers(), optimizer, schedule=SCHEDULE, masters=copies)
    began = float(loss(model, x, y))
    for step in range(1, STEPS + 1):
        loss(model, x, y).backward()
        for factor, master in copies.items():
            master.grad = factor.grad.float()
        optimizer.step()
        with torch.no_grad():
            for factor, master in copies.items():
                factor.copy_(master)
                factor.grad = None
        annealer.step(step)
    rounded = all(torch.equal(factor, copies[factor].bfloat16()) for factor in factors_of(model))
    return {**answer(model, optimizer, began, float(loss(model, x, y)), annealer), "rounded": rounded, "copies": len(copies)}


print(
    json.dumps({"accumulated": accumulated(), "autocast": autocast(), "scaled": scaled(), "masters": masters()})
)
