"""What the client raises. All of it is a SqueezeError: catch that, and look at `code` and `retryable`."""

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
    """Something did not come about.

    code: stable, in upper case; docs/errors.md lists those of the service. detail: a sentence for people.
    retryable: whether the same call may succeed later. status: the HTTP status, None where no answer is the cause.
    errors: of a request with several faults, each with `pointer` and `detail`. problem: the whole document (RFC 9457).
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
        """Exceptions travel between processes (a pool, a task queue); the default would pass the message as problem."""
        return type(self), (self.problem, self.status)


class RefusedError(SqueezeError):
    """The service, or a gateway before it, answered with an error."""


class JobFailedError(SqueezeError):
    """What was accepted did not succeed: a job, a target of it, a batch, or a checkpoint. `record` is what it came to."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None, record: Any = None) -> None:
        super().__init__(problem, status)
        self.record: Any = record

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problem, self.status, self.record)


class UnreachableError(SqueezeError, ConnectionError):
    """No connection, or one that broke, until the time for the call was over. `code` is SERVICE_UNREACHABLE."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__({"code": "SERVICE_UNREACHABLE", "retryable": True, **problem}, status)


class DeadlineError(SqueezeError, TimeoutError):
    """What was waited for is not over yet; it goes on. `code` is DEADLINE_EXCEEDED."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__({"code": "DEADLINE_EXCEEDED", "retryable": True, **problem}, status)


class DigestError(SqueezeError):
    """A file arrived with other bytes than announced, and was not kept. `code` is DIGEST_MISMATCH."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__({"code": "DIGEST_MISMATCH", "retryable": True, **problem}, status)
