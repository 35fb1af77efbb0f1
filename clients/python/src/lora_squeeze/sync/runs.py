# Written from aio/runs.py by write_sync.py: change that.
"""Runs: annealings with their checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast

from lora_squeeze.contract import Checkpoint, Run, RunRequest, RunSummary, Schedule, ScheduleRequest
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.pages import items
from lora_squeeze.core.progress import ProgressReporter
from lora_squeeze.core.request import path_of
from lora_squeeze.core.training import download_checkpoint, fields_of, send_checkpoint
from lora_squeeze.sync.resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Runs"]


class Runs(Resource):
    def plan(self, **request: Unpack[ScheduleRequest]) -> Schedule:
        """The plan of a schedule: stages, steps of the squeezes, parameters and memory. Nothing is stored."""
        return cast(Schedule, self._json("POST", "/v1/schedules", request))

    def create(self, *, idempotency_key: str | None = None, **request: Unpack[RunRequest]) -> Run:
        """Starts a run: by a schedule (schedule={…}), or by the spectrum (adaptive={…}). With dry_run=True it is checked
        and planned, and not stored."""
        return cast(Run, self._json("POST", "/v1/runs", request, idempotency_key))

    def get(self, run_id: str) -> Run:
        """The current state of a run: its checkpoints and next_checkpoint_step."""
        return cast(Run, self._json("GET", path_of("v1", "runs", run_id)))

    def list(
        self,
        *,
        name: str | None = None,
        mode: Literal["scheduled", "adaptive"] | None = None,
        base_model: str | None = None,
        created_after: date | str | None = None,
        created_before: date | str | None = None,
        page_size: int | None = None,
    ) -> Iterator[RunSummary]:
        """Iterates over all matching runs, the newest first, without their checkpoints. name: the beginning of the name."""
        filters = {"name": name, "mode": mode, "base_model": base_model}
        times = {"created_after": created_after, "created_before": created_before, "limit": page_size}
        return self._client.iterate(items(self._service, "/v1/runs", {**filters, **times}))

    def delete(self, run_id: str) -> None:
        """Removes a run with its checkpoints and their adapters."""
        self._json("DELETE", path_of("v1", "runs", run_id))

    def get_checkpoint(self, run_id: str, step: int) -> Checkpoint:
        """The newest checkpoint of a step in its current state."""
        return cast(Checkpoint, self._json("GET", path_of("v1", "runs", run_id, "checkpoints", str(step))))

    def send_checkpoint(
        self,
        run_id: str,
        step: int,
        weights: FilePath,
        config: FilePath,
        optimizer: FilePath | None = None,
        *,
        rewind: bool = False,
        loss: float | None = None,
        wait: bool = True,
    ) -> Checkpoint:
        """Sends a step's checkpoint (paths of files); returns it finished, or raises its failure (JobFailedError).

        Sending the same one again gets the same answer, so a broken connection does no harm. rewind: the run's
        checkpoints from this step on are superseded. loss: the training loss, for the charts of the run. wait=False
        returns immediately; get the outcome later with the same call.
        """
        files = (weights, config, optimizer)
        steps = send_checkpoint(self._service, run_id, step, files, wait, fields_of(rewind, loss))
        return cast(Checkpoint, self._client.run(steps))

    def download(
        self, checkpoint: Mapping[str, Any], folder: FilePath, names: Iterable[str] | None = None
    ) -> Sequence[str]:
        """Saves files of a checkpoint's result to a folder: the named ones, such as projections.safetensors, or all."""
        steps = download_checkpoint(self._service, checkpoint, folder, names, ProgressReporter(None))
        paths: Sequence[str] = self._client.run(steps)
        return paths
