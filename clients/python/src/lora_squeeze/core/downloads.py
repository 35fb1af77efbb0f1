"""Saves files of the service to disk: complete and with the announced SHA-256, or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, BinaryIO

from lora_squeeze.core.calls import SILENCE_SECONDS, Service, call, problem_of, send, unreachable
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.effects import Steps, TransportFailure, close, read, read_all, run, sleep
from lora_squeeze.core.progress import Progress, ProgressReporter
from lora_squeeze.core.request import Request
from lora_squeeze.core.retries import Retries
from lora_squeeze.errors import DigestError

__all__ = ["content_of", "ends_as_zip", "save", "save_all"]


def save_all(
    service: Service, files: Iterable[Mapping[str, Any]], href: Callable[[str], str], folder: FilePath, reporter: ProgressReporter
) -> Steps[list[str]]:
    """Saves the files of a record to a folder and returns their paths. href: for a file whose record has none."""
    paths = []
    for file in files:
        path = os.path.join(os.fspath(folder), *_safe_parts(file["name"]))
        yield from save(service, file.get("href") or href(file["name"]), path, file["sha256"], reporter)
        paths.append(path)
    return paths


def content_of(service: Service, href: str, sha256: str | None = None) -> Steps[bytes]:
    """The bytes at a path of the service. Raises DigestError unless they have the given or announced SHA-256."""
    answer = yield from call(service, Request("GET", href))
    announced = sha256 or _announced(answer.head.headers)
    _check(href, hashlib.sha256(answer.body).hexdigest(), announced)
    return answer.body


def save(
    service: Service,
    href: str,
    path: FilePath,
    sha256: str | None,
    reporter: ProgressReporter,
    is_whole: Callable[[BinaryIO], bool] = lambda _: True,
) -> Steps[None]:
    """Streams a path of the service to a file. A broken download continues where it stopped, if the file is still the
    same. sha256: the digest it must have; None: the one that the response announces, if any. is_whole: distinguishes a
    complete file from a truncated one if a response has no length."""
    path = os.path.abspath(path)
    unfinished = f"{path}.{uuid.uuid4().hex}.part"
    yield from run(partial(os.makedirs, os.path.dirname(path), exist_ok=True))
    try:
        with open(unfinished, "w+b") as file:
            found, announced = yield from _receive(
                service, href, file, lambda done, total: reporter(Progress("download", done, total, href)), is_whole
            )
        _check(href, found, sha256 or announced)
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)


def _check(href: str, found: str, expected: str | None) -> None:
    if expected is not None and found != expected:
        raise DigestError({"detail": f"{href} arrived with the SHA-256 {found}, not {expected}, and was not kept."})


def _announced(headers: Mapping[str, str]) -> str | None:
    """The SHA-256 of the whole file in hexadecimal, taken from the response (RFC 9530)."""
    digest = re.search(r"sha-256=:([^:]*):", headers.get("repr-digest", ""))
    return base64.b64decode(digest[1]).hex() if digest else None


def _receive(
    service: Service,
    href: str,
    file: BinaryIO,
    reporter: Callable[[int, int], None],
    is_whole: Callable[[BinaryIO], bool],
) -> Steps[tuple[str, str | None]]:
    """Returns the SHA-256 of what was written, and the announced one."""
    retries, digest = Retries(service.deadline()), hashlib.sha256()
    done, tag = 0, None
    while True:
        # A range of a compressed response would be a range of the compressed bytes.
        headers = {"accept-encoding": "identity"}
        if done and tag:
            headers.update({"range": f"bytes={done}-", "if-range": tag})
        request = Request("GET", href, None, headers)
        try:
            head = yield from send(request, retries.deadline, SILENCE_SECONDS)
            if head.status >= 300:
                pause = retries.pause_seconds_after(problem_of(head, (yield from read_all())), head.headers)
            else:
                if head.status != 206 and done:
                    done, digest = 0, hashlib.sha256()
                    file.seek(0)
                    file.truncate()
                tag = _strong(head.headers.get("etag"))
                total = done + int(head.headers.get("content-length", 0))
                while chunk := (yield from read()):
                    yield from run(partial(_take, chunk, file, digest))
                    done += len(chunk)
                    retries.progressed()
                    reporter(done, total)
                if not is_whole(file):
                    raise TransportFailure(f"{href} broke off")
                return digest.hexdigest(), _announced(head.headers)
        except TransportFailure as failure:
            pause = retries.pause_seconds_after(unreachable(request, failure))
        yield from close()
        yield from sleep(pause)


def ends_as_zip(file: BinaryIO) -> bool:
    """Whether a file ends like a zip without a comment (APPNOTE.TXT of PKWARE, 4.3.16)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 22))
    end = file.read(4)
    file.seek(size)
    return end == b"PK\x05\x06"


def _take(chunk: bytes, file: BinaryIO, digest: hashlib._Hash) -> None:
    digest.update(chunk)
    file.write(chunk)


def _strong(tag: str | None) -> str | None:
    return None if tag is None or tag.startswith("W/") else tag


def _safe_parts(name: str) -> list[str]:
    """The path for a file's name, which may contain folders. Raises ValueError for a name that leads out of the
    folder."""
    parts = name.split("/")
    for part in parts:
        if part in ("", ".", "..") or "\\" in part or "\0" in part or os.path.splitdrive(part)[0]:
            raise ValueError(f"the service named a file {name!r}, which leads out of a folder")
    return parts
