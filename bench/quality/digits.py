"""Handwritten digits, upright and scrambled: the data of the experiment."""

import numpy as np
import torch
from sklearn.datasets import load_digits

CLASSES = 10
SIDE = 8
PATCH = (2, 4)
PATCHES = (SIDE // PATCH[0]) * (SIDE // PATCH[1])
PATCH_PIXELS = PATCH[0] * PATCH[1]
TEST_SHARE = 0.3
#: The base model knows UPRIGHT. The adapters learn to read digits shuffled in this many ways, all at once.
VIEWS = 8


class Digits:
    """scikit-learn's digits (1,797 images of 8×8, UCI), split by the seed; no image is in both halves.
    Of the test half, the first `test_images` or all.

    Images come as patches (count × PATCHES × PATCH_PIXELS), labels as classes (count).
    """

    def __init__(self, seed: int, test_images: int | None = None):
        digits = load_digits()
        images = torch.from_numpy((digits.images / 16.0).astype(np.float32)).flatten(1)
        labels = torch.from_numpy(digits.target.astype(np.int64))
        random = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(images), generator=random)
        held_out = int(len(images) * TEST_SHARE)
        tested = order[:held_out][:test_images]
        self._test = images[tested], labels[tested]
        self._train = images[order[held_out:]], labels[order[held_out:]]
        shuffles = [torch.randperm(SIDE * SIDE, generator=random) for _ in range(VIEWS)]
        self._pixels = {"upright": torch.arange(SIDE * SIDE)[None], "shuffled": torch.stack(shuffles)}

    def train_batch(self, task: str, size: int, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Training images, each with a random view."""
        images, labels = self._train
        chosen = torch.randint(len(images), (size,), generator=random)
        views = torch.randint(len(self._pixels[task]), (size,), generator=random)
        return _patches(images[chosen].gather(1, self._pixels[task][views])), labels[chosen]

    def test_set(self, task: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Every test image in every view."""
        images, labels = self._test
        views = self._pixels[task]
        return _patches(torch.cat([images[:, pixels] for pixels in views])), labels.repeat(len(views))


def _patches(images: torch.Tensor) -> torch.Tensor:
    count = len(images)
    grid = images.reshape(count, SIDE // PATCH[0], PATCH[0], SIDE // PATCH[1], PATCH[1])
    return grid.transpose(2, 3).reshape(count, PATCHES, PATCH_PIXELS)
