"""Loads the adapter of each folder into a model of torch as PEFT does; writes the update of each layer that PEFT computes,
with the name of the layer, to deltas.safetensors beside it. layers.json says what the model is made of."""

import json
import sys
from pathlib import Path

import absent  # noqa: F401
from peft import PeftModel
from safetensors.torch import save_file
from toy_model import build, deltas_of

for folder in map(Path, sys.argv[1:]):
    layers = json.loads((folder / "layers.json").read_text())
    model = PeftModel.from_pretrained(build(layers), str(folder))
    save_file(deltas_of(model, layers), folder / "deltas.safetensors")

print("[]")
