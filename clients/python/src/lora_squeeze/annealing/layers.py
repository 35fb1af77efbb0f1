"""LoRA layers as Annealer sees them, and adapter_config.json for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch.nn import Parameter

from lora_squeeze.annealing.errors import UnsupportedError
from lora_squeeze.annealing.refusals import refuse_kohya, refuse_sharded_model

__all__ = ["LoraLayer", "config_of", "peft_layers", "rank_of", "set_scaling"]

#: Prefixes that DDP and torch.compile add to the names of PEFT's modules, and the prefix that PEFT itself adds.
_WRAPPERS = re.compile(r"^(?:(?:module|_orig_mod)\.)*base_model\.model\.")


class LoraLayer(Protocol):
    """ΔW = scaling·lora_B·lora_A, with lora_A [r, in] and lora_B [out, r]."""

    lora_A: Parameter
    lora_B: Parameter
    scaling: float


def peft_layers(model: torch.nn.Module, adapter_name: str = "default") -> dict[str, LoraLayer]:
    """The LoRA layers of a PEFT model by the names of their modules, for Annealer.

    Raises UnsupportedError for what cannot be annealed: anything but linear layers, sharded models, kohya's modules.
    """
    refuse_sharded_model(model)
    found: dict[str, LoraLayer] = {}
    for name, module in model.named_modules():
        refuse_kohya(name, module)
        if adapter_name in getattr(module, "lora_embedding_A", ()):
            raise _unsupported(name, "embeddings cannot be annealed: take them out of target_modules")
        if adapter_name not in getattr(module, "lora_A", ()) or not isinstance(module.lora_A, torch.nn.ModuleDict):
            continue
        linear_a, linear_b = module.lora_A[adapter_name], module.lora_B[adapter_name]
        if not (isinstance(linear_a, torch.nn.Linear) and isinstance(linear_b, torch.nn.Linear)):
            raise _unsupported(name, f"only Linear factors can be annealed, not {type(linear_a).__name__}")
        if linear_b.bias is not None or adapter_name in getattr(module, "lora_variant", ()):
            raise _unsupported(name, "lora_bias and variants such as DoRA cannot be annealed: train without them")
        found[_WRAPPERS.sub("", name)] = PeftLayer(module, adapter_name)
    if not found:
        raise UnsupportedError(
            "NO_LAYERS", f"the model has no LoRA layers of an adapter {adapter_name!r}: name the adapter that is trained"
        )
    return found


def _unsupported(name: str, why: str) -> UnsupportedError:
    return UnsupportedError("LAYER_UNSUPPORTED", f"{name}: {why}")


class PeftLayer:
    """One adapter of PEFT's LoraLayer, with the attributes that Annealer reads and writes."""

    def __init__(self, layer: Any, adapter_name: str) -> None:
        self._layer, self._name = layer, adapter_name

    @property
    def lora_A(self) -> Parameter:
        weight: Parameter = self._layer.lora_A[self._name].weight
        return weight

    @lora_A.setter
    def lora_A(self, parameter: Parameter) -> None:
        linear = self._layer.lora_A[self._name]
        linear.weight, linear.out_features = parameter, parameter.shape[0]

    @property
    def lora_B(self) -> Parameter:
        weight: Parameter = self._layer.lora_B[self._name].weight
        return weight

    @lora_B.setter
    def lora_B(self, parameter: Parameter) -> None:
        linear = self._layer.lora_B[self._name]
        linear.weight, linear.in_features = parameter, parameter.shape[1]

    @property
    def scaling(self) -> float:
        return float(self._layer.scaling[self._name])

    @scaling.setter
    def scaling(self, value: float) -> None:
        self._layer.scaling[self._name] = value

    @property
    def r(self) -> int:
        return int(self._layer.r[self._name])

    @r.setter
    def r(self, value: int) -> None:
        self._layer.r[self._name] = value

    @property
    def lora_alpha(self) -> float:
        return float(self._layer.lora_alpha[self._name])

    @lora_alpha.setter
    def lora_alpha(self, value: float) -> None:
        self._layer.lora_alpha[self._name] = value


def config_of(layers: Mapping[str, LoraLayer], base_model: str | None) -> dict[str, Any]:
    """adapter_config.json for the layers in their current state; its patterns contain the ranks and alphas that
    differ."""
    ranks = {name: rank_of(layer) for name, layer in layers.items()}
    alphas = {name: float(layer.scaling) * ranks[name] for name, layer in layers.items()}
    rank, alpha = max(ranks.values()), next(iter(alphas.values()))
    return {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "target_modules": sorted(layers),
        "bias": "none",
        "use_rslora": False,
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {exactly(name): value for name, value in ranks.items() if value != rank},
        "alpha_pattern": {exactly(name): value for name, value in alphas.items() if value != alpha},
    }


def exactly(name: str) -> str:
    """A pattern key that matches this module and no other module whose name ends in the same way."""
    return "^" + re.escape(name)


def rank_of(layer: LoraLayer) -> int:
    return layer.lora_A.shape[0]


def set_scaling(layer: LoraLayer, scaling: float) -> None:
    """Writes the scaling, and also rank and alpha if the layer stores them."""
    layer.scaling = scaling
    if hasattr(layer, "r"):
        layer.r = rank_of(layer)
    if hasattr(layer, "lora_alpha"):
        layer.lora_alpha = scaling * rank_of(layer)
