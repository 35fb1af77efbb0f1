"""AnnealCallback in a loop that calls it as Trainer does (transformers/trainer.py), on a model built as PEFT builds it:
python anneal_with_trainer.py URL"""

import json
import sys
from types import SimpleNamespace

import torch
from peft_model import PeftModel

from lora_squeeze import Client
from lora_squeeze.annealing import AnnealCallback, peft_layers


def train(callback, model, steps, world_size=1):
    factors = [parameter for parameter in model.parameters() if parameter.requires_grad]
    inner = torch.optim.AdamW(factors, lr=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(inner, lambda step: 1 - step / (2 * steps))
    # accelerate.optimizer.AcceleratedOptimizer and its scheduler keep what they wrap in these attributes.
    kwargs = {"model": model, "optimizer": SimpleNamespace(optimizer=inner), "lr_scheduler": SimpleNamespace(scheduler=scheduler)}
    args = SimpleNamespace(world_size=world_size, lr_scheduler_type="linear")
    state, control = SimpleNamespace(global_step=0, max_steps=steps, log_history=[]), None
    callback.on_train_begin(args, state, control, **kwargs)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(32, 16, generator=generator)
    y = torch.sin(2 * x)
    losses = []
    for _ in range(steps):
        loss = (model(x) - y).square().mean()
        loss.backward()
        inner.step()
        scheduler.step()
        model.zero_grad()
        state.global_step += 1
        losses.append(float(loss.detach()))
        # Trainer logs every few steps, and evaluations in between.
        state.log_history += [{"loss": losses[-1], "step": state.global_step}, {"eval_loss": 9.0}]
        callback.on_step_end(args, state, control, **kwargs)
    return losses, inner


def refusal(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


torch.manual_seed(0)
service = Client(sys.argv[1], timeout_seconds=60)
schedule = {"source_rank": 8, "target_rank": 2, "recipe": "equal", "min_stage_steps": 10}
model = PeftModel(rank=8, alpha=16)
scaling = 16 / 8**0.5
callback = AnnealCallback(service, schedule=schedule)
losses, optimizer = train(callback, model, steps=30)
layers = peft_layers(model)

embedding = PeftModel(rank=8, alpha=16)
embedding.base_model.model.q_proj.lora_embedding_A["default"] = torch.nn.Parameter(torch.zeros(8, 4))
convolution = PeftModel(rank=8, alpha=16)
convolution.base_model.model.q_proj.lora_A["default"] = torch.nn.Conv2d(4, 8, 1)
variant = PeftModel(rank=8, alpha=16)
variant.base_model.model.q_proj.lora_variant = {"default": object()}

print(
    json.dumps(
        {
            "run": service.runs.get(callback.annealer.run_id),
            "names": sorted(layers),
            "losses": losses,
            "scaling_before": scaling,
            "layers": [[layer.r, layer.lora_alpha, layer.scaling] for layer in layers.values()],
            "linear": [
                [module.lora_A["default"].out_features, module.lora_B["default"].in_features]
                for module in (model.base_model.model.q_proj, model.base_model.model.v_proj)
            ],
            "config": vars(model.peft_config["default"]),
            "state_dict": {name: list(value.shape) for name, value in model.state_dict().items() if "lora_" in name},
            "optimizer": [list(value["exp_avg"].shape) for value in optimizer.state_dict()["state"].values()],
            "refused": {
                "several": refusal(lambda: train(AnnealCallback(service, schedule=schedule), model, 1, world_size=2)),
                "embedding": refusal(lambda: peft_layers(embedding)),
                "convolution": refusal(lambda: peft_layers(convolution)),
                "variant": refusal(lambda: peft_layers(variant)),
                "no_adapter": refusal(lambda: peft_layers(model, "other")),
                "no_layers": refusal(lambda: peft_layers(torch.nn.Linear(2, 2))),
            },
        }
    )
)
