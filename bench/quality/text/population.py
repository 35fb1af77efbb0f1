"""LoRA trainings on the frozen language model, many at once: each has its own seed, learning rate and order of batches, and
they are independent, but one large matrix product is faster than many small ones. Their squeezes are exact."""

import json
import math
import os

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from language_model import HEADS, LAYERS, LINEAR, PAD, WIDTH, LanguageModel

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")
MODULES = [(block, name) for block in range(LAYERS) for name in LINEAR]
SIZES = [LINEAR[name] for _, name in MODULES]
#: s = alpha / r, the same at every rank: alpha is 2 r.
SCALING = 2.0
BATCH = 32
BETAS = (0.9, 0.999)
EPSILON = 1e-8
TRAINING, VALIDATION, TEST = range(3)


def base_model():
    with open(os.path.join(DATA, "vocabulary.json"), encoding="utf-8") as file:
        model = LanguageModel(len(json.load(file)))
    tensors = load_file(os.path.join(DATA, "base.safetensors"))
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return model.requires_grad_(False).eval()


class Task:
    """Labelled sentences with a prompt; the model's own head reads the label's word where the prompt has its mask."""

    def __init__(self, name, base):
        arrays = np.load(os.path.join(DATA, f"{name}.npz"))
        self.name, self.base = name, base
        self.inputs = torch.from_numpy(arrays["inputs"].astype(np.int64))
        self.labels = torch.from_numpy(arrays["labels"].astype(np.int64))
        self.sizes, self.mask = [int(size) for size in arrays["sizes"]], int(arrays["mask"])
        words = torch.from_numpy(arrays["words"])
        self.head, self.bias = base.embedding.weight[words], base.bias[words]

    def split(self, seed):
        """Indices of the sentences for training, validation and test."""
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(900 + seed))
        return torch.split(order[: sum(self.sizes)], self.sizes)


