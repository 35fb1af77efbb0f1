"""The outcome of a checkpoint, wherever it was squeezed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from lora_squeeze.annealing.learning_rate import StageRate
from lora_squeeze.annealing.local_engine import SqueezeResult
from lora_squeeze.annealing.trained import TrainedLayers

__all__ = ["Outcome", "Run"]


@dataclass(frozen=True)
class Outcome:
    #: A CheckpointRecord as in the service's contract.
    record: dict[str, Any]
    #: The factors with which to continue; None if the rank was kept.
    squeezed: SqueezeResult | None = None
    #: RANK_FIELDS of PEFT's configuration for these factors.
    config: dict[str, Any] | None = None


class Run(Protocol):
    """An annealing run, kept by the service or in this process."""

    @property
    def run_id(self) -> str | None: ...

    @property
    def schedule(self) -> dict[str, Any] | None:
        """The plan, as in the service's contract; None for an adaptive run."""

    @property
    def total_steps(self) -> int: ...

    @property
    def is_local(self) -> bool:
        """Whether the run squeezes in this process."""

    def resume(self, step: int, rank: int) -> None:
        """Restores the state that the run had after so many steps, with layers of this rank. Raises MismatchError if
        they do not match."""

    def next_step(self, step: int, rank: int) -> int | None:
        """The step of the next checkpoint for layers of this rank that have been trained for so many steps."""

    def stages(self) -> list[StageRate]:
        """The learning rates of all stages: those that the run has been through and those that remain."""

    def checkpoint(self, step: int, trained: TrainedLayers, loss: float | None = None) -> Outcome:
        """Squeezes if it is time to. Does not change the layers."""

    def in_process(self) -> Run:
        """The rest of the run, with squeezes in this process."""
