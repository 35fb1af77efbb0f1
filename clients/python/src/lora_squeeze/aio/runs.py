"""Runs: annealings that are under way, with their checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, cast

from lora_squeeze.aio.resource import Resource
from lora_squeeze.contract import Checkpoint, Run, Schedule
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.pages import items
from lora_squeeze.core.progress import Teller
from lora_squeeze.core.request import path_of
from lora_squeeze.core.training import download_checkpoint, send_checkpoint

__all__ = ["Runs"]


class Runs(Resource):
    async def plan(self, **request: Any) -> Schedule:
        """What a ScheduleRequest comes to: stages, steps of the squeezes, parameters and memory. Keeps nothing."""
        return cast(Schedule, await self._json("POST", "/v1/schedules", request))

    async def create(self, **request: Any) -> Run:
        """Begins a run (schedule={…} or adaptive={…})."""
        return cast(Run, await self._json("POST", "/v1/runs", request))

    async def get(self, run_id: str) -> Run:
        """The run as it is now: its checkpoints and next_checkpoint_step."""
        return cast(Run, await self._json("GET", path_of("v1", "runs", run_id)))

    def list(self, *, label: Mapping[str, str] | None = None, page_size: int | None = None) -> AsyncIterator[Run]:
        """Goes over all runs that match, the newest first."""
        return self._client.iterate(items(self._service, "/v1/runs", {"label": label, "limit": page_size}))

    async def delete(self, run_id: str) -> None:
        await self._json("DELETE", path_of("v1", "runs", run_id))

    async def checkpoint(
        self,
        run_id: str,
        step: int,
        weights: FilePath,
        config: FilePath,
        optimizer: FilePath | None = None,
        *,
        rewind: bool = False,
        wait: bool = True,
    ) -> Checkpoint:
        """Sends a step's checkpoint (paths of files); returns it finished, or raises its failure (JobFailedError).

        Sending the same one again gets the same answer, so a broken connection does no harm. rewind: what the run has
        from this step on is superseded. wait=False returns at once; ask for the end later with the same call.
        """
        files = (weights, config, optimizer)
        return cast(Checkpoint, await self._client.run(send_checkpoint(self._service, run_id, step, files, rewind, wait)))

    async def download(
        self, checkpoint: Mapping[str, Any], folder: FilePath, names: Iterable[str] | None = None
    ) -> Sequence[str]:
        """Saves files of a checkpoint's result to a folder: those named, such as projections.safetensors, or all."""
        steps = download_checkpoint(self._service, checkpoint, folder, names, Teller(None))
        paths: Sequence[str] = await self._client.run(steps)
        return paths
