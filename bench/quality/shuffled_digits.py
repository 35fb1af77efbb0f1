"""Handwritten digits with shuffled pixels, as a case of the experiment, and the small vision transformer that learns them."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

import digits
from curves import warm_up_and_decay

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
    """Patches (batch × PATCHES × PATCH_PIXELS) to logits (batch × CLASSES), read from a class token."""

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


class ShuffledDigits:
    """One seed's base model, which reads upright digits, and shuffled ones to learn. The split between the seeds that choose
    learning rates and those that are compared is by seed: both read the images held out."""

    PRETRAIN_PEAK = 2e-3
    BATCH_SEED_STRIDE = 1_000_003
    WARM_UP_STEPS = 50
    DECAY_SHARE = 0.25

    def __init__(self, seed: int, plan: dict):
        self.seed, self.total_steps, self.size = seed, plan["total_steps"], plan["batch"]
        self.data = digits.Digits(seed, plan.get("test_images"))
        self.base = self._pretrain(plan["pretrain_steps"])

    def model(self) -> nn.Module:
        return copy.deepcopy(self.base)

    def curve(self, step: int) -> float:
        return warm_up_and_decay(step, self.total_steps, self.WARM_UP_STEPS, self.DECAY_SHARE)

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = torch.Generator().manual_seed(self.seed * self.BATCH_SEED_STRIDE + step)
        return self.data.train_batch("shuffled", self.size, random)

    def evaluate(self, model: nn.Module, is_test: bool) -> dict[str, float]:
        return self._evaluate(model, "shuffled")

    def base_scores(self) -> dict[str, float]:
        return {f"on {task} digits": self._evaluate(self.base, task)["accuracy"] for task in ("upright", "shuffled")}

    def _pretrain(self, steps: int) -> Transformer:
        torch.manual_seed(self.seed)
        model = Transformer()
        optimizer = torch.optim.AdamW(model.parameters(), lr=self.PRETRAIN_PEAK, weight_decay=0.01)
        random = torch.Generator().manual_seed(self.seed)
        for step in range(steps):
            patches, classes = self.data.train_batch("upright", self.size, random)
            for group in optimizer.param_groups:
                group["lr"] = self.PRETRAIN_PEAK * warm_up_and_decay(step, steps, self.WARM_UP_STEPS, self.DECAY_SHARE)
            loss = F.cross_entropy(model(patches), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return model.requires_grad_(False).eval()

    @torch.no_grad()
    def _evaluate(self, model: nn.Module, task: str) -> dict[str, float]:
        """Accuracy in percent and mean cross-entropy over the test images."""
        patches, classes = self.data.test_set(task)
        logits = torch.cat([model(part) for part in patches.split(500)])
        correct = (logits.argmax(1) == classes).double().mean().item()
        return {"accuracy": 100 * correct, "loss": F.cross_entropy(logits, classes).item()}
