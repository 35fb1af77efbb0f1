"""Uploads of adapters: small ones as a form, large ones in pieces that continue after a broken connection."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from lora_squeeze.core.adapter_files import CARD, CONFIG, AdapterFiles
from lora_squeeze.core.calls import Service, call, call_json, post, problem_of, send, unreachable
from lora_squeeze.core.content import Content, Digest
from lora_squeeze.core.effects import Steps, TransportFailure, close, read_all, run, sleep
from lora_squeeze.core.progress import Progress, ProgressReporter
from lora_squeeze.core.request import Multipart, PieceBody, Request, path_of
from lora_squeeze.core.retries import Retries
from lora_squeeze.errors import DigestError, SqueezeError

__all__ = ["PIECE_BYTES", "RESUMABLE_BYTES", "send_adapter", "send_file"]

#: Files of at least this size are sent in pieces.
RESUMABLE_BYTES = 32 << 20
#: Proxies limit the size of a request; the service responds to each piece once it is on disk.
PIECE_BYTES = 64 << 20
TUS = {"tus-resumable": "1.0.0"}


def send_adapter(
    service: Service, files: AdapterFiles, settings: Mapping[str, Any], reporter: ProgressReporter, resumable_bytes: int
) -> Steps[Any]:
    """The adapter that the service creates from the uploads. settings: name, labels, ttl_seconds, if given."""
    settings = {**({"name": files.name} if files.name else {}), **settings}
    if files.weights.length >= resumable_bytes:
        upload_id = yield from send_file(service, files.weights, files.weights_name, reporter)
        named: dict[str, Any] = {"weights": upload_id}
        if files.config is not None:
            named["config"] = json.loads(files.config)
        return (yield from call_json(service, "POST", "/v1/adapters/from-uploads", {"files": named, **settings}))
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
    weights = files.weights.watched(_upload_reporter(files.weights, files.weights_name, reporter))
    contents = {files.weights_name: weights}
    if files.config is not None:
        contents[CONFIG] = Content(files.config)
    if files.card is not None:
        contents[CARD] = Content(files.card)
    answer = yield from call(service, post("/v1/adapters", Multipart(fields, contents)))
    return answer.json


def send_file(service: Service, content: Content, filename: str, reporter: ProgressReporter) -> Steps[str]:
    """Sends a file with tus 1.0 and returns the id of its upload. Raises DigestError if the file changed meanwhile."""
    metadata = f"filename {base64.b64encode(filename.encode()).decode()}"
    headers = {**TUS, "upload-length": str(content.length), "upload-metadata": metadata}
    answer = yield from call(service, post("/v1/uploads", headers=headers))
    # The path is built here and not taken from the service, because a gateway may serve it below another path.
    upload_id = answer.head.headers["location"].rstrip("/").rpartition("/")[2]
    path = path_of("v1", "uploads", upload_id)
    content.watched(_upload_reporter(content, filename, reporter))
    retries, digest, offset = Retries(service.deadline()), Digest(content), 0
    while offset < content.length:
        length = min(PIECE_BYTES, content.length - offset)
        reached = yield from _send_piece(service, path, content, offset, length, retries)
        if reached > offset:
            retries.progressed()
            yield from run(partial(digest.extend, reached))
        offset = reached
    record = yield from call_json(service, "GET", path)
    if record["sha256"] != digest.hex:
        detail = f"{filename} arrived with the SHA-256 {record['sha256']}, not {digest.hex}: the file changed while it was sent."
        raise DigestError({"detail": detail})
    return upload_id


def _send_piece(service: Service, path: str, content: Content, offset: int, length: int, retries: Retries) -> Steps[int]:
    """The offset up to which the service has the bytes; after a failure it is queried."""
    headers = {**TUS, "upload-offset": str(offset)}
    request = Request("PATCH", path, PieceBody(content, offset, length), headers)
    try:
        head = yield from send(request, retries.deadline)
        if head.status == 204:
            return int(head.headers["upload-offset"])
        error: SqueezeError = problem_of(head, (yield from read_all()))
        # Another request of this client may still hang on a dead connection (423), or its response was lost (409): the
        # offset shows it.
        is_passing = head.status == 423 or error.code == "UPLOAD_OFFSET"
        if not error.retryable and not is_passing:
            raise error
        pause = retries.pause_seconds_after(error if error.retryable else SqueezeError({**error.problem, "retryable": True}))
    except TransportFailure as failure:
        pause = retries.pause_seconds_after(unreachable(request, failure))
    yield from close()
    yield from sleep(pause)
    answer = yield from call(service, Request("HEAD", path, None, TUS), retries.deadline)
    return int(answer.head.headers["upload-offset"])


def _upload_reporter(content: Content, filename: str, reporter: ProgressReporter) -> Any:
    return lambda end: reporter(Progress("upload", end, content.length, filename))
