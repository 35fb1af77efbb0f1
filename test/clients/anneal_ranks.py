"""A run whose ranks follow the spectra, one for each module, trained by SGD with momentum, with matching learning rates:
python anneal_ranks.py URL"""

import json
import sys

import torch
from toy_model import Toy, loss, task

from lora_squeeze import Client
from lora_squeeze.annealing import Annealer

service = Client(sys.argv[1], timeout_seconds=60)
model = Toy(8)
with torch.no_grad():
    # One large direction in the first layer, eight equal ones in the second.
    model.first.lora_B.copy_(torch.linalg.qr(torch.randn(32, 8)).Q * torch.tensor([1.0] + 7 * [0.01]))
    model.first.lora_A.copy_(torch.linalg.qr(torch.randn(24, 8)).Q.T)
    model.second.lora_B.copy_(torch.linalg.qr(torch.randn(16, 8)).Q)
    model.second.lora_A.copy_(torch.linalg.qr(torch.randn(32, 8)).Q.T)
factors = [factor for layer in model.layers().values() for factor in (layer.lora_A, layer.lora_B)]
other = torch.nn.Parameter(torch.zeros(3))
groups = [{"params": [other], "lr": 0.5}, {"params": factors, "lr": 1e-4}]
optimizer = torch.optim.SGD(groups, momentum=0.9)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + 0.1 * step))
annealer = Annealer(
    service,
    model.layers(),
    optimizer,
    learning_rate="hint",
    schedulers=[scheduler],
    alpha="sqrt",
    adaptive={
        "source_rank": 8,
        "target_rank": 1,
        "total_steps": 20,
        "recipe": "equal",
        "energy": 0.95,
        "uniform": False,
        "check_every_steps": 5,
        "min_stage_steps": 5,
    },
)
x, y = task(model, 1)
events = []
for step in range(1, 16):
    loss(model, x, y).backward()
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    rate = optimizer.param_groups[1]["lr"]
    record = annealer.step(step)
    if record:
        factors = [factor for layer in model.layers().values() for factor in (layer.lora_A, layer.lora_B)]
        events.append(
            {
                "record": record,
                "ranks": {name: layer.lora_A.shape[0] for name, layer in model.layers().items()},
                "layers": [[layer.r, layer.lora_alpha, layer.scaling] for layer in model.layers().values()],
                "moments": [list(optimizer.state[factor]["momentum_buffer"].shape) for factor in factors],
                "shapes": [list(factor.shape) for factor in factors],
                "rate_factor": optimizer.param_groups[1]["lr"] / rate,
                "rates": [group["initial_lr"] for group in optimizer.param_groups],
                "base_rates": list(scheduler.base_lrs),
            }
        )
print(json.dumps({"events": events, "run": service.runs.get(annealer.run_id)}))
