"""Loads the adapter of each folder into a model of torch as PEFT does; writes the update of each layer that PEFT computes,
with the name of the layer, to deltas.safetensors beside it. layers.json says what the model is made of: path → kind and
sizes, in the order of torch's own classes."""

import json
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
from peft import PeftModel
from safetensors.torch import save_file

KINDS = {
    "linear": lambda inputs, outputs: torch.nn.Linear(inputs, outputs),
    "conv": lambda inputs, outputs, kernel: torch.nn.Conv2d(inputs, outputs, kernel),
    "embedding": lambda words, size: torch.nn.Embedding(words, size),
    "conv1d": lambda outputs, inputs: absent.Conv1D(outputs, inputs),
}


def build(layers):
    model = torch.nn.Module()
    for path, (kind, *sizes) in layers.items():
        *parents, leaf = path.split(".")
        at = model
        for name in parents:
            if not hasattr(at, name):
                at.add_module(name, torch.nn.Module())
            at = getattr(at, name)
        at.add_module(leaf, KINDS[kind](*sizes))
    return model


for folder in map(Path, sys.argv[1:]):
    layers = json.loads((folder / "layers.json").read_text())
    model = PeftModel.from_pretrained(build(layers), str(folder))
    adapted = model.base_model.model
    deltas = {path: adapted.get_submodule(path).get_delta_weight("default") for path in layers}
    save_file({path: delta.detach().float().contiguous() for path, delta in deltas.items()}, folder / "deltas.safetensors")

print("[]")
