"""Computes the updates of lora.safetensors in each folder, as each of two programs does that loads such files, where it can be
imported: LyCORIS (lycoris.safetensors beside it) and sd-scripts (sd_scripts.safetensors). Prints which they were."""

import importlib.util
import json
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
from safetensors.torch import load_file, save_file

KINDS = {"linear": torch.nn.Linear, "conv": torch.nn.Conv2d}


def with_lycoris(name, base, weights):
    from lycoris.modules import get_module, make_module

    algorithm, parameters = get_module(weights, name)
    return make_module(algorithm, parameters, name, base).get_diff_weight()[0]


def with_sd_scripts(name, base, weights):
    from networks.lora import LoRAInfModule

    # As create_network_from_weights finds them.
    rank, alpha = weights[f"{name}.lora_down.weight"].size()[0], weights[f"{name}.alpha"]
    module = LoRAInfModule(name, base, lora_dim=rank, alpha=alpha)
    torch.nn.init.zeros_(base.weight)
    module.merge_to({key: weights[f"{name}.{key}"] for key in ("lora_up.weight", "lora_down.weight")}, torch.float, "cpu")
    return base.weight


PROGRAMS = {"lycoris": with_lycoris, "sd_scripts": with_sd_scripts}
FOUND = {"lycoris": "lycoris", "sd_scripts": "networks"}
found = [program for program, package in FOUND.items() if importlib.util.find_spec(package)]
for folder in map(Path, sys.argv[1:]):
    weights = {key: value.float() for key, value in load_file(folder / "lora.safetensors").items()}
    for program in found:
        deltas = {}
        for name, (kind, *sizes) in json.loads((folder / "layers.json").read_text()).items():
            base = KINDS[kind](*sizes)
            delta = PROGRAMS[program](name, base, weights)
            deltas[name] = delta.detach().reshape(base.weight.shape).contiguous()
        save_file(deltas, folder / f"{program}.safetensors")
print(json.dumps(found))
