"""Warnings that point to the line of the trainer's code that caused them."""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType

__all__ = ["warn"]

_HERE = os.path.dirname(__file__)


def warn(message: str) -> None:
    """Warns as if the first caller outside this package had done so."""
    level = 2  # Our caller.
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
