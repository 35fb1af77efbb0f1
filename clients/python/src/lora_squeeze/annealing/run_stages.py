"""The learning rates of all stages of a run: those that it has been through, at the steps of its actual squeezes, and
those that remain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lora_squeeze.annealing.decisions import BySpectrum
from lora_squeeze.annealing.learning_rate import StageRate, stage_of, stages_of
from lora_squeeze.annealing.plan_rates import plan_rates

__all__ = ["StartedStage", "run_stages"]

#: A stage that has begun: its rank, and the number of steps done at that time.
StartedStage = tuple[int, int]


def run_stages(
    clock: Mapping[str, Any], schedule: Mapping[str, Any] | None, squeezes: Sequence[StartedStage]
) -> tuple[list[StageRate], int]:
    """All stages with the learning rates of a plan for them, as in the service's runs, and the index of the stage that the
    last squeeze began.

    clock: the ScheduleRequest or AdaptiveRequest. schedule: the plan; None for an adaptive run, whose next squeeze is
    assumed to happen at the latest possible step.
    """
    begun: list[StartedStage] = [(clock["source_rank"], 0), *squeezes]
    rank, since = begun[-1]
    if schedule is not None:
        ahead = [(one["to_rank"], one["step"]) for one in schedule["squeezes"] if one["to_rank"] < rank]
    elif rank > clock["target_rank"]:
        ahead = [(clock["target_rank"], BySpectrum.of(clock).last_squeeze_step)]
    else:
        ahead = []
    stages = [*begun, *((to, max(step, since)) for to, step in ahead)]
    begins = [step for _, step in stages]
    ends = [*begins[1:], clock["total_steps"]]
    steps = [end - begin for begin, end in zip(begins, ends)]
    rates = plan_rates([rank for rank, _ in stages], steps, clock.get("learning_rate"))
    # For stages that begin when planned, the service's own numbers are kept.
    planned = {(one.begin_step, one.end_step): one for one in ([] if schedule is None else stages_of(schedule))}
    return [
        planned.get((begin, end)) or stage_of({"begin_step": begin, "end_step": end, **rate})
        for begin, end, rate in zip(begins, ends, rates)
    ], len(begun) - 1
