# Written from aio/jobs.py by write_sync.py: change that.
"""Jobs: what was accepted to be done, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import cast

from lora_squeeze.contract import Job, JobRequest, JobState, Report
from lora_squeeze.core.calls import call
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.events import Event, follow
from lora_squeeze.core.pages import items
from lora_squeeze.core.progress import ProgressOption, Teller
from lora_squeeze.core.request import Request, path_of, query
from lora_squeeze.core.squeezing import download_of_job, run_job
from lora_squeeze.core.waiting import finished_job
from lora_squeeze.sync.resource import Resource

__all__ = ["Jobs"]


class Jobs(Resource):
    def create(self, request: JobRequest, *, idempotency_key: str | None = None) -> Job:
        """Makes a job and returns it as it was accepted: queued, or done where the work had been done before.

        idempotency_key: one of your own, such as the id of a task, under which a later try gets the same job.
        """
        return cast(Job, self._json("POST", "/v1/jobs", request, idempotency_key))

    def run(
        self,
        request: JobRequest,
        *,
        idempotency_key: str | None = None,
        progress: ProgressOption = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Makes a job and returns it once it has succeeded, at least some of its targets.

        Raises JobFailedError, and DeadlineError when it takes longer than timeout_seconds (those of the client, unless
        given).
        """
        steps = run_job(self._service, request, idempotency_key, progress, timeout_seconds)
        return cast(Job, self._client.run(steps))

    def get(self, job_id: str) -> Job:
        return cast(Job, self._json("GET", path_of("v1", "jobs", job_id)))

    def list(
        self,
        *,
        state: JobState | Sequence[JobState] | None = None,
        kind: str | None = None,
        adapter_id: str | None = None,
        batch_id: str | None = None,
        label: Mapping[str, str] | None = None,
        created_after: date | str | None = None,
        created_before: date | str | None = None,
        page_size: int | None = None,
    ) -> Iterator[Job]:
        """Goes over all jobs that match, the newest first; a page at a time is asked for.

        label: those that a job has to have, all of them. Times without a zone are local ones.
        """
        filters = {"state": state, "kind": kind, "adapter_id": adapter_id, "batch_id": batch_id, "label": label}
        times = {"created_after": created_after, "created_before": created_before, "limit": page_size}
        return self._client.iterate(items(self._service, "/v1/jobs", {**filters, **times}))

    def wait(self, job_id: str, *, progress: ProgressOption = None, timeout_seconds: float | None = None) -> Job:
        """Returns a job once it has ended, well or not. Raises DeadlineError after timeout_seconds (those of the client,
        unless given); the job goes on then."""
        return cast(Job, self._client.run(finished_job(self._service, job_id, progress, timeout_seconds)))

    def events(self, job_id: str, *, last_id: str | None = None) -> Iterator[Event]:
        """Goes over what happens to a job, until it has ended. Broken connections go on where they broke.

        last_id: the id of an event that is known, to go on after it.
        """
        return self._client.iterate(follow(self._service, path_of("v1", "jobs", job_id, "events"), last_id))

    def cancel(self, job_id: str) -> Job:
        return cast(Job, self._json("POST", path_of("v1", "jobs", job_id, "cancel")))

    def retry(self, job_id: str) -> Job:
        """Does a failed, partial or cancelled job once more; returns the new one."""
        return cast(Job, self._json("POST", path_of("v1", "jobs", job_id, "retry")))

    def retry_deliveries(self, job_id: str) -> Job:
        """Sends once more what could not be delivered."""
        return cast(Job, self._json("POST", path_of("v1", "jobs", job_id, "deliveries", "retry")))

    def update(self, job_id: str, *, labels: Mapping[str, str]) -> Job:
        """Gives a job these labels in place of those it has."""
        return cast(Job, self._json("PATCH", path_of("v1", "jobs", job_id), {"labels": dict(labels)}))

    def delete(self, job_id: str) -> None:
        """Removes a job that has ended; its results stay."""
        self._json("DELETE", path_of("v1", "jobs", job_id))

    def report(self, job_id: str) -> Report:
        """Every number of a job: spectra, ranks, errors, timings."""
        return cast(Report, self._json("GET", path_of("v1", "jobs", job_id, "report")))

    def report_html(self, job_id: str) -> str:
        """The report as one page that needs nothing else."""
        return (self._bytes(job_id, "report.html")).decode()

    def report_svg(self, job_id: str, **options: str) -> str:
        """A chart of the report. options: those of the call, such as chart and theme."""
        return (self._bytes(job_id, "report.svg", **options)).decode()

    def report_png(self, job_id: str, **options: str) -> bytes:
        """The same chart as a picture."""
        return self._bytes(job_id, "report.png", **options)

    def download(self, job_id: str, folder: FilePath, *, progress: ProgressOption = None) -> Sequence[str]:
        """Saves the results of a job to a folder, and returns the paths of their files. Of several results each has a
        folder of its own in it, which is named as its target counts: 0, 1, …"""
        with Teller(progress) as tell:
            paths: Sequence[str] = self._client.run(download_of_job(self._service, job_id, folder, tell))
        return paths

    def _bytes(self, job_id: str, name: str, **options: str) -> bytes:
        request = Request("GET", path_of("v1", "jobs", job_id, name) + query(options))
        return (self._client.run(call(self._service, request))).body
