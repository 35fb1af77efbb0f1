"""Client of the LoRA-Squeeze service. Standard library only (Python 3.9).

    service = LoraSqueeze("http://127.0.0.1:8080")
    result = service.squeeze("adapter", rank=16, out="adapter-r16")   # a folder with a PEFT adapter
    print(result["relative_error"])

Requests and answers are the JSON of the contract (GET /openapi.yaml, or /docs for a page of it) as plain dicts.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import socket
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

__all__ = ["CONFIG", "OPTIMIZER", "WEIGHTS", "LoraSqueeze", "SqueezeError"]

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
OPTIMIZER = "optimizer.safetensors"

CHUNK_BYTES = 1 << 20
# The service waits no longer (`Prefer: wait=N`); a connection silent for that long and some more is a dead one.
MAX_WAIT_SECONDS = 55
SOCKET_TIMEOUT_SECONDS = 90
LONGEST_PAUSE_SECONDS = 15.0
# Not now. 502 and 504 come from a gateway, which cannot tell whether the request was carried out.
REFUSED_FOR_NOW = (429, 503, "CHECKPOINT_PENDING")
UNCERTAIN = (502, 504)
BROKEN = (ConnectionError, TimeoutError, socket.gaierror, http.client.HTTPException)

Record = dict[str, Any]
Read = TypeVar("Read")


class SqueezeError(Exception):
    """What the service refused or failed at. `code` is stable (the contract lists them), `detail` is for people,
    `status` is the HTTP status (None: a job failed, not the request), `problem` the whole document (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any], status: int | None = None) -> None:
        self.code: str = problem.get("code", f"HTTP_{status}")
        self.detail: str = problem.get("detail", "")
        self.status = status
        self.problem = problem
        super().__init__(f"{self.code}: {self.detail}")


