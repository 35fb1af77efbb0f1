"""A service that becomes unavailable during a training, or never was available: python anneal_unavailable.py URL"""

import copy
import json
import sys
import warnings

import torch
from toy_model import Toy, loss, task
from wire import Wire

from lora_squeeze import Client
from lora_squeeze.annealing import Annealer, AnnealingError

# Longer than a squeeze takes on a busy machine.
STEPS, PATIENCE_SECONDS = 60, 5
SCHEDULE = {"source_rank": 8, "target_rank": 2, "total_steps": STEPS, "min_stage_steps": 10}
ADAPTIVE = {**SCHEDULE, "energy": 0.9, "check_every_steps": 5}
URL = sys.argv[1]


class Training:
    def __init__(self, service, rank=8, **options):
        self.model = Toy(rank, alpha=2 * rank)
        self.optimizer = torch.optim.AdamW(self.factors(), lr=0.02)
        self.x, self.y = task(self.model, 1)
        self.done, self.rates, self.squeezes, self.warnings = 0, [], [], []
        if service is not Ellipsis:
            with self.caught():
                self.annealer = self.begun(service, **options)

    def begun(self, service, **options):
        options = options if "adaptive" in options else {"schedule": SCHEDULE, **options}
        return Annealer(service, self.model.layers(), self.optimizer, **options)

    def caught(self):
        training = self

        class Caught(warnings.catch_warnings):
            def __enter__(self):
                self.list = super().__enter__()
                warnings.simplefilter("always")

            def __exit__(self, *error):
                # Clients of earlier trainings were not closed, which Python may notice at any time.
                ours = (one for one in self.list if not issubclass(one.category, ResourceWarning))
                training.warnings += [str(one.message) for one in ours]
                super().__exit__(*error)

        return Caught(record=True)

    def factors(self):
        return [factor for layer in self.model.layers().values() for factor in (layer.lora_A, layer.lora_B)]

    def until(self, end, before=None):
        """before: for some steps, a function that is called just before the annealer sees the step."""
        while self.done < end:
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            self.optimizer.zero_grad()
            loss(self.model, self.x, self.y).backward()
            self.optimizer.step()
            self.done += 1
            if before and self.done in before:
                before[self.done]()
            with self.caught():
                record = self.annealer.step(self.done)
            if record and record["decision"] == "squeeze":
                sizes = [record["step"], record["rank_after"]["max"], record["late_by_steps"]]
                self.squeezes.append({"record": sizes, "step": self.done, "loss": self.loss(), "error": record["relative_error"]})
        return self

    def loss(self):
        with torch.no_grad():
            return float(loss(self.model, self.x, self.y))

    def state(self):
        return copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))

    def result(self):
        return {
            "squeezes": self.squeezes,
            "rates": self.rates,
            "warnings": self.warnings,
            "is_local": self.annealer.is_local,
            "ranks": [layer.lora_A.shape[0] for layer in self.model.layers().values()],
            "loss": self.loss(),
            "moments": [list(self.optimizer.state[factor]["exp_avg"].shape) for factor in self.factors()],
        }


def run_of(training):
    checkpoints = Client(URL).runs.get(training.annealer.run_id)["checkpoints"]
    return [[one["step"], one["superseded"], one["rank_after"]["max"]] for one in checkpoints]


def away_for(policy, mute=False, back_at=STEPS + 1, **options):
    """The service stops just before the second squeeze is due (for "skip", the first)."""
    wire = Wire(URL)
    at = 15 if policy == "skip" else 30

    def go():
        if mute:
            wire.mutes = True
        else:
            wire.cut()

    def come():
        if mute:
            wire.mutes = False
        else:
            wire.mend()

    training = Training(Client(wire.url), on_unavailable=policy, patience_seconds=PATIENCE_SECONDS, **options)
    training.until(STEPS, {at: go, back_at: come})
    return {**training.result(), "run": run_of(training)}


def from_the_start():
    wire = Wire(URL)
    wire.cut()
    options = {"on_unavailable": "local", "patience_seconds": PATIENCE_SECONDS}
    return Training(Client(wire.url), **options).until(STEPS).result()


def raises():
    """Makes the same call again when the service is back."""
    wire = Wire(URL)
    training = Training(Client(wire.url), patience_seconds=PATIENCE_SECONDS).until(14)
    before = {}

    def go():
        before["state"] = training.state()
        wire.cut()

    try:
        training.until(15, {15: go})
    except OSError as error:
        raised = type(error).__name__
    unchanged = str(training.state()) == str(before["state"])
    wire.mend()
    record = training.annealer.step(15)
    return {"raised": raised, "unchanged": unchanged, "rank_after": record["rank_after"]["max"]}


def resumed_locally():
    """Stops a training and creates it again with the rank it had, without a service."""
    first = Training(None).until(40)
    model, optimizer = first.state()
    second = Training(..., rank=2)
    second.model.load_state_dict(model)
    second.optimizer.load_state_dict(optimizer)
    second.x, second.y, second.done = first.x, first.y, 40
    second.annealer = second.begun(None, step=40)
    first.until(STEPS)
    second.until(STEPS)
    return {"rates": second.rates == first.rates[40:], "loss": second.loss() == first.loss()}


def refused(service=None, **options):
    training = Training(...)
    try:
        training.begun(service, **options)
    except AnnealingError as error:
        return error.code
    except Exception as error:
        return getattr(error, "code", repr(error))
    return None


print(
    json.dumps(
        {
            "served": Training(Client(URL)).until(STEPS).result(),
            "without": Training(None).until(STEPS).result(),
            "local": away_for("local"),
            "adaptive": away_for("local", adaptive=ADAPTIVE),
            "adaptive_without": Training(None, adaptive=ADAPTIVE).until(STEPS).result(),
            "adaptive_served": Training(Client(URL), adaptive=ADAPTIVE).until(STEPS).result(),
            "from_the_start": from_the_start(),
            "skip": away_for("skip", back_at=17),
            "skip_unanswered": away_for("skip", mute=True, back_at=17),
            "skip_for_good": away_for("skip"),
            "raises": raises(),
            "resumed_locally": resumed_locally(),
            "refused": {
                "resumed_rank": refused(step=40),
                "after_the_end": refused(step=61),
                "too_short": refused(schedule={**SCHEDULE, "total_steps": 5, "stages": 3}),
                "rising": refused(schedule={**SCHEDULE, "target_rank": 9}),
                "by_module": refused(rank_allocation="by_module"),
                "by_module_later": refused(Client(URL), rank_allocation="by_module", on_unavailable="local"),
                "unknown": refused(colour="red"),
                "policy": refused(on_unavailable="hope"),
                "run_alone": refused(run="run_01a21048a653817a1df878ad19391920", schedule=SCHEDULE),
            },
        }
    )
)
