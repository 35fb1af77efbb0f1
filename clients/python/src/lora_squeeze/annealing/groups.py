"""Parameter groups that hold LoRA factors and others: split, so that the factors can have a learning rate of their
own."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import Parameter

from lora_squeeze.annealing.errors import MismatchError, UnsupportedError
from lora_squeeze.annealing.learning_rate import has_scheduler

__all__ = ["annealed_groups", "check_split", "split_groups"]

#: Attributes of torch's schedulers that are lists with one entry for each group.
_PER_GROUP = ("base_lrs", "lr_lambdas", "_last_lr", "min_lrs", "max_lrs", "base_momentums", "max_momentums")
#: Where a saved group stores the options of the parameters that were split from it.
_REST = "lora_squeeze_rest"


@dataclass(frozen=True)
class Split:
    """A group that was split: its index, the index of the group with the other parameters, and which of its parameters
    were factors."""

    at: int
    rest: int
    is_factor: tuple[bool, ...]


def annealed_groups(optimizer: torch.optim.Optimizer, factors: Iterable[Parameter]) -> list[int]:
    """The indices of the groups that hold LoRA factors."""
    return [at for at, found in enumerate(_found(optimizer, factors)) if any(found)]


def check_split(optimizer: torch.optim.Optimizer, factors: Iterable[Parameter], schedulers: Sequence[Any]) -> None:
    """Raises if split_groups would split a group that the optimizer's schedulers could not be adapted to."""
    if not any(set(found) == {True, False} for found in _found(optimizer, factors)):
        return
    if has_scheduler(optimizer) and not schedulers:
        raise MismatchError(
            "SCHEDULERS_MISSING",
            "a group of the optimizer holds LoRA factors and others and has to be split, which its scheduler must know: pass "
            "schedulers=[…], or give the factors a group of their own",
        )
    for scheduler in schedulers:
        if not any(hasattr(scheduler, name) for name in (*_PER_GROUP, "_schedulers")):
            raise UnsupportedError(
                "SCHEDULER_UNKNOWN",
                "a group of the optimizer holds LoRA factors and others, and the groups of "
                f"{type(scheduler).__name__} cannot be split: give the factors a group of their own",
            )


def split_groups(optimizer: torch.optim.Optimizer, factors: Iterable[Parameter], schedulers: Sequence[Any] = ()) -> None:
    """Moves all but LoRA factors out of groups that hold both, into new groups at the end with the same options.

    State dicts of the optimizer keep the groups as they were: they load where nothing has been split yet, and where it
    has.
    """
    splits: list[Split] = []
    for at, found in enumerate(_found(optimizer, factors)):
        if set(found) != {True, False}:
            continue
        group = optimizer.param_groups[at]
        own = {name: copy.deepcopy(value) for name, value in group.items() if name not in ("params", _REST)}
        saved = group.pop(_REST, {})
        parameters = group["params"]
        group["params"] = [one for one, is_factor in zip(parameters, found) if is_factor]
        others = [one for one, is_factor in zip(parameters, found) if not is_factor]
        splits.append(Split(at, len(optimizer.param_groups), tuple(found)))
        optimizer.add_param_group({**own, **saved, "params": others})
        for scheduler in schedulers:
            _extend(scheduler, splits[-1])
    if splits:
        optimizer.register_state_dict_post_hook(lambda _, state: _merged(state, splits))
        optimizer.register_load_state_dict_pre_hook(lambda _, state: _split(state, splits))


def _found(optimizer: torch.optim.Optimizer, factors: Iterable[Parameter]) -> list[list[bool]]:
    ours = {id(factor) for factor in factors}
    return [[id(parameter) in ours for parameter in group["params"]] for group in optimizer.param_groups]


def _extend(scheduler: Any, split: Split) -> None:
    for inner in getattr(scheduler, "_schedulers", ()):
        _extend(inner, split)
    for name in _PER_GROUP:
        values = getattr(scheduler, name, None)
        if isinstance(values, list) and len(values) == split.rest:
            values.append(copy.copy(values[split.at]))


def _merged(state: dict[str, Any], splits: Sequence[Split]) -> dict[str, Any]:
    """A state dict with the original groups: parameters that were split off are back in their group, in the original
    order."""
    groups = [dict(group) for group in state["param_groups"]]
    for split in splits:
        factors, others = iter(groups[split.at]["params"]), iter(groups[split.rest]["params"])
        groups[split.at]["params"] = [next(factors if is_factor else others) for is_factor in split.is_factor]
        groups[split.at][_REST] = {name: value for name, value in groups[split.rest].items() if name != "params"}
    gone = {split.rest for split in splits}
    return {**state, "param_groups": [group for at, group in enumerate(groups) if at not in gone]}


def _split(state: dict[str, Any], splits: Sequence[Split]) -> dict[str, Any]:
    groups = [dict(group) for group in state["param_groups"]]
    for split in splits:
        group = groups[split.at]
        saved = group.pop(_REST, {})
        pairs = list(zip(group["params"], split.is_factor))
        groups.insert(split.rest, {**group, **saved, "params": [one for one, is_factor in pairs if not is_factor]})
        group["params"] = [one for one, is_factor in pairs if is_factor]
    return {**state, "param_groups": groups}
