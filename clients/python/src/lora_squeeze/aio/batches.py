"""Batches: many jobs, submitted, watched and cancelled together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, cast

from lora_squeeze.aio.resource import Resource
from lora_squeeze.contract import Batch, BatchItem, BatchRequest, BatchResultLine
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.downloads import ends_as_zip, save
from lora_squeeze.core.events import Event, follow
from lora_squeeze.core.pages import items, lines
from lora_squeeze.core.progress import ProgressOption, ProgressReporter
from lora_squeeze.core.request import path_of
from lora_squeeze.core.waiting import wait_for_batch

__all__ = ["Batches"]


class Batches(Resource):
    async def create(self, request: BatchRequest, *, idempotency_key: str | None = None) -> Batch:
        """Creates a batch. An invalid request is refused as a whole (RefusedError); an item that cannot be tried has failed."""
        return cast(Batch, await self._json("POST", "/v1/batches", request, idempotency_key))

    async def get(self, batch_id: str) -> Batch:
        return cast(Batch, await self._json("GET", path_of("v1", "batches", batch_id)))

    def list(
        self,
        *,
        state: str | Sequence[str] | None = None,
        name: str | None = None,
        label: Mapping[str, str] | None = None,
        created_after: date | str | None = None,
        created_before: date | str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Batch]:
        """Iterates over all matching batches, the newest first. name: the beginning of the name."""
        times = {"created_after": created_after, "created_before": created_before, "limit": page_size}
        return self._client.iterate(items(self._service, "/v1/batches", {"state": state, "name": name, "label": label, **times}))

    def items(
        self, batch_id: str, *, state: str | Sequence[str] | None = None, page_size: int | None = None
    ) -> AsyncIterator[BatchItem]:
        """Iterates over the items of a batch in the order of its request, with their outcomes."""
        path = path_of("v1", "batches", batch_id, "items")
        return self._client.iterate(items(self._service, path, {"state": state, "limit": page_size}))

    async def wait(self, batch_id: str, *, progress: ProgressOption = None, timeout_seconds: float | None = None) -> Batch:
        """Returns a batch once it has ended, in any state. Raises DeadlineError after timeout_seconds."""
        return cast(Batch, await self._client.run(wait_for_batch(self._service, batch_id, progress, timeout_seconds)))

    def events(self, batch_id: str, *, last_id: str | None = None) -> AsyncIterator[Event[str, Any]]:
        """Iterates over the events of a batch until it has ended: "item" for each item that has ended, "state" for the batch."""
        return self._client.iterate(follow(self._service, path_of("v1", "batches", batch_id, "events"), last_id))

    def results(self, batch_id: str) -> AsyncIterator[BatchResultLine]:
        """Iterates over the outcomes of each item for each target, in order: rank, size, or error. While the batch runs,
        unfinished items have their current state."""
        return self._client.iterate(lines(self._service, path_of("v1", "batches", batch_id, "results")))

    async def download(self, batch_id: str, path: FilePath, *, progress: ProgressOption = None) -> None:
        """Saves all results as one archive (zip) at the path."""
        with ProgressReporter(progress) as reporter:
            await self._client.run(save(self._service, path_of("v1", "batches", batch_id, "archive"), path, None, reporter, ends_as_zip))

    async def update(self, batch_id: str, **changes: Any) -> Batch:
        """Changes the given fields: name (None: no name) and labels (all of them are replaced)."""
        return cast(Batch, await self._json("PATCH", path_of("v1", "batches", batch_id), changes))

    async def cancel(self, batch_id: str) -> Batch:
        return cast(Batch, await self._json("POST", path_of("v1", "batches", batch_id, "cancel")))

    async def retry(self, batch_id: str) -> Batch:
        """Repeats what failed or was cancelled; returns the new batch."""
        return cast(Batch, await self._json("POST", path_of("v1", "batches", batch_id, "retry")))

    async def delete(self, batch_id: str) -> None:
        """Deletes a batch that has ended, with its jobs; results stay."""
        await self._json("DELETE", path_of("v1", "batches", batch_id))
