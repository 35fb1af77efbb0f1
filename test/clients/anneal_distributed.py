"""Two processes train the toy model with DDP while a run anneals it, and one process does the same alone. An error in one
process must be raised in both: python anneal_distributed.py URL"""

import json
import os
import sys
import tempfile
import traceback
import warnings
import weakref
from datetime import timedelta

import torch
from toy_model import OUTPUTS, Toy, loss, task
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from lora_squeeze import Client, SqueezeError
from lora_squeeze.annealing import Annealer
from lora_squeeze.annealing.distributed import Processes, wrapper_of
from lora_squeeze.annealing.errors import AnnealingError

PROCESSES, STEPS, RATE = 2, 60, 0.02
SCHEDULE = {"source_rank": 8, "target_rank": 2, "total_steps": STEPS, "recipe": "equal", "min_stage_steps": 10}
#: No server listens on this port.
AWAY = "http://127.0.0.1:9"


class WithHead(Toy):
    """Adds a parameter that squeezes do not change: the hooks of an old wrapper would stay on it."""

    def __init__(self, rank):
        super().__init__(rank)
        self.head = torch.nn.Parameter(torch.zeros(OUTPUTS))
        self.frozen = torch.nn.Parameter(torch.ones(OUTPUTS), requires_grad=False)

    def forward(self, x):
        return super().forward(x) * self.frozen + self.head


class Training:
    def __init__(self, processes, index, **options):
        self.model = WithHead(8)
        self.ddp = DistributedDataParallel(self.model, bucket_cap_mb=1, gradient_as_bucket_view=True) if processes > 1 else None
        self.optimizer = torch.optim.AdamW(self.trained(), lr=RATE)
        x, y = task(self.model, seed=3)
        self.x, self.y = x[index::processes], y[index::processes]
        self.done = 0
        self.annealer = self.annealed(**options)

    def trained(self):
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def annealed(self, service, **options):
        return Annealer(service, self.model.layers(), self.optimizer, step=self.done, ddp=self.ddp, **options)

    def optimizer_step(self):
        self.done += 1
        loss(self.ddp or self.model, self.x, self.y).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def until(self, end):
        squeezed = []
        while self.done < end:
            self.optimizer_step()
            reducer = self.ddp and weakref.ref(self.ddp.reducer)
            record = self.annealer.step(self.done)
            if record:
                is_released = reducer is None or reducer() is None
                squeezed.append([record["step"], record["decision"], record["rank_after"]["max"], is_released])
        return squeezed

    def state(self):
        """The state from which training continues: parameters, moments, step counts and learning rates."""
        states = [self.optimizer.state[parameter] for parameter in self.trained()]
        return {
            "parameters": torch.cat([parameter.detach().flatten() for parameter in self.trained()]),
            **{key: torch.cat([state[key].flatten() for state in states]) for key in ("exp_avg", "exp_avg_sq")},
            "steps": torch.stack([state["step"] for state in states]),
            "rates": torch.tensor([group["lr"] for group in self.optimizer.param_groups]),
        }


def train(service, processes, index, hook=None, **options):
    training = Training(processes, index, service=service, schedule=SCHEDULE, **options)
    if hook is not None:
        training.ddp.register_comm_hook(None, hook)
    squeezed = training.until(STEPS)
    # The wrapper is created again each time, so an old one must leave nothing on the model.
    assert processes == 1 or wrapper_of(training.model) is training.ddp
    assert not hasattr(training.model, "_ddp_params_and_buffers_to_ignore")
    return {
        "squeezes": squeezed,
        "local": training.annealer.is_local,
        "run": training.annealer.run_id,
        "scalings": [layer.scaling for layer in training.model.layers().values()],
    }, training.state()


def same(state, other):
    """Whether both are equal in every bit; NaN equals NaN."""
    return all(torch.equal(values.nan_to_num(), other[name].nan_to_num()) for name, values in state.items())


def distance(state, other):
    """The relative difference of each part."""
    return {
        name: float((values - other[name]).norm() / other[name].norm().clamp_min(1e-30)) for name, values in state.items()
    }


def raised(call):
    """The text of the error that a call raises."""
    try:
        call()
    except (AnnealingError, SqueezeError) as error:
        return f"{type(error).__name__} {error.code}"
    except Exception as error:
        return type(error).__name__
    return None


