"""Loads the adapter of each folder into a model of mlx's layers as mlx-lm does, and merges it into the weights of
base.safetensors, path → weight, by mlx-lm's `fuse`. layers.json says what the layers are. The merged weights go to
merged.safetensors beside them. Prints for each folder what mlx-lm refuses, or null. mlx itself, which computes with arrays, is replaced
by torch."""

import json
import sys
import types
from pathlib import Path

import absent
import torch
from safetensors.torch import load_file, save_file


class Arrays(absent.Absent):
    """As much of mlx.core as mlx's layers and mlx-lm's adapters use."""

    array = torch.Tensor
    float32 = torch.float32
    distributed = absent.Absent("mlx.core.distributed")
    linalg = types.SimpleNamespace(norm=lambda x, axis: torch.linalg.norm(x, dim=axis))
    random = types.SimpleNamespace(
        uniform=lambda low=0, high=1, shape=(): low + (high - low) * torch.rand(shape),
        normal=lambda shape=(), scale=1: scale * torch.randn(shape),
    )

    @staticmethod
    def zeros(shape):
        return torch.zeros(shape)

    @staticmethod
    def load(path):
        return load_file(path)

    @staticmethod
    def compile(function, **options):
        return function


torch.Tensor.astype = torch.Tensor.to
sys.modules["mlx.core"] = Arrays("mlx.core")
# Without what these packages import themselves: transformers, for example.
absent.replace("mlx_lm.utils", "mlx_lm.cli_ui")
for name in ("mlx_lm", "mlx_lm.tuner"):
    absent.without_contents(name)

import mlx.core  # noqa: E402
import mlx.nn as nn  # noqa: E402
from mlx.utils import tree_unflatten  # noqa: E402
from mlx_lm.models.switch_layers import SwitchLinear  # noqa: E402
from mlx_lm.tuner.utils import load_adapters  # noqa: E402


class Model(nn.Module):
    @property
    def layers(self):
        return self.model.layers


def made(tree):
    """A model of such layers, whose parts are dictionaries and lists."""
    if isinstance(tree, list):
        return [made(one) for one in tree]
    if isinstance(tree, nn.Module):
        return tree
    model = Model()
    for name, one in tree.items():
        setattr(model, name, made(one))
    return model


KINDS = {
    "linear": lambda inputs, outputs: nn.Linear(inputs, outputs, bias=False),
    "embedding": nn.Embedding,
    "experts": lambda inputs, outputs, count: SwitchLinear(inputs, outputs, count, bias=False),
}


def merged(folder):
    base = load_file(folder / "base.safetensors")
    layers = {path: KINDS[kind](*sizes) for path, (kind, *sizes) in json.loads((folder / "layers.json").read_text()).items()}
    for path, layer in layers.items():
        assert layer.weight.shape == base[path].shape, path
        layer.weight = base[path]
    modules = dict(load_adapters(made(tree_unflatten(list(layers.items()))), str(folder)).named_modules())
    return {path: modules[path].fuse().weight.contiguous() for path in layers}


refused = []
with torch.no_grad():
    for folder in map(Path, sys.argv[1:]):
        try:
            save_file(merged(folder), folder / "merged.safetensors")
            refused.append(None)
        except ValueError as error:
            refused.append(str(error))
print(json.dumps(refused))