class Population:
    """P trainings. lora_A: for each module [P, r, in]; lora_B: [P, out, r]; rates: the peak of each [P]."""

    def __init__(self, task, seeds, rates, rank):
        self.task, self.seeds = task, list(seeds)
        self.rates = torch.tensor(rates, dtype=torch.float32)
        self.scaling = torch.full((len(self.seeds),), SCALING)
        self.splits = {seed: task.split(seed) for seed in set(self.seeds)}
        self.step = 0
        generators = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        # PEFT's default: A as Kaiming's uniform, B zero.
        self.lora_A = [
            torch.stack([(torch.rand(rank, columns, generator=g) * 2 - 1) / math.sqrt(columns) for g in generators])
            for _, columns in SIZES
        ]
        self.lora_B = [torch.zeros(len(self.seeds), rows, rank) for rows, _ in SIZES]
        self.reset_moments()

    def reset_moments(self):
        self.age = 0
        self.first = [torch.zeros_like(factor) for factor in self.factors()]
        self.second = [torch.zeros_like(factor) for factor in self.factors()]

    def factors(self):
        return self.lora_A + self.lora_B

    def __len__(self):
        return len(self.seeds)

    @property
    def rank(self):
        return self.lora_A[0].shape[1]

    def take(self, which=None):
        """An independent copy of these trainings (default: all)."""
        at = torch.arange(len(self)) if which is None else torch.as_tensor(which)
        copy = object.__new__(Population)
        copy.__dict__.update(self.__dict__)
        copy.seeds, copy.rates, copy.scaling = [self.seeds[i] for i in at], self.rates[at], self.scaling[at]
        for name in ("lora_A", "lora_B", "first", "second"):
            setattr(copy, name, [tensor.detach()[at].clone() for tensor in getattr(self, name)])
        return copy

    def forward(self, inputs):
        """[P, batch, length] → logits [P, batch, labels]. In the last block only the position of the mask is needed."""
        task, base = self.task, self.task.base
        count, batch, _ = inputs.shape
        length = max(int((inputs != PAD).sum(-1).max()), task.mask + 1)
        inputs = inputs[:, :, :length]
        bias = torch.zeros(inputs.shape).masked_fill(inputs == PAD, -math.inf).view(count * batch, 1, 1, length)
        x = (base.embedding(inputs) + base.positions[:length]).view(count, batch * length, WIDTH)

        def heads(tensor, positions):
            return tensor.view(count * batch, positions, HEADS, WIDTH // HEADS).transpose(1, 2)

        def at_mask(tensor):
            return tensor.view(count, batch, length, WIDTH)[:, :, task.mask]

        for block in range(LAYERS):
            is_last = block == LAYERS - 1
            pick, asked = (at_mask, 1) if is_last else (lambda tensor: tensor, length)
            norms, first = base.blocks[block], block * len(LINEAR)
            y = norms.attention_norm(x)
            q = heads(self.linear(first, pick(y)), asked)
            k, v = (heads(self.linear(first + 1 + i, y), length) for i in range(2))
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2)
            x = pick(x) + self.linear(first + 3, mixed.reshape(count, -1, WIDTH))
            hidden = F.gelu(self.linear(first + 4, norms.hidden_norm(x)), approximate="tanh")
            x = x + self.linear(first + 5, hidden)
        return F.linear(base.norm(x), task.head, task.bias)

    def linear(self, at, x):
        block, name = MODULES[at]
        layer = getattr(self.task.base.blocks[block], name)
        low = torch.bmm(x, self.lora_A[at].transpose(1, 2)) * self.scaling[:, None, None]
        return F.linear(x, layer.weight, layer.bias) + torch.bmm(low, self.lora_B[at].transpose(1, 2))

    def train(self, steps, factor):
        """Adam without weight decay. factor(step): what the peak learning rates are multiplied by, a number or [P]."""
        for _ in range(steps):
            inputs, labels = self.batch()
            for tensor in self.factors():
                tensor.requires_grad_(True)
            logits = self.forward(inputs)
            losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(len(self), -1)
            gradients = torch.autograd.grad(losses.mean(1).sum(), self.factors())
            self.age += 1
            rates = (self.rates * factor(self.step))[:, None, None]
            bias1, bias2 = 1 - BETAS[0] ** self.age, math.sqrt(1 - BETAS[1] ** self.age)
            with torch.no_grad():
                torch._foreach_lerp_(self.first, gradients, 1 - BETAS[0])
                torch._foreach_mul_(self.second, BETAS[1])
                torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETAS[1])
                lengths = torch._foreach_sqrt(self.second)
                torch._foreach_add_(lengths, EPSILON * bias2)
                for tensor, first, length in zip(self.factors(), self.first, lengths):
                    tensor.addcdiv_(first * (rates * (bias2 / bias1)), length, value=-1)
            self.step += 1
        return self

    def batch(self):
        chosen = {}
        for seed in set(self.seeds):
            generator = torch.Generator().manual_seed(seed * 1_000_003 + self.step)
            training = self.splits[seed][TRAINING]
            chosen[seed] = training[torch.randint(len(training), (BATCH,), generator=generator)]
        at = torch.stack([chosen[seed] for seed in self.seeds])
        return self.task.inputs[at], self.task.labels[at]

    @torch.no_grad()
    def score(self, part):
        """Accuracy in percent and loss on a part of the sentences, [P] each."""
        at = torch.stack([self.splits[seed][part] for seed in self.seeds])
        correct, loss = torch.zeros(len(self)), torch.zeros(len(self))
        for begin in range(0, at.shape[1], 100):
            labels = self.task.labels[at[:, begin : begin + 100]]
            logits = self.forward(self.task.inputs[at[:, begin : begin + 100]])
            correct += (logits.argmax(-1) == labels).sum(1)
            losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
            loss += losses.view(len(self), -1).sum(1)
        return 100 * correct / at.shape[1], loss / at.shape[1]

    @torch.no_grad()
    def spectra(self):
        """Of each module: its singular vectors and values without the scaling, in float64: U [P, out, r], σ [P, r], Vᵀ."""
        found = []
        for a, b in zip(self.lora_A, self.lora_B):
            qb, rb = torch.linalg.qr(b.detach().double())
            qa, ra = torch.linalg.qr(a.detach().double().transpose(1, 2))
            u, s, v = torch.linalg.svd(rb @ ra.transpose(1, 2))
            found.append((qb @ u, s, v @ qa.transpose(1, 2)))
        return found

    @torch.no_grad()
    def squeeze(self, ranks, moments="carry", alpha="keep", restore_norm=False):
        """Squeezes every module to a rank: one number, or of every training those of its modules ([P][modules]). Singular
        values are split evenly. restore_norm: they are raised until each module's norm is that of before; for Post-Squeeze,
        as moments do not follow. Returns the share of energy kept and the learning-rate hint of the service, [P] each."""
        uniform = isinstance(ranks, int)
        wanted = torch.full((len(self), len(MODULES)), ranks) if uniform else torch.as_tensor(ranks)
        growth = math.sqrt(self.rank / ranks) if alpha == "sqrt" else 1.0
        kept, energy, before, after = (torch.zeros(len(self), dtype=torch.float64) for _ in range(4))
        scaling, count = self.scaling.double(), len(MODULES)
        for at, (rows, columns) in enumerate(SIZES):
            a, b = self.lora_A[at].detach().double(), self.lora_B[at].detach().double()
            _, ra = torch.linalg.qr(a.transpose(1, 2))
            _, rb = torch.linalg.qr(b)
            u, s, v = torch.linalg.svd(rb @ ra.transpose(1, 2))
            largest = int(wanted[:, at].max())
            is_kept = torch.arange(largest) < wanted[:, at, None]
            own, left_over = (s**2).sum(1), (s[:, :largest] ** 2 * is_kept).sum(1)
            energy, kept = energy + own, kept + left_over
            # A direction that is not kept has zeros in both factors, so that no gradient ever reaches it.
            lengths = (s[:, :largest] / growth).clamp_min(1e-12).rsqrt() * is_kept
            right = ra.transpose(1, 2) @ v[:, :largest].transpose(1, 2) * lengths[:, None, :] / growth
            left = (rb.transpose(1, 2) @ u[:, :, :largest] * lengths[:, None, :] / growth).transpose(1, 2)
            new_a, new_b = left @ a, b @ right
            if restore_norm:
                gain = torch.where(left_over > 0, own / left_over, 1.0).pow(0.25)[:, None, None]
                new_a, new_b = new_a * gain, new_b * gain
            before += scaling**2 * (rows * (a**2).sum((1, 2)) + columns * (b**2).sum((1, 2)))
            after += (scaling * growth) ** 2 * (rows * (new_a**2).sum((1, 2)) + columns * (new_b**2).sum((1, 2)))
            self.first[at] = (growth * right.transpose(1, 2) @ self.first[at].double()).float()
            self.first[count + at] = (growth * self.first[count + at].double() @ left.transpose(1, 2)).float()
            self.second[at] = (growth**2 * (right**2).transpose(1, 2) @ self.second[at].double()).float()
            self.second[count + at] = (growth**2 * self.second[count + at].double() @ (left**2).transpose(1, 2)).float()
            self.lora_A[at], self.lora_B[at] = new_a.float(), new_b.float()
        self.scaling = self.scaling * growth
        if moments == "reset":
            self.reset_moments()
        return kept / energy, (before / after).sqrt().float()
