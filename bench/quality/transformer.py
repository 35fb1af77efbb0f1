"""A small vision transformer, and its pre-training."""

import torch
from torch import nn
from torch.nn import functional as F

import digits
from schedule import learning_rate

WIDTH = 64
LAYERS = 2
HEADS = 4
HIDDEN = 128


class Block(nn.Module):
    """Pre-norm attention and MLP; its six linear layers are what LoRA adapts."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.q = nn.Linear(WIDTH, WIDTH)
        self.k = nn.Linear(WIDTH, WIDTH)
        self.v = nn.Linear(WIDTH, WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)
        self.up = nn.Linear(WIDTH, HIDDEN)
        self.down = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, _ = x.shape
        y = self.norm1(x)
        q, k, v = (
            layer(y).view(batch, tokens, HEADS, WIDTH // HEADS).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = x + self.o(attended)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Patches (batch × PATCHES × PATCH_PIXELS) to logits (batch × CLASSES), read off a class token."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(digits.PATCH_PIXELS, WIDTH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.position = nn.Parameter(torch.randn(1, digits.PATCHES + 1, WIDTH) * 0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, digits.CLASSES)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        x = self.embed(patches)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


def pretrain(data: digits.Digits, seed: int, steps: int, batch: int, peak: float) -> Transformer:
    """A model of its own for each seed that reads upright digits; frozen."""
    torch.manual_seed(seed)
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.01)
    random = torch.Generator().manual_seed(seed)
    for step in range(steps):
        patches, classes = data.train_batch("upright", batch, random)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        loss = F.cross_entropy(model(patches), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.requires_grad_(False).eval()


@torch.no_grad()
def evaluate(model: nn.Module, data: digits.Digits, task: str) -> dict[str, float]:
    """Accuracy in percent and mean cross-entropy over the test images."""
    patches, classes = data.test_set(task)
    logits = torch.cat([model(part) for part in patches.split(500)])
    correct = (logits.argmax(1) == classes).double().mean().item()
    return {"accuracy": 100 * correct, "loss": F.cross_entropy(logits, classes).item()}
