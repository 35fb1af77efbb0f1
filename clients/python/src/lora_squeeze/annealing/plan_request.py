"""The fields of a ScheduleRequest of the service's contract that the local planner supports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lora_squeeze.errors import SqueezeError

#: Options without influence on the stages: the service computes the memory from them, the local planner does not.
NOT_PLANNED = ("modules", "dtype", "optimizer")
DEFAULT_FINAL_SHARE = 0.5
MAX_FINAL_SHARE = 0.99
LARGEST_RANK, MOST_STEPS = 65536, 10**9

_INTEGERS: Mapping[str, tuple[int, int]] = {
    "source_rank": (1, LARGEST_RANK),
    "target_rank": (1, LARGEST_RANK),
    "total_steps": (1, MOST_STEPS),
    "warm_up_steps": (0, MOST_STEPS),
    "final_steps": (0, MOST_STEPS),
    "min_stage_steps": (1, MOST_STEPS),
    "stages": (1, 64),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "recipe": ("recommended", "equal"),
    "mode": ("in", "cont"),
    "shape": ("geometric", "linear", "cosine", "custom"),
    "stage_lengths": ("equal", "rank_proportional"),
}
#: Largest number of entries in a list, and the largest value of an entry.
_LISTS: Mapping[str, tuple[int, int]] = {"squeeze_steps": (63, MOST_STEPS), "ranks": (64, LARGEST_RANK)}
_LEARNING_RATE_SCHEDULES = ("recommended", "constant", "linear", "cosine")


@dataclass(frozen=True)
class Clock:
    """How long the training lasts and the minimum lengths of its stages, all in optimizer steps."""

    total_steps: int
    warm_up_steps: int
    final_steps: int
    min_stage_steps: int
    #: The minimum share of the steps for the last of several stages; 0 if the recipe does not require one.
    final_share: float


def invalid(detail: str) -> SqueezeError:
    return SqueezeError({"code": "SCHEDULE_INVALID", "detail": detail})


def checked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the request without fields that are None, if each option is known and within the limits of the contract.

    Raises SqueezeError: UNKNOWN_OPTION; OPTION_NOT_PLANNED for options that only the service supports;
    VALIDATION_FAILED.
    """
    given = {name: value for name, value in request.items() if value is not None}
    for name, value in given.items():
        if name in NOT_PLANNED:
            detail = f"{name} is planned by the service only: leave it out, or ask POST /v1/schedules."
            raise SqueezeError({"code": "OPTION_NOT_PLANNED", "detail": detail})
        if name in _INTEGERS:
            _check_integer(name, value, *_INTEGERS[name])
        elif name in _CHOICES:
            _check_choice(name, value, _CHOICES[name])
        elif name in _LISTS:
            _check_list(name, value, *_LISTS[name])
        elif name == "final_share":
            _check_share(value)
        elif name == "learning_rate":
            _check_learning_rate(value)
        else:
            raise SqueezeError({"code": "UNKNOWN_OPTION", "detail": f"There is no option {name!r} of a schedule."})
    for name in ("source_rank", "target_rank", "total_steps"):
        if name not in given:
            raise _failed(f"{name} is missing.")
    return given


def clock_of(request: Mapping[str, Any]) -> Clock:
    """The clock for a checked request, with defaults filled in. Raises SqueezeError SCHEDULE_INVALID."""
    return Clock(
        request["total_steps"],
        request.get("warm_up_steps", 0),
        request.get("final_steps", 0),
        request.get("min_stage_steps", 200),
        final_share_of(request) or 0,
    )


def final_share_of(request: Mapping[str, Any]) -> float | None:
    """The minimum share of the steps for the target rank; None for recipe "equal". Raises SqueezeError."""
    share: float | None = request.get("final_share")
    if request.get("recipe") != "equal":
        return DEFAULT_FINAL_SHARE if share is None else share
    if share is None:
        return None
    raise invalid(f'final_share is {share}, but recipe "equal" gives no stage a share of its own.')


def _check_integer(name: str, value: Any, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise _failed(f"{name} is {value!r} but must be a whole number from {least} to {most}.")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise _failed(f"{name} is {value!r} but must be one of {', '.join(choices)}.")


def _check_list(name: str, value: Any, most: int, largest: int) -> None:
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= most:
        raise _failed(f"{name} must be a list of 1 to {most} whole numbers.")
    for index, number in enumerate(value):
        _check_integer(f"{name}[{index}]", number, 1, largest)


def _check_share(value: Any) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 < value <= MAX_FINAL_SHARE:
        raise _failed(f"final_share is {value!r} but must be above 0 and at most {MAX_FINAL_SHARE}.")


def _check_learning_rate(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _failed(f"learning_rate is {value!r} but must be a mapping.")
    for name, entry in value.items():
        if name == "schedule":
            _check_choice("learning_rate.schedule", entry, _LEARNING_RATE_SCHEDULES)
        elif name == "warm_up_steps":
            _check_integer("learning_rate.warm_up_steps", entry, 0, MOST_STEPS)
        else:
            detail = f"There is no option {name!r} of a learning rate."
            raise SqueezeError({"code": "UNKNOWN_OPTION", "detail": detail})


def _failed(detail: str) -> SqueezeError:
    return SqueezeError({"code": "VALIDATION_FAILED", "detail": detail})
