"""A model of torch with the layers that layers.json says: path → kind and sizes, in the order of torch's own classes."""

import absent
import torch



class Experts(torch.nn.Module):
    """The experts of a mixture as parameters, one matrix each."""

    def __init__(self, count, size, inner):
        super().__init__()
        self.down_proj = torch.nn.Parameter(torch.zeros(count, inner, size))
        self.gate_up_proj = torch.nn.Parameter(torch.zeros(count, size, 2 * inner))


KINDS = {
    "linear": torch.nn.Linear,
    "conv": torch.nn.Conv2d,
    "embedding": torch.nn.Embedding,
    "conv1d": absent.Conv1D,
    "experts": Experts,
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
    """The update of each layer, and of each parameter, as PEFT computes it."""
    deltas = {}
    for path in layers:
        layer = model.base_model.model.get_submodule(path)
        if not hasattr(layer, "parameter_name"):
            deltas[path] = layer.get_delta_weight("default")
        # A wrapper around the other, for each parameter.
        while hasattr(layer, "parameter_name"):
            deltas[f"{path}.{layer.parameter_name}"] = layer.get_delta_weight("default")
            layer = layer.base_layer
    return {path: delta.detach().float().contiguous() for path, delta in deltas.items()}
