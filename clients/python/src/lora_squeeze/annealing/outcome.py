"""What became of a checkpoint, wherever it was squeezed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from lora_squeeze.annealing.learning_rate import StageRate
from lora_squeeze.annealing.local_engine import Squeezed
from lora_squeeze.annealing.trained import TrainedLayers

__all__ = ["Outcome", "Run"]


@dataclass(frozen=True)
class Outcome:
    #: A CheckpointRecord as in the service's contract.
    record: dict[str, Any]
    #: What to go on with; None where the rank is kept.
    squeezed: Squeezed | None = None
    #: RANK_FIELDS of PEFT's configuration for it.
    config: dict[str, Any] | None = None


class Run(Protocol):
    """An annealing, kept by the service or in this process."""

    @property
    def run_id(self) -> str | None: ...

    @property
    def schedule(self) -> dict[str, Any] | None:
        """The plan as in the service's contract; None of an adaptive run."""

    @property
    def total_steps(self) -> int: ...

    @property
    def is_local(self) -> bool:
        """Whether it squeezes in this process."""

    def resume(self, step: int, rank: int) -> None:
        """Goes to where the run was after so many steps, with layers of this rank. Raises MismatchError where they differ."""

    def next_step(self, step: int, rank: int) -> int | None:
        """When the next checkpoint is due for layers of this rank that have been trained for so many steps."""

    def stages(self) -> list[StageRate]:
        """The learning rates of the stages that the run had and of those that are left."""

    def checkpoint(self, step: int, trained: TrainedLayers, loss: float | None = None) -> Outcome:
        """Squeezes, where it is time to. Changes nothing of the layers."""

    def in_process(self) -> Run:
        """The rest of the run, squeezed in this process."""
