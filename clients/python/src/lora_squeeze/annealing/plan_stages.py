"""The ranks and the lengths of an annealing's stages. A port of the service's src/schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lora_squeeze.errors import SqueezeError
from lora_squeeze.annealing.plan_request import Clock, invalid

#: Rounds halves up, even if floating point ends slightly below them.
_HALF = 0.5 + 1e-9
_LENGTHS = ("recipe", "final_share", "warm_up_steps", "final_steps", "min_stage_steps", "stage_lengths")


def choose_ranks(request: Mapping[str, Any], clock: Clock) -> tuple[list[int], list[str]]:
    """Returns the rank of every stage, strictly falling, and notes on where that differs from the request.

    Raises SqueezeError: SCHEDULE_INVALID for a request that contradicts itself, SCHEDULE_TOO_SHORT.
    """
    source, target = request["source_rank"], request["target_rank"]
    shape, stages, named = request.get("shape", "geometric"), request.get("stages"), request.get("squeeze_steps")
    if source < target:
        raise invalid(f"source_rank ({source}) is below target_rank ({target}); a squeeze cannot raise a rank.")
    if request.get("mode") == "cont":
        for field in ("shape", "ranks", "stages"):
            if field in request:
                raise invalid(f'mode is "cont", which has one squeeze, so {field} cannot be given.')
        ranks = [source] if source == target else [source, target]
        return (ranks if named else _fitting(ranks, clock)), []
    if shape == "custom":
        ranks = _custom_ranks(request)
        return (ranks if named else _fitting(ranks, clock)), []
    if "ranks" in request:
        raise invalid(f'ranks can only be used with shape "custom", but shape is "{shape}".')
    if source > target and stages == 1:
        raise invalid(f"stages is 1, but rank {source} and rank {target} are two stages.")
    if stages is not None:
        ranks = _fitting(_ranks_of(shape, source, target, stages), clock, stages)
        if len(ranks) == stages:
            return ranks, []
        note = (
            f"The schedule has {_counted(len(ranks), 'stage')} instead of {stages}, because after rounding to whole "
            "ranks the others would repeat a rank."
        )
        return ranks, [note]
    if named:
        return _ranks_of(shape, source, target, len(named) + 1), []
    return _as_many_as_fit(shape, source, target, clock)


def stage_steps(request: Mapping[str, Any], ranks: Sequence[int], clock: Clock) -> tuple[list[int], list[int]]:
    """Returns the steps of every stage, which add up to total_steps, and the indices of the stages that their minimum
    lengthens."""
    if request.get("squeeze_steps"):
        return _named_steps(request, len(ranks)), []
    share = _shared if request.get("recipe") == "equal" or len(ranks) == 1 else _shared_to_last
    rule = request.get("stage_lengths", "equal")
    return share(ranks, rule, least_steps(len(ranks), clock), clock.total_steps)


def least_steps(stages: int, clock: Clock, with_share: bool = True) -> list[int]:
    """The minimum steps of each of so many stages; with_share: the last stage also gets its share of total_steps after
    a squeeze."""
    share = math.ceil(clock.final_share * clock.total_steps) if stages > 1 and with_share else 0
    floors = [clock.min_stage_steps] * stages
    floors[0] = max(floors[0], clock.warm_up_steps)
    floors[-1] = max(floors[-1], clock.final_steps, share)
    return floors


def _custom_ranks(request: Mapping[str, Any]) -> list[int]:
    ranks, stages = request.get("ranks"), request.get("stages")
    if ranks is None:
        raise invalid('shape is "custom", which requires ranks, the rank of every stage.')
    if stages is not None:
        raise invalid(f'stages is {stages}, but shape "custom" has as many stages as ranks.')
    source, target, last = request["source_rank"], request["target_rank"], len(ranks) - 1
    if ranks[0] != source:
        raise invalid(f"ranks[0] is {ranks[0]}, but the first rank must be source_rank ({source}).")
    if ranks[last] != target:
        raise invalid(f"ranks[{last}] is {ranks[last]}, but the last rank must be target_rank ({target}).")
    for index in range(1, len(ranks)):
        rank, before = ranks[index], ranks[index - 1]
        if rank >= before:
            raise invalid(f"ranks[{index}] is {rank} but must be below the previous rank ({before}).")
    return list(ranks)


def _ranks_of(shape: str, source: int, target: int, stages: int) -> list[int]:
    if source == target:
        return [source]
    ranks = [source]
    for index in range(1, stages - 1):
        progress = index / (stages - 1)
        if shape == "geometric":
            rank = source * (target / source) ** progress
        elif shape == "linear":
            rank = source - (source - target) * progress
        else:
            rank = target + (source - target) * (1 + math.cos(math.pi * progress)) / 2
        ranks.append(math.floor(rank + _HALF))
    ranks.append(target)
    return [rank for index, rank in enumerate(ranks) if index == 0 or rank != ranks[index - 1]]


def _default_stages(source: int, target: int) -> int:
    """One stage for the source rank and one for each halving of the rank; the last step may be less than a halving."""
    stages, rank = 1, target
    while rank < source:
        rank, stages = 2 * rank, stages + 1
    return stages


def _as_many_as_fit(shape: str, source: int, target: int, clock: Clock) -> tuple[list[int], list[str]]:
    wanted = _ranks_of(shape, source, target, _default_stages(source, target))
    for stages in range(len(wanted), 2, -1):
        ranks = _ranks_of(shape, source, target, stages)
        if _needed_steps(len(ranks), clock) <= clock.total_steps:
            break
    else:
        ranks = _fitting(_ranks_of(shape, source, target, 2), clock)
    if len(ranks) == len(wanted):
        return ranks, []
    note = (
        f"The schedule has {_counted(len(ranks), 'stage')}. One for the source rank and one for each halving would be "
        f"{len(wanted)}, which need {_needed_steps(len(wanted), clock)} steps; total_steps is {clock.total_steps}."
    )
    return ranks, [note]


def _needed_steps(stages: int, clock: Clock) -> int:
    """The number of steps that a training with so many stages needs at least. The minimum of the last stage grows with
    this number, because it is a share of it."""
    floors = least_steps(stages, clock, with_share=False)
    earlier = sum(floors[:-1])
    if stages == 1:
        return floors[-1]
    shared = math.floor(earlier / (1 - clock.final_share))
    while shared - math.ceil(clock.final_share * shared) < earlier:
        shared += 1
    return max(earlier + floors[-1], shared)


def _fitting(ranks: list[int], clock: Clock, asked: int = 0) -> list[int]:
    """Returns the ranks if there are enough steps for a stage at each of them. asked: the requested number of stages,
    which rounding may have reduced."""
    needed, floor = _needed_steps(len(ranks), clock), clock.min_stage_steps
    if needed <= clock.total_steps:
        return ranks
    rounded = f" ({asked} requested; after rounding to whole ranks, the others would repeat a rank)"
    several = f"{len(ranks)} stages{rounded if asked not in (0, len(ranks)) else ''} need"
    floors = [f"min_stage_steps {floor}"]
    floors += [f"warm_up_steps {clock.warm_up_steps}"] if clock.warm_up_steps > floor else []
    floors += [f"final_steps {clock.final_steps}"] if clock.final_steps > floor else []
    floors += [f"final_share {clock.final_share}"] if len(ranks) > 1 and clock.final_share > 0 else []
    stages = f"One stage at rank {ranks[0]} needs" if len(ranks) == 1 else several
    detail = f"{stages} {needed} steps ({', '.join(floors)}), but total_steps is {clock.total_steps}."
    raise SqueezeError({"code": "SCHEDULE_TOO_SHORT", "detail": detail})


def _named_steps(request: Mapping[str, Any], stages: int) -> list[int]:
    squeeze_steps, total = request["squeeze_steps"], request["total_steps"]
    for field in _LENGTHS:
        if field in request:
            raise invalid(f"squeeze_steps decides how long stages last, so {field} cannot be combined with it.")
    if len(squeeze_steps) != stages - 1:
        raise invalid(
            f"squeeze_steps names {_counted(len(squeeze_steps), 'step')}, but {_counted(stages, 'stage')} from rank "
            f"{request['source_rank']} to rank {request['target_rank']} take {_counted(stages - 1, 'squeeze')}."
        )
    limits = [0, *squeeze_steps, total]
    for index, step in enumerate(squeeze_steps):
        if step <= limits[index] or step >= total:
            least = "at least 1" if index == 0 else f"above the previous step ({limits[index]})"
            raise invalid(f"squeeze_steps[{index}] is {step} but must be {least} and below total_steps ({total}).")
    return [end - begin for begin, end in zip(limits, limits[1:])]


def _shared(ranks: Sequence[int], rule: str, floors: Sequence[int], total: int) -> tuple[list[int], list[int]]:
    """A stage whose share is below its minimum gets the minimum, and the others share the rest."""
    weights = [1 if rule == "equal" else rank for rank in ranks]
    sharing = list(range(len(ranks)))
    while True:
        steps = total - sum(floor for index, floor in enumerate(floors) if index not in sharing)
        weight = sum(weights[index] for index in sharing)
        kept = [index for index in sharing if steps * weights[index] >= floors[index] * weight]
        if len(kept) == len(sharing):
            break
        sharing = kept
    result = list(floors)
    for index in sharing:
        result[index] = steps * weights[index] // weight
    # Steps left over by rounding down go to the stages with the largest remainders, earlier stages first.
    order = sorted(sharing, key=lambda index: (-(steps * weights[index] % weight), index))
    for index in order[: total - sum(result)]:
        result[index] += 1
    return result, [index for index in range(len(ranks)) if index not in sharing]


def _shared_to_last(ranks: Sequence[int], rule: str, floors: Sequence[int], total: int) -> tuple[list[int], list[int]]:
    """The same as _shared, except that no earlier stage is longer than the last one unless its own minimum requires it.
    The last stage gets only as many additional steps as that takes."""

    def with_last(steps: int) -> tuple[list[int], list[int]]:
        return _shared(ranks, rule, [*floors[:-1], steps], total)

    low, high = floors[-1], total - sum(floors[:-1])
    while low < high:
        middle = (low + high) // 2
        steps, _ = with_last(middle)
        if all(stage <= max(steps[-1], floor) for stage, floor in zip(steps, floors)):
            high = middle
        else:
            low = middle + 1
    return with_last(low)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
