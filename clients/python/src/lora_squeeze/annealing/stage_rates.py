"""Learning rates of a run's stages, where squeezes do not come when they were planned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lora_squeeze.annealing.learning_rate import StageRate, stage_of, stages_of

__all__ = ["first_stages", "stage_after"]

#: Of all steps, over which the rate rises at the beginning.
WARM_UP_SHARE = 0.03
#: After a squeeze: so many steps, and no more than this share of what is left.
SQUEEZE_WARM_UP_STEPS, SQUEEZE_WARM_UP_SHARE = 30, 0.1


def first_stages(schedule: Mapping[str, Any] | None, total_steps: int) -> list[StageRate]:
    """The stages of a schedule; without one, as the steps of the squeezes are not known yet, the first alone."""
    if schedule is not None:
        return stages_of(schedule)
    return [StageRate(0, total_steps, warm_up_steps=math.ceil(WARM_UP_SHARE * total_steps))]


def stage_after(
    record: Mapping[str, Any], schedule: Mapping[str, Any] | None, request: Mapping[str, Any]
) -> StageRate:
    """The stage that a checkpoint's squeeze began: as the service says it, or else by the plan and the rank.

    request: source_rank, target_rank and total_steps.
    """
    if record.get("learning_rate") is not None:
        return stage_of(record["learning_rate"])
    step, rank = record["step"], record["rank_after"]["max"]
    if schedule is not None:
        stage = next(one for one in schedule["stages"] if one["rank"] <= rank)
        planned = stage_of({**stage["learning_rate"], "begin_step": step, "end_step": stage["end_step"]})
        return replace(planned, decay_steps=min(planned.decay_steps, planned.end_step - step))
    left = request["total_steps"] - step
    return StageRate(
        step,
        request["total_steps"],
        (request["source_rank"] / rank) ** (1 / 3),
        min(SQUEEZE_WARM_UP_STEPS, int(SQUEEZE_WARM_UP_SHARE * left)),
        left if rank <= request["target_rank"] else 0,
    )
