"""Bytes to upload: read from a file while it is sent, or already in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Union

__all__ = ["CHUNK_BYTES", "Content", "Digest", "FilePath"]

CHUNK_BYTES = 1 << 18

FilePath = Union[str, "os.PathLike[str]"]


class Content:
    """Bytes of known length. source: bytes, or the path of a file."""

    def __init__(self, source: bytes | FilePath) -> None:
        self._data = source if isinstance(source, bytes) else None
        self._path = None if isinstance(source, bytes) else os.fspath(source)
        self.length = len(source) if isinstance(source, bytes) else os.path.getsize(source)
        self._on_read: Callable[[int], None] = lambda _end: None

    def watched(self, on_read: Callable[[int], None]) -> Content:
        """on_read: called with the end position of each chunk, as soon as the chunk has been requested and sent."""
        self._on_read = on_read
        return self

    def chunks(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Raises OSError if the file has become shorter: its length was announced before."""
        end = self.length if length is None else offset + length
        if self._data is not None:
            for begin in range(offset, end, CHUNK_BYTES):
                yield self._data[begin : min(begin + CHUNK_BYTES, end)]
                self._on_read(min(begin + CHUNK_BYTES, end))
            return
        assert self._path is not None
        with open(self._path, "rb") as file:
            file.seek(offset)
            while offset < end:
                chunk = file.read(min(CHUNK_BYTES, end - offset))
                if not chunk:
                    raise OSError(f"{self._path} became shorter while it was read: {offset} of {self.length} bytes are there")
                yield chunk
                offset += len(chunk)
                self._on_read(offset)


class Digest:
    """SHA-256 of the beginning of a content, extended as more of it has arrived at the service."""

    def __init__(self, content: Content) -> None:
        self._content, self._digest, self._end = content, hashlib.sha256(), 0

    def extend(self, end: int) -> None:
        for chunk in self._content.chunks(self._end, end - self._end):
            self._digest.update(chunk)
        self._end = end

    @property
    def hex(self) -> str:
        return self._digest.hexdigest()
