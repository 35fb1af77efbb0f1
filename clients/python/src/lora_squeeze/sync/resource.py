# Written from aio/resource.py by write_sync.py: change that.
"""The common base of the parts of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_squeeze.core.calls import call_json

if TYPE_CHECKING:
    from lora_squeeze.sync.client import Client

__all__ = ["Resource"]


class Resource:
    """A part of a client, with the calls for one kind of record."""

    def __init__(self, client: Client) -> None:
        self._client, self._service = client, client.service

    def _json(self, method: str, path: str, value: Any = None, key: str | None = None) -> Any:
        return self._client.run(call_json(self._service, method, path, value, key))
