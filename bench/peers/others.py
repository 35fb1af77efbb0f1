#!/usr/bin/python3
"""Lets other programs squeeze the same adapter; run by compare.ts. PYTHONPATH has their sources and test/formats/foreign.

  others.py make FOLDER                       an adapter of random numbers, as kohya.safetensors and as a folder of PEFT
  others.py kohya FOLDER OUT RANK [METHOD PARAMETER]   resizes it with sd-scripts, without its metadata
  others.py peft FOLDER OUT RANK WEIGHT       combines two halves of it with PEFT's SVD
  others.py score FOLDER OUT...               prints the float64 score of each file, as a list in JSON
"""

import dataclasses
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

SEED, RANK, ALPHA = 0, 32, 64
# Attention of Stable Diffusion 1.5 at its two smaller widths; sizes [in, out].
WIDTHS, TEXT = (320, 640), 768
INPUTS = {"to_q": None, "to_k": TEXT, "to_v": TEXT, "to_out_0": None}
BLOCK = "down_blocks.{}.attentions.0.transformer_blocks.0.attn2.{}"
LAYERS = {
    BLOCK.format(block, name): ["linear", inputs or width, width]
    for block, width in enumerate(WIDTHS)
    for name, inputs in INPUTS.items()
}


def kohya_name(path):
    return "lora_unet_" + path.replace(".", "_")


def make(folder):
    """σ_i = size · i^-steepness; both vary by module, and no σ lies on a threshold, where the last bit would decide."""
    torch.manual_seed(SEED)
    kohya, peft = {}, {}
    for index, (path, (_, inputs, outputs)) in enumerate(LAYERS.items()):
        size, steepness = 4 ** (index % 3 - 1), 0.31 + 0.2 * index
        sigma = size * torch.arange(1, RANK + 1).double() ** -steepness
        left, right = (torch.linalg.qr(torch.randn(rows, RANK).double())[0] for rows in (outputs, inputs))
        b, a = (left * sigma.sqrt()).float().contiguous(), (right * sigma.sqrt()).T.float().contiguous()
        name = kohya_name(path)
        kohya |= {f"{name}.lora_down.weight": a, f"{name}.lora_up.weight": b, f"{name}.alpha": torch.tensor(float(ALPHA))}
        peft |= {f"base_model.model.{path}.lora_A.weight": a.clone(), f"base_model.model.{path}.lora_B.weight": b.clone()}
    save_file(kohya, folder / "kohya.safetensors")
    (folder / "peft").mkdir()
    save_file(peft, folder / "peft" / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": list(INPUTS)}
    (folder / "peft" / "adapter_config.json").write_text(json.dumps(config))


def kohya(folder, out, rank, method=None, parameter=0):
    import absent

    # The parts that resize_lora imports concern models, need many packages, and are used for the metadata only.
    sys.meta_path.insert(0, absent.Finder(["library"]))
    from networks.resize_lora import resize_lora_model

    source, rank, parameter = load_file(folder / "kohya.safetensors"), int(rank), float(parameter)
    resized, _, _ = resize_lora_model(source, rank, rank, torch.float, "cpu", method, parameter, verbose=False)
    save_file(resized, out / "kohya.safetensors")


def peft(folder, out, rank, weight):
    import absent  # noqa: F401
    from peft import PeftModel, get_peft_model_state_dict
    from toy_model import build

    model = PeftModel.from_pretrained(build(LAYERS), str(folder / "peft"))
    # For a single adapter PEFT always uses the linear combination, so the adapter is given as two halves.
    model.load_adapter(str(folder / "peft"), "again")
    weights = [float(weight) / 2] * 2
    model.add_weighted_adapter(
        ["default", "again"], weights, "sum", combination_type="svd", svd_rank=int(rank), svd_full_matrices=False
    )
    tensors = get_peft_model_state_dict(model, adapter_name="sum")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / "adapter_model.safetensors")
    config = dataclasses.asdict(model.peft_config["sum"])
    (out / "adapter_config.json").write_text(json.dumps({name: config[name] for name in ("r", "lora_alpha", "use_rslora")}))


def factors_of(folder):
    """B with its scale, and A, of each module, in float64; the file's size."""
    file = next(folder.glob("*.safetensors"))
    tensors = {name: tensor.double() for name, tensor in load_file(file).items()}
    if file.name == "adapter_model.safetensors":
        config = json.loads((folder / "adapter_config.json").read_text())
        if config.get("rank_pattern") or config.get("alpha_pattern") or config.get("use_rslora"):
            sys.exit(f"{folder}: one rank and plain scales were expected")
        scale, prefix = config["lora_alpha"] / config["r"], "base_model.model."
        pairs = {
            path: (scale * tensors[f"{prefix}{path}.lora_B.weight"], tensors[f"{prefix}{path}.lora_A.weight"])
            for path in LAYERS
        }
    else:
        pairs = {}
        for path in LAYERS:
            down, up, alpha = (
                tensors[f"{kohya_name(path)}.{part}"] for part in ("lora_down.weight", "lora_up.weight", "alpha")
            )
            pairs[path] = (alpha / len(down) * up, down)
    return pairs, file.stat().st_size


def score(folder, outs):
    source, _ = factors_of(folder / "peft")
    found = []
    for out in outs:
        pairs, size = factors_of(out)
        lost, energy = [], []
        for path, (b, a) in source.items():
            delta = b @ a
            energy.append(delta.square().sum().item())
            lost.append((delta - pairs[path][0] @ pairs[path][1]).square().sum().item())
        errors = [(one / whole) ** 0.5 for one, whole in zip(lost, energy)]
        found.append({
            "ranks": [len(a) for _, a in pairs.values()],
            "parameters": sum(b.numel() + a.numel() for b, a in pairs.values()),
            "bytes": size,
            "relative_error": (sum(lost) / sum(energy)) ** 0.5,
            "module_relative_error": (sum(error**2 for error in errors) / len(errors)) ** 0.5,
            "worst": max(errors),
        })
    print(json.dumps(found))


if __name__ == "__main__":
    task, folder, *rest = sys.argv[1:]
    if task == "make":
        make(Path(folder))
    elif task == "kohya":
        kohya(Path(folder), Path(rest[0]), *rest[1:])
    elif task == "peft":
        peft(Path(folder), Path(rest[0]), *rest[1:])
    else:
        score(Path(folder), [Path(out) for out in rest])
