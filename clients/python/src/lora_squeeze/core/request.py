"""Requests as data: path, content, and whether they may be sent again."""

from __future__ import annotations

import json
import urllib.parse
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lora_squeeze.core.content import Content

__all__ = ["Body", "JsonBody", "Multipart", "PieceBody", "Request", "path_of", "query"]


class Body(Protocol):
    """content_type, the length in bytes, and the bytes, which are the same each time they are read."""

    content_type: str
    length: int

    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Request:
    """path: relative to the service's URL, with its query."""

    method: str
    path: str
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_repeatable(self) -> bool:
        """Whether it is harmless to repeat the request if the service carried it out and only the response was lost."""
        return self.method != "POST" or "idempotency-key" in self.headers


class JsonBody:
    content_type = "application/json"

    def __init__(self, value: Any) -> None:
        self._data = json.dumps(value).encode()
        self.length = len(self._data)

    def chunks(self) -> Iterator[bytes]:
        return iter([self._data])


class Multipart:
    """A multipart/form-data body that is read while it is sent; its length is known in advance."""

    def __init__(self, fields: Mapping[str, str], files: Mapping[str, Content]) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="'
        octets = "content-type: application/octet-stream"
        self._fields = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()).encode()
        self._files = [
            (f'{head}{name}"; filename="{name}"\r\n{octets}\r\n\r\n'.encode(), content) for name, content in files.items()
        ]
        self._end = f"--{boundary}--\r\n".encode()
        files_bytes = sum(len(text) + content.length + len("\r\n") for text, content in self._files)
        self.length = len(self._fields) + files_bytes + len(self._end)

    def chunks(self) -> Iterator[bytes]:
        if self._fields:
            yield self._fields
        for text, content in self._files:
            yield text
            yield from content.chunks()
            yield b"\r\n"
        yield self._end


class PieceBody:
    """The bytes of a content from an offset on, as the body of a PATCH of a resumable upload."""

    content_type = "application/offset+octet-stream"

    def __init__(self, content: Content, offset: int, length: int) -> None:
        self._content, self._offset, self.length = content, offset, length

    def chunks(self) -> Iterator[bytes]:
        return self._content.chunks(self._offset, self.length)


def path_of(*parts: str) -> str:
    """A path from parts, which may contain any characters."""
    return "/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)


def query(filters: Mapping[str, Any]) -> str:
    """A query string from the values that are not None: lists are repeated, labels (a mapping) become name:value."""
    pairs: list[tuple[str, str]] = []
    for name, value in filters.items():
        pairs += [(name, text) for text in _texts(value)]
    return f"?{urllib.parse.urlencode(pairs)}" if pairs else ""


def _texts(value: Any) -> Iterable[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, Mapping):
        return [f"{name}:{text}" for name, text in value.items()]
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        # A time without a zone would be refused, because the service does not know the local zone.
        is_naive = hasattr(value, "tzinfo") and value.tzinfo is None
        return [value.astimezone().isoformat() if is_naive else text]
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [str(value)]
    return [str(each) for each in value]
