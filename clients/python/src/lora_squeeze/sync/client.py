# Written from aio/client.py by write_sync.py: change that.
"""The client of one service."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

import httpx

from lora_squeeze.contract import (
    Adapter,
    Capabilities,
    DeliverRequest,
    JobPriority,
    Report,
    RequestWebhook,
    ResultSettings,
    Sink,
    Destination,
    SqueezeOptions,
    SucceededResult,
    TargetOptions,
    Usage,
)
from lora_squeeze.core.adapter_files import AdapterInput, ConfigInput
from lora_squeeze.core.calls import Service, call_json
from lora_squeeze.core.content import FilePath
from lora_squeeze.core.effects import Steps
from lora_squeeze.core.events import EventType, TenantEvent, follow
from lora_squeeze.core.progress import ProgressOption
from lora_squeeze.core.request import query
from lora_squeeze.core.squeezing import AdapterOrSource, analyze, given, merge, squeeze
from lora_squeeze.core.transport import Address
from lora_squeeze.sync.adapters import Adapters
from lora_squeeze.sync.batches import Batches
from lora_squeeze.sync.connections import Connections
from lora_squeeze.sync.jobs import Jobs
from lora_squeeze.sync.runs import Runs
from lora_squeeze.sync.tenants import Tenants
from lora_squeeze.sync.transport import Transport
from lora_squeeze.sync.workers import Workers

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Client"]

T = TypeVar("T")
#: Where results are exported to: one sink for all of them, or one for each.
Deliver = Union[Sequence[DeliverRequest], Destination, Sink]


class Client:
    """One service.

    url: its URL, with the path of a gateway if there is one; default LORA_SQUEEZE_URL. api_key: sent as `Authorization:
    Bearer`, or a function that returns the current key or token and is called for each request; default
    LORA_SQUEEZE_KEY. tenant: the tenant on whose records every call acts, for administrators; default that of the key.
    timeout_seconds: how long a call may take, with its retries and the wait for its job (None: no limit); it starts over
    whenever bytes of a file arrive. http: an httpx client of your own, for proxies and certificates, which you have to
    close.

    Calls are retried while the service is unavailable, restarts, or answers 429 or 503, until that time is over. POSTs
    carry an Idempotency-Key, so that nothing is done twice. Then the last error is raised. All errors are SqueezeError.
    Requests and answers are the JSON of the contract (lora_squeeze.contract has the types).
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | Callable[[], str] | None = None,
        *,
        tenant: str | None = None,
        timeout_seconds: float | None = 600,
        http: httpx.Client | None = None,
    ) -> None:
        self._address = Address(url, api_key, tenant)
        self._http, self._is_own = http or httpx.Client(), http is None
        self._transport = Transport(self._address, self._http)
        self._begin(timeout_seconds)

    def _begin(self, timeout_seconds: float | None) -> None:
        self.service = Service(timeout_seconds)
        self.jobs = Jobs(self)
        self.batches = Batches(self)
        self.adapters = Adapters(self)
        self.connections = Connections(self)
        self.runs = Runs(self)
        self.tenants = Tenants(self)
        self.workers = Workers(self)

    def with_timeout(self, seconds: float | None) -> Client:
        """The same client, with another time limit for each call. Only the first client has to be closed."""
        other = copy.copy(self)
        other._is_own = False
        other._begin(seconds)
        return other

    @property
    def timeout_seconds(self) -> float | None:
        return self.service.timeout_seconds

    # Squeezing

    def upload(
        self,
        adapter: AdapterInput,
        *,
        config: ConfigInput = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        ttl_seconds: int | None = None,
        progress: ProgressOption = None,
    ) -> Adapter:
        """Uploads an adapter: a folder, a weights file, or their bytes. See adapters.upload."""
        return self.adapters.upload(
            adapter, config=config, name=name, labels=labels, ttl_seconds=ttl_seconds, progress=progress
        )

    def squeeze(
        self,
        adapter: AdapterOrSource,
        rank: int | None = None,
        *,
        out: FilePath | None = None,
        options: SqueezeOptions | None = None,
        results: ResultSettings | None = None,
        deliver: Deliver | None = None,
        labels: Mapping[str, str] | None = None,
        priority: JobPriority | None = None,
        ttl_seconds: int | None = None,
        webhook: RequestWebhook | None = None,
        reuse: bool | None = None,
        idempotency_key: str | None = None,
        progress: ProgressOption = None,
        timeout_seconds: float | None = None,
        **target: Unpack[TargetOptions],
    ) -> SucceededResult:
        """Squeezes an adapter to one target, and returns the result. Raises JobFailedError if that fails.

        adapter: a folder, a weights file or bytes, which are uploaded; the id of an adapter in the service; or a source
        that the service fetches ("s3://…", "hf://…", "https://…", or an object). The target is rank or another policy
        (energy=0.9, …), and how to write it (format="kohya", dtype="float16", …): TargetOptions of the contract.
        results: name, labels and time to live of the result. deliver: the sink to which the service copies the result.
        labels, priority, ttl_seconds, webhook: settings of the job. reuse=False: the work is repeated even if it was
        done before. out: a folder for the files of the result.
        """
        wanted = {**given(rank=rank), **target}
        how = given(options=options, results=results, deliver=deliver)
        of_job = given(labels=labels, priority=priority, ttl_seconds=ttl_seconds, webhook=webhook, reuse=reuse)
        request = {**how, **of_job}
        steps = squeeze(self.service, adapter, [wanted], out, request, idempotency_key, progress, timeout_seconds)
        return cast(SucceededResult, (self.run(steps))[0])

    def analyze(
        self,
        adapter: AdapterOrSource,
        *,
        labels: Mapping[str, str] | None = None,
        priority: JobPriority | None = None,
        ttl_seconds: int | None = None,
        webhook: RequestWebhook | None = None,
        reuse: bool | None = None,
        progress: ProgressOption = None,
        timeout_seconds: float | None = None,
    ) -> Report:
        """What every rank would keep of an adapter: the report of a job that writes no adapter."""
        request = given(labels=labels, priority=priority, ttl_seconds=ttl_seconds, webhook=webhook, reuse=reuse)
        return cast(Report, self.run(analyze(self.service, adapter, request, progress, timeout_seconds)))

    def merge(
        self,
        adapters: Iterable[AdapterInput],
        rank: int | None = None,
        *,
        weights: Iterable[float] | None = None,
        out: FilePath | None = None,
        options: SqueezeOptions | None = None,
        results: ResultSettings | None = None,
        deliver: Deliver | None = None,
        labels: Mapping[str, str] | None = None,
        priority: JobPriority | None = None,
        ttl_seconds: int | None = None,
        webhook: RequestWebhook | None = None,
        reuse: bool | None = None,
        idempotency_key: str | None = None,
        progress: ProgressOption = None,
        timeout_seconds: float | None = None,
        **target: Unpack[TargetOptions],
    ) -> SucceededResult:
        """Adds adapters (folders, files, bytes or ids), each multiplied by its weight (default 1), and squeezes the sum;
        other arguments as for squeeze."""
        wanted = {**given(rank=rank), **target}
        how = given(options=options, results=results, deliver=deliver)
        of_job = given(labels=labels, priority=priority, ttl_seconds=ttl_seconds, webhook=webhook, reuse=reuse)
        request = {**how, **of_job}
        steps = merge(
            self.service, adapters, weights, wanted, out, request, idempotency_key, progress, timeout_seconds
        )
        return cast(SucceededResult, self.run(steps))

    def download(self, adapter_id: str, folder: FilePath, *, progress: ProgressOption = None) -> Sequence[str]:
        """Saves the files of an adapter to a folder. See adapters.download."""
        return self.adapters.download(adapter_id, folder, progress=progress)

    # The service

    def events(
        self,
        *,
        types: Sequence[EventType] | None = None,
        job_id: str | None = None,
        batch_id: str | None = None,
        label: Mapping[str, str] | None = None,
        last_id: str | None = None,
    ) -> Iterator[TenantEvent]:
        """Iterates over the events of all jobs and batches of the tenant, without end.

        types: only these, such as "job.succeeded" or "batch.ended". label: labels that the job or batch must have.
        last_id: the id of the last event that was handled, possibly in another process.
        """
        filters = {"types": types, "job_id": job_id, "batch_id": batch_id, "label": label}
        return self.iterate(follow(self.service, "/v1/events" + query(filters), last_id))

    def capabilities(self) -> Capabilities:
        """What the service can do: formats with the options that conversions need, profiles, limits, version."""
        return cast(Capabilities, self.request("GET", "/v1/capabilities"))

    def usage(self, *, days: int | None = None, tenant: str | None = None) -> Usage:
        """The records, limits, waiting jobs and past usage of your tenant. tenant: another one, for administrators."""
        return cast(Usage, self.request("GET", "/v1/usage" + query({"days": days, "tenant": tenant})))

    def request(self, method: str, path: str, json: Any = None, *, idempotency_key: str | None = None) -> Any:
        """Any other call of the contract: sends JSON, if given, and returns that of the answer (None if it has no body).
        path: with its query, such as "/v1/jobs?limit=10"."""
        return self.run(call_json(self.service, method, path, json, idempotency_key))

    # How it is done

    def run(self, steps: Steps[T]) -> T:
        return self._transport.run(steps)

    def iterate(self, steps: Steps[None]) -> Iterator[Any]:
        return self._transport.iterate(steps)

    def close(self) -> None:
        """Closes the connections."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
