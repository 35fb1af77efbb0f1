"""LoRA-Squeeze for Python: the client of the service, synchronous (`Client`) and for event loops (`AsyncClient`).
`lora_squeeze.annealing` has In-Squeeze for trainers, and needs torch."""

from lora_squeeze.aio.client import AsyncClient
from lora_squeeze.core.adapter_files import CONFIG, OPTIMIZER, WEIGHTS
from lora_squeeze.core.events import Event, JobEvent, TenantEvent
from lora_squeeze.core.progress import Progress
from lora_squeeze.errors import (
    DeadlineError,
    DigestError,
    JobFailedError,
    RefusedError,
    SqueezeError,
    UnreachableError,
)
from lora_squeeze.sync.client import Client
from lora_squeeze.version import __version__

__all__ = [
    "CONFIG",
    "OPTIMIZER",
    "WEIGHTS",
    "AsyncClient",
    "Client",
    "DeadlineError",
    "DigestError",
    "Event",
    "JobEvent",
    "JobFailedError",
    "Progress",
    "RefusedError",
    "SqueezeError",
    "TenantEvent",
    "UnreachableError",
    "__version__",
]
