# Written from openapi.yaml by `npm run client`.
# ruff: noqa: E501
"""The records of the contract: plain dicts as they come over the wire, with types for tools that check."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Literal, TypedDict, Union

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

__all__ = [
    "Adapter",
    "AdapterFile",
    "AdapterFromUploads",
    "AdapterFromUploadsFiles",
    "AdapterList",
    "AdapterModules",
    "AdapterModulesModules",
    "AdapterPatch",
    "AdapterRanks",
    "AdaptiveRequest",
    "Analysis",
    "AnalyzeJobRequest",
    "Artifact",
    "Batch",
    "BatchCounts",
    "BatchEndEvent",
    "BatchEndEventData",
    "BatchEventData",
    "BatchForecast",
    "BatchForecastRank",
    "BatchItem",
    "BatchItemError",
    "BatchItemList",
    "BatchList",
    "BatchPatch",
    "BatchProgress",
    "BatchRequest",
    "BatchResultDelivery",
    "BatchResultLine",
    "BatchResultLineRank",
    "BatchState",
    "Caller",
    "Capabilities",
    "CapabilitiesLimits",
    "Checkpoint",
    "CheckpointFile",
    "CheckpointJobRequest",
    "CheckpointJobRequestOptimizer",
    "CheckpointTraining",
    "Connection",
    "ConnectionChange",
    "ConnectionList",
    "ConnectionRequest",
    "Conversion",
    "DeliverPrefix",
    "DeliverRequest",
    "DeliveredAdapter",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryList",
    "DeliveryState",
    "Destination",
    "DryRun",
    "EventJob",
    "ExpectedLoss",
    "ExportJobRequest",
    "FailedResult",
    "Format",
    "FormatName",
    "FormatOptions",
    "HubConnectionRequest",
    "HubCredentials",
    "HubSink",
    "HubSource",
    "ImportJobRequest",
    "ImportSettings",
    "ImportedAdapter",
    "Job",
    "JobArtifactList",
    "JobEventData",
    "JobFailure",
    "JobForecast",
    "JobKind",
    "JobList",
    "JobPatch",
    "JobPriority",
    "JobProgress",
    "JobRequest",
    "JobResult",
    "JobState",
    "JobStateEvent",
    "JobStateEventData",
    "Key",
    "KeyList",
    "KeyRequest",
    "KeyRotation",
    "KeyRotationUnreadable",
    "Labels",
    "LearningRateRequest",
    "Limits",
    "Liveness",
    "MergeJobRequest",
    "MergeSource",
    "ModuleAnalysis",
    "ModuleError",
    "ModuleResult",
    "ModuleSpectrum",
    "NewKey",
    "NewWebhook",
    "Problem",
    "ProblemErrors",
    "Profile",
    "ProfileAllowedRanks",
    "ProfileLacks",
    "ProfileMaxRank",
    "ProfileRequiredConfig",
    "ProfileScale",
    "ProfileSource",
    "Progress",
    "ProgressEvent",
    "ProgressEventData",
    "ProviderInfo",
    "Quotas",
    "RankPoint",
    "RankRange",
    "Readiness",
    "ReadinessChecks",
    "ReadinessReasons",
    "Recommendation",
    "RecommendationRank",
    "RecordName",
    "RecordedAnalyzeJobRequest",
    "RecordedDeliver",
    "RecordedExportJobRequest",
    "RecordedHubSink",
    "RecordedHubSource",
    "RecordedImportJobRequest",
    "RecordedJobRequest",
    "RecordedMergeJobRequest",
    "RecordedS3Sink",
    "RecordedS3Source",
    "RecordedSink",
    "RecordedSource",
    "RecordedSqueezeJobRequest",
    "RecordedUrlSink",
    "RecordedUrlSinkFiles",
    "RecordedUrlSource",
    "RecordedUrlSourceFiles",
    "RefusedItem",
    "Report",
    "ReportMethod",
    "ReportProduct",
    "ReportSources",
    "RequestWebhook",
    "ResultLink",
    "ResultSettings",
    "RotatedSecret",
    "RuleVerdict",
    "Run",
    "RunLearningRate",
    "RunList",
    "RunPatch",
    "RunRequest",
    "RunRequestOptions",
    "RunSummary",
    "S3ConnectionRequest",
    "S3Credentials",
    "S3Sink",
    "S3Source",
    "Schedule",
    "ScheduleModules",
    "ScheduleRequest",
    "ScheduleSqueezes",
    "SecretRotation",
    "Sink",
    "SinkFile",
    "SizePart",
    "Source",
    "SourceFile",
    "SourcePrefix",
    "SqueezeJobRequest",
    "SqueezeOptions",
    "SqueezeRequest",
    "Stage",
    "StageLearningRate",
    "StageMemory",
    "StreamEventData",
    "StreamNotice",
    "StreamNoticeData",
    "SucceededResult",
    "SucceededResultRank",
    "SucceededTargetReport",
    "Target",
    "TargetForecast",
    "TargetForecastRank",
    "TargetOptions",
    "TargetReport",
    "Tenant",
    "TenantCancellation",
    "TenantList",
    "TenantRequest",
    "TenantSummary",
    "TenantWithUsage",
    "Timings",
    "TrainingNotes",
    "TtlSeconds",
    "Upload",
    "UploadList",
    "UrlConnectionRequest",
    "UrlCredentials",
    "UrlSink",
    "UrlSinkFiles",
    "UrlSource",
    "UrlSourceFiles",
    "Usage",
    "UsageDay",
    "UsageQueue",
    "Verdict",
    "Webhook",
    "WebhookChange",
    "WebhookEvent",
    "WebhookList",
    "WebhookRequest",
    "WebhookTestEvent",
    "WebhookTestEventData",
    "Worker",
    "WorkerList",
]

AdapterFromUploadsFiles = TypedDict("AdapterFromUploadsFiles", {
    "adapter_model.safetensors": NotRequired[Union[str, List[str]]],
    "weights": NotRequired[Union[str, List[str]]],
    "adapter_config.json": NotRequired[Union[str, Dict[str, Any]]],
    "config": NotRequired[Union[str, Dict[str, Any]]],
})
BatchEventData = Union["Batch", "BatchItem"]
BatchState = Literal["active", "succeeded", "partial", "failed", "cancelled"]
ConnectionRequest = Union["S3ConnectionRequest", "HubConnectionRequest", "UrlConnectionRequest"]
DeliverPrefix = Union["Destination", str]
DeliveryState = Literal["pending", "delivered", "failed"]
DryRun = bool
FormatName = Literal["peft", "diffusers", "kohya", "xlabs", "cloneofsimo", "mlx", "gguf"]
JobEventData = Union["Job", "JobProgress"]
JobKind = Literal["squeeze", "analyze", "merge", "checkpoint", "import", "export"]
JobPriority = Literal["high", "normal", "low"]
JobRequest = Union["SqueezeJobRequest", "AnalyzeJobRequest", "MergeJobRequest", "ImportJobRequest", "ExportJobRequest"]
JobResult = Union["SucceededResult", "FailedResult"]
JobState = Literal["queued", "active", "succeeded", "partial", "failed", "cancelled"]
Labels = Dict[str, str]
RecordName = str
RecordedJobRequest = Union["RecordedSqueezeJobRequest", "RecordedAnalyzeJobRequest", "RecordedMergeJobRequest", "CheckpointJobRequest", "RecordedImportJobRequest", "RecordedExportJobRequest"]
RecordedSink = Union["RecordedUrlSink", "RecordedS3Sink", "RecordedHubSink"]
RecordedSource = Union["RecordedUrlSource", "RecordedS3Source", "RecordedHubSource"]
Sink = Union[Union["UrlSink", "S3Sink", "HubSink"], str]
Source = Union[Union["UrlSource", "S3Source", "HubSource"], str]
SourcePrefix = Union[Union["S3Source", "HubSource"], str]
StreamEventData = Union["JobStateEvent", "BatchEndEvent", "ProgressEvent", "StreamNotice"]
TargetReport = Union["SucceededTargetReport", "FailedResult"]
TtlSeconds = int
UrlSinkFiles = TypedDict("UrlSinkFiles", {
    "adapter_model.safetensors": NotRequired["SinkFile"],
    "weights": NotRequired["SinkFile"],
    "adapter_config.json": NotRequired["SinkFile"],
    "config": NotRequired["SinkFile"],
    "card": NotRequired["SinkFile"],
    "report": NotRequired["SinkFile"],
})
UrlSourceFiles = TypedDict("UrlSourceFiles", {
    "adapter_model.safetensors": NotRequired["SourceFile"],
    "weights": NotRequired["SourceFile"],
    "adapter_config.json": NotRequired["SourceFile"],
    "config": NotRequired["SourceFile"],
    "card": NotRequired["SourceFile"],
})
WebhookEvent = Union["JobStateEvent", "BatchEndEvent", "WebhookTestEvent"]


class Adapter(TypedDict):
    id: str
    name: RecordName
    format: FormatName
    sha256: str
    bytes: int
    base_model: Union[str, None]
    license: NotRequired[str]
    modules: int
    ranks: AdapterRanks
    alpha: float
    dtypes: List[str]
    parameters: int
    passthrough_tensors: int
    size: NotRequired[List[SizePart]]
    files: List[AdapterFile]
    warnings: List[str]
    parent_id: Union[str, None]
    job_id: Union[str, None]
    labels: Labels
    expires_at: Union[str, None]
    created_at: str
    content_known: NotRequired[bool]


class AdapterFile(TypedDict):
    name: str
    sha256: str
    bytes: int


class AdapterFromUploads(TypedDict):
    files: AdapterFromUploadsFiles
    name: NotRequired[RecordName]
    license: NotRequired[str]
    labels: NotRequired[Labels]
    ttl_seconds: NotRequired[TtlSeconds]


class AdapterList(TypedDict):
    data: List[Adapter]
    next_cursor: Union[str, None]


class AdapterModules(TypedDict):
    modules: List[AdapterModulesModules]


class AdapterModulesModules(TypedDict):
    name: str
    kind: Union[Literal["linear"], Literal["conv"], Literal["embedding"]]
    shape: List[int]
    rank: int
    scale: float


class AdapterPatch(TypedDict):
    """Absent fields stay unchanged. `labels` replaces all labels."""

    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    ttl_seconds: NotRequired[Union[TtlSeconds, None]]


class AdapterRanks(TypedDict):
    """Smallest and largest rank over the modules"""

    min: int
    max: int


class AdaptiveRequest(TypedDict):
    """A training whose rank falls as far as the spectrum allows"""

    source_rank: int
    target_rank: int
    total_steps: int
    warm_up_steps: NotRequired[int]
    final_steps: NotRequired[int]
    min_stage_steps: NotRequired[int]
    recipe: NotRequired[Literal["recommended", "equal"]]
    final_share: NotRequired[float]
    energy: NotRequired[float]
    tolerance: NotRequired[float]
    check_every_steps: NotRequired[int]
    uniform: NotRequired[bool]
    learning_rate: NotRequired[LearningRateRequest]


class Analysis(TypedDict):
    curve: List[RankPoint]
    uniform: Recommendation
    budget: Recommendation
    modules: List[ModuleAnalysis]


class AnalyzeJobRequest(TypedDict):
    """Computes spectra, curves and recommendations, and writes no adapter"""

    kind: Literal["analyze"]
    adapter_id: NotRequired[str]
    source: NotRequired[Source]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]
    dry_run: NotRequired[DryRun]


class Artifact(TypedDict):
    """A file that a job produced"""

    path: str
    bytes: Union[int, None]
    sha256: Union[str, None]
    media_type: str
    href: str


class Batch(TypedDict):
    id: str
    state: BatchState
    counts: BatchCounts
    progress: BatchProgress
    name: Union[RecordName, None]
    labels: Labels
    retry_of: Union[str, None]
    webhook_id: Union[str, None]
    created_at: str
    finished_at: Union[str, None]
    expires_at: Union[str, None]
    forecast: NotRequired[BatchForecast]


class BatchCounts(TypedDict):
    """Number of items by state"""

    queued: int
    active: int
    succeeded: int
    partial: int
    failed: int
    cancelled: int


class BatchEndEvent(TypedDict):
    type: Literal["batch.ended"]
    timestamp: str
    data: BatchEndEventData


class BatchEndEventData(TypedDict):
    batch: Batch
    omitted: NotRequired[List[str]]


class BatchForecast(TypedDict):
    """The forecast for a batch"""

    refused: List[RefusedItem]
    unknown: int
    reused: int
    rank: Union[BatchForecastRank, None]
    parameters: int
    bytes: int
    seconds: Union[float, None]


class BatchForecastRank(TypedDict):
    min: int
    max: int


class BatchItem(TypedDict):
    index: int
    name: str
    source: Union[str, None]
    adapter_id: Union[str, None]
    job_id: Union[str, None]
    job_href: Union[str, None]
    kind: JobKind
    state: JobState
    error: Union[BatchItemError, None]
    finished_at: Union[str, None]
    results: List[ResultLink]


class BatchItemError(TypedDict):
    code: str
    detail: str


class BatchItemList(TypedDict):
    data: List[BatchItem]
    next_cursor: Union[str, None]


class BatchList(TypedDict):
    data: List[Batch]
    next_cursor: Union[str, None]


class BatchPatch(TypedDict):
    """Absent fields stay unchanged. `labels` replaces all labels."""

    name: NotRequired[Union[RecordName, None]]
    labels: NotRequired[Labels]


class BatchProgress(TypedDict):
    done: int
    total: int


class BatchRequest(TypedDict):
    """The work and the adapters to which it applies: adapters in the service, sources, all adapters below a prefix,
    or a list of jobs"""

    adapter_ids: NotRequired[List[str]]
    sources: NotRequired[List[Source]]
    source_prefix: NotRequired[SourcePrefix]
    jobs: NotRequired[List[JobRequest]]
    kind: NotRequired[Literal["squeeze", "analyze"]]
    targets: NotRequired[List[Target]]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[DeliverPrefix]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]
    dry_run: NotRequired[DryRun]


class BatchResultDelivery(TypedDict):
    state: Literal["pending", "succeeded", "failed"]
    place: str
    error: Union[BatchItemError, None]


class BatchResultLine(TypedDict):
    """The outcome of one item for one of its targets"""

    index: int
    name: str
    job_id: Union[str, None]
    kind: JobKind
    source: Union[str, None]
    adapter_id: Union[str, None]
    target: Union[int, None]
    state: Literal["queued", "active", "succeeded", "failed", "cancelled"]
    result_id: Union[str, None]
    rank: Union[BatchResultLineRank, None]
    bytes: Union[int, None]
    relative_error: Union[float, None]
    deliveries: List[BatchResultDelivery]
    error: Union[Union[BatchItemError, None], None]
    finished_at: Union[Union[str, None], None]


class BatchResultLineRank(TypedDict):
    min: int
    max: int


class Caller(TypedDict):
    """The caller, as the service knows it"""

    authentication: Literal["open", "keys"]
    tenant: str
    key_id: Union[str, None]
    scopes: List[Literal["read", "write", "tenant_admin", "admin"]]


class Capabilities(TypedDict):
    version: str
    formats: List[Format]
    architectures: List[str]
    profiles: List[Profile]
    limits: CapabilitiesLimits


class CapabilitiesLimits(TypedDict):
    """Limits of requests"""

    upload_bytes: int
    targets: int
    merge_sources: int
    batch_items: int
    labels: int
    page_items: int
    wait_seconds: int


class Checkpoint(TypedDict):
    run_id: str
    step: int
    decision: Literal["squeeze", "keep"]
    reason: str
    state: Literal["queued", "active", "succeeded", "failed", "cancelled"]
    late_by_steps: int
    rank_before: RankRange
    rank_after: Union[RankRange, None]
    source_adapter_id: Union[str, None]
    adapter_id: Union[str, None]
    relative_error: Union[float, None]
    energy_retained: Union[float, None]
    loss: Union[float, None]
    learning_rate: Union[RunLearningRate, None]
    training: Union[CheckpointTraining, None]
    files: List[CheckpointFile]
    job_id: Union[str, None]
    superseded: bool
    next_checkpoint_step: Union[int, None]
    error: Union[JobFailure, None]
    created_at: str


class CheckpointFile(TypedDict):
    name: str
    sha256: str
    bytes: int
    href: str


class CheckpointJobRequest(TypedDict):
    """A squeeze of an annealing run; created by its checkpoints"""

    kind: Literal["checkpoint"]
    run_id: str
    step: int
    adapter_id: str
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    optimizer: Union[CheckpointJobRequestOptimizer, None]


class CheckpointJobRequestOptimizer(TypedDict):
    sha256: str
    mode: Literal["carry", "reset"]


class CheckpointTraining(TypedDict):
    learning_rate_factor: float
    revived_directions: int
    optimizer: Literal["carried", "reset", "none"]


class Connection(TypedDict):
    id: str
    name: str
    kind: Literal["s3", "hub", "url"]
    description: str
    prefixes: List[str]
    region: Union[str, None]
    endpoint: Union[str, None]
    path_style: Union[bool, None]
    ambient: bool
    has_credentials: bool
    allowed_hosts: List[str]
    created_at: str
    updated_at: str


class ConnectionChange(TypedDict):
    """Absent fields stay unchanged. A change that would send the credentials to new places must include them again"""

    description: NotRequired[str]
    prefixes: NotRequired[List[str]]
    region: NotRequired[str]
    endpoint: NotRequired[Union[str, None]]
    path_style: NotRequired[bool]
    credentials: NotRequired[Union[S3Credentials, HubCredentials, UrlCredentials]]
    ambient: NotRequired[bool]
    allowed_hosts: NotRequired[List[str]]


class ConnectionList(TypedDict):
    data: List[Connection]
    next_cursor: Union[str, None]


class Conversion(TypedDict):
    format: FormatName
    needs: List[Literal["component", "architecture", "heads", "kv_heads", "base_model"]]
    takes: List[Literal["component", "architecture", "heads", "kv_heads", "base_model"]]
    limits: List[str]


class DeliverRequest(TypedDict):
    """A sink for one result"""

    target: NotRequired[int]
    to: Sink
    include: NotRequired[List[Literal["report", "card"]]]


class DeliveredAdapter(TypedDict):
    state: Literal["pending", "succeeded", "failed"]
    target: Union[int, None]
    adapter_id: Union[str, None]
    kind: Literal["url", "s3", "hub"]
    place: str
    commit: Union[str, None]
    bytes: Union[int, None]
    files: List[AdapterFile]
    finished_at: Union[str, None]
    error: Union[JobFailure, None]


class Delivery(TypedDict):
    id: str
    webhook_id: str
    type: Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.ended", "webhook.test"]
    subject: Union[str, None]
    state: DeliveryState
    created_at: str
    next_attempt_at: Union[str, None]
    attempts: List[DeliveryAttempt]


class DeliveryAttempt(TypedDict):
    number: int
    at: str
    status: Union[int, None]
    ms: int
    error: Union[str, None]
    response: Union[str, None]


class DeliveryList(TypedDict):
    data: List[Delivery]
    next_cursor: Union[str, None]


class Destination(TypedDict):
    """One sink for all targets; if there are several targets, each gets a folder of its own"""

    to: Sink
    include: NotRequired[List[Literal["report", "card"]]]


class EventJob(TypedDict):
    """The `Job` at that time; `omitted` lists fields that are left out"""

    id: str
    kind: JobKind
    state: JobState
    progress: NotRequired[Progress]
    created_at: NotRequired[str]
    started_at: NotRequired[Union[str, None]]
    finished_at: NotRequired[Union[str, None]]
    attempts: NotRequired[int]
    name: NotRequired[Union[RecordName, None]]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[Union[TtlSeconds, None]]
    expires_at: NotRequired[Union[str, None]]
    batch_id: NotRequired[Union[str, None]]
    retry_of: NotRequired[Union[str, None]]
    webhook_id: NotRequired[Union[str, None]]
    reused: NotRequired[bool]
    request: NotRequired[RecordedJobRequest]
    imported: NotRequired[Union[ImportedAdapter, None]]
    results: NotRequired[List[JobResult]]
    deliveries: NotRequired[List[DeliveredAdapter]]
    timings: NotRequired[Union[Timings, None]]
    provider: NotRequired[Union[ProviderInfo, None]]
    error: NotRequired[Union[JobFailure, None]]


class ExpectedLoss(TypedDict):
    code: Literal["SOME_LOSS_LIKELY", "LOSS_EXPECTED"]
    keeping_rank: Union[int, None]


class ExportJobRequest(TypedDict):
    """Delivers an adapter to a sink"""

    kind: Literal["export"]
    adapter_id: str
    to: Sink
    include: NotRequired[List[Literal["report", "card"]]]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]
    dry_run: NotRequired[DryRun]


class FailedResult(TypedDict):
    """A target that failed; it has no files"""

    target: Target
    state: Literal["failed"]
    error: JobFailure


class Format(TypedDict):
    name: FormatName
    title: str
    files: List[str]
    reads: bool
    writes: bool
    converts_to: List[Conversion]
    notes: List[str]


class FormatOptions(TypedDict):
    """Information that a conversion needs and the files do not contain"""

    component: NotRequired[Literal["unet", "transformer", "text_encoder", "text_encoder_2"]]
    architecture: NotRequired[str]
    heads: NotRequired[int]
    kv_heads: NotRequired[int]
    base_model: NotRequired[str]


class HubConnectionRequest(TypedDict):
    """Repositories on the Hugging Face Hub or on a mirror; without credentials, only public ones"""

    kind: Literal["hub"]
    name: str
    description: NotRequired[str]
    prefixes: List[str]
    allowed_hosts: NotRequired[List[str]]
    endpoint: NotRequired[str]
    credentials: NotRequired[HubCredentials]
    ambient: NotRequired[bool]


class HubCredentials(TypedDict):
    """Never shown again"""

    token: str


class HubSink(TypedDict):
    """A model repository on the Hugging Face Hub, as one commit"""

    kind: Literal["hub"]
    repo: str
    revision: NotRequired[str]
    path_in_repo: NotRequired[str]
    connection: NotRequired[str]
    token: NotRequired[str]
    commit_message: NotRequired[str]
    create: NotRequired[bool]


class HubSource(TypedDict):
    """A model repository on the Hugging Face Hub"""

    kind: Literal["hub"]
    repo: str
    revision: NotRequired[str]
    subfolder: NotRequired[str]
    filename: NotRequired[str]
    connection: NotRequired[str]
    token: NotRequired[str]


class ImportJobRequest(TypedDict):
    """Fetches an adapter; `imported.adapter_id` of the job is then its id"""

    kind: Literal["import"]
    source: Source
    results: NotRequired[ImportSettings]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]
    dry_run: NotRequired[DryRun]


class ImportSettings(TypedDict):
    """Name, labels and time to live of the fetched adapter"""

    name: NotRequired[str]
    labels: NotRequired[Labels]
    ttl_seconds: NotRequired[TtlSeconds]


class ImportedAdapter(TypedDict):
    """How the adapter of this job was fetched"""

    adapter_id: str
    kind: Literal["url", "s3", "hub"]
    place: str
    revision: Union[str, None]
    commit: Union[str, None]
    bytes: int
    files: List[AdapterFile]
    finished_at: str


class Job(TypedDict):
    id: str
    kind: JobKind
    state: JobState
    progress: Progress
    created_at: str
    started_at: Union[str, None]
    finished_at: Union[str, None]
    attempts: int
    name: Union[RecordName, None]
    labels: Labels
    priority: JobPriority
    ttl_seconds: Union[TtlSeconds, None]
    expires_at: Union[str, None]
    batch_id: Union[str, None]
    retry_of: Union[str, None]
    webhook_id: Union[str, None]
    reused: bool
    queue_position: NotRequired[int]
    estimated_start_seconds: NotRequired[int]
    forecast: NotRequired[JobForecast]
    request: RecordedJobRequest
    imported: Union[ImportedAdapter, None]
    results: List[JobResult]
    deliveries: List[DeliveredAdapter]
    timings: Union[Timings, None]
    provider: Union[ProviderInfo, None]
    error: Union[JobFailure, None]


class JobArtifactList(TypedDict):
    data: List[Artifact]
    next_cursor: Union[str, None]


class JobFailure(TypedDict):
    code: str
    title: str
    detail: str
    retryable: bool
    context: NotRequired[Dict[str, Any]]


class JobForecast(TypedDict):
    """The forecast for a job"""

    reused: bool
    starts_in_seconds: Union[int, None]
    seconds: Union[float, None]
    targets: List[TargetForecast]


class JobList(TypedDict):
    data: List[Job]
    next_cursor: Union[str, None]


class JobPatch(TypedDict):
    """Absent fields stay unchanged. `labels` replaces all labels."""

    name: NotRequired[Union[RecordName, None]]
    labels: NotRequired[Labels]


class JobProgress(TypedDict):
    phase: Literal["waiting", "import", "load", "gram", "core", "project", "write", "deliver", "done"]
    done: int
    total: int
    module: Union[str, None]
    attempt: int


class JobStateEvent(TypedDict):
    type: Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled"]
    timestamp: str
    data: JobStateEventData


class JobStateEventData(TypedDict):
    job: EventJob
    omitted: NotRequired[List[str]]


class Key(TypedDict):
    id: str
    tenant: str
    name: str
    scopes: List[Literal["read", "write", "tenant_admin", "admin"]]
    max_priority: NotRequired[JobPriority]
    created_at: str
    expires_at: Union[str, None]
    revoked_at: Union[str, None]
    last_used_at: Union[str, None]


class KeyList(TypedDict):
    data: List[Key]
    next_cursor: Union[str, None]


class KeyRequest(TypedDict):
    tenant: NotRequired[str]
    name: NotRequired[str]
    scopes: NotRequired[List[Literal["read", "write", "tenant_admin", "admin"]]]
    max_priority: NotRequired[JobPriority]
    expires_in_seconds: NotRequired[int]


class KeyRotation(TypedDict):
    key: str
    reencrypted: int
    next: Union[str, None]
    droppable_keys: List[str]
    unreadable: List[KeyRotationUnreadable]


class KeyRotationUnreadable(TypedDict):
    key: str
    secrets: int


class LearningRateRequest(TypedDict):
    schedule: NotRequired[Literal["recommended", "constant", "linear", "cosine"]]
    warm_up_steps: NotRequired[int]


class Limits(TypedDict):
    """The limits that apply: those of the tenant, or the defaults of the service; null: no limit"""

    stored_bytes: Union[int, None]
    max_queued: Union[int, None]
    max_running: Union[int, None]
    requests_per_minute: Union[int, None]
    weight: int
    max_priority: JobPriority


class Liveness(TypedDict):
    status: Literal["alive"]
    version: str


class MergeJobRequest(TypedDict):
    """Adds adapters of one base model with weights, and squeezes the sum"""

    kind: Literal["merge"]
    sources: List[MergeSource]
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[Union[List[DeliverRequest], Destination, str]]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]
    dry_run: NotRequired[DryRun]


class MergeSource(TypedDict):
    adapter_id: str
    weight: NotRequired[float]


class ModuleAnalysis(TypedDict):
    name: str
    effective_rank: float
    stable_rank: float
    knee: int
    verdict: Literal["compressible", "resists", "dead"]


class ModuleError(TypedDict):
    name: str
    relative_error: float


class ModuleResult(TypedDict):
    name: str
    rank: int
    relative_error: float
    optimal_error: Union[float, None]
    excess_bound: NotRequired[Union[float, None]]
    energy_retained: float
    passthrough: bool


class ModuleSpectrum(TypedDict):
    name: str
    kind: str
    shape: List[int]
    rank: int
    scale: float
    energy: float
    singular_values: List[float]
    energy_curve: List[float]
    power_iterations: int


class NewKey(TypedDict):
    id: str
    tenant: str
    name: str
    scopes: List[Literal["read", "write", "tenant_admin", "admin"]]
    max_priority: NotRequired[JobPriority]
    created_at: str
    expires_at: Union[str, None]
    revoked_at: Union[str, None]
    last_used_at: Union[str, None]
    key: str


class NewWebhook(TypedDict):
    """A new webhook with its secret, which is shown only this once"""

    id: str
    url: str
    events: List[Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.ended"]]
    labels: Dict[str, str]
    description: str
    enabled: bool
    disabled_reason: Union[str, None]
    created_at: str
    secret: str


class Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    instance: str
    errors: NotRequired[List[ProblemErrors]]
    context: NotRequired[Dict[str, Any]]


class ProblemErrors(TypedDict):
    line: NotRequired[int]
    pointer: str
    detail: str


class Profile(TypedDict):
    """A server that loads adapters, with its rules"""

    name: str
    title: str
    formats: List[FormatName]
    sources: List[ProfileSource]
    max_rank: ProfileMaxRank
    min_rank: int
    allowed_ranks: Union[ProfileAllowedRanks, None]
    same_rank: Literal["none", "experts", "all"]
    scale: ProfileScale
    patterns: Literal["read", "ignored", "refused"]
    dtypes: List[Literal["float32", "float16", "bfloat16"]]
    module_kinds: List[Literal["linear", "conv", "embedding"]]
    target_modules: Union[List[str], None]
    tensor_names: Literal["peft", "suffix", "any"]
    required_config: List[ProfileRequiredConfig]
    lacks: List[ProfileLacks]
    files: List[str]
    weights_bytes_below: Union[int, None]
    notes: List[str]


class ProfileAllowedRanks(TypedDict):
    ranks: List[int]
    reason: str


class ProfileLacks(TypedDict):
    feature: Literal["dora", "modules-to-save", "bias", "lora-bias"]
    effect: Literal["refused", "ignored"]
    detail: str


class ProfileMaxRank(TypedDict):
    """The value of the setting is the `max_rank` of a target"""

    default: Union[int, None]
    largest: Union[int, None]
    steps: Union[List[int], None]
    setting: Union[str, None]


class ProfileRequiredConfig(TypedDict):
    field: str
    values: Union[List[str], None]


class ProfileScale(TypedDict):
    formula: Literal["module", "config", "tensor-rank", "unstated"]
    rslora: bool


class ProfileSource(TypedDict):
    what: str
    version: str
    url: str


class Progress(TypedDict):
    """For a job that failed or was cancelled: its last known progress"""

    phase: Literal["waiting", "import", "load", "gram", "core", "project", "write", "deliver", "done"]
    done: int
    total: int
    module: Union[str, None]


class ProgressEvent(TypedDict):
    type: Literal["job.progress"]
    timestamp: str
    data: ProgressEventData


class ProgressEventData(TypedDict):
    job_id: str
    batch_id: Union[str, None]
    progress: JobProgress


class ProviderInfo(TypedDict):
    name: Literal["cpu", "cuda"]
    requested: Literal["auto", "cpu", "cuda"]
    threads: int
    onnxruntime: str
    fallback_reason: Union[str, None]


class Quotas(TypedDict):
    stored_bytes: NotRequired[Union[int, None]]
    max_queued: NotRequired[Union[int, None]]
    max_running: NotRequired[Union[int, None]]
    requests_per_minute: NotRequired[Union[int, None]]


class RankPoint(TypedDict):
    rank: int
    relative_error: float
    module_relative_error: NotRequired[float]
    worst_module_error: float
    parameters: int
    bytes: int


class RankRange(TypedDict):
    """Smallest and largest rank over the modules"""

    min: int
    max: int


class Readiness(TypedDict):
    status: Literal["ready", "degraded"]
    checks: ReadinessChecks
    reasons: List[ReadinessReasons]


class ReadinessChecks(TypedDict):
    storage: Literal["ok", "degraded"]
    database: Literal["ok", "degraded"]
    queue: Literal["ok", "degraded"]
    secrets: NotRequired[Literal["ok", "degraded"]]
    provider: NotRequired[Literal["ok", "degraded"]]


class ReadinessReasons(TypedDict):
    part: Literal["storage", "database", "queue", "secrets", "provider"]
    code: str
    detail: str


class Recommendation(TypedDict):
    target: Target
    rank: RecommendationRank
    relative_error: float
    module_relative_error: NotRequired[float]
    parameters: int
    bytes: int
    reason: str


class RecommendationRank(TypedDict):
    min: int
    max: int


class RecordedAnalyzeJobRequest(TypedDict):
    """Computes spectra, curves and recommendations, and writes no adapter"""

    kind: Literal["analyze"]
    adapter_id: NotRequired[str]
    source: NotRequired[RecordedSource]


class RecordedDeliver(TypedDict):
    target: int
    to: RecordedSink
    include: NotRequired[List[Literal["report", "card"]]]


class RecordedExportJobRequest(TypedDict):
    kind: Literal["export"]
    adapter_id: str
    to: RecordedSink
    include: NotRequired[List[Literal["report", "card"]]]


class RecordedHubSink(TypedDict):
    kind: Literal["hub"]
    place: str
    encrypted: NotRequired[str]
    connection: NotRequired[str]
    repo: str
    revision: NotRequired[str]
    path_in_repo: NotRequired[str]
    commit_message: NotRequired[str]
    create: NotRequired[bool]


class RecordedHubSource(TypedDict):
    kind: Literal["hub"]
    place: str
    encrypted: NotRequired[str]
    connection: NotRequired[str]
    repo: str
    revision: NotRequired[str]
    subfolder: NotRequired[str]
    filename: NotRequired[str]
    has_token: bool


class RecordedImportJobRequest(TypedDict):
    kind: Literal["import"]
    source: RecordedSource
    results: NotRequired[ImportSettings]


class RecordedMergeJobRequest(TypedDict):
    """Adds adapters of one base model with weights, and squeezes the sum"""

    kind: Literal["merge"]
    sources: List[MergeSource]
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[List[RecordedDeliver]]


class RecordedS3Sink(TypedDict):
    kind: Literal["s3"]
    place: str
    encrypted: NotRequired[str]
    connection: NotRequired[str]
    bucket: NotRequired[str]
    prefix: NotRequired[str]


class RecordedS3Source(TypedDict):
    kind: Literal["s3"]
    place: str
    encrypted: NotRequired[str]
    connection: NotRequired[str]
    bucket: NotRequired[str]
    prefix: NotRequired[str]
    weights: NotRequired[str]


class RecordedSqueezeJobRequest(TypedDict):
    """Squeezes an adapter to smaller ranks"""

    kind: Literal["squeeze"]
    adapter_id: NotRequired[str]
    source: NotRequired[RecordedSource]
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[List[RecordedDeliver]]


class RecordedUrlSink(TypedDict):
    kind: Literal["url"]
    place: str
    encrypted: NotRequired[str]
    connection: NotRequired[str]
    url: NotRequired[str]
    files: NotRequired[Dict[str, RecordedUrlSinkFiles]]


class RecordedUrlSinkFiles(TypedDict):
    url: str
    sha256: NotRequired[str]


class RecordedUrlSource(TypedDict):
    kind: Literal["url"]
    place: str
    encrypted: NotRequired[str]
    connection: NotRequired[str]
    url: NotRequired[str]
    files: NotRequired[Dict[str, RecordedUrlSourceFiles]]


class RecordedUrlSourceFiles(TypedDict):
    url: str
    sha256: NotRequired[str]


class RefusedItem(TypedDict):
    index: int
    name: str
    code: str
    detail: str


class Report(TypedDict):
    job_id: str
    created_at: str
    product: ReportProduct
    kind: JobKind
    sources: List[ReportSources]
    method: ReportMethod
    provider: ProviderInfo
    timings: Timings
    modules: List[ModuleSpectrum]
    targets: List[TargetReport]
    analysis: Union[Analysis, None]
    notes: List[str]


class ReportMethod(TypedDict):
    requested: str
    used: str
    oversampling: int
    power_iterations: Union[int, Literal["auto"]]
    seed: int


class ReportProduct(TypedDict):
    name: str
    version: str


class ReportSources(TypedDict):
    id: str
    sha256: str
    bytes: int
    base_model: Union[str, None]
    license: NotRequired[str]
    weight: float


class RequestWebhook(TypedDict):
    """A webhook for events of this job, or of this batch or run and its jobs. Its id is `webhook_id` of the job,
    batch or run, under which its deliveries are listed. Its URL and secret are stored encrypted; only the host of
    the URL is shown. Without `secret` the service creates one and does not show it; `rotate-secret` replaces it."""

    url: str
    events: NotRequired[List[Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.ended"]]]
    secret: NotRequired[str]


class ResultLink(TypedDict):
    adapter_id: str
    href: str


class ResultSettings(TypedDict):
    """Names, labels and times to live of results. A target, its job, and its batch or run may have them. Each field
    is taken from the level closest to the result; `labels` counts as one field, so the labels of a target replace
    all those of its job."""

    name: NotRequired[str]
    labels: NotRequired[Labels]
    ttl_seconds: NotRequired[TtlSeconds]


class RotatedSecret(TypedDict):
    """The new secret, which is shown only this once"""

    secret: str
    previous_secret_expires_at: str


class RuleVerdict(TypedDict):
    rule: str
    passed: bool
    detail: str


class Run(TypedDict):
    id: str
    name: Union[RecordName, None]
    base_model: Union[str, None]
    mode: Literal["scheduled", "adaptive"]
    request: RunRequest
    webhook_id: Union[str, None]
    schedule: Union[Schedule, None]
    rank: RankRange
    step: Union[int, None]
    at_target: bool
    learning_rate: RunLearningRate
    next_checkpoint_step: Union[int, None]
    notes: List[str]
    checkpoints: List[Checkpoint]
    created_at: str


class RunLearningRate(TypedDict):
    """The curve to follow from here. After s steps, the rate of the next step is the peak · factor · min(1, (s −
    begin_step + 1) / warm_up_steps) · min(1, (end_step − s) / decay_steps), where a term with 0 steps is 1"""

    factor: float
    warm_up_steps: int
    decay_steps: int
    share: float
    begin_step: int
    end_step: int


class RunList(TypedDict):
    data: List[RunSummary]
    next_cursor: Union[str, None]


class RunPatch(TypedDict):
    name: Union[RecordName, None]


class RunRequest(TypedDict):
    name: NotRequired[RecordName]
    base_model: NotRequired[str]
    alpha: NotRequired[Literal["keep", "sqrt"]]
    optimizer: NotRequired[Literal["carry", "reset"]]
    revive: NotRequired[bool]
    options: NotRequired[RunRequestOptions]
    results: NotRequired[ResultSettings]
    webhook: NotRequired[RequestWebhook]
    dry_run: NotRequired[DryRun]
    schedule: NotRequired[ScheduleRequest]
    rank_allocation: NotRequired[Literal["uniform", "by_module"]]
    adaptive: NotRequired[AdaptiveRequest]


class RunRequestOptions(TypedDict):
    """Options as for any job, except that the default method is exact"""

    method: NotRequired[Literal["rsvd", "exact"]]
    oversampling: NotRequired[int]
    power_iterations: NotRequired[Union[int, Literal["auto"]]]
    seed: NotRequired[int]


class RunSummary(TypedDict):
    id: str
    name: Union[str, None]
    base_model: Union[str, None]
    mode: Literal["scheduled", "adaptive"]
    step: Union[int, None]
    total_steps: int
    checkpoints: int
    created_at: str


class S3ConnectionRequest(TypedDict):
    """Buckets of S3 or of a compatible store; needs either `credentials` or `ambient`"""

    kind: Literal["s3"]
    name: str
    description: NotRequired[str]
    prefixes: List[str]
    allowed_hosts: NotRequired[List[str]]
    region: NotRequired[str]
    endpoint: NotRequired[str]
    path_style: NotRequired[bool]
    credentials: NotRequired[S3Credentials]
    ambient: NotRequired[bool]


class S3Credentials(TypedDict):
    """Never shown again"""

    access_key_id: str
    secret_access_key: str
    session_token: NotRequired[str]


class S3Sink(TypedDict):
    """A folder in a bucket; existing files of the same names are replaced. Without `credentials` a connection is used"""

    kind: Literal["s3"]
    bucket: str
    prefix: str
    region: NotRequired[str]
    endpoint: NotRequired[str]
    connection: NotRequired[str]
    credentials: NotRequired[S3Credentials]


class S3Source(TypedDict):
    """A folder in a bucket. Without `credentials` a connection is used"""

    kind: Literal["s3"]
    bucket: str
    prefix: str
    region: NotRequired[str]
    endpoint: NotRequired[str]
    weights: NotRequired[str]
    connection: NotRequired[str]
    credentials: NotRequired[S3Credentials]


class Schedule(TypedDict):
    source_rank: int
    target_rank: int
    total_steps: int
    mode: str
    recipe: Union[str, None]
    final_share: Union[float, None]
    shape: str
    stage_lengths: Union[str, None]
    learning_rate_schedule: str
    warm_up_steps: Union[int, None]
    final_steps: Union[int, None]
    min_stage_steps: Union[int, None]
    stages: List[Stage]
    squeezes: List[ScheduleSqueezes]
    mean_rank: float
    relative_cost: float
    notes: List[str]


class ScheduleModules(TypedDict):
    out_features: int
    in_features: int
    count: NotRequired[int]


class ScheduleRequest(TypedDict):
    """A training whose rank falls at given steps"""

    source_rank: int
    target_rank: int
    total_steps: int
    warm_up_steps: NotRequired[int]
    final_steps: NotRequired[int]
    min_stage_steps: NotRequired[int]
    recipe: NotRequired[Literal["recommended", "equal"]]
    final_share: NotRequired[float]
    mode: NotRequired[Literal["in", "cont"]]
    squeeze_steps: NotRequired[List[int]]
    learning_rate: NotRequired[LearningRateRequest]
    shape: NotRequired[Literal["geometric", "linear", "cosine", "custom"]]
    ranks: NotRequired[List[int]]
    stages: NotRequired[int]
    stage_lengths: NotRequired[Literal["equal", "rank_proportional"]]
    modules: NotRequired[List[ScheduleModules]]
    dtype: NotRequired[Literal["float32", "float16", "bfloat16"]]
    optimizer: NotRequired[Literal["adam", "adam_8bit", "sgd_momentum", "sgd"]]


class ScheduleSqueezes(TypedDict):
    step: int
    from_rank: int
    to_rank: int


class SecretRotation(TypedDict):
    secret: NotRequired[str]
    overlap_seconds: NotRequired[int]


class SinkFile(TypedDict):
    url: str
    headers: NotRequired[Dict[str, str]]


class SizePart(TypedDict):
    what: Literal["lora", "heads", "embeddings", "base_layers", "biases", "magnitudes", "other"]
    tensors: int
    bytes: int


class SourceFile(TypedDict):
    url: str
    sha256: NotRequired[str]


class SqueezeJobRequest(TypedDict):
    """Squeezes an adapter to smaller ranks"""

    kind: Literal["squeeze"]
    adapter_id: NotRequired[str]
    source: NotRequired[Source]
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[Union[List[DeliverRequest], Destination, str]]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]
    dry_run: NotRequired[DryRun]


class SqueezeOptions(TypedDict):
    method: NotRequired[Literal["rsvd", "exact"]]
    oversampling: NotRequired[int]
    power_iterations: NotRequired[Union[int, Literal["auto"]]]
    seed: NotRequired[int]


class SqueezeRequest(TypedDict):
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    name: NotRequired[RecordName]
    labels: NotRequired[Labels]
    priority: NotRequired[JobPriority]
    ttl_seconds: NotRequired[TtlSeconds]
    webhook: NotRequired[RequestWebhook]
    reuse: NotRequired[bool]


class Stage(TypedDict):
    index: int
    rank: int
    begin_step: int
    end_step: int
    steps: int
    learning_rate: StageLearningRate
    parameters: Union[int, None]
    memory: Union[StageMemory, None]


class StageLearningRate(TypedDict):
    factor: float
    warm_up_steps: int
    decay_steps: int
    share: float


class StageMemory(TypedDict):
    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    total_bytes: int


class StreamNotice(TypedDict):
    type: Literal["stream.open", "stream.gap"]
    timestamp: str
    data: StreamNoticeData


class StreamNoticeData(TypedDict):
    last_event_id: Union[str, None]


class SucceededResult(TypedDict):
    target: Target
    state: Literal["succeeded"]
    adapter_id: str
    format: FormatName
    rank: SucceededResultRank
    bytes: int
    size: NotRequired[List[SizePart]]
    parameters: int
    relative_error: float
    energy_retained: float
    module_relative_error: NotRequired[float]
    module_energy_retained: NotRequired[float]
    excess_bound: NotRequired[Union[float, None]]
    expected_loss: NotRequired[Union[ExpectedLoss, None]]
    worst_module: Union[ModuleError, None]
    warnings: List[str]
    serving: Union[Verdict, None]
    training: Union[TrainingNotes, None]


class SucceededResultRank(TypedDict):
    min: int
    max: int


class SucceededTargetReport(TypedDict):
    target: Target
    state: Literal["succeeded"]
    adapter_id: str
    relative_error: float
    energy_retained: float
    module_relative_error: NotRequired[float]
    module_energy_retained: NotRequired[float]
    excess_bound: NotRequired[Union[float, None]]
    expected_loss: NotRequired[Union[ExpectedLoss, None]]
    size: NotRequired[List[SizePart]]
    modules: List[ModuleResult]


class Target(TypedDict):
    """One rank policy, and how to write the result. A profile alone asks for the largest rank that it (or max_rank)
    allows. A format alone asks for a conversion: every module keeps its rank, within min_rank and max_rank."""

    rank: NotRequired[int]
    energy: NotRequired[float]
    ratio: NotRequired[float]
    cumulative: NotRequired[float]
    knee: NotRequired[Literal[True]]
    tolerance: NotRequired[float]
    budget_bytes: NotRequired[int]
    budget_parameters: NotRequired[int]
    rank_pattern: NotRequired[Dict[str, int]]
    criterion: NotRequired[Literal["relative", "energy"]]
    compat: NotRequired[Literal["kohya"]]
    min_rank: NotRequired[int]
    max_rank: NotRequired[int]
    uniform: NotRequired[bool]
    format: NotRequired[FormatName]
    format_options: NotRequired[FormatOptions]
    profile: NotRequired[str]
    scale: NotRequired[Literal["fold", "keep", "sqrt"]]
    split: NotRequired[Literal["balanced", "b", "a"]]
    revive: NotRequired[bool]
    projections: NotRequired[bool]
    strip: NotRequired[List[Literal["heads", "embeddings", "base_layers", "biases", "other"]]]
    cast: NotRequired[Literal["float32", "float16", "bfloat16"]]
    dtype: NotRequired[Literal["match", "float32", "float16", "bfloat16"]]
    results: NotRequired[ResultSettings]


class TargetForecast(TypedDict):
    """The forecast for a target"""

    target: Target
    rank: Union[TargetForecastRank, None]
    parameters: Union[int, None]
    bytes: Union[int, None]
    relative_error: Union[float, None]
    basis: Union[Literal["shapes", "spectra"], None]
    warnings: List[str]
    error: Union[JobFailure, None]


class TargetForecastRank(TypedDict):
    min: int
    max: int


class TargetOptions(TypedDict):
    """One rank policy, and how to write the result. A profile alone asks for the largest rank that it (or max_rank)
    allows. A format alone asks for a conversion: every module keeps its rank, within min_rank and max_rank."""

    energy: NotRequired[float]
    ratio: NotRequired[float]
    cumulative: NotRequired[float]
    knee: NotRequired[Literal[True]]
    tolerance: NotRequired[float]
    budget_bytes: NotRequired[int]
    budget_parameters: NotRequired[int]
    rank_pattern: NotRequired[Dict[str, int]]
    criterion: NotRequired[Literal["relative", "energy"]]
    compat: NotRequired[Literal["kohya"]]
    min_rank: NotRequired[int]
    max_rank: NotRequired[int]
    uniform: NotRequired[bool]
    format: NotRequired[FormatName]
    format_options: NotRequired[FormatOptions]
    profile: NotRequired[str]
    scale: NotRequired[Literal["fold", "keep", "sqrt"]]
    split: NotRequired[Literal["balanced", "b", "a"]]
    revive: NotRequired[bool]
    projections: NotRequired[bool]
    strip: NotRequired[List[Literal["heads", "embeddings", "base_layers", "biases", "other"]]]
    cast: NotRequired[Literal["float32", "float16", "bfloat16"]]
    dtype: NotRequired[Literal["match", "float32", "float16", "bfloat16"]]


class Tenant(TypedDict):
    id: str
    weight: NotRequired[int]
    max_priority: NotRequired[JobPriority]
    quotas: Quotas
    state: Literal["active", "suspended", "deleting"]
    suspended_at: Union[str, None]
    created_at: str


class TenantCancellation(TypedDict):
    batches: int
    jobs: int


class TenantList(TypedDict):
    data: List[TenantSummary]
    next_cursor: Union[str, None]


class TenantRequest(TypedDict):
    weight: NotRequired[int]
    max_priority: NotRequired[JobPriority]
    quotas: NotRequired[Quotas]


class TenantSummary(TypedDict):
    id: str
    weight: NotRequired[int]
    max_priority: NotRequired[JobPriority]
    quotas: Quotas
    state: Literal["active", "suspended", "deleting"]
    suspended_at: Union[str, None]
    created_at: str
    queued: int
    running: int
    stored_bytes: int


class TenantWithUsage(TypedDict):
    id: str
    weight: NotRequired[int]
    max_priority: NotRequired[JobPriority]
    quotas: Quotas
    state: Literal["active", "suspended", "deleting"]
    suspended_at: Union[str, None]
    created_at: str
    usage: Usage


class Timings(TypedDict):
    """Seconds"""

    queue_wait: float
    load: float
    gram: float
    core: float
    project: float
    write: float
    total: float


class TrainingNotes(TypedDict):
    learning_rate_factor: float
    revived_directions: int
    optimizer: Literal["carried", "reset", "none"]
    files: List[AdapterFile]


class Upload(TypedDict):
    id: str
    filename: str
    received_bytes: int
    total_bytes: Union[int, None]
    complete: bool
    sha256: Union[str, None]
    created_at: str
    expires_at: str


class UploadList(TypedDict):
    data: List[Upload]
    next_cursor: Union[str, None]


class UrlConnectionRequest(TypedDict):
    """Files of a server, read by GET and written by PUT"""

    kind: Literal["url"]
    name: str
    description: NotRequired[str]
    prefixes: List[str]
    allowed_hosts: NotRequired[List[str]]
    credentials: NotRequired[UrlCredentials]


class UrlCredentials(TypedDict):
    """Never shown again"""

    headers: Dict[str, str]


class UrlSink(TypedDict):
    """Files, each sent by PUT, usually to presigned URLs. A file without a URL is not sent"""

    kind: Literal["url"]
    files: UrlSinkFiles
    connection: NotRequired[str]


class UrlSource(TypedDict):
    """Files at any URLs"""

    kind: Literal["url"]
    files: UrlSourceFiles
    connection: NotRequired[str]


class Usage(TypedDict):
    stored_bytes: int
    adapters: int
    jobs: int
    limits: Limits
    queue: UsageQueue
    days: List[UsageDay]


class UsageDay(TypedDict):
    date: str
    jobs: int
    stored_bytes: int
    compute_seconds: float


class UsageQueue(TypedDict):
    queued: int
    running: int
    oldest_waiting_seconds: Union[int, None]
    estimated_start_seconds: Union[int, None]


class Verdict(TypedDict):
    profile: str
    loads: bool
    rules: List[RuleVerdict]


class Webhook(TypedDict):
    id: str
    url: str
    events: List[Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.ended"]]
    labels: Dict[str, str]
    description: str
    enabled: bool
    disabled_reason: Union[str, None]
    created_at: str


class WebhookChange(TypedDict):
    """Absent fields stay unchanged"""

    url: NotRequired[str]
    events: NotRequired[List[Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.ended"]]]
    labels: NotRequired[Dict[str, str]]
    description: NotRequired[str]
    enabled: NotRequired[bool]


class WebhookList(TypedDict):
    data: List[Webhook]
    next_cursor: Union[str, None]


class WebhookRequest(TypedDict):
    url: str
    events: NotRequired[List[Literal["job.queued", "job.started", "job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.ended"]]]
    labels: NotRequired[Dict[str, str]]
    description: NotRequired[str]
    enabled: NotRequired[bool]
    secret: NotRequired[str]


class WebhookTestEvent(TypedDict):
    type: Literal["webhook.test"]
    timestamp: str
    data: WebhookTestEventData


class WebhookTestEventData(TypedDict):
    webhook_id: str


class Worker(TypedDict):
    id: str
    host: str
    provider: str
    slots: int
    running: int
    ms_per_mib: Union[int, None]
    state: Literal["active", "draining", "drained"]
    draining_at: Union[str, None]
    seen_at: str


class WorkerList(TypedDict):
    data: List[Worker]
    next_cursor: Union[str, None]
