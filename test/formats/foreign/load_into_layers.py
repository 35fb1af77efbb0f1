"""Loads the factors of lora.safetensors in each folder into layers of torch as trainers make them for the layers of
layers.json, name → kind and sizes, and asks these for the update: of a convolution down has its kernel, and up is 1×1. Shapes have to
fit exactly, and nothing may be left. Writes the update of each layer to deltas.safetensors."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

CONVOLUTIONS = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}


def pair(inputs, outputs, kernel, rank):
    """The two layers of a LoRA (sd-scripts, networks/lora.py, `LoRAModule`)."""
    if not kernel:
        return torch.nn.Linear(inputs, rank, bias=False), torch.nn.Linear(rank, outputs, bias=False)
    conv = CONVOLUTIONS[len(kernel)]
    return conv(inputs, rank, kernel, bias=False), conv(rank, outputs, 1, bias=False)


def update(down, up, inputs, kernel):
    """What the pair does to every unit vector: the rows of the update's transpose."""
    size = inputs * int(torch.tensor(kernel).prod()) if kernel else inputs
    vectors = torch.eye(size).reshape(size, inputs, *kernel)
    return up(down(vectors)).reshape(size, -1).T


with torch.no_grad():
    for folder in map(Path, sys.argv[1:]):
        layers = json.loads((folder / "layers.json").read_text())
        tensors = {key: value.float() for key, value in load_file(folder / "lora.safetensors").items()}
        deltas = {}
        for name, (inputs, outputs, kernel) in layers.items():
            rank = tensors[f"{name}.lora_down.weight"].shape[0]
            down, up = pair(inputs, outputs, kernel, rank)
            down.load_state_dict({"weight": tensors.pop(f"{name}.lora_down.weight")})
            up.load_state_dict({"weight": tensors.pop(f"{name}.lora_up.weight")})
            scale = float(tensors.pop(f"{name}.alpha", torch.tensor(float(rank)))) / rank
            deltas[name] = (scale * update(down, up, inputs, kernel)).contiguous()
        assert not tensors, f"{folder}: {sorted(tensors)}"
        save_file(deltas, folder / "deltas.safetensors")

print("[]")
