"""The learning rates of a plan's stages. A port of the service's src/schedule/learning-rate.ts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

#: Share of all steps: the initial warm-up, as is usual in fine-tuning.
_WARM_UP_SHARE = 0.03
#: Limits of the warm-up after a squeeze: this many steps, and this share of the stage.
_SQUEEZE_WARM_UP_STEPS, _SQUEEZE_WARM_UP_SHARE = 30, 0.1


def plan_rates(ranks: Sequence[int], steps: Sequence[int], request: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Of every stage: factor, warm_up_steps and decay_steps of its curve, and its share of Σ(rate × steps).

    By the plan's own curve the rate of the step after `s` is the trainer's peak times
    factor · min(1, (s − begin_step + 1) / warm_up_steps) · min(1, (end_step − s) / decay_steps), a term whose steps are
    0 being 1. The factor is the cube root of source rank / rank.
    """
    schedule = (request or {}).get("schedule", "recommended")
    total, last, is_own = sum(steps), len(steps) - 1, schedule == "recommended"
    asked = (request or {}).get("warm_up_steps")
    first = min(math.ceil(_WARM_UP_SHARE * total) if asked is None else asked, total)
    stages: list[dict[str, Any]] = []
    sums: list[float] = []
    done = 0
    for index, (rank, count) in enumerate(zip(ranks, steps)):
        after_squeeze = min(_SQUEEZE_WARM_UP_STEPS, math.floor(_SQUEEZE_WARM_UP_SHARE * count))
        warm_up = min(count, first if index == 0 else after_squeeze) if is_own else 0
        decay = count if is_own and index == last else 0
        factor = (ranks[0] / rank) ** (1 / 3)
        if is_own:
            moved = _sum_of_stage(count, warm_up, decay)
        else:
            moved = _sum_up_to(schedule, done + count, first, total) - _sum_up_to(schedule, done, first, total)
        stages.append({"factor": factor, "warm_up_steps": warm_up, "decay_steps": decay})
        sums.append(factor * moved)
        done += count
    whole = sum(sums)
    return [{**stage, "share": moved / whole} for stage, moved in zip(stages, sums)]


def _sum_of_stage(n: int, w: int, d: int) -> float:
    """Σ over t from 0 to n − 1 of min(1, (t + 1)/w) · min(1, (n − t)/d), where w + d ≤ n, or d is n."""
    if d == 0:
        return n + ((w + 1) / 2 - w if w else 0)
    decayed = _integers(n) / n
    if w == 0:
        return decayed
    # The decay lasts as long as the stage: during the warm-up both factors apply, Σ (t + 1)(n − t) for t below w.
    both = (n - 1) * _integers(w - 1) + n * w - _squares(w - 1)
    return decayed - (decayed - _integers(n - w) / n) + both / (w * n)


def _sum_up_to(schedule: str, steps: int, warm_up: int, total: int) -> float:
    """Σ over the first `steps` of `total` steps of one of the trainer's own schedules: a warm-up, then a decay to zero
    of the shape that its name says."""
    warm = min(steps, warm_up)
    begin = _integers(warm) / warm_up if warm_up else 0
    after, length = steps - warm, total - warm_up
    if after == 0:
        return begin
    if schedule == "constant":
        return begin + after
    if schedule == "linear":
        return begin + after - _integers(after - 1) / length
    half = math.pi / length / 2
    return begin + (after + math.sin(after * half) * math.cos((after - 1) * half) / math.sin(half)) / 2


def _integers(n: int) -> int:
    """1 + … + n"""
    return n * (n + 1) // 2


def _squares(n: int) -> int:
    """1² + … + n²"""
    return n * (n + 1) * (2 * n + 1) // 6
