"""Decides when a run in this process squeezes and to which rank, as the service does for its runs: by schedule or by
the spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lora_squeeze.annealing.local_engine import Goal
from lora_squeeze.annealing.plan import next_squeeze_step, stage_at
from lora_squeeze.annealing.plan_request import checked, clock_of, invalid
from lora_squeeze.annealing.plan_stages import least_steps
from lora_squeeze.errors import SqueezeError

__all__ = ["ByPlan", "BySpectrum", "Decision", "RunState"]


class RunState(NamedTuple):
    """The state of a run. All steps are counts of completed optimizer steps."""

    step: int
    rank: int
    last_squeeze_step: int | None


class Decision(NamedTuple):
    #: None: keep the rank.
    ranks: int | Goal | None
    reason: str
    late_by_steps: int = 0


class ByPlan:
    """Decides by a Schedule of the contract."""

    def __init__(self, schedule: Mapping[str, Any]) -> None:
        self._schedule = schedule

    def next_step(self, state: RunState) -> int | None:
        return next_squeeze_step(self._schedule, state.rank)

    def decide(self, state: RunState) -> Decision:
        stage = stage_at(self._schedule, min(state.step, self._schedule["total_steps"]))
        rank = stage["rank"]
        if rank >= state.rank:
            return Decision(None, f"The rank is {state.rank} until the next squeeze.")
        late = state.step - stage["begin_step"]
        return Decision(rank, f"Stage {stage['index'] + 1} of the schedule has rank {rank}.", late)


@dataclass(frozen=True)
class BySpectrum:
    """Decides by an AdaptiveRequest of the contract: squeezes to the smallest rank that keeps the goal, and reaches the
    target rank in time."""

    target_rank: int
    min_stage_steps: int
    check_every_steps: int
    uniform: bool
    goal: Mapping[str, float]
    first_squeeze_step: int
    #: From this step on, squeezes go to the target rank, whatever the spectrum shows.
    last_squeeze_step: int

    @staticmethod
    def of(request: Mapping[str, Any]) -> BySpectrum:
        """Raises SqueezeError with the codes of the service."""
        own = ("energy", "tolerance", "check_every_steps", "uniform")
        given = checked({name: value for name, value in request.items() if name not in own})
        goal = {name: request[name] for name in ("energy", "tolerance") if request.get(name) is not None}
        if len(goal) != 1:
            raise invalid("An adaptive run takes exactly one of energy and tolerance.")
        source, target = given["source_rank"], given["target_rank"]
        if source < target:
            raise invalid(f"source_rank ({source}) is below target_rank ({target}); a squeeze cannot raise a rank.")
        clock = clock_of(given)
        floors = least_steps(1 if source == target else 2, clock)
        if sum(floors) > clock.total_steps:
            detail = f"The stages need {sum(floors)} steps, but total_steps is {clock.total_steps}."
            raise SqueezeError({"code": "SCHEDULE_TOO_SHORT", "detail": detail})
        return BySpectrum(
            target,
            clock.min_stage_steps,
            request.get("check_every_steps", 200),
            request.get("uniform", True),
            goal,
            floors[0],
            clock.total_steps - floors[-1],
        )

    def next_step(self, state: RunState) -> int | None:
        step, rank, _ = state
        if rank <= self.target_rank:
            return None
        earliest = self._earliest(state)
        due = earliest if step < earliest else step + self.check_every_steps
        return self.last_squeeze_step if due > self.last_squeeze_step - self.min_stage_steps else due

    def decide(self, state: RunState) -> Decision:
        step, rank, _ = state
        if rank <= self.target_rank:
            return Decision(None, f"The target rank {self.target_rank} is reached.")
        if step >= self.last_squeeze_step:
            reason = f"From step {self.last_squeeze_step} on training is at the target rank {self.target_rank}."
            return Decision(self.target_rank, reason, step - self.last_squeeze_step)
        if step < self._earliest(state) or step > self.last_squeeze_step - self.min_stage_steps:
            return Decision(None, f"A squeeze would make a stage shorter than {self.min_stage_steps} steps.")
        goal = Goal(min_rank=self.target_rank, max_rank=rank, uniform=self.uniform, **self.goal)
        what = " and ".join(f"{name} {value}" for name, value in self.goal.items())
        return Decision(goal, f"The squeeze is to the smallest rank from {self.target_rank} to {rank} with {what}.")

    def _earliest(self, state: RunState) -> int:
        last = state.last_squeeze_step
        return self.first_squeeze_step if last is None else last + self.min_stage_steps
