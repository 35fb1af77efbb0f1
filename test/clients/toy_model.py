"""Two linear layers with LoRA that learn to imitate another such pair: a small model, but really trained."""

import copy

import torch

BATCH, INPUTS, HIDDEN, OUTPUTS = 64, 24, 32, 16


class LoraLinear(torch.nn.Module):
    """y = (W + scaling·B·A) x with W frozen."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.register_buffer("base", base)
        self.lora_A = torch.nn.Parameter(torch.randn(rank, base.shape[1]) / base.shape[1] ** 0.5)
        self.lora_B = torch.nn.Parameter(torch.zeros(base.shape[0], rank))
        self.r, self.lora_alpha, self.scaling = rank, alpha, alpha / rank

    def delta(self):
        return self.scaling * self.lora_B @ self.lora_A

    def weight(self):
        return self.base + self.delta()

    def forward(self, x):
        return x @ self.weight().T


class Toy(torch.nn.Module):
    def __init__(self, rank, alpha=16):
        super().__init__()
        torch.manual_seed(0)
        self.first = LoraLinear(torch.randn(HIDDEN, INPUTS) / INPUTS**0.5, rank, alpha)
        self.second = LoraLinear(torch.randn(OUTPUTS, HIDDEN) / HIDDEN**0.5, rank, alpha)

    def hidden(self, x):
        return torch.tanh(self.first(x))

    def forward(self, x):
        return self.second(self.hidden(x))

    def layers(self):
        return {"toy.first": self.first, "toy.second": self.second}


def task(model, seed):
    """Inputs and expected outputs; these come from the model with weights that differ by a few large directions."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(BATCH, INPUTS, generator=generator)
    direction = torch.Generator().manual_seed(7)

    def moved(base):
        rows, columns = base.shape
        left, right = torch.randn(rows, 4, generator=direction), torch.randn(4, columns, generator=direction)
        return base + 0.1 * left @ torch.diag(torch.tensor([2.0, 1.0, 0.5, 0.25])) @ right

    return x, torch.tanh(x @ moved(model.first.base).T) @ moved(model.second.base).T


def loss(model, x, y):
    """Mean over the batch of ‖prediction − y‖²."""
    return (model(x) - y).square().sum(dim=1).mean()


def squeezed_at_best(model, ranks):
    """A copy whose ΔW are those of the model, truncated to the ranks by torch's own SVD, which is optimal."""
    best = copy.deepcopy(model)
    for name, rank in ranks.items():
        layer = best.layers()[name]
        left, sigma, right = torch.linalg.svd(layer.delta().double(), full_matrices=False)
        truncated = left[:, :rank] @ torch.diag(sigma[:rank]) @ right[:rank]
        layer.base, layer.scaling = layer.base + truncated.float(), 0.0
    return best


def relative_error(model, other):
    """‖ΔW − ΔW′‖ / ‖ΔW‖ over both layers."""
    pairs = list(zip(model.layers().values(), other.layers().values()))
    lost = sum((layer.weight() - changed.weight()).square().sum() for layer, changed in pairs)
    return float((lost / sum(layer.delta().square().sum() for layer, _ in pairs)).sqrt())
