"""Merges the adapter of each folder into the weights of its base.safetensors, path → weight, as the program does that the first
argument names. layers.json says what the layers are. The merged weights go to merged.safetensors beside them."""

import importlib.util
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

program, folders = sys.argv[1], list(map(Path, sys.argv[2:]))
sys.argv[1:] = []  # ComfyUI and Forge read them when they are imported

import absent  # noqa: F401, E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from toy_model import KINDS, build  # noqa: E402


def kohya_name(path):
    return "lora_unet_" + path.replace(".", "_")


def with_peft(folder, layers, base):
    from peft import PeftModel

    model = build(layers)
    for path, weight in base.items():
        model.get_submodule(path).weight.data = weight
    merged = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    return {path: merged.get_submodule(path).weight for path in layers}


def with_lycoris(folder, layers, base):
    from lycoris.modules import get_module, make_module

    tensors = load_file(folder / "lora.safetensors")
    for path, (kind, *sizes) in layers.items():
        layer = KINDS[kind](*sizes)
        layer.weight.data = base[path]
        algorithm, parameters = get_module(tensors, kohya_name(path))
        yield path, make_module(algorithm, parameters, kohya_name(path), layer).get_merged_weight()[0]


def with_comfyui(folder, layers, base):
    from comfy.cli_args import args

    args.cpu = True  # read when the other modules are imported
    import comfy.lora

    keys = {kohya_name(path): path for path in layers}
    patches = comfy.lora.load_lora(load_file(folder / "lora.safetensors"), keys)
    for path, patch in patches.items():
        yield path, comfy.lora.calculate_weight([(1.0, patch, 1.0, None, None)], base[path], path)


def with_forge(folder, layers, base):
    # It needs its own gguf.
    sys.path[:0] = importlib.util.find_spec("packages_3rdparty").submodule_search_locations
    from backend.args import args

    args.always_cpu = True
    from backend.patcher import lora

    keys = {kohya_name(path): path for path in layers}
    patches, left = lora.load_lora(load_file(folder / "lora.safetensors"), keys)
    assert not left, list(left)
    for path, patch in patches.items():
        yield path, lora.merge_lora_to_weight([[1.0, patch, 1.0, None, None]], base[path], path)


PROGRAMS = {"peft": with_peft, "lycoris": with_lycoris, "comfyui": with_comfyui, "forge": with_forge}
with torch.no_grad(), redirect_stdout(None):
    for folder in folders:
        layers = json.loads((folder / "layers.json").read_text())
        merged = dict(PROGRAMS[program](folder, layers, load_file(folder / "base.safetensors")))
        save_file({path: weight.float().contiguous() for path, weight in merged.items()}, folder / "merged.safetensors")
print("[]")
