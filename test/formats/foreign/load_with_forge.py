"""Loads an adapter into models of Forge at toy size as its extension for LoRA does (extensions-builtin/sd_forge_lora/networks.py,
`load_lora_for_models`), and merges it as its LoraLoader does. Without arguments it prints the layers of each model: the path of
each, and the shape of its weight. Each argument is a folder with lora.safetensors and model.json, the name of the model; the updates of
the layers of this model are written to deltas.safetensors beside them, and keys that Forge does not load to unloaded.json. What Forge
prints goes to standard error."""

import importlib.util
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import absent  # noqa: F401
import torch

arguments, sys.argv = sys.argv[1:], sys.argv[:1]  # Forge reads them when it is imported
# It needs its own gguf.
sys.path[:0] = importlib.util.find_spec("packages_3rdparty").submodule_search_locations
from backend.args import args  # noqa: E402

args.always_cpu = True
with redirect_stdout(None):
    from backend.nn.flux import IntegratedFluxTransformer2DModel
    from backend.nn.unet import IntegratedUNet2DConditionModel
    from backend.patcher import lora
from clip_stand_in import ClipLayers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

UNET = dict(
    in_channels=4, out_channels=4, model_channels=32, num_res_blocks=[2, 2, 2], channel_mult=[1, 1, 2],
    use_spatial_transformer=True, num_heads=4)
MODELS = {
    "sd15": (IntegratedUNet2DConditionModel, ["clip_l"], dict(
        UNET, context_dim=12, transformer_depth=[1, 1, 1, 1, 0, 0], transformer_depth_output=[1, 1, 1, 1, 1, 1, 0, 0, 0],
        transformer_depth_middle=1)),
    "sdxl": (IntegratedUNet2DConditionModel, ["clip_l", "clip_g"], dict(
        UNET, context_dim=20, transformer_depth=[0, 0, 2, 2, 3, 3], transformer_depth_output=[0, 0, 0, 2, 2, 2, 3, 3, 3],
        transformer_depth_middle=3, use_linear_in_transformer=True, num_classes="sequential", adm_in_channels=16)),
    "flux": (IntegratedFluxTransformer2DModel, ["clip_l"], dict(
        in_channels=4, vec_in_dim=12, context_in_dim=12, hidden_size=16, mlp_ratio=4.0, num_heads=2, depth=2,
        depth_single_blocks=2, axes_dim=[2, 2, 4], theta=10000, qkv_bias=True, guidance_embed=True)),
}


def made(name):
    """The model, and its text encoders."""
    kind, encoders, sizes = MODELS[name]
    model, clip = torch.nn.Module(), torch.nn.Module()
    model.diffusion_model = kind(**sizes)
    if name == "flux":
        model.diffusion_model.config = sizes
    model.config = SimpleNamespace(huggingface_repo=name)
    for encoder in encoders:
        clip.add_module(encoder, torch.nn.Module())
        clip.get_submodule(encoder).transformer = ClipLayers()
    return model, clip


def layers(name):
    for part in made(name):
        for path, layer in part.named_modules():
            if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
                yield path, list(layer.weight.shape)


def deltas(folder):
    model, clip = made(json.loads((folder / "model.json").read_text()))
    tensors = load_file(folder / "lora.safetensors")
    for part, keys in ((model, lora.model_lora_keys_unet(model, {})), (clip, lora.model_lora_keys_clip(clip, {}))):
        found, tensors = lora.load_lora(tensors, keys)
        weights, patches = dict(part.named_parameters()), {}
        for key, patch in found.items():
            name, offset, function = (*((key,) if isinstance(key, str) else key), None, None)[:3]
            patches.setdefault(name, []).append([1.0, patch, 1.0, offset, function])
        for name, those in patches.items():
            yield name.removesuffix(".weight"), lora.merge_lora_to_weight(those, torch.zeros_like(weights[name]), name).contiguous()
    (folder / "unloaded.json").write_text(json.dumps(list(tensors)))


with torch.no_grad():
    if not arguments:
        print(json.dumps({name: dict(layers(name)) for name in MODELS}))
    else:
        for folder in map(Path, arguments):
            with redirect_stdout(sys.stderr):
                save_file(dict(deltas(folder)), folder / "deltas.safetensors")
        print("[]")
