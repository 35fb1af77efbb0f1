"""All files that a job produced, as one tree."""

from __future__ import annotations

from collections.abc import Iterable

from lora_squeeze.core.calls import Service, call_json
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.downloads import save_all
from lora_squeeze.core.effects import Steps
from lora_squeeze.core.progress import ProgressOption, ProgressReporter
from lora_squeeze.core.request import path_of

__all__ = ["download_artifacts"]


def download_artifacts(
    service: Service, job_id: str, folder: FilePath, paths: Iterable[str] | None, progress: ProgressOption
) -> Steps[list[str]]:
    """Saves the named files, or all, to the folder and returns their paths. Raises ValueError for a path that is not an
    artifact's."""
    listed = yield from call_json(service, "GET", path_of("v1", "jobs", job_id, "artifacts"))
    artifacts = {artifact["path"]: artifact for artifact in listed["data"]}
    wanted = list(artifacts) if paths is None else list(paths)
    missing = [path for path in wanted if path not in artifacts]
    if missing:
        raise ValueError(f"job {job_id} has no artifact {', '.join(missing)}; it has {', '.join(artifacts) or 'none'}")
    with ProgressReporter(progress) as reporter:
        files = [{**artifacts[path], "name": path} for path in wanted]
        return (yield from save_all(service, files, lambda _name: "", folder, reporter))
