"""Server-sent events, followed over broken connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, Union

from lora_squeeze.contract import BatchEndEvent, Job, JobProgress, JobStateEvent, ProgressEvent, StreamNotice
from lora_squeeze.core.calls import Service, problem_of, send, unreachable
from lora_squeeze.core.effects import Head, Steps, TransportFailure, close, emit, read, read_all, sleep
from lora_squeeze.core.request import Request
from lora_squeeze.core.retries import Deadline, Retries

__all__ = ["Event", "EventParser", "EventType", "JobEvent", "TenantEvent", "follow", "has_ended"]

TypeT = TypeVar("TypeT", bound=str)
DataT = TypeVar("DataT")

#: The service sends a comment every 15 seconds: if nothing arrives for three times as long, the connection is dead.
SILENCE_SECONDS = 50.0


@dataclass(frozen=True)
class Event(Generic[TypeT, DataT]):
    """type: "state", "progress", "job.succeeded", … data: its JSON. id: where to continue later, also in another
    process."""

    type: TypeT
    data: DataT
    id: str | None


JobEventType = Literal[
    "job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled"
]
#: The types of a tenant's events that can be requested.
EventType = Literal[JobEventType, "batch.ended", "job.progress"]
#: Events of one job: its state, with the job at that time, and its progress.
JobEvent = Union[Event[Literal["state"], Job], Event[Literal["progress"], JobProgress]]
#: Events of a tenant. "stream.open" begins a stream; "stream.gap" reports that events before it are missing.
TenantEvent = Union[
    Event[JobEventType, JobStateEvent],
    Event[Literal["batch.ended"], BatchEndEvent],
    Event[Literal["job.progress"], ProgressEvent],
    Event[Literal["stream.open", "stream.gap"], StreamNotice],
]


class EventParser:
    """Parses a stream as it arrives and yields its events (HTML Living Standard, 9.2.6). An incomplete event at the end
    is dropped."""

    def __init__(self, last_id: str | None = None) -> None:
        self.last_id = last_id
        self.retry_seconds: float | None = None
        self._rest = b""
        self._type, self._data = "", list[str]()

    def feed(self, chunk: bytes) -> Iterator[Event[str, Any]]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            event = self._line(line.rstrip(b"\r").decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _line(self, line: str) -> Event[str, Any] | None:
        if line == "":
            kind, data = self._type, self._data
            self._type, self._data = "", []
            return Event(kind or "message", json.loads("\n".join(data)), self.last_id) if data else None
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id":
            self.last_id = value
        elif name == "retry" and value.isdigit():
            self.retry_seconds = int(value) / 1000
        return None


def has_ended(record: Mapping[str, Any]) -> bool:
    """Whether a job, a batch or a checkpoint has ended. A cancelled batch has ended only with its last job; checkpoints
    have no times."""
    return record["state"] not in ("queued", "active") and record.get("finished_at", "") is not None


def follow(
    service: Service,
    path: str,
    last_id: str | None = None,
    deadline: Deadline | None = None,
    give: Callable[[Event[str, Any]], Steps[None]] = emit,
) -> Steps[None]:
    """Yields the events of a path until one has a final state or the service reports that there are no more. After a
    broken connection it continues after the last event; the deadline then starts over, unless one is given."""
    retries = Retries(deadline or service.deadline())
    while True:
        parser = EventParser(last_id)
        headers = {"accept": "text/event-stream", **({"last-event-id": last_id} if last_id else {})}
        request = Request("GET", path, None, headers)
        head: Head | None = None
        # The service ends a stream after an hour, or when the process that serves it ends.
        failure = TransportFailure("The stream ended.")
        try:
            head = yield from send(request, deadline or Deadline(None), SILENCE_SECONDS)
            if head.status == 204:
                return
            if head.status == 200 and deadline is None:
                retries.progressed()
            while head.status == 200 and (chunk := (yield from read())):
                for event in parser.feed(chunk):
                    last_id = event.id
                    yield from give(event)
                    if event.type == "state" and has_ended(event.data):
                        yield from close()
                        return
            body = yield from read_all()
        except TransportFailure as broken:
            failure = broken
        yield from close()
        was_open = head is not None and head.status == 200
        if head is not None and not was_open:
            pause = retries.pause_seconds_after(problem_of(head, body), head.headers)
        else:
            pause = retries.pause_seconds_after(unreachable(request, failure))
        if was_open and parser.retry_seconds is not None:
            pause = parser.retry_seconds
        yield from sleep(pause)
