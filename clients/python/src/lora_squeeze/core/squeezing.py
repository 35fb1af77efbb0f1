"""From an adapter, wherever it is, to a result: operations that need several calls."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

from lora_squeeze.contract import HubSource, S3Source, UrlSource
from lora_squeeze.core.adapter_files import AdapterInput, ConfigInput, adapter_files
from lora_squeeze.core.calls import Service, call, call_json, post
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.downloads import save_all
from lora_squeeze.core.effects import Steps, run
from lora_squeeze.core.progress import ProgressOption, ProgressReporter
from lora_squeeze.core.request import JsonBody, path_of
from lora_squeeze.core.uploads import RESUMABLE_BYTES, send_adapter
from lora_squeeze.core.waiting import failure_of, has_succeeded, wait_header, wait_until_ended
from lora_squeeze.errors import JobFailedError

__all__ = ["AdapterOrSource", "analyze", "download", "download_of_job", "given", "merge", "run_job", "squeeze", "upload"]

#: A folder, a file, or bytes; the id of an adapter ("ad_…"); a source: "s3://…", "hf://…", "https://…" or an object.
AdapterOrSource = Union[AdapterInput, UrlSource, S3Source, HubSource]
_ID = re.compile(r"ad_\w+")
#: The id in the answer to a dry run: no record has it.
_DRY_RUN_ID = "dry_run"


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None: for those left out, the service uses its defaults."""
    return {name: value for name, value in fields.items() if value is not None}


def upload(
    service: Service,
    adapter: AdapterInput,
    config: ConfigInput,
    settings: Mapping[str, Any],
    progress: ProgressOption,
    resumable_bytes: int,
) -> Steps[Any]:
    files = yield from run(lambda: adapter_files(adapter, config))
    with ProgressReporter(progress) as reporter:
        return (yield from send_adapter(service, files, settings, reporter, resumable_bytes))


def run_job(
    service: Service, request: Mapping[str, Any], key: str | None, progress: ProgressOption, seconds: float | None
) -> Steps[Any]:
    """The finished job, or the answer to a dry run. Raises JobFailedError unless the job or at least some of its
    targets succeeded."""
    deadline = service.deadline(seconds)
    with ProgressReporter(progress) as reporter:
        headers = {} if reporter.is_wanted else wait_header(deadline)
        answer = yield from call(service, post("/v1/jobs", JsonBody(request), key, headers), deadline)
        if answer.json["id"] == _DRY_RUN_ID:
            return answer.json
        path = path_of("v1", "jobs", answer.json["id"])
        job = yield from wait_until_ended(service, path, answer.json, deadline, reporter)
    if not has_succeeded(job):
        raise failure_of(job, f"Job {job['id']}")
    return job


def squeeze(
    service: Service,
    adapter: AdapterOrSource,
    targets: Sequence[Mapping[str, Any]],
    out: FilePath | None,
    request: Mapping[str, Any],
    key: str | None,
    progress: ProgressOption,
    seconds: float | None,
) -> Steps[Any]:
    """The results, one for each target. Raises JobFailedError if one of them failed. out: a folder for the first
    one."""
    which = yield from _adapter_or_source(service, adapter, progress)
    job = yield from run_job(service, {"kind": "squeeze", **which, "targets": targets, **request}, key, progress, seconds)
    return (yield from _results(service, job, out, progress))


def analyze(
    service: Service, adapter: AdapterOrSource, request: Mapping[str, Any], progress: ProgressOption, seconds: float | None
) -> Steps[Any]:
    """The report."""
    which = yield from _adapter_or_source(service, adapter, progress)
    job = yield from run_job(service, {"kind": "analyze", **which, **request}, None, progress, seconds)
    return (yield from call_json(service, "GET", path_of("v1", "jobs", job["id"], "report")))


def merge(
    service: Service,
    adapters: Iterable[AdapterInput],
    weights: Iterable[float] | None,
    target: Mapping[str, Any],
    out: FilePath | None,
    request: Mapping[str, Any],
    key: str | None,
    progress: ProgressOption,
    seconds: float | None,
) -> Steps[Any]:
    """The result."""
    adapters = list(adapters)
    factors = [1.0] * len(adapters) if weights is None else list(weights)
    if len(factors) != len(adapters):
        raise ValueError(f"there are {len(adapters)} adapters and {len(factors)} weights")
    sources = []
    for adapter, weight in zip(adapters, factors):
        which = yield from _adapter_or_source(service, adapter, progress)
        if "adapter_id" not in which:
            raise ValueError("a merge takes adapters that are uploaded, or are here; fetch others by a job of the kind import")
        sources.append({**which, "weight": weight})
    job = yield from run_job(
        service, {"kind": "merge", "sources": sources, "targets": [target], **request}, key, progress, seconds
    )
    results = yield from _results(service, job, out, progress)
    return results[0]


def download(service: Service, adapter_id: str, folder: FilePath, progress: ProgressOption) -> Steps[Any]:
    """Saves an adapter's files to the folder and returns their paths."""
    with ProgressReporter(progress) as reporter:
        return (yield from _save_adapter(service, adapter_id, folder, reporter))


def download_of_job(service: Service, job_id: str, folder: FilePath, reporter: ProgressReporter) -> Steps[list[str]]:
    """Saves the files of all results and returns their paths. If there are several, each gets a subfolder named after
    the position of its target."""
    job = yield from call_json(service, "GET", path_of("v1", "jobs", job_id))
    paths: list[str] = []
    for number, result in enumerate(job["results"]):
        if result["state"] == "failed":
            continue
        own = folder if len(job["results"]) == 1 else os.path.join(os.fspath(folder), str(number))
        paths += yield from _save_adapter(service, result["adapter_id"], own, reporter)
    return paths


def _save_adapter(service: Service, adapter_id: str, folder: FilePath, reporter: ProgressReporter) -> Steps[list[str]]:
    record = yield from call_json(service, "GET", path_of("v1", "adapters", adapter_id))

    def href(name: str) -> str:
        return path_of("v1", "adapters", adapter_id, "files", name)

    return (yield from save_all(service, record["files"], href, folder, reporter))


def _results(service: Service, job: Mapping[str, Any], out: FilePath | None, progress: ProgressOption) -> Steps[Any]:
    for result in job["results"]:
        if result["state"] == "failed":
            raise JobFailedError(result["error"], None, job)
    if out is not None:
        yield from download(service, job["results"][0]["adapter_id"], out, progress)
    return job["results"]


def _adapter_or_source(service: Service, adapter: AdapterOrSource, progress: ProgressOption) -> Steps[dict[str, Any]]:
    """The fields of a request that name the adapter. Raises FileNotFoundError for a path that does not exist."""
    if isinstance(adapter, Mapping):
        return {"source": dict(adapter)}
    if isinstance(adapter, str) and not os.path.exists(adapter):
        if "://" in adapter:
            return {"source": adapter}
        if _ID.fullmatch(adapter):
            return {"adapter_id": adapter}
    record = yield from upload(service, adapter, None, {}, progress, RESUMABLE_BYTES)
    return {"adapter_id": record["id"]}
