# Written from aio/jobs.py by write_sync.py: change that.
"""Jobs: accepted requests with their states and results."""

from __future__ import annotations

from collections.abc import Iterator, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast, overload

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
from lora_squeeze.core.progress import ProgressOption, ProgressReporter
from lora_squeeze.core.request import path_of, query
from lora_squeeze.core.squeezing import download_of_job, run_job
from lora_squeeze.core.waiting import wait_for_job
from lora_squeeze.sync.resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Figure", "Jobs"]

Figure = Literal["error-by-rank", "heatmap", "difference", "sizes"]


class Jobs(Resource):
    @overload
    def create(self, *, idempotency_key: str | None = ..., **request: Unpack[SqueezeJobRequest]) -> Job: ...

    @overload
    def create(self, *, idempotency_key: str | None = ..., **request: Unpack[AnalyzeJobRequest]) -> Job: ...

    @overload
    def create(self, *, idempotency_key: str | None = ..., **request: Unpack[MergeJobRequest]) -> Job: ...

    @overload
    def create(self, *, idempotency_key: str | None = ..., **request: Unpack[ImportJobRequest]) -> Job: ...

    @overload
    def create(self, *, idempotency_key: str | None = ..., **request: Unpack[ExportJobRequest]) -> Job: ...

    def create(self, *, idempotency_key: str | None = None, **request: Any) -> Job:
        """Creates a job and returns it as it was accepted: queued, or finished if its work had been done before.

        request: the fields of its kind ("squeeze", "analyze", "merge", "import" or "export"), such as kind="squeeze",
        adapter_id=…, targets=[{"rank": 16}]. With dry_run=True nothing is done, and the job has a `forecast`.
        idempotency_key: one of your own, such as the id of a task, under which a later attempt gets the same job.
        """
        return cast(Job, self._json("POST", "/v1/jobs", request, idempotency_key))

    @overload
    def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[SqueezeJobRequest],
    ) -> Job: ...

    @overload
    def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[AnalyzeJobRequest],
    ) -> Job: ...

    @overload
    def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[MergeJobRequest],
    ) -> Job: ...

    @overload
    def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[ImportJobRequest],
    ) -> Job: ...

    @overload
    def run(
        self,
        *,
        idempotency_key: str | None = ...,
        progress: ProgressOption = ...,
        timeout_seconds: float | None = ...,
        **request: Unpack[ExportJobRequest],
    ) -> Job: ...

    def run(
        self,
        *,
        idempotency_key: str | None = None,
        progress: ProgressOption = None,
        timeout_seconds: float | None = None,
        **request: Any,
    ) -> Job:
        """Creates a job, as create does, and returns it once it has succeeded, at least for some of its targets.

        Raises JobFailedError, and DeadlineError if it takes longer than timeout_seconds (default: those of the client).
        """
        steps = run_job(self._service, request, idempotency_key, progress, timeout_seconds)
        return cast(Job, self._client.run(steps))

    def get(self, job_id: str) -> Job:
        """The current state of a job."""
        return cast(Job, self._json("GET", path_of("v1", "jobs", job_id)))

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
    ) -> Iterator[Job]:
        """Iterates over all matching jobs, the newest first, one page at a time.

        name: the beginning of the name. label: labels that a job must have. Times without a zone are local times.
        """
        filters = {"state": state, "kind": kind, "adapter_id": adapter_id, "batch_id": batch_id}
        called = {"name": name, "label": label}
        times = {"created_after": created_after, "created_before": created_before, "limit": page_size}
        return self._client.iterate(items(self._service, "/v1/jobs", {**filters, **called, **times}))

    def wait(self, job_id: str, *, progress: ProgressOption = None, timeout_seconds: float | None = None) -> Job:
        """Returns a job once it has ended, in any state, and its deliveries have ended as well.

        Raises DeadlineError after timeout_seconds (default: those of the client); the job continues then.
        """
        return cast(Job, self._client.run(wait_for_job(self._service, job_id, progress, timeout_seconds)))

    def events(self, job_id: str, *, last_id: str | None = None) -> Iterator[JobEvent]:
        """Iterates over the events of a job until it has ended. After a broken connection it continues where it stopped.

        last_id: the id of the event to continue after.
        """
        return self._client.iterate(follow(self._service, path_of("v1", "jobs", job_id, "events"), last_id))

    def cancel(self, job_id: str) -> Job:
        """Cancels a job that is queued or active. A job that has ended is refused (JOB_FINAL), except a cancelled one."""
        return cast(Job, self._json("POST", path_of("v1", "jobs", job_id, "cancel")))

    def retry(self, job_id: str) -> Job:
        """Repeats a failed, partial or cancelled job; returns the new one."""
        return cast(Job, self._json("POST", path_of("v1", "jobs", job_id, "retry")))

    def retry_deliveries(self, job_id: str) -> Job:
        """Repeats failed deliveries; use wait for the outcome."""
        return cast(Job, self._json("POST", path_of("v1", "jobs", job_id, "deliveries", "retry")))

    def update(self, job_id: str, **changes: Any) -> Job:
        """Changes the given fields: name (None: no name) and labels (all of them are replaced)."""
        return cast(Job, self._json("PATCH", path_of("v1", "jobs", job_id), changes))

    def delete(self, job_id: str) -> None:
        """Deletes a job that has ended; its results stay."""
        self._json("DELETE", path_of("v1", "jobs", job_id))

    def report(self, job_id: str) -> Report:
        """All numbers of a job: spectra, ranks, errors, timings."""
        return cast(Report, self._json("GET", path_of("v1", "jobs", job_id, "report")))

    def report_html(self, job_id: str) -> str:
        """The report as one page that loads nothing else."""
        return (self._content(job_id, "report.html")).decode()

    def report_svg(self, job_id: str, *, figure: Figure = "error-by-rank") -> str:
        """A figure of the report as SVG."""
        return (self._content(job_id, "report.svg", figure)).decode()

    def report_png(self, job_id: str, *, figure: Figure = "error-by-rank") -> bytes:
        """The same figure as PNG."""
        return self._content(job_id, "report.png", figure)

    def download(self, job_id: str, folder: FilePath, *, progress: ProgressOption = None) -> Sequence[str]:
        """Saves the results of a job to a folder, and returns the paths of their files. If there are several results, each
        has a folder with the position of its target: 0, 1, …"""
        with ProgressReporter(progress) as reporter:
            paths: Sequence[str] = self._client.run(download_of_job(self._service, job_id, folder, reporter))
        return paths

    def artifacts(self, job_id: str) -> Iterator[Artifact]:
        """Iterates over all files that a job produced: report.json, report.html, results/0/adapter_model.safetensors, … There
        are none before the job has ended, and none of a result that was deleted or has expired."""
        return self._client.iterate(items(self._service, path_of("v1", "jobs", job_id, "artifacts"), {}))

    def artifact(self, job_id: str, path: str) -> bytes:
        """One of these files. Raises DigestError unless it has the SHA-256 that the service has recorded."""
        return self._client.run(content_of(self._service, path_of("v1", "jobs", job_id, "artifacts", path)))

    def download_artifacts(
        self,
        job_id: str,
        folder: FilePath,
        *,
        paths: Iterable[str] | None = None,
        progress: ProgressOption = None,
    ) -> Sequence[str]:
        """Saves all files that a job produced to a folder, in their tree, and returns their paths.

        paths: only these, such as "report.html". A file is saved only with the SHA-256 that the service has recorded
        (DigestError).
        """
        saved: Sequence[str] = self._client.run(download_artifacts(self._service, job_id, folder, paths, progress))
        return saved

    def _content(self, job_id: str, name: str, figure: Figure | None = None) -> bytes:
        href = path_of("v1", "jobs", job_id, name) + query({"figure": figure})
        return self._client.run(content_of(self._service, href))
