"""LoRA layers as Annealer sees them, and adapter_config.json for them."""

import re

import torch


def peft_layers(model, adapter_name="default"):
    """The LoRA layers of a PEFT model, for Annealer. Linear layers only: others are refused by name."""
    found = {}
    for name, module in model.named_modules():
        if adapter_name in getattr(module, "lora_embedding_A", ()):
            raise ValueError(f"{name}: embeddings cannot be annealed")
        if adapter_name not in getattr(module, "lora_A", ()) or not isinstance(module.lora_A, torch.nn.ModuleDict):
            continue
        linear_a, linear_b = module.lora_A[adapter_name], module.lora_B[adapter_name]
        if not (isinstance(linear_a, torch.nn.Linear) and isinstance(linear_b, torch.nn.Linear)):
            raise ValueError(f"{name}: only Linear factors can be annealed, not {type(linear_a).__name__}")
        if linear_b.bias is not None or adapter_name in getattr(module, "lora_variant", ()):
            raise ValueError(f"{name}: lora_bias and variants such as DoRA cannot be annealed")
        found[re.sub(r"^base_model\.model\.", "", name)] = PeftLayer(module, adapter_name)
    if not found:
        raise ValueError(f"the model has no LoRA layers of an adapter {adapter_name!r}")
    return found


class PeftLayer:
    """One adapter of PEFT's LoraLayer, with the attributes that Annealer reads and writes."""

    def __init__(self, layer, adapter_name):
        self._layer, self._name = layer, adapter_name

    @property
    def lora_A(self):
        return self._layer.lora_A[self._name].weight

    @lora_A.setter
    def lora_A(self, parameter):
        linear = self._layer.lora_A[self._name]
        linear.weight, linear.out_features = parameter, parameter.shape[0]

    @property
    def lora_B(self):
        return self._layer.lora_B[self._name].weight

    @lora_B.setter
    def lora_B(self, parameter):
        linear = self._layer.lora_B[self._name]
        linear.weight, linear.in_features = parameter, parameter.shape[1]


def _entry(attribute):
    """A property that is one adapter's entry in a dict of the LoraLayer."""

    def read(self):
        return getattr(self._layer, attribute)[self._name]

    def write(self, value):
        getattr(self._layer, attribute)[self._name] = value

    return property(read, write)


PeftLayer.r, PeftLayer.lora_alpha, PeftLayer.scaling = _entry("r"), _entry("lora_alpha"), _entry("scaling")


def config_of(layers, base_model):
    """adapter_config.json of the layers as they are: patterns say where ranks and alphas differ."""
    ranks = {name: rank_of(layer) for name, layer in layers.items()}
    alphas = {name: float(layer.scaling) * ranks[name] for name, layer in layers.items()}
    rank, alpha = max(ranks.values()), next(iter(alphas.values()))
    return {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "target_modules": sorted(layers),
        "bias": "none",
        "use_rslora": False,
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {exactly(name): value for name, value in ranks.items() if value != rank},
        "alpha_pattern": {exactly(name): value for name, value in alphas.items() if value != alpha},
    }


def exactly(name):
    """A key of a pattern that means this module and no other whose name ends in it."""
    return "^" + re.escape(name)


def rank_of(layer):
    return layer.lora_A.shape[0]


def set_scaling(layer, scaling):
    layer.scaling = scaling
    if hasattr(layer, "r"):
        layer.r = rank_of(layer)
    if hasattr(layer, "lora_alpha"):
        layer.lora_alpha = scaling * rank_of(layer)
