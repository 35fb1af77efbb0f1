# Written from aio/connections.py by write_sync.py: change that.
"""Connections: buckets, Hub accounts and servers that the service may use, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from lora_squeeze.contract import (
    Connection,
    ConnectionChange,
    HubConnectionRequest,
    S3ConnectionRequest,
    UrlConnectionRequest,
)
from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of
from lora_squeeze.sync.resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Connections"]


class Connections(Resource):
    @overload
    def create(self, **request: Unpack[S3ConnectionRequest]) -> Connection: ...

    @overload
    def create(self, **request: Unpack[HubConnectionRequest]) -> Connection: ...

    @overload
    def create(self, **request: Unpack[UrlConnectionRequest]) -> Connection: ...

    def create(self, **request: Any) -> Connection:
        """Creates a connection of a kind ("s3", "hub" or "url"): its name, its prefixes, such as ["s3://models/in"], its
        settings, and credentials, which are encrypted and never shown."""
        return cast(Connection, self._json("POST", "/v1/connections", request))

    def get(self, name: str) -> Connection:
        """The connection without its credentials."""
        return cast(Connection, self._json("GET", path_of("v1", "connections", name)))

    def list(
        self, *, kind: Literal["s3", "hub", "url"] | None = None, page_size: int | None = None
    ) -> Iterator[Connection]:
        """Iterates over all connections, without their credentials."""
        return self._client.iterate(items(self._service, "/v1/connections", {"kind": kind, "limit": page_size}))

    def update(self, name: str, **changes: Unpack[ConnectionChange]) -> Connection:
        """Changes the given fields. Prefixes outside the present ones, and another endpoint, need the credentials again
        (CONNECTION_CREDENTIALS)."""
        return cast(Connection, self._json("PATCH", path_of("v1", "connections", name), changes))

    def delete(self, name: str) -> None:
        """Deletes a connection. Waiting jobs that use it fail."""
        self._json("DELETE", path_of("v1", "connections", name))
