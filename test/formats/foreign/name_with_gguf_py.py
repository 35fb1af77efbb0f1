"""What gguf-py calls the modules: {architecture: {path: name, or null where llama.cpp has no such tensor}}."""

import json
import sys

from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

BLOCKS = 2
by_name = {name: architecture for architecture, name in MODEL_ARCH_NAMES.items()}
asked = json.loads(sys.argv[1])
print(
    json.dumps(
        {
            name: {path: get_tensor_name_map(by_name[name], BLOCKS).get_name(path) for path in paths}
            for name, paths in asked.items()
            if name in by_name
        }
    )
)
