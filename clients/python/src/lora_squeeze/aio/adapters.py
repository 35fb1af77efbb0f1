"""Adapters, whether they were uploaded, imported, or made by a squeeze."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, cast

from lora_squeeze.aio.resource import Resource
from lora_squeeze.contract import Adapter, AdapterModules, AdapterPatch, FormatName
from lora_squeeze.core.adapter_files import AdapterInput, ConfigInput
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.downloads import content_of, save
from lora_squeeze.core.pages import items
from lora_squeeze.core.progress import ProgressOption, ProgressReporter
from lora_squeeze.core.request import path_of
from lora_squeeze.core.squeezing import download, given, upload
from lora_squeeze.core.uploads import RESUMABLE_BYTES

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Adapters"]


class Adapters(Resource):
    async def upload(
        self,
        adapter: AdapterInput,
        *,
        config: ConfigInput = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        ttl_seconds: int | None = None,
        progress: ProgressOption = None,
        resumable_bytes: int = RESUMABLE_BYTES,
    ) -> Adapter:
        """Uploads an adapter: a folder, a weights file (.safetensors, .gguf), or their bytes.

        config: the configuration, for formats that have one: a path, bytes, or a dict; for a folder, its
        adapter_config.json, if it exists. The license in the README.md of a folder is kept, except if the weights are sent
        in pieces. name: by default that of the folder or file. Weights of at least
        resumable_bytes are sent in pieces, which resume after a broken connection.
        """
        settings = given(name=name, labels=None if labels is None else dict(labels), ttl_seconds=ttl_seconds)
        steps = upload(self._service, adapter, config, settings, progress, resumable_bytes)
        return cast(Adapter, await self._client.run(steps))

    async def get(self, adapter_id: str) -> Adapter:
        """The adapter, with the names, sizes and SHA-256 of its files."""
        return cast(Adapter, await self._json("GET", path_of("v1", "adapters", adapter_id)))

    async def modules(self, adapter_id: str) -> AdapterModules:
        """The modules of an adapter with their shapes, ranks and scalings."""
        return cast(AdapterModules, await self._json("GET", path_of("v1", "adapters", adapter_id, "modules")))

    def list(
        self,
        *,
        name: str | None = None,
        label: Mapping[str, str] | None = None,
        base_model: str | None = None,
        format: FormatName | None = None,
        parent_id: str | None = None,
        job_id: str | None = None,
        batch_id: str | None = None,
        created_after: date | str | None = None,
        created_before: date | str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Adapter]:
        """Iterates over all matching adapters, the newest first. name: the beginning of the name."""
        filters = {"name": name, "label": label, "base_model": base_model, "format": format, "parent_id": parent_id}
        times = {"created_after": created_after, "created_before": created_before, "limit": page_size}
        made_by = {"job_id": job_id, "batch_id": batch_id}
        return self._client.iterate(items(self._service, "/v1/adapters", {**filters, **made_by, **times}))

    async def update(self, adapter_id: str, **changes: Unpack[AdapterPatch]) -> Adapter:
        """Changes the given fields: name, labels (all of them are replaced), and ttl_seconds (None: kept)."""
        return cast(Adapter, await self._json("PATCH", path_of("v1", "adapters", adapter_id), changes))

    async def delete(self, adapter_id: str) -> None:
        """Removes an adapter and its files."""
        await self._json("DELETE", path_of("v1", "adapters", adapter_id))

    async def download(self, adapter_id: str, folder: FilePath, *, progress: ProgressOption = None) -> Sequence[str]:
        """Saves the files of an adapter to a folder, and returns their paths. A file is saved only with the SHA-256 that
        the service has recorded (DigestError)."""
        paths: Sequence[str] = await self._client.run(download(self._service, adapter_id, folder, progress))
        return paths

    async def download_archive(self, adapter_id: str, path: FilePath, *, progress: ProgressOption = None) -> None:
        """Saves the files of an adapter as one archive (zip) at the path."""
        with ProgressReporter(progress) as reporter:
            href = path_of("v1", "adapters", adapter_id, "archive")
            await self._client.run(save(self._service, href, path, None, reporter))

    async def file(self, adapter_id: str, name: str) -> bytes:
        """One file of an adapter, such as adapter_config.json. Raises DigestError unless it has the SHA-256 that the
        service has recorded."""
        return await self._client.run(content_of(self._service, path_of("v1", "adapters", adapter_id, "files", name)))
