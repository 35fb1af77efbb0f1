"""A run in this process: planned, decided and squeezed by the service's rules, but without the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lora_squeeze.annealing.decisions import ByPlan, BySpectrum, RunState
from lora_squeeze.annealing.errors import MismatchError, UnsupportedError
from lora_squeeze.annealing.learning_rate import StageRate
from lora_squeeze.annealing.local_engine import squeeze_layers
from lora_squeeze.annealing.outcome import Outcome
from lora_squeeze.annealing.plan import plan_schedule
from lora_squeeze.annealing.plan_request import NOT_PLANNED
from lora_squeeze.annealing.run_stages import StartedStage, run_stages
from lora_squeeze.annealing.trained import TrainedLayers

__all__ = ["LocalRun"]

#: Fields of a RunRequest that concern the service and not the squeezes. Squeezing is always exact here.
_FOR_THE_SERVICE = ("name", "base_model", "options", "results")


class LocalRun:
    """request: a RunRequest of the contract. The other arguments: what the service has done of the run so far, if it
    had it."""

    is_local = True

    def __init__(
        self,
        request: Mapping[str, Any],
        schedule: dict[str, Any] | None = None,
        run_id: str | None = None,
        squeezes: Sequence[StartedStage] = (),
    ) -> None:
        given = {name: value for name, value in request.items() if name not in _FOR_THE_SERVICE}
        asked, adaptive = given.pop("schedule", None), given.pop("adaptive", None)
        if (asked is None) == (adaptive is None):
            raise MismatchError("REQUEST", "an annealing needs exactly one of schedule={…} and adaptive={…}")
        if given.pop("rank_allocation", "uniform") != "uniform":
            raise UnsupportedError(
                "NOT_LOCAL", "only the service shares ranks out by module: leave rank_allocation out, or give a service"
            )
        self._how = {"alpha": given.pop("alpha", "keep"), "revive": given.pop("revive", True)}
        self._how["optimizer"] = given.pop("optimizer", "carry")
        if given:
            raise MismatchError("REQUEST", f"there is no option {sorted(given)[0]!r} of an annealing")
        self.run_id = run_id
        self.clock: Mapping[str, Any] = asked or adaptive
        self.total_steps: int = self.clock["total_steps"]
        self._decisions: ByPlan | BySpectrum
        if adaptive is not None:
            self.schedule = None
            self._decisions = BySpectrum.of(adaptive)
        else:
            planned = {name: value for name, value in self.clock.items() if name not in NOT_PLANNED}
            self.schedule = plan_schedule(planned) if schedule is None else schedule
            self._decisions = ByPlan(self.schedule)
        #: Squeezes that the layers have been through.
        self._squeezes = list(squeezes)

    def resume(self, step: int, rank: int) -> None:
        if step > self.total_steps:
            raise MismatchError("RESUMED_STEP", f"step {step} is after the last, {self.total_steps}")
        if self.schedule is None:
            if rank < self.clock["source_rank"]:
                # The time of the last squeeze is unknown, so the next one waits as if it had just happened.
                self._squeezes = [(rank, step)]
            return
        stages = self.schedule["stages"]
        ranks = [one["rank"] for one in stages if one["begin_step"] <= step <= one["end_step"]]
        if rank not in ranks:
            had = " or ".join(str(one) for one in ranks)
            raise MismatchError(
                "RESUMED_RANK",
                f"the plan has rank {had} at step {step}, the layers have {rank}: restore model and optimizer of one step, "
                "and pass that step",
            )
        self._squeezes = [(one["rank"], one["begin_step"]) for one in stages[1:] if one["rank"] >= rank]

    def next_step(self, step: int, rank: int) -> int | None:
        return self._decisions.next_step(self._state(step, rank))

    def stages(self) -> list[StageRate]:
        return run_stages(self.clock, self.schedule, self._squeezes)[0]

    def _state(self, step: int, rank: int) -> RunState:
        return RunState(step, rank, self._squeezes[-1][1] if self._squeezes else None)

    def checkpoint(self, step: int, trained: TrainedLayers, loss: float | None = None) -> Outcome:
        """Raises SqueezeError if the numbers cannot be squeezed."""
        decision = self._decisions.decide(self._state(step, trained.rank))
        before = _range(trained.ranks)
        record: dict[str, Any] = {
            "run_id": self.run_id,
            "step": step,
            "decision": "keep",
            "reason": decision.reason,
            "state": "succeeded",
            "late_by_steps": decision.late_by_steps,
            "rank_before": before,
            "rank_after": before,
            "relative_error": None,
            "energy_retained": None,
            "loss": loss,
            "learning_rate": None,
            "training": None,
            "files": [],
            "next_checkpoint_step": self.next_step(step, trained.rank),
        }
        if decision.ranks is None:
            return Outcome(record)
        squeezed = squeeze_layers(trained.values(), decision.ranks, moments=trained.moments(), **self._how)
        if squeezed.ranks == trained.ranks:
            reason = f"{decision.reason} No smaller one satisfies this, so there was nothing to squeeze."
            return Outcome({**record, "reason": reason})
        rank = max(squeezed.ranks.values())
        self._squeezes.append((rank, step))
        stages, current = run_stages(self.clock, self.schedule, self._squeezes)
        record.update(
            decision="squeeze",
            rank_after=_range(squeezed.ranks),
            relative_error=squeezed.relative_error,
            energy_retained=squeezed.energy_retained,
            learning_rate=asdict(stages[current]),
            training={
                "learning_rate_factor": squeezed.learning_rate_factor,
                "revived_directions": squeezed.revived_directions,
                "optimizer": squeezed.optimizer,
            },
            next_checkpoint_step=self.next_step(step, rank),
        )
        return Outcome(record, squeezed)

    def in_process(self) -> LocalRun:
        return self


def _range(ranks: Mapping[str, int]) -> dict[str, int]:
    return {"min": min(ranks.values()), "max": max(ranks.values())}
