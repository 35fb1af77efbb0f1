"""The learning rate of an annealing: by the plan, by the hint of each squeeze, or the trainer's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lora_squeeze.annealing.errors import MismatchError
from lora_squeeze.annealing.groups import annealed_groups, check_split, split_groups
from lora_squeeze.annealing.learning_rate import AnnealLR, StageRate, has_scheduler
from lora_squeeze.annealing.outcome import Outcome, Run
from lora_squeeze.annealing.scheduler_warning import warn_if_starved
from lora_squeeze.annealing.trained import TrainedLayers

__all__ = ["Rates"]

_CHOICES = ("plan", "hint", "trainer")
#: Keys under which optimizers and schedulers store learning rates in a group.
LEARNING_RATES = ("lr", "initial_lr", "max_lr", "min_lr")


class Rates:
    """choice and schedulers: as Annealer's learning_rate and schedulers; request: a RunRequest, or part of one.

    Raises AnnealingError; changes nothing yet.
    """

    def __init__(
        self, trained: TrainedLayers, choice: str | None, schedulers: Sequence[Any], request: Mapping[str, Any]
    ) -> None:
        if choice is None and (schedulers or has_scheduler(trained.optimizer)):
            raise MismatchError(
                "LEARNING_RATE",
                "the optimizer has a scheduler, and the plan has a learning rate: choose learning_rate='plan' (the scheduler is "
                "overridden), 'hint' (raised at each squeeze) or 'trainer' (left alone)",
            )
        self._choice = choice or "plan"
        if self._choice not in _CHOICES:
            raise MismatchError("LEARNING_RATE", f"learning_rate is {choice!r}: one of {', '.join(_CHOICES)}")
        plan = request.get("schedule") or request.get("adaptive") or {}
        own = (plan.get("learning_rate") or {}).get("schedule", "recommended")
        if self._choice == "plan" and own != "recommended":
            raise MismatchError(
                "LEARNING_RATE",
                f"the request says that the trainer has a {own} schedule of its own: choose learning_rate='hint' or "
                "'trainer', or leave that out",
            )
        if self._choice != "trainer":
            check_split(trained.optimizer, trained.masters(), schedulers)
        self._trained, self._schedulers = trained, schedulers
        self.scheduler: AnnealLR | None = None

    def begin(self, stages: list[StageRate], step: int) -> None:
        """Splits groups if necessary, and sets the rate of the step after `step`."""
        optimizer, factors = self._trained.optimizer, self._trained.masters()
        if self._choice != "trainer":
            split_groups(optimizer, factors, self._schedulers)
        if self._choice == "plan":
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
            self.scheduler = AnnealLR(optimizer, stages, factors, last_epoch=step - 1)
            self._set(step)
            return
        group_at = annealed_groups(optimizer, factors)[0]
        for scheduler in self._schedulers:
            warn_if_starved(scheduler, group_at, stages, self._choice == "hint")

    def follow(self, outcome: Outcome | None, run: Run, step: int) -> None:
        """Call after a step, with the outcome of its checkpoint, if it had one."""
        is_squeezed = outcome is not None and outcome.squeezed is not None
        if self.scheduler is not None:
            if outcome is not None and is_squeezed:
                self.scheduler.stages = run.stages()
            self._set(step)
        elif self._choice == "hint" and outcome is not None and outcome.squeezed is not None:
            self._scale(outcome.squeezed.learning_rate_factor)

    def postpone(self, step: int, until: int) -> None:
        """Postpones the squeeze that is due at `step`: it does not happen before step `until`."""
        if self.scheduler is not None:
            self.scheduler.postpone(step, until)

    def _set(self, step: int) -> None:
        assert self.scheduler is not None
        self.scheduler.set_step(step)
        for overridden in self._schedulers:  # So that what the trainer logs is what is used.
            if hasattr(overridden, "_last_lr"):
                overridden._last_lr = self.scheduler.get_last_lr()

    def _scale(self, factor: float) -> None:
        optimizer = self._trained.optimizer
        for at in annealed_groups(optimizer, self._trained.masters()):
            group = optimizer.param_groups[at]
            for key in LEARNING_RATES:
                if key in group:
                    group[key] = group[key] * factor
            for scheduler in self._schedulers:
                if hasattr(scheduler, "base_lrs"):
                    scheduler.base_lrs[at] *= factor
