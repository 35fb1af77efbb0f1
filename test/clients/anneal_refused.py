"""What an Annealer refuses, and optimizers whose state is reset: python anneal_refused.py URL"""

import copy
import functools
import json
import sys
import warnings

import torch
from toy_model import Toy, loss, task

from lora_squeeze import Client, SqueezeError
from lora_squeeze.annealing import Annealer, AnnealingError

service = Client(sys.argv[1], timeout_seconds=60)
SCHEDULE = {"source_rank": 8, "target_rank": 2, "total_steps": 4, "min_stage_steps": 2, "stages": 2}


def factors_of(model):
    return [factor for layer in model.layers().values() for factor in (layer.lora_A, layer.lora_B)]


def annealer(model, optimizer=None, schedule=SCHEDULE, **options):
    if "run" not in options:
        options["schedule"] = schedule
    optimizer = optimizer or torch.optim.AdamW(factors_of(model), lr=0.01)
    return Annealer(service, model.layers(), optimizer, **options), optimizer


def refusal(call, model=None):
    before = copy.deepcopy(model)
    try:
        call()
    except SqueezeError as error:
        answer = {"code": error.code, "status": error.status}
    except AnnealingError as error:
        answer = {"message": str(error)}
    else:
        return {"message": "not refused"}
    if model is not None:
        pairs = zip(before.state_dict().values(), model.state_dict().values())
        answer["unchanged"] = all(torch.equal(old.nan_to_num(), new.nan_to_num()) for old, new in pairs)
    return answer


def squeezed(optimizer_class, **options):
    """Step counts of the optimizer's state after a squeeze and after one more step."""
    model = Toy(8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        annealing, optimizer = annealer(model, optimizer_class(factors_of(model), lr=0.01), **options)
    x, y = task(model, 1)
    for step in (1, 2, 3):
        loss(model, x, y).backward()
        optimizer.step()
        optimizer.zero_grad()
        record = annealing.step(step)
        if record:
            answer = {
                "states": [len(optimizer.state.get(factor, {})) for factor in factors_of(model)],
                "optimizer": record["training"]["optimizer"],
                "warning": " ".join(str(one.message) for one in caught),
            }
    answer["steps"] = [float(optimizer.state[factor].get("step", 0)) for factor in factors_of(model)]
    return answer


model, wrong, broken = Toy(8), Toy(6), Toy(8)
broken.first.lora_B.data[0, 0] = float("nan")
reset = squeezed(torch.optim.AdamW, optimizer_state="reset")
reset.pop("warning")
print(
    json.dumps(
        {
            "unknown_run": refusal(lambda: annealer(model, run="run_01a21048a653817a1df878ad19391920")),
            "contradiction": refusal(lambda: annealer(model, schedule={**SCHEDULE, "target_rank": 9})),
            "other_rank": refusal(lambda: annealer(wrong), wrong),
            "not_finite": refusal(lambda: annealer(broken)[0].step(2), broken),
            "not_held": refusal(lambda: annealer(model, torch.optim.AdamW(factors_of(model)[1:]))),
            "adagrad": refusal(lambda: annealer(model, torch.optim.Adagrad(factors_of(model)))),
            "reset": reset,
            "foreign": squeezed(torch.optim.Adamax),
            "carried": {
                "AMSGrad": squeezed(functools.partial(torch.optim.AdamW, amsgrad=True)),
                "NAdam": squeezed(torch.optim.NAdam),
                "RAdam": squeezed(torch.optim.RAdam),
                "momentum": squeezed(functools.partial(torch.optim.SGD, momentum=0.9)),
            },
            "plain_sgd": squeezed(torch.optim.SGD),
        }
    )
)
