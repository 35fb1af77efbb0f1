"""Waits until something has ended."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from lora_squeeze.core.calls import Service, call
from lora_squeeze.core.effects import Steps, sleep
from lora_squeeze.core.events import Event, follow, has_ended
from lora_squeeze.core.progress import Progress, ProgressOption, ProgressReporter
from lora_squeeze.core.request import Request, path_of
from lora_squeeze.core.retries import Deadline
from lora_squeeze.errors import DeadlineError, JobFailedError, RefusedError

__all__ = ["WAIT_SECONDS", "failure_of", "has_succeeded", "wait_for_batch", "wait_for_job", "wait_header", "wait_until_ended"]

#: The longest wait that the service accepts.
WAIT_SECONDS = 55
#: A response that arrives sooner did not wait: something on the way drops the header.
SOON_SECONDS = 0.5
MAX_PAUSE_SECONDS = 2.0


def wait_header(deadline: Deadline) -> dict[str, str]:
    return {"prefer": f"wait={max(1, math.ceil(min(WAIT_SECONDS, deadline.left_seconds)))}"}


def wait_until_ended(service: Service, path: str, record: Any, deadline: Deadline, reporter: ProgressReporter | None = None) -> Steps[Any]:
    """The record of a path once it is final. record: its last known state. Raises DeadlineError."""
    if reporter is not None and reporter.is_wanted and not (record and _is_over(record)):
        yield from _watched(service, path, deadline, reporter)
        record = None
    pause = 0.1
    while record is None or not _is_over(record):
        if deadline.left_seconds <= 0:
            raise _late(path, record)
        asked = time.monotonic()
        answer = yield from call(service, Request("GET", path, None, wait_header(deadline)), deadline)
        record = answer.json
        if not _is_over(record) and time.monotonic() - asked < SOON_SECONDS:
            yield from sleep(min(pause, deadline.left_seconds))
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
    return record


def wait_for_job(service: Service, job_id: str, progress: ProgressOption, seconds: float | None) -> Steps[Any]:
    with ProgressReporter(progress) as reporter:
        return (yield from wait_until_ended(service, path_of("v1", "jobs", job_id), None, service.deadline(seconds), reporter))


def wait_for_batch(service: Service, batch_id: str, progress: ProgressOption, seconds: float | None) -> Steps[Any]:
    with ProgressReporter(progress) as reporter:
        return (yield from wait_until_ended(service, path_of("v1", "batches", batch_id), None, service.deadline(seconds), reporter))


def _is_over(record: Mapping[str, Any]) -> bool:
    """The deliveries of a job that has ended run again after a retry was requested."""
    pending = [one for one in record.get("deliveries", ()) if one["state"] == "pending"]
    return has_ended(record) and not pending


def has_succeeded(record: Mapping[str, Any]) -> bool:
    return record["state"] in ("succeeded", "partial")


def failure_of(record: Mapping[str, Any], what: str) -> JobFailedError:
    problem = record.get("error") or {"code": f"{record['state']}".upper(), "detail": f"{what} {record['state']}."}
    return JobFailedError(problem, None, record)


def _watched(service: Service, path: str, deadline: Deadline, reporter: ProgressReporter) -> Steps[None]:
    """Reports the progress of a job or a batch until it ends. If it has no events, or too many clients watch it, it is
    only waited for."""

    def give(event: Event[str, Any]) -> Steps[None]:
        if event.type == "progress" and "phase" in event.data:
            data = event.data
            reporter(Progress(data["phase"], data["done"], data["total"], data.get("module")))
        elif event.type == "state" and "counts" in event.data:
            items = event.data["progress"]
            reporter(Progress("batch", items["done"], items["total"]))
        if deadline.left_seconds <= 0:
            raise _late(path, None)
        yield from ()

    try:
        yield from follow(service, f"{path}/events", None, deadline, give)
    except RefusedError:
        pass


def _late(path: str, record: Mapping[str, Any] | None) -> DeadlineError:
    state = f" is still {record['state']}" if record else " has not ended"
    return DeadlineError({"detail": f"{path}{state} after the time that was given; it goes on."})
