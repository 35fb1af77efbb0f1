"""The files of an adapter to upload: from a folder, a file, or bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from lora_squeeze.core.content import Content, FilePath

__all__ = ["CARD", "CONFIG", "OPTIMIZER", "WEIGHTS", "AdapterFiles", "AdapterInput", "ConfigInput", "adapter_files"]

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
OPTIMIZER = "optimizer.safetensors"
#: The model card, of which the service keeps the license.
CARD = "README.md"
#: The service refuses larger cards.
MAX_CARD_BYTES = 1 << 20
#: Usual names of weights files; the first one that exists is used, otherwise the only weights file.
USUAL = (WEIGHTS, "pytorch_lora_weights.safetensors", "adapters.safetensors")
ENDINGS = (".safetensors", ".gguf")

AdapterInput = Union[FilePath, bytes]
ConfigInput = Union[FilePath, bytes, Mapping[str, Any], None]


@dataclass(frozen=True)
class AdapterFiles:
    """card: the model card of a folder, if it has one. name: the adapter's default name; None if bytes were given."""

    weights_name: str
    weights: Content
    config: bytes | None
    card: bytes | None
    name: str | None


def adapter_files(adapter: AdapterInput, config: ConfigInput) -> AdapterFiles:
    """Raises FileNotFoundError, and ValueError if a folder has several weights files or none."""
    if isinstance(adapter, bytes):
        name = "adapter.gguf" if adapter.startswith(b"GGUF") else WEIGHTS
        return AdapterFiles(name, Content(adapter), _config(config), None, None)
    path = os.fspath(adapter)
    folder, weights_name = (path, _weights_in(path)) if os.path.isdir(path) else os.path.split(path)
    if config is None and (os.path.isdir(path) or weights_name in USUAL):
        beside = os.path.join(folder, CONFIG)
        config = beside if os.path.exists(beside) else None
    called = os.path.basename(os.path.abspath(path))
    if not os.path.isdir(path):
        called = os.path.splitext(called)[0]
    name = "".join(c if c.isprintable() else " " for c in called).strip()[:200]
    weights = Content(os.path.join(folder, weights_name))
    card = _card_in(path) if os.path.isdir(path) else None
    return AdapterFiles(weights_name, weights, _config(config), card, name or None)


def _weights_in(folder: str) -> str:
    names = sorted(name for name in os.listdir(folder) if name.endswith(ENDINGS))
    for usual in USUAL:
        if usual in names:
            return usual
    if len(names) != 1:
        found = f"{len(names)} ({', '.join(names[:5])}); pass the path of one" if names else "none"
        raise ValueError(f"{folder} must hold one weights file ({' or '.join(ENDINGS)}), and holds {found}")
    return names[0]


def _card_in(folder: str) -> bytes | None:
    path = os.path.join(folder, CARD)
    if not os.path.isfile(path) or os.path.getsize(path) > MAX_CARD_BYTES:
        return None
    with open(path, "rb") as file:
        return file.read()


def _config(config: ConfigInput) -> bytes | None:
    if config is None or isinstance(config, bytes):
        return config
    if isinstance(config, Mapping):
        return json.dumps(config).encode()
    with open(config, "rb") as file:
        return file.read()
