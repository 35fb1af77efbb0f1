# Written from aio/workers.py by write_sync.py: change that.
"""Workers, for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from lora_squeeze.contract import Worker
from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of
from lora_squeeze.sync.resource import Resource

__all__ = ["Workers"]


class Workers(Resource):
    def list(self) -> Iterator[Worker]:
        """Goes over the workers that are there, and how many executions they run."""
        return self._client.iterate(items(self._service, "/v1/workers", {}))

    def drain(self, worker_id: str) -> Worker:
        """Has a worker begin nothing more; it ends when what it runs has ended."""
        return cast(Worker, self._json("POST", path_of("v1", "workers", worker_id, "drain")))
