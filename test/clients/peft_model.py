"""A model built as PEFT builds it, for machines that do not have PEFT."""

from types import SimpleNamespace

import torch


class LoraLayer(torch.nn.Module):
    """The attributes and the forward pass of peft.tuners.lora.Linear."""

    def __init__(self, base_layer, rank, alpha, name="default"):
        super().__init__()
        self.base_layer = base_layer.requires_grad_(False)
        self.r, self.lora_alpha, self.scaling = {name: rank}, {name: alpha}, {name: alpha / rank**0.5}
        self.lora_A = torch.nn.ModuleDict({name: torch.nn.Linear(base_layer.in_features, rank, bias=False)})
        self.lora_B = torch.nn.ModuleDict({name: torch.nn.Linear(rank, base_layer.out_features, bias=False)})
        self.lora_embedding_A, self.lora_embedding_B = torch.nn.ParameterDict(), torch.nn.ParameterDict()
        torch.nn.init.zeros_(self.lora_B[name].weight)

    def forward(self, x, name="default"):
        return self.base_layer(x) + self.lora_B[name](self.lora_A[name](x)) * self.scaling[name]


class PeftModel(torch.nn.Module):
    """PeftModel → LoraModel → the base model, so that names begin with base_model.model."""

    def __init__(self, rank, alpha):
        super().__init__()
        q_proj, v_proj = (LoraLayer(torch.nn.Linear(16, 16), rank, alpha) for _ in range(2))
        base = torch.nn.Sequential()
        base.add_module("q_proj", q_proj)
        base.add_module("act", torch.nn.Tanh())
        base.add_module("v_proj", v_proj)
        self.base_model = torch.nn.Module()
        self.base_model.model = base
        self.peft_config = {
            "default": SimpleNamespace(
                base_model_name_or_path="toy",
                r=rank,
                lora_alpha=alpha,
                use_rslora=True,
                rank_pattern={},
                alpha_pattern={},
            )
        }

    def forward(self, x):
        return self.base_model.model(x)
