"""What steps may ask of a driver. A call is a generator of these effects, and the driver sends the result of each back.

The same generator serves both clients. It must not yield in a `finally`, because a driver that gives up closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, Union, cast

from lora_squeeze.core.request import Request

__all__ = [
    "Close",
    "Done",
    "Effect",
    "Emit",
    "Head",
    "Open",
    "Read",
    "Run",
    "Sleep",
    "Steps",
    "TransportFailure",
    "advance",
    "close",
    "emit",
    "open_",
    "read",
    "read_all",
    "run",
    "sleep",
]

T = TypeVar("T")


class TransportFailure(Exception):
    """A driver could not carry out Open or Read. is_permanent: another attempt would fail the same way (a
    certificate)."""

    def __init__(self, detail: str, is_permanent: bool = False) -> None:
        self.detail, self.is_permanent = detail, is_permanent
        super().__init__(detail)


@dataclass(frozen=True)
class Head:
    """The beginning of a response. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Open:
    """Sends a request and returns its Head. silence_seconds: how long the other side may send nothing."""

    request: Request
    silence_seconds: float


@dataclass(frozen=True)
class Read:
    """Returns the next bytes of the open response; empty at its end."""


@dataclass(frozen=True)
class Close:
    """Closes the open response, if there is one."""


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class Run:
    """Calls a function that blocks for a moment (file access), and returns its result."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Emit:
    """Passes a value to the caller; the steps continue when the next one is requested."""

    value: Any


Effect = Union[Open, Read, Close, Sleep, Run, Emit]
Steps = Generator[Effect, Any, T]


@dataclass(frozen=True)
class Done:
    value: Any


def advance(steps: Steps[Any], answer: Any, failure: Exception | None) -> Effect | Done:
    """The next effect, after the result or the failure of the previous one."""
    try:
        return steps.send(answer) if failure is None else steps.throw(failure)
    except StopIteration as stop:
        return Done(stop.value)


def open_(request: Request, silence_seconds: float) -> Steps[Head]:
    return cast(Head, (yield Open(request, silence_seconds)))


def read() -> Steps[bytes]:
    return cast(bytes, (yield Read()))


def read_all() -> Steps[bytes]:
    parts: list[bytes] = []
    while part := (yield from read()):
        parts.append(part)
    return b"".join(parts)


def close() -> Steps[None]:
    yield Close()


def sleep(seconds: float) -> Steps[None]:
    yield Sleep(seconds)


def run(function: Callable[[], T]) -> Steps[T]:
    return cast(T, (yield Run(function)))


def emit(value: Any) -> Steps[None]:
    yield Emit(value)
