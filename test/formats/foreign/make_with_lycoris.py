"""Writes an adapter of LyCORIS with a module of each of its algorithms that become LoRA, with random numbers: lora.safetensors,
and deltas.safetensors with the update of each module as LyCORIS computes it. layers.json says what the modules are of."""

import json
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
from lycoris.modules import FullModule, LoConModule, LohaModule, LokrModule
from safetensors.torch import save_file

LINEAR, CONV, POINT = ["linear", 48, 40], ["conv", 12, 16, 3], ["conv", 24, 40, 1]
BLOCK = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_"
MODULES = {
    "attn1_to_q": (LoConModule, LINEAR, {}),
    "attn1_to_k": (LohaModule, LINEAR, {}),
    "attn1_to_v": (LokrModule, LINEAR, {"factor": 4}),
    "attn1_to_out_0": (LokrModule, LINEAR, {"factor": 8, "decompose_both": True, "lora_dim": 2}),
    "attn2_to_q": (LokrModule, LINEAR, {"full_matrix": True}),
    "attn2_to_v": (LohaModule, LINEAR, {"rs_lora": True}),
    "ff_net_2": (FullModule, LINEAR, {}),
}
CONVOLUTIONS = {
    "lora_unet_down_blocks_0_resnets_0_conv1": (LoConModule, CONV, {}),
    "lora_unet_down_blocks_0_resnets_0_conv2": (LoConModule, CONV, {"use_tucker": True}),
    "lora_unet_down_blocks_0_resnets_1_conv1": (LohaModule, CONV, {}),
    "lora_unet_down_blocks_0_resnets_1_conv2": (LohaModule, CONV, {"use_tucker": True}),
    "lora_unet_down_blocks_1_resnets_0_conv1": (LokrModule, CONV, {"factor": 2}),
    "lora_unet_down_blocks_1_resnets_0_conv2": (LokrModule, CONV, {"factor": 2, "use_tucker": True}),
    "lora_unet_down_blocks_1_resnets_0_conv_shortcut": (LokrModule, POINT, {"factor": 4}),
}
KINDS = {"linear": torch.nn.Linear, "conv": torch.nn.Conv2d}



def update_of(module):
    """What forward() adds; get_diff_weight(), for merging, multiplies by the scale of LoHa and LoKr twice."""
    if isinstance(module, FullModule):
        return module.state_dict()["diff"]
    return module.get_diff_weight()[0] if isinstance(module, LoConModule) else module.get_weight(None)


folder = Path(sys.argv[1])
torch.manual_seed(0)
tensors, deltas, layers = {}, {}, {}
for name, (algorithm, layer, options) in {**{BLOCK + key: one for key, one in MODULES.items()}, **CONVOLUTIONS}.items():
    kind, *sizes = layer
    base = KINDS[kind](*sizes, bias=False)
    module = algorithm(name, base, **{"lora_dim": 3, "alpha": 2, **options})
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    layers[name] = layer
    deltas[name] = update_of(module).detach().reshape(base.weight.shape).contiguous()
    for key, value in module.state_dict().items():
        tensors[f"{name}.{key}"] = value.detach().clone().contiguous()
save_file(tensors, folder / "lora.safetensors")
save_file(deltas, folder / "deltas.safetensors")
(folder / "layers.json").write_text(json.dumps(layers))
print("[]")
