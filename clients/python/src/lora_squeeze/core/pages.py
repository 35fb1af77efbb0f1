"""Lists of the service, page by page, and responses with one JSON value in each line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lora_squeeze.core.calls import Service, call_json, problem_of, send, unreachable
from lora_squeeze.core.effects import Steps, TransportFailure, close, emit, read, read_all, sleep
from lora_squeeze.core.request import Request, query
from lora_squeeze.core.retries import Retries

__all__ = ["items", "lines"]


def items(service: Service, path: str, filters: Mapping[str, Any]) -> Steps[None]:
    """Yields each item of a list; the next page is requested when it is needed."""
    cursor: str | None = None
    while True:
        page = yield from call_json(service, "GET", path + query({**filters, "cursor": cursor}))
        for item in page["data"]:
            yield from emit(item)
        cursor = page["next_cursor"]
        if cursor is None:
            return


def lines(service: Service, path: str) -> Steps[None]:
    """Yields the JSON of each line, in the order of their items. After a broken connection, lines that were already
    yielded are skipped; a response is complete when it has as many items as it announces."""
    retries, given = Retries(service.deadline()), 0
    request = Request("GET", path, None, {"accept": "application/x-ndjson"})
    while True:
        try:
            head = yield from send(request, retries.deadline)
            if head.status >= 300:
                pause = retries.pause_seconds_after(problem_of(head, (yield from read_all())), head.headers)
            else:
                rest, passed, items = b"", 0, 0
                while chunk := (yield from read()):
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in filter(None, whole):
                        passed += 1
                        value = json.loads(line)
                        items = value["index"] + 1
                        if passed > given:
                            given = passed
                            retries.progressed()
                            yield from emit(value)
                if items == int(head.headers.get("x-item-count", items)):
                    return
                pause = retries.pause_seconds_after(unreachable(request, TransportFailure(f"{path} broke off")))
        except TransportFailure as failure:
            pause = retries.pause_seconds_after(unreachable(request, failure))
        yield from close()
        yield from sleep(pause)
