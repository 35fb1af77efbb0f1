"""A module with the linear layers of CLIP's text encoder in transformers, under the same paths."""

import torch


class ClipLayers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.text_model = torch.nn.Module()
        self.text_model.encoder = torch.nn.Module()
        self.text_model.encoder.layers = torch.nn.ModuleList(torch.nn.Module() for _ in range(2))
        for layer in self.text_model.encoder.layers:
            layer.self_attn, layer.mlp = torch.nn.Module(), torch.nn.Module()
            for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                setattr(layer.self_attn, name, torch.nn.Linear(12, 12))
            layer.mlp.fc1, layer.mlp.fc2 = torch.nn.Linear(12, 24), torch.nn.Linear(24, 12)
