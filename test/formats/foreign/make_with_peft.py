"""Writes adapters of LoHa, LoKr, AdaLoRA and experts as PEFT makes them, with random numbers, each into a folder below the one given: its two
files, layers.json, and made.safetensors with the update of each layer as PEFT computes it. Prints the folders' names."""

import json
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
from peft import AdaLoraConfig, LoHaConfig, LoKrConfig, LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from toy_model import build, deltas_of

LAYERS = {
    "model.layers.0.self_attn.q_proj": ["linear", 40, 48],
    "model.layers.0.mlp.up_proj": ["linear", 40, 72],
    "vision.patches": ["conv", 8, 12, 3],
}
COMMON = {
    "r": 3,
    "alpha": 5,
    "target_modules": ["q_proj", "up_proj", "patches"],
    "alpha_pattern": {"up_proj": 2},
    "init_weights": False,
    "use_effective_conv2d": True,
}
# AdaLoRA flattens convolutions, so that the name has to tell.
NAMED = {**{path: LAYERS[path] for path in list(LAYERS)[:2]}, "down_blocks.0.resnets.0.conv1": LAYERS["vision.patches"]}
EXPERTS = {"model.layers.0.mlp.experts": ["experts", 4, 12, 10]}
PARAMETERS = ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]
CONFIGS = {
    "loha": LoHaConfig(**COMMON),
    "lokr": LoKrConfig(**COMMON),
    "lokr-both": LoKrConfig(**COMMON, decompose_both=True, decompose_factor=8),
    "lokr-whole": LoKrConfig(**{**COMMON, "r": 40}),
    "adalora": AdaLoraConfig(
        init_r=6,
        target_r=3,
        total_step=10,
        lora_alpha=9,
        target_modules=["q_proj", "up_proj", "conv1"],
        rank_pattern={
            f"{path}.lora_E": [index % (3 - at) == 0 for index in range(6)] for at, path in enumerate(NAMED)
        },
        init_lora_weights=False,
    ),
    "experts": LoraConfig(
        r=6, lora_alpha=9, target_modules=[], target_parameters=PARAMETERS, init_lora_weights=False
    ),
}

torch.manual_seed(0)
for name, config in CONFIGS.items():
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    layers = {"experts": EXPERTS, "adalora": NAMED}.get(name, LAYERS)
    model = get_peft_model(build(layers), config)
    if name == "adalora":
        # What training leaves a module: the others' numbers are zero (adalora/layer.py, `mask_using_rank_pattern`).
        for path, kept in config.rank_pattern.items():
            numbers = model.base_model.model.get_submodule(path.removesuffix(".lora_E")).lora_E["default"]
            numbers.data[~torch.tensor(kept)] = 0
    tensors = {key: value.detach().clone().contiguous() for key, value in get_peft_model_state_dict(model).items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    fields = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    (folder / "adapter_config.json").write_text(json.dumps(fields))
    (folder / "layers.json").write_text(json.dumps(layers))
    save_file(deltas_of(model, layers), folder / "made.safetensors")

print(json.dumps(list(CONFIGS)))
