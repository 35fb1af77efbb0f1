"""Loads an adapter into models of ComfyUI at toy size as its node for LoRA does (comfy/sd.py, `load_lora_for_models`). Without
arguments it prints the layers of each model: the path of each, and the shape of its weight. Each argument is a folder with
lora.safetensors and model.json, the name of the model; the updates that ComfyUI computes for the layers of this model are written to
deltas.safetensors beside them. Keys that ComfyUI does not load, of which it warns, go to unloaded.json. All else goes to standard
error."""

import json
import logging
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
from comfy.cli_args import args

args.cpu = True  # read when the other modules are imported

import comfy.clip_model  # noqa: E402
import comfy.lora  # noqa: E402
import comfy.lora_convert  # noqa: E402
import comfy.model_base  # noqa: E402
import comfy.model_patcher  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.supported_models_base  # noqa: E402
import comfy.utils  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

UNET = dict(
    image_size=32, in_channels=4, out_channels=4, model_channels=32, num_res_blocks=[2, 2, 2], channel_mult=[1, 1, 2],
    use_spatial_transformer=True, legacy=False)
MODELS = {
    "sd15": (comfy.model_base.BaseModel, ["clip_l"], dict(
        UNET, context_dim=12, transformer_depth=[1, 1, 1, 1, 0, 0], transformer_depth_output=[1, 1, 1, 1, 1, 1, 0, 0, 0],
        transformer_depth_middle=1, num_heads=4)),
    "sdxl": (comfy.model_base.SDXL, ["clip_l", "clip_g"], dict(
        UNET, context_dim=20, transformer_depth=[0, 0, 2, 2, 3, 3], transformer_depth_output=[0, 0, 0, 2, 2, 2, 3, 3, 3],
        transformer_depth_middle=3, num_heads=4, use_linear_in_transformer=True, num_classes="sequential", adm_in_channels=16)),
    "flux": (comfy.model_base.Flux, ["clip_l"], dict(
        in_channels=4, out_channels=4, vec_in_dim=12, context_in_dim=12, hidden_size=16, mlp_ratio=4.0, num_heads=2, depth=2,
        depth_single_blocks=2, axes_dim=[2, 2, 4], theta=10000, patch_size=2, qkv_bias=True, guidance_embed=True)),
    # The authors fixed its width: 64 times the depth.
    "sd3": (comfy.model_base.SD3, ["clip_l", "clip_g"], dict(
        in_channels=4, depth=2, num_blocks=2, adm_in_channels=12, pos_embed_max_size=8, input_size=None, qk_norm="rms",
        context_embedder_config={"target": "torch.nn.Linear", "params": {"in_features": 12, "out_features": 128}})),
    "wan": (comfy.model_base.WAN21, [], dict(
        model_type="i2v", in_dim=4, out_dim=4, dim=24, ffn_dim=32, freq_dim=16, text_dim=12, num_heads=2, num_layers=2)),
    "qwen-image": (comfy.model_base.QwenImage, [], dict(
        in_channels=8, out_channels=2, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=12,
        axes_dims_rope=(4, 2, 2))),
    "ltx": (comfy.model_base.LTXV, [], dict(
        in_channels=8, cross_attention_dim=16, attention_head_dim=8, num_attention_heads=2, caption_channels=12, num_layers=2)),
    "hunyuan-video": (comfy.model_base.HunyuanVideo, [], dict(
        in_channels=4, out_channels=4, vec_in_dim=12, context_in_dim=12, hidden_size=16, mlp_ratio=4.0, num_heads=2, depth=2,
        depth_single_blocks=2, axes_dim=[2, 2, 4], theta=256, patch_size=[1, 2, 2], qkv_bias=True, guidance_embed=True,
        byt5=False, meanflow=False)),
}
CLIP = dict(
    num_hidden_layers=2, hidden_size=12, num_attention_heads=2, intermediate_size=24, hidden_act="quick_gelu",
    max_position_embeddings=8, eos_token_id=0)


class Unloaded(logging.Filter):
    """Takes the warnings of keys that were not loaded."""

    def __init__(self):
        super().__init__()
        self.keys = []

    def filter(self, record):
        before, found, key = record.getMessage().partition("lora key not loaded: ")
        if before or not found:
            return True
        self.keys.append(key)
        return False


def made(model):
    """The model, and its text encoders."""
    kind, encoders, sizes = MODELS[model]
    sizes = dict(sizes, dtype=torch.float32)
    config = comfy.supported_models_base.BASE(sizes)
    # BASE adds the heads of a UNet to every model.
    config.unet_config = sizes
    clip = torch.nn.Module()
    for name in encoders:
        encoder = torch.nn.Module()
        encoder.transformer = comfy.clip_model.CLIPTextModel(CLIP, torch.float32, "cpu", comfy.ops.disable_weight_init)
        clip.add_module(name, encoder)
    return kind(config, device="cpu"), clip


def layers(model):
    for part in made(model):
        for path, layer in part.named_modules():
            if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)):
                yield path, list(layer.weight.shape)


def deltas(folder):
    model, clip = made(json.loads((folder / "model.json").read_text()))
    keys = comfy.lora.model_lora_keys_clip(clip, comfy.lora.model_lora_keys_unet(model, {}))
    tensors = comfy.utils.load_torch_file(str(folder / "lora.safetensors"), safe_load=True)
    patches = comfy.lora.load_lora(comfy.lora_convert.convert_lora(tensors), keys)
    found = 0
    for part in (model, clip):
        patcher = comfy.model_patcher.ModelPatcher(part, torch.device("cpu"), torch.device("cpu"))
        found += len(patcher.add_patches(patches))
        weights = part.state_dict()
        for key, patch in patcher.patches.items():
            assert key.endswith(".weight"), key
            delta = comfy.lora.calculate_weight(patch, torch.zeros_like(weights[key]), key)
            yield key.removesuffix(".weight"), delta.contiguous()
    assert found == len(patches), f"{found} of {len(patches)} patches belong to a model"


with torch.no_grad():
    if len(sys.argv) == 1:
        print(json.dumps({model: dict(layers(model)) for model in MODELS}))
    else:
        for folder in map(Path, sys.argv[1:]):
            unloaded = Unloaded()
            logging.getLogger().addFilter(unloaded)
            save_file(dict(deltas(folder)), folder / "deltas.safetensors")
            logging.getLogger().removeFilter(unloaded)
            (folder / "unloaded.json").write_text(json.dumps(unloaded.keys))
        print("[]")
