"""Connections: buckets, Hub accounts and servers that the service may use, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from lora_squeeze.aio.resource import Resource
from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of

__all__ = ["Connections"]

Connection = dict[str, Any]


class Connections(Resource):
    async def create(self, request: Mapping[str, Any]) -> Connection:
        """Makes a connection: name, kind ("s3", "hub" or "url"), its settings, and credentials, which are sealed."""
        return cast(Connection, await self._json("POST", "/v1/connections", dict(request)))

    def list(self) -> AsyncIterator[Connection]:
        """Goes over all connections; none shows its credentials."""
        return self._client.iterate(items(self._service, "/v1/connections", {}))

    async def get(self, name: str) -> Connection:
        return cast(Connection, await self._json("GET", path_of("v1", "connections", name)))

    async def update(self, name: str, changes: Mapping[str, Any]) -> Connection:
        return cast(Connection, await self._json("PATCH", path_of("v1", "connections", name), dict(changes)))

    async def delete(self, name: str) -> None:
        await self._json("DELETE", path_of("v1", "connections", name))
