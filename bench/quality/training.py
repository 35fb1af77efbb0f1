"""One training of one adapter, which can be stopped, branched and squeezed at any step."""

import copy
from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn
from torch.nn import functional as F

import lora


class Case(Protocol):
    """The task: one seed's base model, data and batches. A batch depends only on the seed and the step, so that the
    methods of a seed see the same batches."""

    seed: int
    total_steps: int

    def model(self) -> nn.Module:
        """A copy of the base model, frozen."""

    def curve(self, step: int) -> float:
        """The factor of the peak learning rate for the step after `step`, if no plan defines it."""

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and labels."""

    def evaluate(self, model: nn.Module, is_test: bool) -> dict[str, float]:
        """Accuracy in percent and mean cross-entropy; on the test data, or on the data for choosing a learning rate."""

    def base_scores(self) -> dict[str, float]:
        """Accuracies before any adapter."""


class Training:
    """A frozen base with LoRA of some rank, Adam, and the step it has reached."""

    def __init__(self, case: Case, rank: int, peak: float):
        self.case, self.peak = case, peak
        self.step = 0
        #: Σ of the trained parameters over the steps: what the training has cost.
        self.trained_parameters = 0
        self.model = case.model()
        self.layers = lora.adapt(self.model, rank, case.seed)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=peak, fused=True)

    def parameters(self) -> list[torch.nn.Parameter]:
        return [factor for layer in self.layers.values() for factor in (layer.lora_A, layer.lora_B)]

    def run_to(self, step: int, curve: Callable[[int], float] | None = None) -> "Training":
        """Trains until `step` optimizer steps are done. curve: what the peak is multiplied by; None leaves the optimizer's
        learning rate as it is."""
        while self.step < step:
            if curve is not None:
                self.set_rate(self.peak * curve(self.step))
            inputs, labels = self.case.batch(self.step)
            loss = F.cross_entropy(self.model(inputs), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.step += 1
            self.trained_parameters += sum(parameter.numel() for parameter in self.parameters())
        return self

    def set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def branch(self) -> "Training":
        """An independent copy from here on; the data are shared."""
        return copy.deepcopy(self, {id(self.case): self.case})

    def score(self, is_test: bool) -> dict[str, float]:
        return {**self.case.evaluate(self.model, is_test), "trained_parameters": self.trained_parameters}
