"""Mistakes that an Annealer reports, most of them when it is created, before it changes anything:
python anneal_mistakes.py URL"""

import copy
import json
import sys
import types
import warnings

import torch
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy
from toy_model import Toy, loss, task

from lora_squeeze import Client
from lora_squeeze.annealing import Annealer, AnnealingError, peft_layers

SCHEDULE = {"source_rank": 8, "target_rank": 2, "total_steps": 200, "min_stage_steps": 30}
service = Client(sys.argv[1], timeout_seconds=60)


class AdamW8bit(torch.optim.AdamW):
    """An optimizer with the class name of the one in bitsandbytes."""


class DeepSpeedZeroOptimizer(torch.optim.AdamW):
    """An optimizer whose class seems to come from the module of DeepSpeed's optimizers."""


DeepSpeedZeroOptimizer.__module__ = "deepspeed.runtime.zero.stage_1_and_2"


class DeepSpeedEngine(torch.nn.Module):
    """A wrapper of a model with the class name of DeepSpeed's."""

    def __init__(self, module):
        super().__init__()
        self.module = module


class LoRAModule(torch.nn.Module):
    """A layer built like those of kohya (networks/lora.py)."""

    def __init__(self):
        super().__init__()
        self.lora_name = "lora_unet_q"
        self.lora_down, self.lora_up = torch.nn.Linear(8, 4, bias=False), torch.nn.Linear(4, 8, bias=False)


class Training:
    def __init__(self, rank=8, optimizer_class=torch.optim.AdamW):
        self.model = Toy(rank, alpha=2 * rank)
        self.factors = [factor for layer in self.model.layers().values() for factor in (layer.lora_A, layer.lora_B)]
        self.optimizer = optimizer_class(self.factors, lr=0.01)
        self.x, self.y = task(self.model, 1)

    def begun(self, layers=None, **options):
        options = {"schedule": SCHEDULE, **options} if "run" not in options else options
        return Annealer(service, layers or self.model.layers(), self.optimizer, **options)

    def backward(self):
        loss(self.model, self.x, self.y).backward()

    def steps(self, count):
        for _ in range(count):
            self.optimizer.zero_grad()
            self.backward()
            self.optimizer.step()
        return self

    def everything(self):
        return copy.deepcopy((list(self.model.state_dict().items()), self.optimizer.state_dict()))


def refusal(training, call):
    """The code and the message of the error, and whether model and optimizer are unchanged."""
    before = str(training.everything())
    try:
        call(training)
    except AnnealingError as error:
        answer = {"code": error.code, "type": type(error).__name__, "message": str(error)}
    else:
        answer = {"code": None}
    return {**answer, "unchanged": str(training.everything()) == before}


def with_call(training, step):
    """Calls the annealer for a step that came before."""
    annealer = training.begun()
    training.steps(1)
    annealer.step(1)
    return lambda _: annealer.step(step)


def accumulating(numbers):
    """Counts steps by micro-batches, four to an optimizer step, and calls the annealer for each."""
    training = Training()
    annealer = training.begun()
    for batch in range(1, 201):
        training.backward()
        if batch % 4 == 0:
            training.optimizer.step()
            training.optimizer.zero_grad()
        if numbers(batch) is not None:
            try:
                annealer.step(numbers(batch))
            except AnnealingError as error:
                return {"code": error.code, "at": batch}
    return {"code": None}


def pending():
    """At a squeeze, a backward pass runs between the optimizer's step and the annealer's."""
    training = Training()
    annealer = training.begun()
    for step in range(1, annealer.next_step):
        training.steps(1)
        annealer.step(step)
    training.steps(1)
    training.backward()
    return refusal(training, lambda _: annealer.step(annealer.next_step))


def resumed(rank, step, ends_at=60):
    """Continues a run that was squeezed at steps 50 and 100, or only at step 50."""
    first = Training()
    clock = {"source_rank": 8, "target_rank": 2, "total_steps": 200}
    annealer = first.begun(schedule={**clock, "squeeze_steps": [50, 100]})
    for number in range(1, ends_at + 1):
        first.steps(1)
        annealer.step(number)
    training = Training(rank).steps(1)
    return refusal(training, lambda one: one.begun(run=annealer.run_id, step=step))


def sharded():
    """torch's own FSDP, in a group of one process."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        options = {"device_id": torch.device("cpu"), "sharding_strategy": ShardingStrategy.NO_SHARD}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = FullyShardedDataParallel(torch.nn.Linear(4, 4), **options)
        return refusal(Training(), lambda _: peft_layers(model))
    finally:
        torch.distributed.destroy_process_group()


def of_other_shapes(training):
    for factor in training.factors:
        training.optimizer.state[factor]["exp_avg"] = torch.zeros(3, 3)


fresh, stepped = Training(), Training().steps(1)
of_other_shapes(stepped)
long = Training()
flat = types.SimpleNamespace(lora_A=long.factors[0], lora_B=torch.nn.Parameter(torch.zeros(8)), scaling=1.0)
long.optimizer.add_param_group({"params": [flat.lora_B]})
again = Training()
print(
    json.dumps(
        {
            "at_construction": {
                "source_rank": refusal(Training(4), lambda one: one.begun()),
                "no_layers": refusal(fresh, lambda one: Annealer(service, {}, one.optimizer, schedule=SCHEDULE)),
                "not_held": refusal(fresh, lambda one: one.begun(Toy(8).layers())),
                "layer_shape": refusal(long, lambda one: one.begun({"flat": flat})),
                "other_shapes": refusal(stepped, lambda one: one.begun()),
                "eight_bits": refusal(Training(optimizer_class=AdamW8bit), lambda one: one.begun()),
                "deepspeed_optimizer": refusal(Training(optimizer_class=DeepSpeedZeroOptimizer), lambda one: one.begun()),
                "deepspeed": refusal(fresh, lambda one: peft_layers(DeepSpeedEngine(one.model))),
                "fsdp": sharded(),
                "kohya_layers": refusal(fresh, lambda one: one.begun({"q": LoRAModule()})),
                "kohya_model": refusal(fresh, lambda _: peft_layers(torch.nn.Sequential(LoRAModule()))),
                "lbfgs": refusal(Training(optimizer_class=torch.optim.LBFGS), lambda one: one.begun()),
                "resumed_too_late": resumed(4, 201),
                "resumed_in_the_past": resumed(4, 20),
                "resumed_without_loading": resumed(8, 60),
                "resumed_well": resumed(4, 60),
            },
            "at_calls": {
                "repeated": refusal(again, with_call(again, 1)),
                "pending": pending(),
            },
            "by_micro_batches": accumulating(lambda batch: batch),
            "same_number": accumulating(lambda batch: (batch + 3) // 4),
            "counted_by_micro_batches": accumulating(lambda batch: batch if batch % 4 == 0 else None),
            "right": accumulating(lambda batch: batch // 4 if batch % 4 == 0 else None),
        }
    )
)
