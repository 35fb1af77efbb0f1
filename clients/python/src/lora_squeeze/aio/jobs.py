"""Jobs: what was accepted to be done, once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from lora_squeeze.aio.resource import Resource
from lora_squeeze.contract import (
    AnalyzeJobRequest,
    Artifact,
    ExportJobRequest,
    ImportJobRequest,
    Job,
    JobKind,
    JobState,
    MergeJobRequest,
    Report,
    SqueezeJobRequest,
)
from lora_squeeze.core.artifacts import download_artifacts
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.downloads import content_of
from lora_squeeze.core.events import JobEvent, follow
from lora_squeeze.core.pages import items
from lora_squeeze.core.progress import ProgressOption, Teller
from lora_squeeze.core.request import path_of, query
from lora_squeeze.core.squeezing import download_of_job, run_job
from lora_squeeze.core.waiting import finished_job

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Figure", "Jobs"]

Figure = Literal["error-by-rank", "heatmap", "sizes"]


class Jobs(Resource):
    @overload
    async def create(self, *, idempotency_key: str | None = ..., **request: Unpack[SqueezeJobRequest]) -> Job: ...

    @overload
    async def create(self, *, idempotency_key: str | None = ..., **request: Unpack[AnalyzeJobRequest]) -> Job: ...

    @overload
    async def create(self, *, idempotency_key: str | None = ..., **request: Unpack[MergeJobRequest]) -> Job: ...

    @overload
    async def create(self, *, idempotency_key: str | None = ..., **request: Unpack[ImportJobRequest]) -> Job: ...

    @overload
    async def create(self, *, idempotency_key: str | None = ..., **request: Unpack[ExportJobRequest]) -> Job: ...

    async def create(self, *, idempotency_key: str | None = None, **request: Any) -> Job:
        """Makes a job and returns it as it was accepted: queued, or done where the work had been done before.

        request: what the contract says of its kind ("squeeze", "analyze", "merge", "import" or "export"), such as
        kind="squeeze", adapter_id=…, targets=[{"rank": 16}]. With dry_run=True nothing is done, and the `forecast` of the
        job says what it would come to. idempotency_key: one of your own, such as the id of a task, under which a later
        try gets the same job.
        """
        return cast(Job, await self._json("POST", "/v1/jobs", request, idempotency_key))

    @overload
    async def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[SqueezeJobRequest],
    ) -> Job: ...

    @overload
    async def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[AnalyzeJobRequest],
    ) -> Job: ...

    @overload
    async def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[MergeJobRequest],
    ) -> Job: ...

    @overload
    async def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[ImportJobRequest],
    ) -> Job: ...

    @overload
    async def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[ExportJobRequest],
    ) -> Job: ...

    async def run(
        self,
        *,
        idempotency_key: str | None = None,
        progress: ProgressOption = None,
        timeout_seconds: float | None = None,
        **request: Any,
    ) -> Job:
        """Makes a job, as create does, and returns it once it has succeeded, at least some of its targets.

        Raises JobFailedError, and DeadlineError when it takes longer than timeout_seconds (those of the client, unless
        given).
        """
        steps = run_job(self._service, request, idempotency_key, progress, timeout_seconds)
        return cast(Job, await self._client.run(steps))

    async def get(self, job_id: str) -> Job:
        """The job as it is now."""
        return cast(Job, await self._json("GET", path_of("v1", "jobs", job_id)))

    def list(
        self,
        *,
        state: JobState | Sequence[JobState] | None = None,
        kind: JobKind | None = None,
        adapter_id: str | None = None,
        batch_id: str | None = None,
        name: str | None = None,
        label: Mapping[str, str] | None = None,
        created_after: date | str | None = None,
        created_before: date | str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Job]:
        """Goes over all jobs that match, the newest first; a page at a time is asked for.

        name: what names begin with. label: those that a job has to have, all of them. Times without a zone are local ones.
        """
        filters = {"state": state, "kind": kind, "adapter_id": adapter_id, "batch_id": batch_id}
        called = {"name": name, "label": label}
        times = {"created_after": created_after, "created_before": created_before, "limit": page_size}
        return self._client.iterate(items(self._service, "/v1/jobs", {**filters, **called, **times}))

    async def wait(self, job_id: str, *, progress: ProgressOption = None, timeout_seconds: float | None = None) -> Job:
        """Returns a job once it has ended, well or not, and nothing of it is still being delivered.

        Raises DeadlineError after timeout_seconds (those of the client, unless given); the job goes on then.
        """
        return cast(Job, await self._client.run(finished_job(self._service, job_id, progress, timeout_seconds)))

    def events(self, job_id: str, *, last_id: str | None = None) -> AsyncIterator[JobEvent]:
        """Goes over what happens to a job, until it has ended. Broken connections go on where they broke.

        last_id: the id of an event that is known, to go on after it.
        """
        return self._client.iterate(follow(self._service, path_of("v1", "jobs", job_id, "events"), last_id))

    async def cancel(self, job_id: str) -> Job:
        """Ends a job that is queued or active. One that has ended is refused (JOB_FINAL), but for one that was cancelled."""
        return cast(Job, await self._json("POST", path_of("v1", "jobs", job_id, "cancel")))

    async def retry(self, job_id: str) -> Job:
        """Does a failed, partial or cancelled job once more; returns the new one."""
        return cast(Job, await self._json("POST", path_of("v1", "jobs", job_id, "retry")))

    async def retry_deliveries(self, job_id: str) -> Job:
        """Sends once more what could not be delivered; wait tells what came of it."""
        return cast(Job, await self._json("POST", path_of("v1", "jobs", job_id, "deliveries", "retry")))

    async def update(self, job_id: str, **changes: Any) -> Job:
        """Changes what is given of name (None: it has none) and labels (all of them are replaced)."""
        return cast(Job, await self._json("PATCH", path_of("v1", "jobs", job_id), changes))

    async def delete(self, job_id: str) -> None:
        """Removes a job that has ended; its results stay."""
        await self._json("DELETE", path_of("v1", "jobs", job_id))

    async def report(self, job_id: str) -> Report:
        """Every number of a job: spectra, ranks, errors, timings."""
        return cast(Report, await self._json("GET", path_of("v1", "jobs", job_id, "report")))

    async def report_html(self, job_id: str) -> str:
        """The report as one page that needs nothing else."""
        return (await self._content(job_id, "report.html")).decode()

    async def report_svg(self, job_id: str, *, figure: Figure = "error-by-rank") -> str:
        """A figure of the report, as a drawing."""
        return (await self._content(job_id, "report.svg", figure)).decode()

    async def report_png(self, job_id: str, *, figure: Figure = "error-by-rank") -> bytes:
        """The same figure as a picture."""
        return await self._content(job_id, "report.png", figure)

    async def download(self, job_id: str, folder: FilePath, *, progress: ProgressOption = None) -> Sequence[str]:
        """Saves the results of a job to a folder, and returns the paths of their files. Of several results each has a
        folder of its own in it, which is named as its target counts: 0, 1, …"""
        with Teller(progress) as tell:
            paths: Sequence[str] = await self._client.run(download_of_job(self._service, job_id, folder, tell))
        return paths

    def artifacts(self, job_id: str) -> AsyncIterator[Artifact]:
        """Goes over all files that a job made: report.json, report.html, results/0/adapter_model.safetensors, … None of
        them is there before the job has ended, and none of a result that was deleted or has expired."""
        return self._client.iterate(items(self._service, path_of("v1", "jobs", job_id, "artifacts"), {}))

    async def artifact(self, job_id: str, path: str) -> bytes:
        """One of these files. Raises DigestError where it does not have the SHA-256 that the service has of it."""
        return await self._client.run(content_of(self._service, path_of("v1", "jobs", job_id, "artifacts", path)))

    async def download_artifacts(
        self,
        job_id: str,
        folder: FilePath,
        *,
        paths: Iterable[str] | None = None,
        progress: ProgressOption = None,
    ) -> Sequence[str]:
        """Saves all files that a job made to a folder, as the tree that they are, and returns where they are.

        paths: only these, such as "report.html". A file is there with the SHA-256 that the service has of it, or not at all
        (DigestError).
        """
        saved: Sequence[str] = await self._client.run(download_artifacts(self._service, job_id, folder, paths, progress))
        return saved

    async def _content(self, job_id: str, name: str, figure: Figure | None = None) -> bytes:
        href = path_of("v1", "jobs", job_id, name) + query({"figure": figure})
        return await self._client.run(content_of(self._service, href))
