"""Decides whether and when a call is repeated."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping

from lora_squeeze.errors import SqueezeError

__all__ = ["Deadline", "Retries"]

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 15.0
#: Responses that mean that nothing was done. Others may come from a gateway that cannot tell whether the request was
#: carried out.
RETRYABLE_STATUSES = (425, 429, 503)


class Deadline:
    """The deadline of a call. seconds: None for no deadline."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Something has arrived: the time starts over."""
        self._end = None if self._seconds is None else time.monotonic() + self._seconds

    @property
    def left_seconds(self) -> float:
        return float("inf") if self._end is None else max(0.0, self._end - time.monotonic())


class Retries:
    """The attempts of one call. is_repeatable: see Request; other requests are repeated only if they were refused."""

    def __init__(self, deadline: Deadline, is_repeatable: bool = True) -> None:
        self.deadline, self._is_repeatable = deadline, is_repeatable
        self._pause_seconds = FIRST_PAUSE_SECONDS
        #: Whether an earlier attempt may have been carried out although no response arrived.
        self.is_uncertain = False

    def progressed(self) -> None:
        self.deadline.renew()
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def pause_seconds_after(self, error: SqueezeError, headers: Mapping[str, str] | None = None) -> float:
        """How long to wait before the next attempt. Raises the error if there is none."""
        was_refused = error.status in RETRYABLE_STATUSES or (error.status is not None and error.problem.get("retryable") is True)
        if not error.retryable or not (was_refused or self._is_repeatable):
            raise error
        self.is_uncertain = self.is_uncertain or not was_refused
        asked = retry_after_seconds((headers or {}).get("retry-after"))
        # Clients that were refused at the same time should not return at the same time.
        pause = self._pause_seconds * random.uniform(0.5, 1.5) if asked is None else asked * random.uniform(1, 1.1)
        self._pause_seconds = min(2 * self._pause_seconds, MAX_PAUSE_SECONDS)
        if pause >= self.deadline.left_seconds:
            raise error
        return pause


def retry_after_seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After header, which may also be a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
