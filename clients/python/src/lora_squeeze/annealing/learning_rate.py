"""A torch scheduler that follows the learning rate of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from lora_squeeze.annealing.errors import MismatchError

__all__ = ["AnnealLR", "StageRate", "stages_of"]


@dataclass(frozen=True)
class StageRate:
    """The learning rate of a stage, relative to the peak that is right for the source rank. Steps are counts of
    completed steps."""

    begin_step: int
    end_step: int
    factor: float = 1.0
    #: Steps from the beginning of the stage during which the rate rises.
    warm_up_steps: int = 0
    #: Steps before the end of the stage during which the rate falls to zero.
    decay_steps: int = 0

    def curve(self, step: int) -> float:
        """The multiplier for the rate of the step after `step`, without the stage's factor."""
        return self.rise(step) * self.fall(step)

    def rise(self, step: int) -> float:
        return min(1.0, (step - self.begin_step + 1) / self.warm_up_steps) if self.warm_up_steps else 1.0

    def fall(self, step: int) -> float:
        return min(1.0, max(0.0, (self.end_step - step) / self.decay_steps)) if self.decay_steps else 1.0


def stages_of(schedule: Mapping[str, Any]) -> list[StageRate]:
    """The stages of a Schedule, as POST /v1/schedules and runs return it."""
    return [
        stage_of({"begin_step": stage["begin_step"], "end_step": stage["end_step"], **stage["learning_rate"]})
        for stage in schedule["stages"]
    ]


def stage_of(learning_rate: Mapping[str, Any]) -> StageRate:
    """The stage of a run's or a checkpoint's `learning_rate`."""
    return StageRate(
        learning_rate["begin_step"],
        learning_rate["end_step"],
        learning_rate["factor"],
        learning_rate["warm_up_steps"],
        learning_rate["decay_steps"],
    )


class AnnealLR(LRScheduler):
    """Follows a plan: in each stage its factor, a short warm-up after each squeeze, a decay over the last stage only.

    The rate of the step after `s` is, in the groups that hold LoRA factors,
        peak · factor · min(1, (s − begin_step + 1) / warm_up_steps) · min(1, (end_step − s) / decay_steps)
    of the stage that s is in, a term whose steps are 0 being 1. Other groups, such as a trained head, have no factor:
    they warm up at the beginning and decay over the last stage. The peak of a group is its learning rate when the
    scheduler is made (`initial_lr` where a scheduler was there before).

    plan: a Schedule (run["schedule"], or service.runs.plan(…)), or stages. `stages` may be replaced where squeezes come at
        other steps.
    factors: the LoRA factors. A group holds only factors, or none; Annealer splits groups that hold both.
    last_epoch: steps done, minus 1, as for any scheduler of torch. Call step() once after each optimizer.step(). An
        Annealer makes its own and steps it.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        plan: Mapping[str, Any] | Sequence[StageRate],
        factors: Iterable[torch.nn.Parameter],
        last_epoch: int = -1,
    ) -> None:
        self.stages = stages_of(plan) if isinstance(plan, Mapping) else list(plan)
        ours = {id(factor) for factor in factors}
        self._is_annealed = [_holds_only(ours, at, group) for at, group in enumerate(optimizer.param_groups)]
        was_scheduled = hasattr(optimizer.step, "_wrapped_by_lr_sched")
        super().__init__(optimizer, last_epoch)
        if not was_scheduled:
            optimizer.step._wrapped_by_anneal_lr = True  # type: ignore[attr-defined]

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        stage = self._stage_at(step)
        annealed = stage.factor * stage.curve(step)
        others = self.stages[0].rise(step) * stage.fall(step)
        pairs = zip(self.base_lrs, self._is_annealed)
        return [float(base * (annealed if is_annealed else others)) for base, is_annealed in pairs]

    def set_step(self, step: int) -> None:
        """The rates of the step after `step`, as if step() had been called that many times."""
        self.last_epoch, self._step_count = step, step + 1
        for group, rate in zip(self.optimizer.param_groups, self.get_lr()):
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]

    def postpone(self, step: int, until: int) -> None:
        """Postpones the squeeze that is due at `step`: it does not happen before step `until`, and the current stage
        continues until then."""
        current = self._stage_at(step - 1)
        later = [one for one in self.stages if one.end_step > until and one.begin_step > current.begin_step]
        moved = [replace(one, begin_step=max(one.begin_step, until)) for one in later]
        shortened = [replace(one, decay_steps=min(one.decay_steps, one.end_step - one.begin_step)) for one in moved]
        before = [one for one in self.stages if one.begin_step < current.begin_step]
        self.stages = [*before, replace(current, end_step=max(until, current.end_step)), *shortened]

    def state_dict(self) -> dict[str, Any]:
        return {
            "last_epoch": self.last_epoch,
            "base_lrs": [float(rate) for rate in self.base_lrs],
            "is_annealed": list(self._is_annealed),
            "stages": [asdict(stage) for stage in self.stages],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Raises MismatchError if the state belongs to other parameter groups."""
        if list(state_dict["is_annealed"]) != self._is_annealed:
            raise MismatchError(
                "PARAMETER_GROUPS",
                f"the state has LoRA factors in groups {state_dict['is_annealed']}, the optimizer in {self._is_annealed}: "
                "build the optimizer as it was built then",
            )
        self.base_lrs = list(state_dict["base_lrs"])
        self.stages = [StageRate(**stage) for stage in state_dict["stages"]]
        self.set_step(state_dict["last_epoch"])

    def _stage_at(self, step: int) -> StageRate:
        return next((stage for stage in reversed(self.stages) if stage.begin_step <= step), self.stages[0])


def has_scheduler(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a scheduler other than AnnealLR was created for an optimizer."""
    is_scheduled = hasattr(optimizer.step, "_wrapped_by_lr_sched") or hasattr(optimizer.step, "_with_counter")
    return is_scheduled and not hasattr(optimizer.step, "_wrapped_by_anneal_lr")


def _holds_only(ours: set[int], at: int, group: Mapping[str, Any]) -> bool:
    found = [id(parameter) in ours for parameter in group["params"]]
    if any(found) and not all(found):
        raise MismatchError(
            "PARAMETER_GROUPS", f"group {at} of the optimizer holds LoRA factors and others: give the factors a group of their own"
        )
    return any(found)
