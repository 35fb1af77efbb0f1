"""Workers, for administrators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from lora_squeeze.aio.resource import Resource
from lora_squeeze.contract import Worker
from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of

__all__ = ["Workers"]


class Workers(Resource):
    def list(self) -> AsyncIterator[Worker]:
        """Iterates over the live workers, with the number of executions that they run."""
        return self._client.iterate(items(self._service, "/v1/workers", {}))

    async def drain(self, worker_id: str) -> Worker:
        """Drains a worker: it starts nothing more, and ends when its executions have ended."""
        return cast(Worker, await self._json("POST", path_of("v1", "workers", worker_id, "drain")))
