"""Checkpoints of a run: sent, waited for, and their outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Optional

from lora_squeeze.core.adapter_files import CONFIG, OPTIMIZER, WEIGHTS
from lora_squeeze.core.calls import Service, call, post
from lora_squeeze.core.content import Content, FilePath
from lora_squeeze.core.downloads import save_all
from lora_squeeze.core.effects import Steps
from lora_squeeze.core.progress import ProgressReporter
from lora_squeeze.core.request import Multipart, path_of
from lora_squeeze.core.waiting import failure_of, has_succeeded, wait_header, wait_until_ended

__all__ = ["CheckpointFiles", "download_checkpoint", "fields_of", "send_checkpoint"]

#: Weights, configuration, and the optimizer's moments.
CheckpointFiles = tuple[FilePath, FilePath, Optional[FilePath]]


def fields_of(rewind: bool, loss: float | None) -> dict[str, str]:
    """The fields of a checkpoint besides its step."""
    fields = {"rewind": "true"} if rewind else {}
    # The service does not accept the loss of a training that diverged.
    if loss is not None and math.isfinite(loss):
        fields["loss"] = repr(float(loss))
    return fields


def send_checkpoint(
    service: Service, run_id: str, step: int, files: CheckpointFiles, wait: bool, more: Mapping[str, str]
) -> Steps[Any]:
    deadline = service.deadline()
    fields = {"step": str(step), **more}
    named = dict(zip((WEIGHTS, CONFIG, OPTIMIZER), files))
    contents = {name: Content(path) for name, path in named.items() if path is not None}
    path = path_of("v1", "runs", run_id, "checkpoints")
    headers = wait_header(deadline) if wait else {}
    answer = yield from call(service, post(path, Multipart(fields, contents), headers=headers), deadline)
    if not wait:
        return answer.json
    record = yield from wait_until_ended(service, f"{path}/{step}", answer.json, deadline)
    if not has_succeeded(record):
        raise failure_of(record, f"The checkpoint of step {step}")
    return record


def download_checkpoint(
    service: Service, record: Mapping[str, Any], folder: FilePath, names: Iterable[str] | None, reporter: ProgressReporter
) -> Steps[list[str]]:
    wanted = None if names is None else set(names)
    files = [file for file in record["files"] if wanted is None or file["name"] in wanted]
    return (yield from save_all(service, files, lambda name: path_of("v1", "adapters", record["adapter_id"], "files", name), folder, reporter))
