"""Pretrains the language model on text.npy (see corpus.py) and writes assets/base.safetensors, in float16.

    python pretrain.py [STEPS]

The embeddings are initialised with the singular vectors of the positive pointwise mutual information of neighbouring
words (Levy and Goldberg 2014), so that 2,000 steps of masked-word prediction are enough: seven minutes on one core.
"""

import json
import os
import sys
import time

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from language_model import MASK, WIDTH, LanguageModel

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOW, SPECIAL_TOKENS = 5, 15
LENGTH, BATCH, HELD_OUT, PEAK = 64, 32, 60_000, 2e-3


def main(steps):
    torch.manual_seed(0)
    with open(os.path.join(HERE, "assets/vocabulary.json"), encoding="utf-8") as file:
        words = len(json.load(file))
    stream = np.load(os.path.join(HERE, "text.npy")).astype(np.int64)
    model = LanguageModel(words)
    with torch.no_grad():
        model.embedding.weight.copy_(embeddings(stream, words))
    text = torch.from_numpy(stream)
    held_out, text = text[-HELD_OUT:], text[:-HELD_OUT]
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.98), weight_decay=0.01)
    generator = torch.Generator().manual_seed(1)
    began = time.time()
    for step in range(steps):
        rate = PEAK * min(1, (step + 1) / 200) * min(1, 2 * (1 - step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = masked_loss(model, text, generator)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            print(f"{step + 1} steps, {time.time() - began:.0f} s, loss {loss.item():.3f}", flush=True)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        loss = np.mean([masked_loss(model.eval(), held_out, generator).item() for _ in range(30)])
    print(f"held-out loss {loss:.3f}; loss of uniform guesses {np.log(words):.3f}")
    tensors = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, os.path.join(HERE, "assets/base.safetensors"))


def masked_loss(model, text, generator):
    """The loss of predicting a quarter of the words; nine tenths of these are masked in the input."""
    begins = torch.randint(len(text) - LENGTH, (BATCH,), generator=generator)
    words = torch.stack([text[begin : begin + LENGTH] for begin in begins])
    predicted = torch.rand(words.shape, generator=generator) < 0.25
    hidden = predicted & (torch.rand(words.shape, generator=generator) < 0.9)
    states = model(torch.where(hidden, torch.full_like(words, MASK), words))[predicted]
    return F.cross_entropy(F.linear(states, model.embedding.weight, model.bias), words[predicted])


def embeddings(stream, words):
    """Initial embeddings from the counts of neighbouring words; random ones for the special tokens."""
    counts = np.zeros((words, words), np.float32)
    for distance in range(1, WINDOW + 1):
        np.add.at(counts.reshape(-1), stream[:-distance] * words + stream[distance:], np.float32(1 / distance))
    counts += counts.T
    counts[:SPECIAL_TOKENS] = 0
    counts[:, :SPECIAL_TOKENS] = 0
    rows = counts.sum(1)
    columns = rows**0.75 / (rows**0.75).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(counts / (rows[:, None] * columns[None, :]))
    information[~np.isfinite(information)] = 0
    np.maximum(information, 0, out=information)
    left, values, _ = torch.svd_lowrank(torch.from_numpy(information), q=WIDTH + 16, niter=2)
    found = left[:, :WIDTH] * values[:WIDTH].sqrt()
    found = 0.6 * found / found.norm(dim=1, keepdim=True).clamp_min(1e-6)
    found[:SPECIAL_TOKENS] = torch.randn(SPECIAL_TOKENS, WIDTH) * 0.05
    return found


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
