"""Checks that name what cannot be annealed and what to do instead. They run when an Annealer is created, not at the
first squeeze."""

from __future__ import annotations

from typing import Any

import torch

from lora_squeeze.annealing.errors import UnsupportedError

__all__ = ["refuse_kohya", "refuse_optimizer", "refuse_sharded_model", "refuse_sharded_parameter"]

_SHARDED = {
    "FullyShardedDataParallel": "FSDP",
    "FSDPModule": "FSDP",
    "DeepSpeedEngine": "DeepSpeed",
    "PipelineEngine": "DeepSpeed",
}
_INSTEAD = "LoRA factors are small, so train with DDP, or squeeze the adapter when training is over"


def refuse_sharded_model(model: torch.nn.Module) -> None:
    """Raises UnsupportedError if FSDP or DeepSpeed manages a model's parameters."""
    for module in model.modules():
        refuse_sharded_parameters_of(module)


def refuse_sharded_parameters_of(module: Any) -> None:
    for ancestor in type(module).__mro__:
        if ancestor.__name__ in _SHARDED:
            raise _sharded(type(module).__name__, _SHARDED[ancestor.__name__])


def refuse_sharded_parameter(name: str, parameter: torch.Tensor) -> None:
    """The same for a single parameter, recognised by attributes that FSDP (1 and 2) and DeepSpeed's ZeRO 3 add to
    it."""
    if type(parameter).__name__ == "DTensor" or type(getattr(parameter, "data", None)).__name__ == "DTensor":
        raise _sharded(name, "FSDP")
    if getattr(parameter, "_is_flat_param", False):
        raise _sharded(name, "FSDP")
    if hasattr(parameter, "ds_id"):
        raise _sharded(name, "DeepSpeed")


def _sharded(name: str, by: str) -> UnsupportedError:
    code = "FSDP_UNSUPPORTED" if by == "FSDP" else "DEEPSPEED_UNSUPPORTED"
    return UnsupportedError(code, f"{name}: {by} lays parameters out for their old shapes; {_INSTEAD}")


def refuse_kohya(name: str, module: Any) -> None:
    """Raises UnsupportedError for a module of kohya's sd-scripts or LyCORIS."""
    if hasattr(module, "lora_down") and hasattr(module, "lora_up"):
        raise UnsupportedError(
            "KOHYA_UNSUPPORTED",
            f"{name or type(module).__name__}: kohya's modules keep copies of rank and alpha that annealing does not "
            "reach; squeeze the saved file with the service, which reads kohya's format, and train on from it",
        )


def refuse_optimizer(optimizer: Any) -> None:
    """Raises UnsupportedError for optimizers whose state cannot be adapted to new shapes."""
    kinds = type(optimizer).__mro__
    named = type(optimizer).__name__
    origins = {kind.__module__.partition(".")[0] for kind in kinds}
    if "deepspeed" in origins:
        raise _sharded(named, "DeepSpeed")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UnsupportedError("OPTIMIZER_UNSUPPORTED", f"{named} does not derive from torch.optim.Optimizer: pass the one it wraps")
    keys = {key for state in optimizer.state.values() if isinstance(state, dict) for key in state}
    is_8bit = "bitsandbytes" in origins or any("8bit" in kind.__name__.lower() for kind in kinds)
    if is_8bit or {"state1", "qmap1"} <= keys or any(is_quantized(state) for state in optimizer.state.values()):
        raise UnsupportedError(
            "OPTIMIZER_8BIT",
            f"{named} keeps its state in 8 bits, which cannot be carried: use torch.optim.AdamW (optim='adamw_torch'), "
            "whose state for LoRA factors is small",
        )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise UnsupportedError(
            "OPTIMIZER_UNSUPPORTED", "LBFGS keeps one vector for all parameters, of the old shapes: use AdamW or SGD"
        )


def is_quantized(state: Any) -> bool:
    """Whether an optimizer's state of a parameter contains torchao's 8-bit, 4-bit or FP8 tensors."""
    values = state.values() if isinstance(state, dict) else ()
    return any(type(value).__name__.startswith("OptimState") for value in values)
