"""Runs the example of a page with a model and batches defined here: python ten_lines.py URL PAGE"""

import json
import re
import sys
from types import SimpleNamespace

import torch
from peft_model import PeftModel

import lora_squeeze

STEPS = 2000
ADDRESS = "http://127.0.0.1:8080"


class Model(PeftModel):
    """Answers as transformers' models do."""

    def forward(self, x, y):
        return SimpleNamespace(loss=(super().forward(x) - y).square().mean())


torch.manual_seed(0)
url, page = sys.argv[1:]
with open(page, encoding="utf-8") as file:
    examples = re.findall(r"^```python\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
(code,) = (example for example in examples if "annealer.step" in example)
assert ADDRESS in code
model = Model(rank=64, alpha=128)
x = torch.randn(32, 16)
batches = [{"x": x, "y": torch.sin(2 * x)}] * STEPS
with torch.no_grad():
    before = float(model(**batches[0]).loss)
names = {"model": model, "batches": batches}
exec(compile(code.replace(ADDRESS, url), page, "exec"), names)
print(
    json.dumps(
        {
            "package": lora_squeeze.__file__,
            "lines": sum(1 for line in code.splitlines() if line.strip()),
            "run": lora_squeeze.Client(url).runs.get(names["annealer"].run_id),
            "ranks": [layer.r["default"] for layer in model.modules() if hasattr(layer, "lora_A")],
            "config": model.peft_config["default"].r,
            "lost": float(model(**batches[0]).loss) / before,
        }
    )
)
