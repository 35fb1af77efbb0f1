"""One call: sent, repeated as long as that can help, and read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lora_squeeze.core.effects import Head, Steps, TransportFailure, close, open_, read_all, sleep
from lora_squeeze.core.request import Body, JsonBody, Request
from lora_squeeze.core.retries import Deadline, Retries
from lora_squeeze.errors import RefusedError, SqueezeError, UnreachableError

__all__ = ["SILENCE_SECONDS", "Response", "Service", "call", "call_json", "post", "problem_of", "send", "unreachable"]

#: A service that sends nothing for longer than this is gone; it waits up to 55 seconds itself (`Prefer: wait`).
SILENCE_SECONDS = 90.0


@dataclass(frozen=True)
class Service:
    """The settings that all calls share. timeout_seconds: the time for a call with its retries, None for no limit."""

    timeout_seconds: float | None

    def deadline(self, seconds: float | None = None) -> Deadline:
        return Deadline(self.timeout_seconds if seconds is None else seconds)


@dataclass(frozen=True)
class Response:
    head: Head
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


def post(path: str, body: Body | None = None, key: str | None = None, headers: Mapping[str, str] | None = None) -> Request:
    """A POST that may be repeated: its Idempotency-Key ensures that it is carried out only once."""
    return Request("POST", path, body, {"idempotency-key": key or str(uuid.uuid4()), **(headers or {})})


def call(service: Service, request: Request, deadline: Deadline | None = None) -> Steps[Response]:
    """The response, if it is successful. Raises RefusedError or UnreachableError."""
    retries = Retries(deadline or service.deadline(), request.is_repeatable)
    while True:
        pause = 0.0
        try:
            head = yield from send(request, retries.deadline)
            body = yield from read_all()
            if head.status < 300:
                return Response(head, body)
            error = problem_of(head, body)
            if request.method == "DELETE" and head.status in (404, 410) and retries.is_uncertain:
                return Response(Head(204, {}), b"")  # Our first try removed it.
            pause = retries.pause_seconds_after(error, head.headers)
        except TransportFailure as failure:
            pause = retries.pause_seconds_after(unreachable(request, failure))
        yield from close()
        yield from sleep(pause)


def call_json(service: Service, method: str, path: str, value: Any = None, key: str | None = None) -> Steps[Any]:
    """Sends this JSON to a path and returns the JSON of the response. POSTs get an Idempotency-Key; key: the caller's
    own."""
    body = None if value is None else JsonBody(value)
    request = post(path, body, key) if method == "POST" else Request(method, path, body)
    return (yield from call(service, request)).json


def send(request: Request, deadline: Deadline, silence_seconds: float = SILENCE_SECONDS) -> Steps[Head]:
    """One attempt. A service that hangs is noticed at the deadline, or one second after the attempt began if that is
    later."""
    return (yield from open_(request, min(silence_seconds, max(1.0, deadline.left_seconds))))


def problem_of(head: Head, body: bytes) -> RefusedError:
    problem: Any = None
    try:
        problem = json.loads(body)
    except ValueError:
        pass
    if not isinstance(problem, dict):  # Not the service: a gateway before it, or the answer to a HEAD.
        text = body[:200].decode("utf-8", "replace")
        where = f", which leads to {head.headers['location']}" if "location" in head.headers else ""
        problem = {"detail": f"The answer was HTTP {head.status}{where}{f': {text}' if text else ''}."}
    return RefusedError(problem, head.status)


def unreachable(request: Request, failure: TransportFailure) -> SqueezeError:
    detail = f"{request.method} {request.path.partition('?')[0]}: {failure.detail}"
    return UnreachableError({"detail": detail, "retryable": not failure.is_permanent})
