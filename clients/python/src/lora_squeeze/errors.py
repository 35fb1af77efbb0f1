"""Errors of the client. All are subclasses of SqueezeError: catch that, and check `code` and `retryable`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "DeadlineError",
    "DigestError",
    "JobFailedError",
    "RefusedError",
    "SqueezeError",
    "UnreachableError",
]


class SqueezeError(Exception):
    """A call failed.

    code: stable, in upper case; docs/errors.md lists those of the service. detail: a sentence for people. retryable:
    whether the same call may succeed later. status: the HTTP status, None if no answer is the cause. errors: the faults
    of a request, each with `pointer` and `detail`. problem: the complete problem document (RFC 9457).
    """

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        self.code: str = problem.get("code") or f"HTTP_{status}"
        self.detail: str = problem.get("detail") or problem.get("title") or ""
        self.status = status
        self.retryable: bool = bool(problem.get("retryable", status in (408, 425, 429, 502, 503, 504)))
        self.errors: list[Mapping[str, Any]] = list(problem.get("errors") or [])
        self.problem = problem
        super().__init__(f"{self.code}: {self.detail}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions are sent between processes (a pool, a task queue); by default, unpickling would pass the message
        as problem."""
        return type(self), (self.problem, self.status)


class RefusedError(SqueezeError):
    """The service, or a gateway before it, answered with an error."""


class JobFailedError(SqueezeError):
    """An accepted job, target, batch or checkpoint did not succeed. `record` is its record."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None, record: Any = None) -> None:
        super().__init__(problem, status)
        self.record: Any = record

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problem, self.status, self.record)


class UnreachableError(SqueezeError, ConnectionError):
    """There was no connection, or it broke, until the time for the call had passed. `code` is SERVICE_UNREACHABLE."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__({"code": "SERVICE_UNREACHABLE", "retryable": True, **problem}, status)


class DeadlineError(SqueezeError, TimeoutError):
    """The job has not ended yet, and continues. `code` is DEADLINE_EXCEEDED."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__({"code": "DEADLINE_EXCEEDED", "retryable": True, **problem}, status)


class DigestError(SqueezeError):
    """A received file has a different digest than announced and was not kept. `code` is DIGEST_MISMATCH."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__({"code": "DIGEST_MISMATCH", "retryable": True, **problem}, status)
