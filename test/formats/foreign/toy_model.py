"""A model of torch with the layers that layers.json says: path → kind and sizes, in the order of torch's own classes."""

import absent
import torch

KINDS = {
    "linear": torch.nn.Linear,
    "conv": torch.nn.Conv2d,
    "embedding": torch.nn.Embedding,
    "conv1d": absent.Conv1D,
}


def build(layers):
    model = torch.nn.Module()
    for path, (kind, *sizes) in layers.items():
        *parents, leaf = path.split(".")
        at = model
        for name in parents:
            if not hasattr(at, name):
                at.add_module(name, torch.nn.Module())
            at = getattr(at, name)
        at.add_module(leaf, KINDS[kind](*sizes))
    return model


def deltas_of(model, layers):
    """The update of each layer, as PEFT computes it."""
    adapted = model.base_model.model
    return {
        path: adapted.get_submodule(path).get_delta_weight("default").detach().float().contiguous() for path in layers
    }
