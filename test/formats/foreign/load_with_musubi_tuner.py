"""Merges an adapter into models of musubi-tuner at toy size, as its programs that generate do (utils/lora_utils.py,
`load_safetensors_with_lora_and_fp8`), after its own convert_lora.py where the names are not those of its trainers. Without
arguments it prints the layers of each model: the path of each, and the shape of its weight. Each argument is a folder with
lora.safetensors and model.json, the name of the model; the updates of the layers of this model, all weights of which are zero, are
written to deltas.safetensors beside them. What it warns of, such as keys that no layer used, goes to standard error."""

import functools
import json
import logging
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
import tqdm

logging.basicConfig(level=logging.WARNING)
tqdm.tqdm = functools.partial(tqdm.tqdm, disable=True)  # before it is imported by name
if not torch.cuda.is_available():
    torch.cuda.current_device = lambda: "cpu"  # the default of a parameter, read when its module is imported

from contextlib import redirect_stdout  # noqa: E402

with redirect_stdout(None):
    from musubi_tuner.convert_lora import convert_from_diffusers
    from musubi_tuner.flux.flux_models import Flux, FluxParams
    from musubi_tuner.hunyuan_model.models import HYVideoDiffusionTransformer
    from musubi_tuner.qwen_image.qwen_image_model import QwenImageTransformer2DModel
    from musubi_tuner.utils.lora_utils import load_safetensors_with_lora_and_fp8
    from musubi_tuner.wan.modules.model import WanModel
    from musubi_tuner.zimage.zimage_model import ZImageTransformer2DModel
from safetensors.torch import load_file, save_file  # noqa: E402


def flux():
    return Flux(FluxParams(
        in_channels=16, vec_in_dim=12, context_in_dim=12, hidden_size=16, mlp_ratio=4.0, num_heads=2, depth=2,
        depth_single_blocks=2, axes_dim=[2, 2, 4], theta=10000, qkv_bias=True, guidance_embed=True), attn_mode="torch")


def hunyuan_video():
    return HYVideoDiffusionTransformer(
        text_states_dim=12, text_states_dim_2=12, in_channels=4, hidden_size=16, heads_num=2, mm_double_blocks_depth=2,
        mm_single_blocks_depth=2, rope_dim_list=[2, 2, 4], guidance_embed=True, attn_mode="torch")


def qwen_image():
    return QwenImageTransformer2DModel(
        in_channels=8, out_channels=2, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=12,
        axes_dims_rope=(4, 2, 2))


def wan():
    return WanModel(
        model_type="i2v", in_dim=4, out_dim=4, dim=24, ffn_dim=32, freq_dim=16, text_dim=12, num_heads=2, num_layers=2,
        attn_mode="torch")


def z_image():
    return ZImageTransformer2DModel(
        in_channels=4, dim=16, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=12, axes_dims=[4, 2, 2],
        axes_lens=[64, 32, 32])


MODELS = {"flux": flux, "hunyuan-video": hunyuan_video, "qwen-image": qwen_image, "wan": wan, "z-image": z_image}


def layers(model):
    with redirect_stdout(None):
        made = MODELS[model]()
    for path, layer in made.named_modules():
        if isinstance(layer, torch.nn.Linear):
            yield path, list(layer.weight.shape)


def deltas(folder):
    model = json.loads((folder / "model.json").read_text())
    base = folder / "base.safetensors"
    save_file({f"{path}.weight": torch.zeros(shape) for path, shape in layers(model)}, base)
    tensors = load_file(folder / "lora.safetensors")
    if not next(iter(tensors)).startswith("lora_unet_"):
        tensors = convert_from_diffusers("lora_unet_", tensors)
    merged = load_safetensors_with_lora_and_fp8(str(base), [tensors], [1.0], False, torch.device("cpu"))
    return {key.removesuffix(".weight"): weight.contiguous() for key, weight in merged.items() if weight.any()}


with torch.no_grad():
    if len(sys.argv) == 1:
        print(json.dumps({model: dict(layers(model)) for model in MODELS}))
    else:
        for folder in map(Path, sys.argv[1:]):
            save_file(deltas(folder), folder / "deltas.safetensors")
        print("[]")
