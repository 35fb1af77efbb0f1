# Written from aio/connections.py by write_sync.py: change that.
"""Connections: buckets, Hub accounts and servers that the service may use, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of
from lora_squeeze.sync.resource import Resource

__all__ = ["Connections"]

Connection = dict[str, Any]


class Connections(Resource):
    def create(self, request: Mapping[str, Any]) -> Connection:
        """Makes a connection: name, kind ("s3", "hub" or "url"), its settings, and credentials, which are sealed."""
        return cast(Connection, self._json("POST", "/v1/connections", dict(request)))

    def list(self) -> Iterator[Connection]:
        """Goes over all connections; none shows its credentials."""
        return self._client.iterate(items(self._service, "/v1/connections", {}))

    def get(self, name: str) -> Connection:
        return cast(Connection, self._json("GET", path_of("v1", "connections", name)))

    def update(self, name: str, changes: Mapping[str, Any]) -> Connection:
        return cast(Connection, self._json("PATCH", path_of("v1", "connections", name), dict(changes)))

    def delete(self, name: str) -> None:
        self._json("DELETE", path_of("v1", "connections", name))
