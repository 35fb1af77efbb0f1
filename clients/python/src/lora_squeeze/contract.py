# Written from openapi.yaml by `npm run client`.
# ruff: noqa: E501
"""The records of the contract: plain dicts as they come over the wire, with types for tools that check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, TypedDict, Union

if TYPE_CHECKING:
    from typing_extensions import NotRequired

__all__ = [
    "Adapter",
    "AdapterFile",
    "AdapterFromUploads",
    "AdapterList",
    "AdapterModules",
    "AdapterPatch",
    "Analysis",
    "AnalyzeJobRequest",
    "Batch",
    "BatchList",
    "BatchRequest",
    "BatchSummary",
    "Checkpoint",
    "Delivery",
    "DeliveryList",
    "FailedResult",
    "Format",
    "FormatList",
    "ImportSettings",
    "Job",
    "JobEvent",
    "JobFailure",
    "JobList",
    "JobPatch",
    "JobProgress",
    "JobRequest",
    "JobResult",
    "JobState",
    "Key",
    "KeyList",
    "KeyRequest",
    "Liveness",
    "MergeJobRequest",
    "NewKey",
    "NewWebhook",
    "Problem",
    "Profile",
    "ProfileList",
    "Progress",
    "ProviderInfo",
    "Readiness",
    "RecordedSink",
    "RecordedSource",
    "Report",
    "ResultSettings",
    "RotatedSecret",
    "Run",
    "RunList",
    "RunRequest",
    "Schedule",
    "ScheduleRequest",
    "SecretRotation",
    "Sink",
    "Source",
    "SqueezeJobRequest",
    "SqueezeOptions",
    "SqueezeRequest",
    "Stage",
    "SucceededResult",
    "Target",
    "Tenant",
    "TenantList",
    "TenantRequest",
    "TenantWithUsage",
    "Timings",
    "TrainingNotes",
    "Upload",
    "UploadList",
    "Usage",
    "Verdict",
    "Webhook",
    "WebhookChange",
    "WebhookEvent",
    "WebhookList",
    "WebhookRequest",
]

BatchRequest = Dict[str, Any]
JobEvent = Dict[str, Any]
JobRequest = Union["SqueezeJobRequest", "AnalyzeJobRequest", "MergeJobRequest", Dict[str, Any]]
JobResult = Union["SucceededResult", "FailedResult"]
JobState = Literal["queued", "active", "succeeded", "partial", "failed", "cancelled"]
RecordedSink = Dict[str, Any]
RecordedSource = Dict[str, Any]
RunRequest = Dict[str, Any]
Sink = Dict[str, Any]
Source = Dict[str, Any]
Target = Dict[str, Any]


class Adapter(TypedDict):
    id: str
    name: str
    format: Literal["peft", "diffusers", "kohya", "xlabs", "cloneofsimo", "mlx", "gguf"]
    sha256: str
    bytes: int
    base_model: Union[str, None]
    modules: int
    ranks: Dict[str, Any]
    alpha: float
    dtypes: List[str]
    parameters: int
    passthrough_tensors: int
    size: NotRequired[List[Dict[str, Any]]]
    files: List[AdapterFile]
    warnings: List[str]
    parent_id: Union[str, None]
    job_id: Union[str, None]
    labels: Dict[str, str]
    expires_at: Union[str, None]
    created_at: str
    content_known: NotRequired[bool]


class AdapterFile(TypedDict):
    name: str
    sha256: str
    bytes: int


class AdapterFromUploads(TypedDict):
    files: Dict[str, Any]
    name: NotRequired[str]
    labels: NotRequired[Dict[str, str]]
    ttl_seconds: NotRequired[int]


class AdapterList(TypedDict):
    data: List[Adapter]
    next_cursor: Union[str, None]


class AdapterModules(TypedDict):
    modules: List[Dict[str, Any]]


class AdapterPatch(TypedDict):
    """What is left out stays as it is. Labels take the place of all those before."""

    name: NotRequired[str]
    labels: NotRequired[Dict[str, str]]
    ttl_seconds: NotRequired[Union[int, None]]


class Analysis(TypedDict):
    curve: List[Dict[str, Any]]
    uniform: Dict[str, Any]
    budget: Dict[str, Any]
    modules: List[Dict[str, Any]]


class AnalyzeJobRequest(TypedDict):
    """Spectra, curves and recommendations; writes no adapter"""

    kind: Literal["analyze"]
    adapter_id: NotRequired[str]
    source: NotRequired[Source]
    labels: NotRequired[Dict[str, str]]
    priority: NotRequired[Literal["high", "normal", "low"]]
    ttl_seconds: NotRequired[int]
    reuse: NotRequired[bool]


class Batch(TypedDict):
    id: str
    state: Literal["active", "succeeded", "partial", "failed", "cancelled"]
    counts: Dict[str, Any]
    progress: Dict[str, Any]
    labels: Dict[str, str]
    retry_of: Union[str, None]
    created_at: str
    finished_at: Union[str, None]
    expires_at: Union[str, None]
    jobs: List[Dict[str, Any]]


class BatchList(TypedDict):
    data: List[BatchSummary]
    next_cursor: Union[str, None]


class BatchSummary(TypedDict):
    id: str
    state: Literal["active", "succeeded", "partial", "failed", "cancelled"]
    counts: Dict[str, Any]
    progress: Dict[str, Any]
    labels: Dict[str, str]
    retry_of: Union[str, None]
    created_at: str
    finished_at: Union[str, None]
    expires_at: Union[str, None]


class Checkpoint(TypedDict):
    run_id: str
    step: int
    decision: Literal["squeeze", "keep"]
    reason: str
    state: Literal["queued", "active", "succeeded", "failed", "cancelled"]
    late_by_steps: int
    rank_before: Dict[str, Any]
    rank_after: Union[Dict[str, Any], None]
    source_adapter_id: Union[str, None]
    adapter_id: Union[str, None]
    relative_error: Union[float, None]
    energy_retained: Union[float, None]
    learning_rate: Union[Dict[str, Any], None]
    training: Union[Dict[str, Any], None]
    files: List[Dict[str, Any]]
    job_id: Union[str, None]
    superseded: bool
    next_checkpoint_step: Union[int, None]
    error: Union[JobFailure, None]
    created_at: str


class Delivery(TypedDict):
    id: str
    webhook_id: str
    type: Literal["job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.finished", "webhook.test"]
    subject: Union[str, None]
    status: Literal["pending", "delivered", "failed"]
    created_at: str
    next_attempt_at: Union[str, None]
    attempts: List[Dict[str, Any]]


class DeliveryList(TypedDict):
    data: List[Delivery]
    next_cursor: Union[str, None]


class FailedResult(TypedDict):
    """A target that failed; it left no files behind"""

    target: Target
    state: Literal["failed"]
    error: JobFailure


class Format(TypedDict):
    name: Literal["peft", "diffusers", "kohya", "xlabs", "cloneofsimo", "mlx", "gguf"]
    title: str
    files: List[str]
    reads: bool
    writes: bool
    converts_to: List[Literal["peft", "diffusers", "kohya", "xlabs", "cloneofsimo", "mlx", "gguf"]]
    notes: List[str]


class FormatList(TypedDict):
    data: List[Format]
    next_cursor: Union[str, None]


class ImportSettings(TypedDict):
    """What the fetched adapter is called and how long it lives"""

    name: NotRequired[str]
    labels: NotRequired[Dict[str, str]]
    ttl_seconds: NotRequired[int]
Job = Dict[str, Any]


class JobFailure(TypedDict):
    code: str
    title: str
    detail: str
    retryable: bool
    context: NotRequired[Dict[str, Any]]


class JobList(TypedDict):
    data: List[Job]
    next_cursor: Union[str, None]


class JobPatch(TypedDict):
    """The labels take the place of those before"""

    labels: Dict[str, str]


class JobProgress(TypedDict):
    phase: Literal["waiting", "import", "load", "gram", "core", "project", "write", "deliver", "done"]
    done: int
    total: int
    module: Union[str, None]
    attempt: int


class Key(TypedDict):
    id: str
    tenant: str
    name: str
    scopes: List[Literal["read", "write", "admin"]]
    created_at: str
    expires_at: Union[str, None]
    revoked_at: Union[str, None]
    last_used_at: Union[str, None]


class KeyList(TypedDict):
    data: List[Key]
    next_cursor: Union[str, None]


class KeyRequest(TypedDict):
    tenant: str
    name: NotRequired[str]
    scopes: NotRequired[List[Literal["read", "write", "admin"]]]
    expires_in_seconds: NotRequired[int]


class Liveness(TypedDict):
    status: Literal["alive"]
    version: str


class MergeJobRequest(TypedDict):
    """A weighted sum of adapters on one base, then squeezed"""

    kind: Literal["merge"]
    sources: List[Dict[str, Any]]
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[List[Dict[str, Any]]]
    labels: NotRequired[Dict[str, str]]
    priority: NotRequired[Literal["high", "normal", "low"]]
    ttl_seconds: NotRequired[int]
    reuse: NotRequired[bool]


class NewKey(TypedDict):
    id: str
    tenant: str
    name: str
    scopes: List[Literal["read", "write", "admin"]]
    created_at: str
    expires_at: Union[str, None]
    revoked_at: Union[str, None]
    last_used_at: Union[str, None]
    key: str


class NewWebhook(TypedDict):
    """The secret is shown this once"""

    id: str
    url: str
    events: List[Literal["job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.finished"]]
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
    instance: str
    errors: NotRequired[List[Dict[str, Any]]]
    context: NotRequired[Dict[str, Any]]


class Profile(TypedDict):
    """A place where adapters are loaded"""

    name: str
    title: str
    sources: List[Dict[str, Any]]
    max_rank: Dict[str, Any]
    min_rank: int
    allowed_ranks: Union[Dict[str, Any], None]
    same_rank: Literal["none", "experts", "all"]
    scale: Dict[str, Any]
    patterns: Literal["read", "ignored", "refused"]
    dtypes: List[Literal["float32", "float16", "bfloat16"]]
    module_kinds: List[Literal["linear", "conv", "embedding"]]
    target_modules: Union[List[str], None]
    tensor_names: Literal["peft", "suffix", "any"]
    required_config: List[Dict[str, Any]]
    lacks: List[Dict[str, Any]]
    files: List[str]
    weights_bytes_below: Union[int, None]
    notes: List[str]


class ProfileList(TypedDict):
    data: List[Profile]
    next_cursor: Union[str, None]


class Progress(TypedDict):
    """Of a job that failed or was cancelled: how far it had come, where that was known"""

    phase: Literal["waiting", "import", "load", "gram", "core", "project", "write", "deliver", "done"]
    done: int
    total: int
    module: Union[str, None]


class ProviderInfo(TypedDict):
    name: Literal["cpu", "cuda"]
    requested: Literal["auto", "cpu", "cuda"]
    threads: int
    onnxruntime: str
    fallback_reason: Union[str, None]


class Readiness(TypedDict):
    status: Literal["ready", "degraded"]
    checks: Dict[str, Any]
    reasons: List[Dict[str, Any]]


class Report(TypedDict):
    job_id: str
    created_at: str
    product: Dict[str, Any]
    kind: Literal["squeeze", "analyze", "merge", "checkpoint", "import", "export"]
    sources: List[Dict[str, Any]]
    method: Dict[str, Any]
    provider: ProviderInfo
    timings: Timings
    modules: List[Dict[str, Any]]
    targets: List[Union[Dict[str, Any], FailedResult]]
    analysis: Union[Analysis, None]
    notes: List[str]


class ResultSettings(TypedDict):
    """What result adapters are called and how long they live. A target, its job and its batch or run may say it: each
    field counts where it stands closest to the result, and `labels` are one field, so those of a target take the
    place of all that its job says."""

    name: NotRequired[str]
    labels: NotRequired[Dict[str, str]]
    ttl_seconds: NotRequired[int]


class RotatedSecret(TypedDict):
    """The secret is shown this once"""

    secret: str
    previous_secret_expires_at: str


class Run(TypedDict):
    id: str
    name: Union[str, None]
    base_model: Union[str, None]
    mode: Literal["scheduled", "adaptive"]
    request: RunRequest
    schedule: Union[Dict[str, Any], None]
    rank: Dict[str, Any]
    step: Union[int, None]
    at_target: bool
    learning_rate: Dict[str, Any]
    next_checkpoint_step: Union[int, None]
    notes: List[str]
    checkpoints: List[Checkpoint]
    created_at: str


class RunList(TypedDict):
    data: List[Dict[str, Any]]
    next_cursor: Union[str, None]


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
    squeezes: List[Dict[str, Any]]
    mean_rank: float
    relative_cost: float
    notes: List[str]


class ScheduleRequest(TypedDict):
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
    learning_rate: NotRequired[Dict[str, Any]]
    shape: NotRequired[Literal["geometric", "linear", "cosine", "custom"]]
    ranks: NotRequired[List[int]]
    stages: NotRequired[int]
    stage_lengths: NotRequired[Literal["equal", "rank_proportional"]]
    modules: NotRequired[List[Dict[str, Any]]]
    dtype: NotRequired[Literal["float32", "float16", "bfloat16"]]
    optimizer: NotRequired[Literal["adam", "adam_8bit", "sgd_momentum", "sgd"]]


class SecretRotation(TypedDict):
    secret: NotRequired[str]
    overlap_seconds: NotRequired[int]


class SqueezeJobRequest(TypedDict):
    """Brings an adapter to smaller ranks"""

    kind: Literal["squeeze"]
    adapter_id: NotRequired[str]
    source: NotRequired[Source]
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    deliver: NotRequired[List[Dict[str, Any]]]
    labels: NotRequired[Dict[str, str]]
    priority: NotRequired[Literal["high", "normal", "low"]]
    ttl_seconds: NotRequired[int]
    reuse: NotRequired[bool]


class SqueezeOptions(TypedDict):
    method: NotRequired[Literal["rsvd", "exact"]]
    oversampling: NotRequired[int]
    power_iterations: NotRequired[Union[int, Literal["auto"]]]
    seed: NotRequired[int]


class SqueezeRequest(TypedDict):
    targets: List[Target]
    options: NotRequired[SqueezeOptions]
    results: NotRequired[ResultSettings]
    labels: NotRequired[Dict[str, str]]
    priority: NotRequired[Literal["high", "normal", "low"]]
    ttl_seconds: NotRequired[int]
    reuse: NotRequired[bool]


class Stage(TypedDict):
    index: int
    rank: int
    begin_step: int
    end_step: int
    steps: int
    learning_rate: Dict[str, Any]
    parameters: Union[int, None]
    memory: Union[Dict[str, Any], None]


class SucceededResult(TypedDict):
    target: Target
    state: Literal["succeeded"]
    adapter_id: str
    format: Literal["peft", "diffusers", "kohya", "xlabs", "cloneofsimo", "mlx", "gguf"]
    rank: Dict[str, Any]
    bytes: int
    size: NotRequired[List[Dict[str, Any]]]
    parameters: int
    relative_error: float
    energy_retained: float
    module_relative_error: NotRequired[float]
    module_energy_retained: NotRequired[float]
    expected_loss: NotRequired[Union[Dict[str, Any], None]]
    worst_module: Union[Dict[str, Any], None]
    warnings: List[str]
    serving: Union[Verdict, None]
    training: Union[TrainingNotes, None]


class Tenant(TypedDict):
    id: str
    quotas: Dict[str, Any]
    created_at: str


class TenantList(TypedDict):
    data: List[Tenant]
    next_cursor: Union[str, None]


class TenantRequest(TypedDict):
    quotas: NotRequired[Dict[str, Any]]


class TenantWithUsage(TypedDict):
    id: str
    quotas: Dict[str, Any]
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


class Usage(TypedDict):
    stored_bytes: int
    adapters: int
    jobs: int


class Verdict(TypedDict):
    profile: str
    loads: bool
    rules: List[Dict[str, Any]]


class Webhook(TypedDict):
    id: str
    url: str
    events: List[Literal["job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.finished"]]
    labels: Dict[str, str]
    description: str
    enabled: bool
    disabled_reason: Union[str, None]
    created_at: str


class WebhookChange(TypedDict):
    """What is absent stays as it is"""

    url: NotRequired[str]
    events: NotRequired[List[Literal["job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.finished"]]]
    labels: NotRequired[Dict[str, str]]
    description: NotRequired[str]
    enabled: NotRequired[bool]


class WebhookEvent(TypedDict):
    type: Literal["job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.finished", "webhook.test"]
    timestamp: str
    data: Dict[str, Any]


class WebhookList(TypedDict):
    data: List[Webhook]
    next_cursor: Union[str, None]


class WebhookRequest(TypedDict):
    url: str
    events: NotRequired[List[Literal["job.succeeded", "job.partial", "job.failed", "job.cancelled", "batch.finished"]]]
    labels: NotRequired[Dict[str, str]]
    description: NotRequired[str]
    enabled: NotRequired[bool]
    secret: NotRequired[str]
