"""One training of one adapter, which can be stopped, branched and squeezed at any step."""

import copy
from dataclasses import dataclass

import torch
from torch.nn import functional as F

import lora
from digits import Digits
from schedule import learning_rate
from transformer import Transformer, evaluate

TASK = "shuffled"
BATCH_SEED_STRIDE = 1_000_003


@dataclass(frozen=True)
class Budget:
    """Sizes that all methods share."""

    total_steps: int
    batch: int


class Training:
    """A frozen base with LoRA of some rank, Adam, and the step it has reached.

    A batch depends on the seed and the step alone, so that methods of a seed see the same batches.
    """

    def __init__(self, base: Transformer, data: Digits, seed: int, rank: int, peak: float, budget: Budget):
        self.data, self.seed, self.peak, self.budget = data, seed, peak, budget
        self.step = 0
        #: Hints of the service multiply up here, where they are followed.
        self.rate_factor = 1.0
        self.model = copy.deepcopy(base)
        self.layers = lora.adapt(self.model, rank, seed)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=peak, fused=True)

    def parameters(self) -> list[torch.nn.Parameter]:
        return [factor for layer in self.layers.values() for factor in (layer.lora_A, layer.lora_B)]

    def run_to(self, step: int) -> "Training":
        """Trains until `step` optimizer steps are done."""
        while self.step < step:
            random = torch.Generator().manual_seed(self.seed * BATCH_SEED_STRIDE + self.step)
            patches, classes = self.data.train_batch(TASK, self.budget.batch, random)
            rate = learning_rate(self.step, self.budget.total_steps, self.peak) * self.rate_factor
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = F.cross_entropy(self.model(patches), classes)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
        return self

    def branch(self) -> "Training":
        """A copy that goes its own way from here; the data are shared."""
        return copy.deepcopy(self, {id(self.data): self.data})

    def score(self) -> dict[str, float]:
        return evaluate(self.model, self.data, TASK)
