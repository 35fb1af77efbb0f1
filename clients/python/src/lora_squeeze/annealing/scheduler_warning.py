"""How much of the training a trainer's own learning rate schedule leaves to the last stage."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from lora_squeeze.annealing.learning_rate import StageRate
from lora_squeeze.annealing.warn import warn

__all__ = ["warn_if_starved"]

#: If the last stage gets less than this share of Σ(learning rate × steps), the rank that is served has hardly been
#: trained.
STARVED_SHARE = 0.15
#: Enough steps to estimate a share; longer schedules are sampled.
MAX_STEPS_CHECKED = 10_000


def warn_if_starved(scheduler: Any, group: int, stages: Sequence[StageRate], follows_hint: bool) -> None:
    """Warns where the last stage gets too little of Σ(learning rate × steps) by a scheduler of torch.

    group: a parameter group with LoRA factors. follows_hint: whether the rate is raised at each squeeze besides, for
    which the plan's factors stand. Schedulers whose rates depend on what happens are passed over.
    """
    rate = _rate_of(scheduler, group)
    if rate is None or len(stages) < 2:
        return
    total = stages[-1].end_step
    stride = max(1, total // MAX_STEPS_CHECKED)
    sums = [
        sum(rate(step) for step in range(stage.begin_step, stage.end_step, stride)) * (stage.factor if follows_hint else 1)
        for stage in stages
    ]
    whole = sum(sums)
    if whole > 0 and sums[-1] < STARVED_SHARE * whole:
        steps = stages[-1].end_step - stages[-1].begin_step
        warn(
            f"the last stage has {steps} of {total} steps but {100 * sums[-1] / whole:.1f} % of Σ(learning rate × steps) by "
            f"{type(scheduler).__name__}, so the rank that is served is hardly trained: leave the learning rate to the plan "
            "(learning_rate='plan'), or give the last stage more steps"
        )


def _rate_of(scheduler: Any, group: int) -> Callable[[int], float] | None:
    """A group's learning rate after a number of steps, up to a constant factor."""
    if hasattr(scheduler, "lr_lambdas") and not hasattr(scheduler, "_get_closed_form_lr"):
        if type(scheduler).__name__ != "LambdaLR":  # MultiplicativeLR's lambdas multiply what is there.
            return None
        rate_by_lambda: Callable[[int], float] = scheduler.lr_lambdas[group]
        return rate_by_lambda
    if not hasattr(scheduler, "_get_closed_form_lr"):
        return None
    sample = copy.copy(scheduler)

    def rate(step: int) -> float:
        sample.last_epoch = step
        return float(sample._get_closed_form_lr()[group])

    return rate