class LoraSqueeze:
    """One service.

    url: where it is, with the path of a gateway if there is one. api_key: sent as `Authorization: Bearer`.
    timeout_seconds: how long one call may take, retries and the wait for its job included. While the service is away,
    restarts, or says 429 or 503, calls are repeated until then; after that the last error is raised: a SqueezeError, or
    what the connection said (OSError, http.client.HTTPException).
    """

    def __init__(self, url: str, api_key: str | None = None, timeout_seconds: float = 600) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the url of the service must be http:// or https:// with a host, not {url!r}")
        is_secure = parts.scheme == "https"
        self._connect: type[http.client.HTTPConnection] = http.client.HTTPConnection
        if is_secure:
            self._connect = http.client.HTTPSConnection
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self.timeout_seconds = timeout_seconds

    # Squeezing

    def upload(self, folder: str) -> Record:
        """Uploads the adapter in a folder, whose name it gets; returns its AdapterRecord."""
        files = {name: os.path.join(folder, name) for name in (WEIGHTS, CONFIG)}
        name = "".join(c if c.isprintable() else " " for c in os.path.basename(os.path.abspath(folder))).strip()[:200]
        body = _Multipart({"name": name} if name else {}, files)
        # Sent again under the same key it is one adapter still.
        key = {"idempotency-key": str(uuid.uuid4())}
        return self._json("POST", "/v1/adapters", body, key, repeatable=True)[0]

    def squeeze(
        self,
        adapter: str,
        rank: int | None = None,
        out: str | None = None,
        options: Mapping[str, Any] | None = None,
        results: Mapping[str, Any] | None = None,
        **target: Any,
    ) -> Record:
        """Squeezes a folder's adapter, or one the service has (its id), to one target; returns its JobResult.

        The target is rank or another policy (energy=0.9, …), and how to write it (scale="keep", dtype="float16", …).
        results: what the service calls the result and how long it keeps it: {"name": …, "labels": {…}, "ttl_seconds": …}.
        out: a folder to save the result's files to.
        """
        if rank is not None:
            target["rank"] = rank
        adapter_id = self.upload(adapter)["id"] if os.path.isdir(adapter) else adapter
        more = {"options": options, "results": results}
        more = {name: value for name, value in more.items() if value is not None}
        result: Record = self.job(kind="squeeze", adapter_id=adapter_id, targets=[target], **more)["results"][0]
        if out is not None:
            self.download_adapter(result["adapter_id"], out)
        return result

    def job(self, **request: Any) -> Record:
        """Runs any job (kind="squeeze", "analyze", "merge"); returns the finished JobRecord, or raises its failure.

        Of several targets each ends by itself: where some failed (state "partial") their results have an "error"."""
        return self._finished(*self._json("POST", "/v1/jobs", _Json(request), WAIT))

    def download_adapter(self, adapter_id: str, folder: str) -> None:
        """Saves an adapter's files to a folder."""
        for file in self.get(f"/v1/adapters/{adapter_id}")["files"]:
            href = f"/v1/adapters/{adapter_id}/files/{urllib.parse.quote(file['name'])}"
            self.download(href, os.path.join(folder, file["name"]), sha256=file["sha256"])

    # Annealing

    def schedule(self, **request: Any) -> Record:
        """What a ScheduleRequest comes to: stages, steps of the squeezes, parameters and memory. Keeps nothing."""
        return self._json("POST", "/v1/schedules", _Json(request), repeatable=True)[0]

    def create_run(self, **request: Any) -> Record:
        """Begins a run (schedule={…} or adaptive={…}); returns its RunRecord."""
        return self._json("POST", "/v1/runs", _Json(request))[0]

    def run(self, run_id: str) -> Record:
        """The RunRecord as it is now: lineage and next_checkpoint_step."""
        return self.get(f"/v1/runs/{run_id}")

    def checkpoint(
        self,
        run_id: str,
        step: int,
        weights: str,
        config: str,
        optimizer: str | None = None,
        rewind: bool = False,
        wait: bool = True,
    ) -> Record:
        """Sends a step's checkpoint (paths of files); returns its finished CheckpointRecord, or raises its failure.

        Sending the same one again gets the same answer, so a broken connection does no harm. rewind: what the run has
        from this step on is superseded. wait=False returns at once; ask for the end later with the same call.
        """
        fields = {"step": str(step), **({"rewind": "true"} if rewind else {})}
        files = {WEIGHTS: weights, CONFIG: config, **({OPTIMIZER: optimizer} if optimizer else {})}
        path, body = f"/v1/runs/{run_id}/checkpoints", _Multipart(fields, files)
        answer = self._json("POST", path, body, WAIT if wait else {}, repeatable=True)
        return self._finished(*answer) if wait else answer[0]

    def download_checkpoint(self, record: Mapping[str, Any], folder: str, names: Iterable[str] | None = None) -> None:
        """Saves files of a checkpoint's result to a folder: those named, such as projections.safetensors, or all."""
        wanted = None if names is None else set(names)
        for file in record["files"]:
            if wanted is None or file["name"] in wanted:
                self.download(file["href"], os.path.join(folder, file["name"]), sha256=file["sha256"])

    # HTTP

    def get(self, path: str) -> Record:
        """The JSON at a path of the service."""
        return self._json("GET", path, repeatable=True)[0]

    def download(self, href: str, path: str, sha256: str | None = None) -> None:
        """Streams a path of the service to a file, which is there complete (and with that SHA-256) or not at all."""
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self._send("GET", href, None, {}, True, lambda response: _save(response, path, sha256))

    def _finished(self, record: Record, location: str | None) -> Record:
        """Asks for what was accepted until it is over."""
        deadline = time.monotonic() + self.timeout_seconds
        pause = 0.1
        while record["state"] in ("queued", "active"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{location} is still {record['state']} after {self.timeout_seconds} s")
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
            assert location is not None  # What is accepted says where it can be asked for.
            record = self.get(location)
        if record["state"] not in ("succeeded", "partial"):
            raise SqueezeError(record["error"] or {"code": "CANCELLED", "detail": f"{location} was cancelled"})
        return record

    def _json(
        self,
        method: str,
        path: str,
        body: _Body | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> tuple[Record, str | None]:
        return self._send(method, path, body, headers or {}, repeatable, _parsed)

    def _send(
        self,
        method: str,
        path: str,
        body: _Body | None,
        headers: Mapping[str, str],
        repeatable: bool,
        read: Callable[[http.client.HTTPResponse], Read],
    ) -> tuple[Read, str | None]:
        """What `read` makes of the answer, and its Location. Repeats the call while that can help.
        repeatable: harmless even if the service carried it out and only the answer was lost."""
        deadline = time.monotonic() + self.timeout_seconds
        pause = 0.5
        while True:
            after: str | None = None
            error: Exception
            connection = self._connect(self._host, self._port, timeout=SOCKET_TIMEOUT_SECONDS)
            try:
                response = self._exchange(connection, method, path, body, headers)
                if response.status < 400:
                    return read(response), response.getheader("location")
                problem, after = _problem(response), response.getheader("retry-after")
                temporary = REFUSED_FOR_NOW + (UNCERTAIN if repeatable else ())
                error, may_repeat = problem, problem.status in temporary or problem.code in temporary
            except BROKEN as broken:
                error, may_repeat = broken, repeatable or isinstance(broken, ConnectionRefusedError)
            finally:
                connection.close()
            # Trainers that were refused together should not come back together.
            seconds = float(after) if after and after.isdigit() else pause * random.uniform(0.5, 1.5)
            if not may_repeat or time.monotonic() + seconds > deadline:
                raise error
            time.sleep(seconds)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: _Body | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        sent = {**self._headers, **headers}
        if body is not None:
            sent.update({"content-type": body.content_type, "content-length": str(body.length)})
        try:
            connection.request(method, self._prefix + path, body=body.chunks() if body else None, headers=sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused before all was sent. The answer, if it still comes, says why.
        return connection.getresponse()


WAIT = {"prefer": f"wait={MAX_WAIT_SECONDS}"}


class _Body(Protocol):
    content_type: str
    length: int

    def chunks(self) -> Iterator[bytes]: ...


class _Json:
    content_type = "application/json"

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._data = json.dumps(value).encode()
        self.length = len(self._data)

    def chunks(self) -> Iterator[bytes]:
        return iter([self._data])


class _Multipart:
    """A multipart/form-data body that is read from disk while it is sent; its length is known before."""

    def __init__(self, fields: Mapping[str, str], files: Mapping[str, str]) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="'
        octets = "content-type: application/octet-stream"
        self._fields = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()).encode()
        self._files = [
            (f'{head}{name}"; filename="{name}"\r\n{octets}\r\n\r\n'.encode(), path) for name, path in files.items()
        ]
        self._end = f"--{boundary}--\r\n".encode()
        files_bytes = sum(len(text) + os.path.getsize(path) + len("\r\n") for text, path in self._files)
        self.length = len(self._fields) + files_bytes + len(self._end)

    def chunks(self) -> Iterator[bytes]:
        if self._fields:
            yield self._fields
        for text, path in self._files:
            yield text
            with open(path, "rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
            yield b"\r\n"
        yield self._end


def _parsed(response: http.client.HTTPResponse) -> Record:
    record: Record = json.loads(response.read())
    return record


def _problem(response: http.client.HTTPResponse) -> SqueezeError:
    text = response.read().decode("utf-8", "replace")
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):  # Not the service: a gateway before it.
        problem = {"detail": f"{response.status} {response.reason}: {text[:200]}"}
    return SqueezeError(problem, response.status)


def _save(response: http.client.HTTPResponse, path: str, sha256: str | None) -> None:
    partial = f"{path}.{uuid.uuid4().hex}.part"
    digest, left = hashlib.sha256(), response.length
    try:
        with open(partial, "wb") as file:
            while chunk := response.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
                left = None if left is None else left - len(chunk)
        if left:
            raise http.client.IncompleteRead(b"", left)
        if sha256 is not None and digest.hexdigest() != sha256:
            raise http.client.HTTPException(f"{path} arrived with another SHA-256 than {sha256}")
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
