"""The optimizer's state for LoRA factors: read before a squeeze, and replaced after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from lora_squeeze.annealing.errors import UnsupportedError
from lora_squeeze.annealing.local_engine import MOMENTS
from lora_squeeze.annealing.warn import warn

__all__ = ["check_carriable", "moments_of", "replace_parameters"]


def is_array(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0


def moments_of(optimizer: torch.optim.Optimizer, parameters: Iterable[Parameter]) -> list[dict[str, Tensor]]:
    """Returns the moments of each parameter by name, zeros if the optimizer has not updated it yet; all parameters have
    the same names.

    The result is empty if the optimizer keeps something that cannot be carried.
    """
    held = list(parameters)
    states = [optimizer.state.get(parameter) or {} for parameter in held]
    kept = kept_arrays(states)
    if kept - set(MOMENTS):
        kept = set()
    return [
        {
            moment: state[moment].detach() if is_array(state.get(moment)) else torch.zeros_like(parameter).detach()
            for moment in sorted(kept)
        }
        for parameter, state in zip(held, states)
    ]


def replace_parameters(
    optimizer: torch.optim.Optimizer,
    replacements: Mapping[Parameter, Parameter],
    moments: Mapping[Parameter, Mapping[str, Tensor]],
) -> None:
    """Puts new parameters in place of old ones: replacements by the old one, moments by the new one.

    A new parameter has the old one's state, step count included, with the moments given; without moments none: step
    counts that know of no moments would make Adam's first steps too large.
    """
    states: dict[Parameter, dict[str, Any]] = {}
    for old, new in replacements.items():
        carried = moments.get(new)
        if carried:
            states[new] = {
                key: carried[key].to(value.device, value.dtype) if is_array(value) else value
                for key, value in (optimizer.state.get(old) or {}).items()
            }
    for group in optimizer.param_groups:
        group["params"] = [replacements.get(parameter, parameter) for parameter in group["params"]]
    for old, new in replacements.items():
        optimizer.state.pop(old, None)
        if states.get(new):
            optimizer.state[new] = states[new]


def kept_arrays(states: Iterable[Mapping[str, Any]]) -> set[str]:
    return {key for state in states for key, value in state.items() if is_array(value)}


def check_carriable(optimizer: torch.optim.Optimizer, parameters: Iterable[Parameter]) -> None:
    """Warns early if squeezes cannot carry the state of the optimizer.

    Raises UnsupportedError for optimizers such as Adagrad, whose state is created once, together with them.
    """
    kept = kept_arrays(optimizer.state.get(parameter) or {} for parameter in parameters)
    sample = _sample(optimizer)
    if sample is not None:
        probe, parameter = sample
        if probe.state:
            raise UnsupportedError(
                "OPTIMIZER_UNSUPPORTED",
                f"{type(optimizer).__name__} makes its state once, and a squeeze cannot carry it: use AdamW or SGD",
            )
        kept = kept or _kept_after_a_step(probe, parameter)
    if kept - set(MOMENTS):
        warn(
            f"{type(optimizer).__name__} keeps {sorted(kept - set(MOMENTS))}, which cannot be carried: its state starts over at "
            "each squeeze (AdamW's and SGD's is carried)"
        )


def _sample(optimizer: torch.optim.Optimizer) -> tuple[torch.optim.Optimizer, Parameter] | None:
    """Another optimizer of the same class with the same options, for a parameter of 2 × 2; None if it cannot be created
    that way."""
    parameter = Parameter(torch.zeros(2, 2))
    try:
        return type(optimizer)([parameter], **optimizer.defaults), parameter
    except Exception:  # Classes of others may want anything; the squeeze itself looks at the real state.
        return None


def _kept_after_a_step(probe: torch.optim.Optimizer, parameter: Parameter) -> set[str]:
    parameter.grad = torch.ones(2, 2)
    try:
        probe.step()
    except Exception:
        return set()
    return kept_arrays([probe.state[parameter]])
