"""LoRA-Squeeze for Python: the service's client. `lora_squeeze.annealing` has In-Squeeze for trainers, and needs
torch."""

from lora_squeeze.client import CONFIG, OPTIMIZER, WEIGHTS, LoraSqueeze, SqueezeError

__all__ = ["CONFIG", "OPTIMIZER", "WEIGHTS", "LoraSqueeze", "SqueezeError"]
