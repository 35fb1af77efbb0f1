"""Plans an annealing as the service's POST /v1/schedules does, for a trainer that cannot ask it.

Stages, steps of the squeezes and learning rates are those of the service, the refusals too, by code and by detail; a
test compares both on random requests. What the stages take in memory (`modules`, `dtype`, `optimizer`) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from lora_squeeze.annealing.plan_rates import plan_rates
from lora_squeeze.annealing.plan_request import Clock, checked, clock_of, final_share_of
from lora_squeeze.annealing.plan_stages import choose_ranks, least_steps, stage_steps

__all__ = ["next_squeeze_step", "plan_schedule", "stage_at"]

#: If the last stage gets less than this share of Σ(learning rate × steps), the rank that is served has hardly been
#: trained.
_STARVED_SHARE = 0.15


def plan_schedule(request: Mapping[str, Any]) -> dict[str, Any]:
    """The Schedule of a ScheduleRequest, both as in the service's contract; parameters and memory are None.

    Raises SqueezeError with the service's codes: SCHEDULE_INVALID where the request contradicts itself,
    SCHEDULE_TOO_SHORT where total_steps does not hold the stages, VALIDATION_FAILED, UNKNOWN_OPTION; and
    OPTION_NOT_PLANNED for an option that only the service plans.
    """
    request = checked(request)
    clock = clock_of(request)
    ranks, notes = choose_ranks(request, clock)
    steps, at_floor = stage_steps(request, ranks, clock)
    rates = plan_rates(ranks, steps, request.get("learning_rate"))
    stages: list[dict[str, Any]] = []
    done = 0
    for index, (rank, count, rate) in enumerate(zip(ranks, steps, rates)):
        limits = {"begin_step": done, "end_step": done + count, "steps": count}
        stages.append({"index": index, "rank": rank, **limits, "learning_rate": rate, "parameters": None, "memory": None})
        done += count
    mode = request.get("mode", "in")

    def unless_named(value: Any) -> Any:
        """If the squeeze steps are given, nothing else may determine the lengths of stages."""
        return None if request.get("squeeze_steps") else value

    rate_schedule = request.get("learning_rate", {}).get("schedule", "recommended")
    mean_rank = sum(rank * count for rank, count in zip(ranks, steps)) / clock.total_steps
    return {
        "source_rank": ranks[0],
        "target_rank": ranks[-1],
        "total_steps": clock.total_steps,
        "mode": mode,
        "recipe": unless_named(request.get("recipe", "recommended")),
        "final_share": unless_named(final_share_of(request)),
        "shape": "custom" if mode == "cont" else request.get("shape", "geometric"),
        "stage_lengths": unless_named(request.get("stage_lengths", "equal")),
        "learning_rate_schedule": rate_schedule,
        "warm_up_steps": unless_named(clock.warm_up_steps),
        "final_steps": unless_named(clock.final_steps),
        "min_stage_steps": unless_named(clock.min_stage_steps),
        "stages": stages,
        "squeezes": [
            {"step": stage["begin_step"], "from_rank": before["rank"], "to_rank": stage["rank"]}
            for before, stage in zip(stages, stages[1:])
        ],
        "mean_rank": mean_rank,
        "relative_cost": mean_rank / ranks[0],
        "notes": [*notes, *_lengthened(ranks, at_floor, clock), *_starved(stages, rate_schedule)],
    }


def stage_at(schedule: Mapping[str, Any], step: int) -> dict[str, Any]:
    """The stage that training is in after `step` optimizer steps; at the step of a squeeze, the stage after it.

    Raises ValueError for a step that the schedule does not have.
    """
    stages = schedule["stages"]
    if not 0 <= step <= stages[-1]["end_step"]:
        raise ValueError(f"step {step} is not one of the steps from 0 to {stages[-1]['end_step']} of the schedule")
    return next((stage for stage in stages if step < stage["end_step"]), stages[-1])


def next_squeeze_step(schedule: Mapping[str, Any], rank: int) -> int | None:
    """The step of the next squeeze for layers of this rank (the largest rank of all layers), even if it is overdue;
    None after the last squeeze."""
    return next((squeeze["step"] for squeeze in schedule["squeezes"] if squeeze["to_rank"] < rank), None)


def _lengthened(ranks: Sequence[int], at_floor: Sequence[int], clock: Clock) -> list[str]:
    """A note about the stages that min_stage_steps lengthens. The other minimums need no note, because the request sets
    them."""
    floors = least_steps(len(ranks), clock)
    longer = [str(ranks[index]) for index in at_floor if floors[index] == clock.min_stage_steps]
    if not longer:
        return []
    named = f"{'Rank' if len(longer) == 1 else 'Ranks'} {', '.join(longer)}"
    return [f"{named}: {clock.min_stage_steps} steps because of min_stage_steps, although the share would be less."]


def _starved(stages: Sequence[Mapping[str, Any]], schedule: str) -> list[str]:
    last, share = stages[-1], stages[-1]["learning_rate"]["share"]
    if len(stages) == 1 or share >= _STARVED_SHARE:
        return []
    percent = Decimal(100 * share).quantize(Decimal("0.1"), ROUND_HALF_UP)
    own = f"The {schedule} schedule has decayed by then: follow the recommended one, or give the last stage more steps"
    return [
        f"Rank {last['rank']} is trained for {last['steps']} steps and gets {percent} % of Σ(learning rate × "
        "steps), so the adapter is hardly trained at the rank it is served at. "
        f"{'Give the last stage more steps' if schedule == 'recommended' else own}."
    ]
