"""Trains the toy model while a run anneals it, crashes, and resumes: python anneal_loop.py URL"""

import copy
import json
import sys

import torch
from toy_model import Toy, loss, relative_error, squeezed_at_best, task

from lora_squeeze import Client
from lora_squeeze.annealing import Annealer
from lora_squeeze.sync.runs import Runs

TOTAL_STEPS, RATE = 60, 0.02


class Twice(Runs):
    """Sends every checkpoint twice, as after a broken connection; both responses must be equal."""

    def send_checkpoint(self, *args, **kwargs):
        first, again = super().send_checkpoint(*args, **kwargs), super().send_checkpoint(*args, **kwargs)
        assert first == again, (first, again)
        return first


class Training:
    def __init__(self, rank, seed):
        self.model = Toy(rank)
        factors = [factor for layer in self.model.layers().values() for factor in (layer.lora_A, layer.lora_B)]
        self.optimizer = torch.optim.AdamW(factors, lr=RATE)
        self.x, self.y = task(self.model, seed)
        self.done = 0

    def anneal(self, service, **options):
        self.annealer = Annealer(service, self.model.layers(), self.optimizer, step=self.done, **options)
        return self

    def state(self):
        return copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict(), self.done))

    @staticmethod
    def restored(state, seed):
        model, optimizer, done = state
        training = Training(model["first.lora_A"].shape[0], seed)
        training.model.load_state_dict(model)
        training.optimizer.load_state_dict(optimizer)
        training.done = done
        return training

    def optimizer_step(self):
        self.done += 1
        loss(self.model, self.x, self.y).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def until(self, end, save_at=()):
        """Continues the training. Returns what happened at each checkpoint, and the states before the annealer saw the steps
        of save_at."""
        events, saved = [], {}
        while self.done < end:
            self.optimizer_step()
            if self.done in save_at:
                saved[self.done] = self.state()
            before = copy.deepcopy(self.model)
            record = self.annealer.step(self.done)
            if record:
                self.squeezed = copy.deepcopy(self.model.state_dict())
                events.append(self.event(before, record))
        return events, saved

    def event(self, before, record):
        ranks = {name: layer.lora_A.shape[0] for name, layer in self.model.layers().items()}
        with torch.no_grad():
            models = before, self.model, squeezed_at_best(before, ranks)
            loss_before, loss_after, loss_at_best = (float(loss(model, self.x, self.y)) for model in models)
            actual_error = relative_error(before, self.model)
        held = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        factors = [factor for layer in self.model.layers().values() for factor in (layer.lora_A, layer.lora_B)]
        states = [self.optimizer.state[factor] for factor in factors]
        return {
            "record": record,
            "loss_before": loss_before,
            "loss_after": loss_after,
            "loss_at_best": loss_at_best,
            "actual_error": actual_error,
            "shapes": [list(factor.shape) for factor in factors],
            "moments": [{key: list(value.shape) for key, value in state.items() if value.dim()} for state in states],
            "moment_norms": [float(state["exp_avg_sq"].norm()) for state in states],
            "steps": [float(state["step"]) for state in states],
            "optimizer_holds": [id(one) for one in held] == [id(one) for one in factors],
            "states": len(self.optimizer.state),
            "layers": [[layer.r, layer.lora_alpha, layer.scaling] for layer in self.model.layers().values()],
        }


service = Client(sys.argv[1], timeout_seconds=60)
service.runs = Twice(service)
schedule = {"source_rank": 8, "target_rank": 2, "total_steps": TOTAL_STEPS, "recipe": "equal", "min_stage_steps": 20}
first = Training(8, seed=1).anneal(service, schedule=schedule, base_model="toy", options={"method": "exact"})
run = first.annealer.run_id
started_at = float(loss(first.model, first.x, first.y))
events, saved = first.until(25, save_at=(10, 20))

stepped = copy.deepcopy(first.model)
first.optimizer_step()
moved = [
    bool((old != new).any())
    for (_, old), (_, new) in zip(stepped.named_parameters(), first.model.named_parameters())
]

# A crash after the squeeze, restored from just before it: the same checkpoint is sent again and gets the same response.
between = Training.restored(saved[20], seed=1).anneal(service, run=run)
loaded = {name: bool(torch.equal(value, first.squeezed[name])) for name, value in between.model.state_dict().items()}
between_events, _ = between.until(22)

# A crash, restored from a much earlier state, with the data in another order.
second = Training.restored(saved[10], seed=2).anneal(service, run=run)
resumed_next = second.annealer.next_step
second_events, _ = second.until(TOTAL_STEPS)

print(
    json.dumps(
        {
            "run": service.runs.get(run),
            "started_at": started_at,
            "ended_at": float(loss(second.model, second.x, second.y)),
            "events": events,
            "moved": moved,
            "loaded_again": loaded,
            "events_between": len(between_events),
            "resumed_next": resumed_next,
            "resumed_events": second_events,
            "final_ranks": [layer.lora_A.shape[0] for layer in second.model.layers().values()],
        }
    )
)
