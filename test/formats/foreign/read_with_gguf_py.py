"""Reads a GGUF file with gguf-py: its keys, and each tensor's shape (as llama.cpp has it) and sum."""

import json
import sys

from gguf import GGUFReader

reader = GGUFReader(sys.argv[1])
print(
    json.dumps(
        {
            "keys": {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")},
            "tensors": {t.name: {"shape": [int(n) for n in t.shape], "sum": float(t.data.sum(dtype="float64"))} for t in reader.tensors},
        }
    )
)
