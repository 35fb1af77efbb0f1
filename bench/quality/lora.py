"""LoRA on the linear layers of the transformer's blocks."""

import math

import torch
from torch import nn
from torch.nn import functional as F

TARGETS = ("q", "k", "v", "o", "up", "down")
#: s = alpha / r, the same at every rank: alpha is 2 r.
SCALING = 2.0


class LoraLinear(nn.Module):
    """y = x·(W + s·B·A)ᵀ + b with W and b frozen; A uniform as Kaiming (PEFT's default), B zero."""

    def __init__(self, base: nn.Linear, rank: int):
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scaling = SCALING

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Without dropout the sum of the weights is the same function, and the layers are small.
        return F.linear(x, torch.addmm(self.base.weight, self.lora_B, self.lora_A, alpha=self.scaling), self.base.bias)


def adapt(model: nn.Module, rank: int, seed: int) -> dict[str, LoraLinear]:
    """Puts LoRA on the target layers of `model`, in place; returns the adapted layers by their module path."""
    torch.manual_seed(seed)
    adapted = {}
    for path, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear) and path.split(".")[-1] in TARGETS:
            parent, _, name = path.rpartition(".")
            adapted[path] = LoraLinear(layer, rank)
            setattr(model.get_submodule(parent), name, adapted[path])
    return adapted
