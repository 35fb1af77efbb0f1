"""Bytes to upload: a file that is read while it is sent, or bytes that are there."""

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
        """on_read: called with where each chunk ends, once the chunk was asked for and sent."""
        self._on_read = on_read
        return self

    def chunks(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Raises OSError where the file is shorter than it was: the length was announced."""
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
    """SHA-256 of a content's beginning, which grows with what has arrived elsewhere."""

    def __init__(self, content: Content) -> None:
        self._content, self._digest, self._end = content, hashlib.sha256(), 0

    def extend(self, end: int) -> None:
        for chunk in self._content.chunks(self._end, end - self._end):
            self._digest.update(chunk)
        self._end = end

    @property
    def hex(self) -> str:
        return self._digest.hexdigest()
