"""A small masked language model: 2 pre-norm layers of width 128, 1.7 million parameters. The base of the experiments."""

import math

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, LAYERS, HEADS, HIDDEN, LONGEST = 128, 2, 4, 512, 64
PAD, MASK = 0, 1
# The linear layers of a block, and their [out, in].
LINEAR = {
    "q": (WIDTH, WIDTH),
    "k": (WIDTH, WIDTH),
    "v": (WIDTH, WIDTH),
    "o": (WIDTH, WIDTH),
    "up": (HIDDEN, WIDTH),
    "down": (WIDTH, HIDDEN),
}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm, self.hidden_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        for name, (rows, columns) in LINEAR.items():
            setattr(self, name, nn.Linear(columns, rows))

    def forward(self, x, bias, asked=slice(None)):
        """asked: the positions whose states are needed."""
        batch = len(x)
        y = self.attention_norm(x)

        def heads(values):
            return values.view(batch, -1, HEADS, WIDTH // HEADS).transpose(1, 2)

        q, k, v = heads(self.q(y[:, asked])), heads(self.k(y)), heads(self.v(y))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2)
        x = x[:, asked] + self.o(mixed.reshape(batch, -1, WIDTH))
        return x + self.down(F.gelu(self.up(self.hidden_norm(x)), approximate="tanh"))


class LanguageModel(nn.Module):
    """Token ids [batch, length] to hidden states [batch, length, WIDTH]; the embedding is also the head. `asked`: the
    positions whose states are needed, in place of all."""

    def __init__(self, words):
        super().__init__()
        self.embedding = nn.Embedding(words, WIDTH)
        self.positions = nn.Parameter(torch.randn(LONGEST, WIDTH) * 0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, inputs, asked=slice(None)):
        bias = torch.zeros(inputs.shape).masked_fill(inputs == PAD, -math.inf)[:, None, None, :]
        x = self.embedding(inputs) + self.positions[: inputs.shape[1]]
        for block in self.blocks[:-1]:
            x = block(x, bias)
        return self.norm(self.blocks[-1](x, bias, asked))