def failures(url, index):
    """The errors raised in this process. All processes make the same calls; where possible, only `index` fails."""
    service = Client(url, timeout_seconds=60)
    found = {}

    def refused(name, end, service=service, change=lambda training: None, step=lambda done: done, **options):
        training = Training(PROCESSES, index, service=service, schedule=SCHEDULE, **options)
        training.until(end - 1)
        training.optimizer_step()
        change(training)
        before = training.state()
        error = raised(lambda: training.annealer.step(step(training.done)))
        found[name] = [error, same(before, training.state())]

    def spoil(training):
        training.model.first.lora_A.data[0, 0] = float("nan")

    def pending(training):
        if index == 1:
            training.model.first.lora_A.grad = torch.ones_like(training.model.first.lora_A)

    refused("not_finite", 20, change=spoil)
    refused("not_finite_local", 20, service=None, change=spoil)
    refused("pending", 20, change=pending)
    refused("other_step", 20, step=lambda done: done + index)
    gone = Client(AWAY, timeout_seconds=0.1)
    found["away"] = raised(lambda: Training(PROCESSES, index, service=gone, schedule=SCHEDULE))
    found["unknown_run"] = raised(lambda: Training(PROCESSES, index, service=service, run="run_unknown"))
    wrong = {**SCHEDULE, "source_rank": 16}
    found["wrong_rank"] = raised(lambda: Training(PROCESSES, index, service=service, schedule=wrong))
    model = WithHead(8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    found["no_wrapper"] = raised(lambda: Annealer(service, model.layers(), optimizer, schedule=SCHEDULE))

    def hold_no_pickle():
        raise RuntimeError(lambda: None)

    processes = Processes()
    found["no_pickle"] = raised(lambda: processes.first(hold_no_pickle))
    found["second"] = raised(lambda: processes.each(lambda: [][index - 1 : index][0] if index == 1 else None))
    tensors = processes.first(lambda: {"a": [torch.arange(3, dtype=torch.bfloat16), torch.zeros(0, 2)], "b": torch.tensor(7)})
    found["sent"] = [tensors["a"][0].tolist(), list(tensors["a"][1].shape), tensors["b"].item()]
    return found


def main(url, folder, index):
    warnings.simplefilter("ignore")
    store = f"file://{os.path.join(folder, 'processes')}"
    distributed.init_process_group(
        "gloo", init_method=store, rank=index, world_size=PROCESSES, timeout=timedelta(minutes=5)
    )
    results, states = {}, {}
    hooked = []

    def averaged(state, bucket):
        hooked.append(bucket.index())
        work = distributed.all_reduce(bucket.buffer().div_(PROCESSES), async_op=True)
        return work.get_future().then(lambda done: done.value()[0])

    cases = {
        "service": (Client(url, timeout_seconds=60), {}),
        "local": (None, {"alpha": "sqrt"}),
        "falls_back": (Client(AWAY), {"on_unavailable": "local", "patience_seconds": 0.1, "hook": averaged}),
    }
    for name, (service, options) in cases.items():
        results[name], states[name] = train(service, PROCESSES, index, **options)
    results["hooked"] = len(hooked)
    results["failures"] = failures(url, index)
    torch.save((results, states), os.path.join(folder, f"{index}.pt"))
    distributed.destroy_process_group()


def alone(url):
    states = {}
    for name, service, options in (
        ("service", Client(url, timeout_seconds=60), {}),
        ("local", None, {"alpha": "sqrt"}),
    ):
        _, states[name] = train(service, 1, 0, **options)
    return states


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for index in range(PROCESSES):
            child = os.fork()
            if child == 0:
                try:
                    main(sys.argv[1], folder, index)
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            children.append(child)
        for child in children:
            _, status = os.waitpid(child, 0)
            if status != 0:
                sys.exit(f"a process ended with {os.waitstatus_to_exitcode(status)}")
        both = [torch.load(os.path.join(folder, f"{index}.pt"), weights_only=False) for index in range(PROCESSES)]
    by_one = alone(sys.argv[1])
    (first, states), (second, others) = both
    print(
        json.dumps(
            {
                "first": first,
                "second": second,
                "equal": {name: same(state, others[name]) for name, state in states.items()},
                "to_one": {name: distance(states[name], one) for name, one in by_one.items()},
            }
        )
    )
