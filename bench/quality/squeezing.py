"""The methods, each from a seed's base model to a score. The service does all squeezing."""

import json
import os
import sys
import tempfile
from collections.abc import Callable

from safetensors.torch import load_file, save_file

from training import Case, Training

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "clients", "python", "src"))
from lora_squeeze import CONFIG, WEIGHTS, Client  # noqa: E402
from lora_squeeze.annealing import Annealer  # noqa: E402
from lora_squeeze.annealing.layers import config_of  # noqa: E402
from lora_squeeze.annealing.learning_rate import stages_of  # noqa: E402

BASE_MODEL = "experiment"


class Methods:
    """All methods on one seed of a case. plan: sizes in steps and ranks, see results.ts."""

    def __init__(self, service: Client, case: Case, plan: dict):
        self.service, self.case, self.plan = service, case, plan
        self.total_steps = plan["total_steps"]
        self._sources: dict[float, Training] = {}
        self._constant: dict[float, dict[int, Training]] = {}

    def train(self, cell: dict) -> tuple[Training, dict[str, float]]:
        """The trained adapter of a cell, and further facts about it."""
        rank, peak = cell["rank"], cell["peak"]
        train: Callable[[], tuple[Training, dict[str, float]]] = {
            "direct": lambda: (self._direct(rank, peak), {}),
            "source": lambda: (self._source(peak), {}),
            "post": lambda: self._post(peak, {"rank": rank}),
            "post_by_module": lambda: self._post(peak, {"budget_parameters": self._parameters(rank)}),
            "cont": lambda: self._anneal(rank, peak, mode="cont"),
            "cont_by_module": lambda: self._anneal(rank, peak, mode="cont", by_module=True),
            "in": lambda: self._anneal(rank, peak),
            "in_by_module": lambda: self._anneal(rank, peak, by_module=True),
            "in_equal": lambda: self._anneal(rank, peak, recipe="equal"),
            "in_tuned": lambda: self._anneal(rank, peak, power=cell["power"]),
        }[cell["method"]]
        return train()

    def _direct(self, rank: int, peak: float) -> Training:
        """Trained at one rank throughout."""
        return Training(self.case, rank, peak).run_to(self.total_steps, self.case.curve)

    def _source(self, peak: float) -> Training:
        """Trained at the source rank throughout."""
        if peak not in self._sources:
            self._sources[peak] = self._direct(self.plan["source_rank"], peak)
        return self._sources[peak]

    def _parameters(self, rank: int) -> int:
        layers = Training(self.case, 1, 0.0).layers.values()
        return rank * sum(layer.lora_A.numel() + layer.lora_B.numel() for layer in layers)

    def _post(self, peak: float, target: dict) -> tuple[Training, dict[str, float]]:
        """The source, squeezed once at its end."""
        training = self._source(peak).branch()
        with tempfile.TemporaryDirectory() as folder:
            before, after = os.path.join(folder, "before"), os.path.join(folder, "after")
            write_adapter(training, before)
            result = self.service.squeeze(before, scale="keep", out=after, **target)
            read_adapter(training, after)
        facts = {"energy": result["energy_retained"], "module_energy": result["module_energy_retained"]}
        return training, facts

    def _anneal(
        self,
        rank: int,
        peak: float,
        mode: str = "in",
        recipe: str = "recommended",
        by_module: bool = False,
        power: float | None = None,
    ) -> tuple[Training, dict[str, float]]:
        """In-Squeeze or Cont-Squeeze by a plan of the service. recipe "equal": stages of equal length and the curve of a
        training that knows of no squeezes. power: the learning rate of a stage is the source's times (R/r)^power in place
        of what the plan says."""
        schedule = {
            "source_rank": self.plan["source_rank"],
            "target_rank": rank,
            "total_steps": self.total_steps,
            "mode": mode,
            "recipe": recipe,
            "min_stage_steps": self.plan["min_stage_steps"],
            "learning_rate": {"warm_up_steps": self.case.WARM_UP_STEPS},
        }
        stages = stages_of(self.service.runs.plan(**schedule))
        is_equal = recipe == "equal"
        before = stages[0].end_step - 1
        training = (
            Training(self.case, self.plan["source_rank"], peak).run_to(before, self.case.curve)
            if is_equal
            else self._begun(peak, before)
        )
        training.set_rate(peak)
        annealer = Annealer(
            self.service,
            training.layers,
            training.optimizer,
            schedule=schedule,
            base_model=BASE_MODEL,
            step=before,
            learning_rate="plan" if power is None and not is_equal else "trainer",
            **({"rank_allocation": "by_module"} if by_module else {}),
        )

        def own_curve(step: int) -> float:
            if is_equal:
                return self.case.curve(step)
            at = next(i for i, stage in enumerate(stages) if step < stage.end_step)
            return stages[at].factor ** (3 * power) * stages[at].curve(step)

        curve = own_curve if annealer.scheduler is None else None
        while training.step < self.total_steps:
            training.run_to(training.step + 1, curve)
            annealer.step(training.step)
        reached = sum(parameter.numel() for parameter in training.parameters())
        if reached > self._parameters(rank) or annealer.next_step is not None:
            raise RuntimeError(f"the run of {schedule} ended with {reached} parameters")
        return training, {}

    def _begun(self, peak: float, step: int) -> Training:
        """The beginning that all plans share: the source rank with a constant learning rate after the warm-up."""
        reached = self._constant.setdefault(peak, {})
        earlier = max((done for done in reached if done <= step), default=None)
        training = Training(self.case, self.plan["source_rank"], peak) if earlier is None else reached[earlier].branch()
        reached[step] = training.run_to(step, lambda done: min(1.0, (done + 1) / self.case.WARM_UP_STEPS))
        return reached[step].branch()


def write_adapter(training: Training, folder: str) -> None:
    """The LoRA layers as a PEFT adapter."""
    os.makedirs(folder)
    save_file(
        {
            f"base_model.model.{path}.{factor}.weight": getattr(layer, factor).detach().contiguous()
            for path, layer in training.layers.items()
            for factor in ("lora_A", "lora_B")
        },
        os.path.join(folder, WEIGHTS),
    )
    with open(os.path.join(folder, CONFIG), "w", encoding="utf-8") as file:
        json.dump(config_of(training.layers, BASE_MODEL), file)


def read_adapter(training: Training, folder: str) -> None:
    """Puts a PEFT adapter into the LoRA layers; for evaluation, not for training on."""
    tensors = load_file(os.path.join(folder, WEIGHTS))
    with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
        config = json.load(file)
    patterns = config.get("rank_pattern") or {}, config.get("alpha_pattern") or {}
    scalings = {config["lora_alpha"] / config["r"]} if not any(patterns) else set()
    for path, layer in training.layers.items():
        if scalings and layer.scaling not in scalings:
            raise RuntimeError(f"{path}: scaling {scalings}, not {layer.scaling}")
        for factor in ("lora_A", "lora_B"):
            getattr(layer, factor).data = tensors[f"base_model.model.{path}.{factor}.weight"]
