"""A run that exists in the first of several processes and that all of them use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lora_squeeze.annealing.distributed import Processes
from lora_squeeze.annealing.learning_rate import StageRate
from lora_squeeze.annealing.outcome import Outcome, Run
from lora_squeeze.annealing.trained import TrainedLayers

__all__ = ["SharedRun", "shared"]

T = TypeVar("T")


def shared(processes: Processes, begin: Callable[[], Run]) -> Run:
    """The run that begin() creates on the first process, for use by all."""
    return begin() if processes.count == 1 else SharedRun(processes, begin)


class SharedRun:
    """Returns what the first process returns, or raises what it raises, on all processes. All of them must make the
    same calls."""

    def __init__(self, processes: Processes, begin: Callable[[], Run]) -> None:
        self._processes = processes
        #: Set only on the first process.
        self._run: Run | None = None

        def begun() -> tuple[str | None, dict[str, Any] | None, int, bool]:
            run = self._run = begin()
            return run.run_id, run.schedule, run.total_steps, run.is_local

        self.run_id, self.schedule, self.total_steps, self.is_local = processes.first(begun)

    def resume(self, step: int, rank: int) -> None:
        self._ask(lambda run: run.resume(step, rank))

    def next_step(self, step: int, rank: int) -> int | None:
        return self._ask(lambda run: run.next_step(step, rank))

    def stages(self) -> list[StageRate]:
        return self._ask(lambda run: run.stages())

    def checkpoint(self, step: int, trained: TrainedLayers, loss: float | None = None) -> Outcome:
        return self._ask(lambda run: run.checkpoint(step, trained, loss))

    def in_process(self) -> Run:
        return SharedRun(self._processes, lambda: self._here().in_process())

    def _ask(self, question: Callable[[Run], T]) -> T:
        return self._processes.first(lambda: question(self._here()))

    def _here(self) -> Run:
        assert self._run is not None, "only the first process has the run"
        return self._run
