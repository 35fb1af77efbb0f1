"""Decides whether an error means that the service is temporarily unavailable, rather than that it refused."""

from __future__ import annotations

from lora_squeeze.errors import DeadlineError, SqueezeError, UnreachableError

__all__ = ["is_unavailable"]

_STATUSES = (429, 502, 503, 504)


def is_unavailable(error: SqueezeError) -> bool:
    """A job that takes longer than the client waits counts as unavailable; an untrusted certificate does not."""
    if isinstance(error, (UnreachableError, DeadlineError)):
        return error.retryable
    return error.status in _STATUSES or error.code == "CHECKPOINT_PENDING"
