"""In-Squeeze (LoRA-Squeeze, arXiv 2602.10993) for trainers in torch: the rank falls while training goes on."""

from typing import TYPE_CHECKING, Any

from lora_squeeze.annealing.annealer import Annealer
from lora_squeeze.annealing.errors import AnnealingError, CallError, MismatchError, UnsupportedError
from lora_squeeze.annealing.layers import LoraLayer, config_of, peft_layers
from lora_squeeze.annealing.learning_rate import AnnealLR

if TYPE_CHECKING:
    from lora_squeeze.annealing.trainer import AnnealCallback

__all__ = [
    "AnnealCallback",
    "AnnealLR",
    "Annealer",
    "AnnealingError",
    "CallError",
    "LoraLayer",
    "MismatchError",
    "UnsupportedError",
    "config_of",
    "peft_layers",
]


def __getattr__(name: str) -> Any:
    """Imports AnnealCallback only when it is used, because it needs transformers."""
    if name == "AnnealCallback":
        from lora_squeeze.annealing.trainer import AnnealCallback

        return AnnealCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
