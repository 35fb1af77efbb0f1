"""The four methods, each from a seed's base model to a score. Whatever is squeezed, the service squeezes."""

import json
import os
import sys
import tempfile

from safetensors.torch import load_file, save_file

from digits import Digits
from training import Budget, Training
from transformer import Transformer

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "clients", "python", "src"))
from lora_squeeze.annealing import Annealer  # noqa: E402
from lora_squeeze.annealing.layers import config_of  # noqa: E402
from lora_squeeze import CONFIG, WEIGHTS, LoraSqueeze  # noqa: E402

BASE_MODEL = "digits-transformer"

#: What each variant of In-Squeeze says differently to the service, and whether it follows the learning-rate hint.
VARIANTS = {
    "default": ({"alpha": "keep", "optimizer_state": "carry"}, False),
    "reset": ({"alpha": "keep", "optimizer_state": "reset"}, False),
    "sqrt": ({"alpha": "sqrt", "optimizer_state": "carry"}, False),
    "hint": ({"alpha": "keep", "optimizer_state": "carry"}, True),
    "sqrt_hint": ({"alpha": "sqrt", "optimizer_state": "carry"}, True),
}


class Methods:
    """All methods on one base model. plan: sizes in steps and ranks, see results.ts."""

    def __init__(self, service: LoraSqueeze, base: Transformer, data: Digits, seed: int, plan: dict):
        self.service, self.base, self.data, self.seed, self.plan = service, base, data, seed, plan
        self.total_steps = plan["total_steps"]
        self._sources = {}

    def direct(self, rank: int, peak: float) -> Training:
        """Trained at the target rank throughout."""
        return self._begin(rank, peak).run_to(self.total_steps)

    def source(self, peak: float) -> Training:
        """Trained at the source rank throughout."""
        return self._source(peak)[1]

    def post(self, rank: int, peak: float) -> Training:
        """The source, squeezed once at its end."""
        training = self.source(peak).branch()
        with tempfile.TemporaryDirectory() as folder:
            before, after = os.path.join(folder, "before"), os.path.join(folder, "after")
            write_adapter(training, before)
            self.service.squeeze(before, rank=rank, scale="keep", out=after)
            read_adapter(training, after)
        return training

    def cont(self, rank: int, peak: float) -> Training:
        """The source, squeezed once before its end, then the rest of the same budget at the target rank."""
        training = self._source(peak)[0].branch()
        # Two stages have as many steps each unless the first is held to all that come before the squeeze.
        schedule = {
            "shape": "custom",
            "ranks": [self.plan["source_rank"], rank],
            "warm_up_steps": self.total_steps - self.plan["cont_steps"],
        }
        return self._anneal(training, rank, schedule)

    def in_squeeze(self, rank: int, peak: float, variant: str = "default") -> Training:
        """From the source rank to the target rank, halving in stages of equal length."""
        return self._anneal(self._begin(self.plan["source_rank"], peak), rank, {"shape": "geometric"}, variant)

    def _begin(self, rank: int, peak: float) -> Training:
        budget = Budget(self.total_steps, self.plan["batch"])
        return Training(self.base, self.data, self.seed, rank, peak, budget)

    def _source(self, peak: float) -> tuple[Training, Training]:
        """At the step where Cont-Squeeze squeezes, and at the end: one training for Post and Cont of all ranks."""
        if peak not in self._sources:
            early = self._begin(self.plan["source_rank"], peak).run_to(self.total_steps - self.plan["cont_steps"])
            self._sources[peak] = early, early.branch().run_to(self.total_steps)
        return self._sources[peak]

    def _anneal(self, training: Training, rank: int, shape: dict, variant: str = "default") -> Training:
        request, follows_hint = VARIANTS[variant]
        schedule = {
            "source_rank": self.plan["source_rank"],
            "target_rank": rank,
            "total_steps": self.total_steps,
            "recipe": "equal",
            "min_stage_steps": self.plan["min_stage_steps"],
            **shape,
        }
        annealer = Annealer(
            self.service,
            training.layers,
            training.optimizer,
            schedule=schedule,
            base_model=BASE_MODEL,
            step=training.step,
            learning_rate="trainer",
            **request,
        )
        while annealer.next_step is not None:
            training.run_to(annealer.next_step)
            record = annealer.step(training.step)
            if follows_hint:
                training.rate_factor *= record["training"]["learning_rate_factor"]
        reached = {layer.lora_A.shape[0] for layer in training.layers.values()}
        if reached != {rank}:
            raise RuntimeError(f"the run of {schedule} ended at ranks {sorted(reached)}")
        return training.run_to(self.total_steps)


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
    """Puts a PEFT adapter whose scale has not changed into the LoRA layers; for evaluation, not for training on."""
    tensors = load_file(os.path.join(folder, WEIGHTS))
    with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
        config = json.load(file)
    for path, layer in training.layers.items():
        if config["lora_alpha"] / config["r"] != layer.scaling:
            raise RuntimeError(f"{path}: scale {config['lora_alpha']}/{config['r']}, not {layer.scaling}")
        for factor in ("lora_A", "lora_B"):
            getattr(layer, factor).data = tensors[f"base_model.model.{path}.{factor}.weight"]
