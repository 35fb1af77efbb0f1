"""LoRA-Squeeze for Python: the client of the service, blocking (`Client`) and for event loops (`AsyncClient`).
`lora_squeeze.annealing` has In-Squeeze for trainers, and needs torch."""

from lora_squeeze.aio.client import AsyncClient
from lora_squeeze.core.adapter_files import CONFIG, OPTIMIZER, WEIGHTS
from lora_squeeze.core.events import Event
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
    "JobFailedError",
    "Progress",
    "RefusedError",
    "SqueezeError",
    "UnreachableError",
    "__version__",
]
