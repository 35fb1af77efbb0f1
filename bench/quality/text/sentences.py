"""Sentences to label, as a case of the experiment: the frozen language model reads its own words where a prompt has a mask."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from curves import warm_up_and_decay
from population import BATCH, PAD, TEST, TRAINING, VALIDATION, Task, base_model

BATCH_SEED_STRIDE = 1_000_003


class Reader(nn.Module):
    """Token ids [batch, length] to logits of the labels [batch, labels]."""

    def __init__(self, task: Task):
        super().__init__()
        self.language_model, self.mask = copy.deepcopy(task.base), task.mask
        self.head, self.bias = task.head, task.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        length = max(int((inputs != PAD).sum(-1).max()), self.mask + 1)
        states = self.language_model(inputs[:, :length], slice(self.mask, self.mask + 1))
        return F.linear(states[:, 0], self.head, self.bias)


class Sentences:
    """One seed's split of a task, and its batches. Rates are chosen by the sentences for validation; those for the test are
    read on the seeds that are compared."""

    WARM_UP_STEPS = 30

    def __init__(self, seed: int, plan: dict):
        self.seed, self.task, self.total_steps = seed, Task(plan["task"], base_model()), plan["total_steps"]
        self.parts = self.task.split(seed)

    def model(self) -> nn.Module:
        return Reader(self.task)

    def curve(self, step: int) -> float:
        """What the peak learning rate is multiplied by where nobody plans it: linear to zero over the second half."""
        return warm_up_and_decay(step, self.total_steps, self.WARM_UP_STEPS, decay_share=0.5)

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(self.seed * BATCH_SEED_STRIDE + step)
        training = self.parts[TRAINING]
        chosen = training[torch.randint(len(training), (BATCH,), generator=generator)]
        return self.task.inputs[chosen], self.task.labels[chosen]

    @torch.no_grad()
    def evaluate(self, model: nn.Module, is_test: bool) -> dict[str, float]:
        """Accuracy in percent and mean cross-entropy."""
        part = self.parts[TEST if is_test else VALIDATION]
        logits = torch.cat([model(self.task.inputs[some]) for some in part.split(200)])
        labels = self.task.labels[part]
        correct = (logits.argmax(1) == labels).double().mean().item()
        return {"accuracy": 100 * correct, "loss": F.cross_entropy(logits, labels).item()}

    def base_scores(self) -> dict[str, float]:
        """Of the language model before any adapter."""
        return {"on the task": self.evaluate(self.model(), True)["accuracy"]}
