"""The learning rate of the plan, together with a trained head and a trainer's own scheduler:
python anneal_learning_rate.py URL"""

import copy
import json
import sys
import warnings

import torch
from toy_model import Toy, loss, task

from lora_squeeze import Client
from lora_squeeze.annealing import Annealer, AnnealingError, AnnealLR

PEAK, STEPS, STOP = 0.02, 60, 25
SCHEDULE = {"source_rank": 8, "target_rank": 2, "total_steps": STEPS, "min_stage_steps": 10}
service = Client(sys.argv[1], timeout_seconds=60)


def factors_of(model):
    return [factor for layer in model.layers().values() for factor in (layer.lora_A, layer.lora_B)]


class Headed:
    """The toy model with a bias for its outputs, which is trained in the group of the factors and listed between them."""

    def __init__(self, rank=8, optimizer_class=torch.optim.AdamW, **options):
        self.model = Toy(rank, alpha=2 * rank)
        self.head = torch.nn.Parameter(torch.zeros(16))
        first, *others = factors_of(self.model)
        self.optimizer = optimizer_class([first, self.head, *others], lr=PEAK, **options)
        self.x, self.y = task(self.model, 1)
        self.done, self.rates = 0, []

    def optimizer_step(self):
        """Clears gradients before the next backward pass, not after the step, as most loops do."""
        self.rates.append([group["lr"] for group in self.optimizer.param_groups])
        self.optimizer.zero_grad()
        loss(lambda x: self.model(x) + self.head, self.x, self.y).backward()
        self.optimizer.step()
        self.done += 1

    def until(self, end, annealer):
        while self.done < end:
            self.optimizer_step()
            annealer.step(self.done)
        return self

    def state(self):
        return copy.deepcopy((self.model.state_dict(), self.head.detach(), self.optimizer.state_dict(), self.done))

    @staticmethod
    def restored(state, **options):
        model, head, optimizer, done = state
        again = Headed(model["first.lora_A"].shape[0], **options)
        again.model.load_state_dict(model)
        again.head.data.copy_(head)
        again.optimizer.load_state_dict(optimizer)
        again.x, again.y = task(again.model, 1)
        again.done = done
        return again

    def begun(self, **options):
        options = {"step": self.done, **({} if "run" in options else {"schedule": SCHEDULE}), **options}
        return Annealer(service, self.model.layers(), self.optimizer, **options)


def by_plan():
    """One training without interruption, and one that stops during the second stage and continues as a new process would."""
    whole = Headed()
    annealer = whole.begun()
    whole.until(STEPS, annealer)
    early = Headed()
    stopped = early.begun()
    early.until(STOP, stopped)
    later = Headed.restored(early.state())
    resumed = later.begun(run=stopped.run_id)
    # The state can also be loaded after the groups were split.
    later.optimizer.load_state_dict(early.optimizer.state_dict())
    later.until(STEPS, resumed)
    return {
        "stages": service.runs.get(annealer.run_id)["schedule"]["stages"],
        "rates": whole.rates,
        "saved_groups": [len(group["params"]) for group in early.optimizer.state_dict()["param_groups"]],
        "groups": [len(group["params"]) for group in early.optimizer.param_groups],
        "resumed_rates": [*early.rates, *later.rates],
        "same_end": all(torch.equal(one, other) for one, other in zip(factors_of(whole.model), factors_of(later.model)))
        and torch.equal(whole.head, later.head),
        "learned": float(loss(lambda x: whole.model(x) + whole.head, whole.x, whole.y)) / float(loss(Toy(8), whole.x, whole.y)),
    }


def alone():
    """AnnealLR without an annealer, stepped like any scheduler of torch; in the middle, its state is loaded into a new one."""
    plan = service.runs.plan(**SCHEDULE)

    def made():
        model = Toy(8)
        groups = [{"params": factors_of(model)}, {"params": [torch.nn.Parameter(torch.zeros(3))], "lr": 10 * PEAK}]
        optimizer = torch.optim.SGD(groups, lr=PEAK)
        return optimizer, AnnealLR(optimizer, plan, factors_of(model))

    optimizer, scheduler = made()
    rates = []
    for step in range(STEPS):
        if step == STOP:
            state = json.loads(json.dumps(scheduler.state_dict()))
            optimizer, scheduler = made()
            scheduler.load_state_dict(state)
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return {"rates": rates, "last": scheduler.get_last_lr()}


def by_spectrum():
    """For a run whose squeezes are not known in advance."""
    model = Toy(8)
    optimizer = torch.optim.AdamW(factors_of(model), lr=PEAK)
    adaptive = {**SCHEDULE, "energy": 0.6, "check_every_steps": 5}
    annealer = Annealer(service, model.layers(), optimizer, adaptive=adaptive)
    x, y = task(model, 1)
    rates, squeezes = [], []
    for step in range(1, STEPS + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        loss(model, x, y).backward()
        optimizer.step()
        optimizer.zero_grad()
        record = annealer.step(step)
        if record and record["decision"] == "squeeze":
            squeezes.append({"step": step, "rank": record["rank_after"]["max"]})
    return {"rates": rates, "squeezes": squeezes}


def own_scheduler(choice, recipe):
    """The warnings of a training with the trainer's own linear decay and a head in the group."""
    training = Headed()
    scheduler = torch.optim.lr_scheduler.LambdaLR(training.optimizer, lambda step: 1 - step / STEPS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schedule = {**SCHEDULE, "recipe": recipe}
        annealer = training.begun(learning_rate=choice, schedulers=[scheduler], schedule=schedule)
    factor = 1.0
    for step in range(1, STEPS + 1):
        training.optimizer_step()
        scheduler.step()
        record = annealer.step(step)
        if record and record["training"]:
            factor *= record["training"]["learning_rate_factor"]
    return {
        "warnings": [str(one.message) for one in caught],
        "warned_of": [one.filename == __file__ for one in caught],
        "rates": training.rates,
        "hint": factor,
        "base_rates": scheduler.base_lrs,
        "shown": scheduler.get_last_lr(),
        "used": [group["lr"] for group in training.optimizer.param_groups],
    }


def refusal(call):
    try:
        call()
    except AnnealingError as error:
        return error.code
    return None


def mixed_alone():
    training = Headed()
    AnnealLR(training.optimizer, service.runs.plan(**SCHEDULE), factors_of(training.model))


def with_scheduler(**options):
    training = Headed()
    torch.optim.lr_scheduler.LambdaLR(training.optimizer, lambda step: 1.0)
    before = copy.deepcopy(training.optimizer.state_dict())
    code = refusal(lambda: training.begun(**options))
    return {"code": code, "unchanged": str(training.optimizer.state_dict()) == str(before)}


print(
    json.dumps(
        {
            "by_plan": by_plan(),
            "alone": alone(),
            "by_spectrum": by_spectrum(),
            "trainer_equal": own_scheduler("trainer", "equal"),
            "trainer_recommended": own_scheduler("trainer", "recommended"),
            "hint": own_scheduler("hint", "recommended"),
            "overridden": own_scheduler("plan", "recommended"),
            "undecided": with_scheduler(),
            "not_given": with_scheduler(learning_rate="hint"),
            "mixed_alone": refusal(mixed_alone),
            "contradiction": refusal(
                lambda: Headed().begun(schedule={**SCHEDULE, "learning_rate": {"schedule": "linear"}})
            ),
        }
    )
)
