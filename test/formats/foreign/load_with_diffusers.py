"""Loads an adapter into models of diffusers at toy size as its pipelines do (`load_lora_weights`, with PEFT behind it). Without
arguments it prints the layers of each model: the path of each, with its part of the pipeline, and the shape of its weight. Each
argument is a folder with pytorch_lora_weights.safetensors and model.json, the name of the model; the updates that PEFT computes for
the layers of this model are written to deltas.safetensors beside them. What diffusers warns of goes to standard error, except that
a file has nothing for a text encoder."""

import json
import logging
import sys
from pathlib import Path

import absent  # noqa: F401
import torch
from clip_stand_in import ClipLayers
from diffusers import (
    FluxTransformer2DModel,
    HunyuanVideoTransformer3DModel,
    LTXVideoTransformer3DModel,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
    WanTransformer3DModel,
    ZImageTransformer2DModel,
)
from diffusers.loaders import lora_pipeline
from peft import inject_adapter_in_model, set_peft_model_state_dict
from safetensors.torch import save_file

TRANSFORMERS = {
    "flux": (FluxTransformer2DModel, "FluxLoraLoaderMixin", dict(
        in_channels=8, num_layers=2, num_single_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=12, pooled_projection_dim=12, axes_dims_rope=[2, 2, 4], guidance_embeds=True)),
    "sd3": (SD3Transformer2DModel, "SD3LoraLoaderMixin", dict(
        sample_size=8, patch_size=1, in_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
        caption_projection_dim=16, joint_attention_dim=12, pooled_projection_dim=12, out_channels=4)),
    "wan": (WanTransformer3DModel, "WanLoraLoaderMixin", dict(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=12, freq_dim=16,
        ffn_dim=32, num_layers=2, image_dim=12, added_kv_proj_dim=24, rope_max_seq_len=32)),
    "qwen-image": (QwenImageTransformer2DModel, "QwenImageLoraLoaderMixin", dict(
        in_channels=8, out_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=12, axes_dims_rope=(4, 2, 2))),
    "ltx": (LTXVideoTransformer3DModel, "LTXVideoLoraLoaderMixin", dict(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=16,
        num_layers=2, caption_channels=12)),
    "hunyuan-video": (HunyuanVideoTransformer3DModel, "HunyuanVideoLoraLoaderMixin", dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=2,
        num_single_layers=2, num_refiner_layers=1, text_embed_dim=12, pooled_projection_dim=12,
        rope_axes_dim=(2, 2, 4))),
    "z-image": (ZImageTransformer2DModel, "ZImageLoraLoaderMixin", dict(
        in_channels=4, dim=16, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=12,
        axes_dims=[4, 2, 2], axes_lens=[64, 32, 32])),
}
UNETS = {
    "sd15": ("StableDiffusionLoraLoaderMixin", dict(cross_attention_dim=12, transformer_layers_per_block=1)),
    "sdxl": ("StableDiffusionXLLoraLoaderMixin", dict(
        cross_attention_dim=20, transformer_layers_per_block=(1, 2, 3), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=2, projection_class_embeddings_input_dim=16)),
}
# Which blocks have attention, from the outermost: sd15 has it everywhere but in the innermost, sdxl everywhere but in the outermost.
ATTENTION = {"sd15": (True, True, False), "sdxl": (False, True, True)}


class TextEncoder(ClipLayers):
    """Loads adapters by PEFT, as transformers does (integrations/peft.py)."""

    device, dtype = torch.device("cpu"), torch.float32

    def load_adapter(self, adapter_name, adapter_state_dict, peft_config, low_cpu_mem_usage=False):
        inject_adapter_in_model(peft_config, self, adapter_name)
        problems = set_peft_model_state_dict(self, adapter_state_dict, adapter_name)
        assert not problems.unexpected_keys, problems.unexpected_keys
        lost = [key for key in problems.missing_keys if "lora_" in key]
        assert not lost, lost


class NotOfEncoders(logging.Filter):
    def filter(self, record):
        return not record.getMessage().startswith("No LoRA keys associated to TextEncoder")


logging.getLogger("diffusers.loaders.lora_base").addFilter(NotOfEncoders())


def pipeline(model):
    """An object with the loader of a pipeline and its models."""
    if model in TRANSFORMERS:
        made, loader, sizes = TRANSFORMERS[model]
        parts = {"transformer": made(**sizes)}
    else:
        loader, sizes = UNETS[model]
        attention = ATTENTION[model]
        parts = {"unet": UNet2DConditionModel(
            block_out_channels=(8, 8, 16), layers_per_block=2, norm_num_groups=4, attention_head_dim=4,
            down_block_types=["CrossAttnDownBlock2D" if one else "DownBlock2D" for one in attention],
            up_block_types=["CrossAttnUpBlock2D" if one else "UpBlock2D" for one in reversed(attention)], **sizes)}
    if model in ("sd15", "sdxl", "flux", "sd3"):
        parts["text_encoder"] = TextEncoder()
    if model in ("sdxl", "sd3"):
        parts["text_encoder_2"] = TextEncoder()
    found = type("Pipeline", (getattr(lora_pipeline, loader),), {"hf_device_map": None})()
    found.components = parts
    vars(found).update(parts)
    return found


def layers(model):
    for part, module in pipeline(model).components.items():
        for path, layer in module.named_modules():
            if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)):
                yield f"{part}.{path}", list(layer.weight.shape)


def deltas(pipe):
    for part, module in pipe.components.items():
        for path, layer in module.named_modules():
            if not hasattr(layer, "lora_A") or not len(layer.lora_A):
                continue
            [adapter] = layer.lora_A
            yield f"{part}.{path}", layer.get_delta_weight(adapter).detach().float().contiguous()


if len(sys.argv) == 1:
    print(json.dumps({model: dict(layers(model)) for model in [*UNETS, *TRANSFORMERS]}))
else:
    for folder in map(Path, sys.argv[1:]):
        pipe = pipeline(json.loads((folder / "model.json").read_text()))
        pipe.load_lora_weights(str(folder), weight_name="pytorch_lora_weights.safetensors")
        save_file(dict(deltas(pipe)), folder / "deltas.safetensors")
    print("[]")
