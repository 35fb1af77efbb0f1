"""AnnealCallback in Hugging Face's own Trainer, on a small GPT-2 with PEFT: trained, stopped halfway, resumed, saved and
loaded again. python anneal_in_transformers.py URL"""

import json
import os
import sys
import tempfile

# A transformers older than torch 2.6 cannot load the state of its random numbers otherwise. The checkpoints can be trusted,
# because this script writes them.
os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    logging,
)

from lora_squeeze import Client
from lora_squeeze.annealing import AnnealCallback

STEPS, STOP_AFTER = 60, 25


def base_model():
    torch.manual_seed(0)
    size = {"n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 16, "vocab_size": 64}
    return GPT2LMHeadModel(GPT2Config(**size, bos_token_id=0, eos_token_id=0))


def dataset():
    """Sequences that count up from a random token: learned by the attention and the MLP, which have the factors."""
    starts = torch.randint(0, 64, (256,), generator=torch.Generator().manual_seed(1))
    rows = [(start + torch.arange(16)) % 64 for start in starts]
    return [{"input_ids": row, "labels": row} for row in rows]


class Watch(TrainerCallback):
    """Records loss and rank of every step, and stops in the middle if requested."""

    def __init__(self, stop_after=None):
        self.losses, self.ranks, self.stop_after = [], {}, stop_after

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            self.losses.append(logs["loss"])

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self.ranks[state.global_step] = model.peft_config["default"].r
        if state.global_step == self.stop_after:
            control.should_save = control.should_training_stop = True


def trainer(model, folder, *callbacks):
    arguments = TrainingArguments(
        output_dir=folder,
        max_steps=STEPS,
        per_device_train_batch_size=16,
        learning_rate=5e-3,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=3,
    )
    made = Trainer(model=model, args=arguments, train_dataset=dataset(), callbacks=list(callbacks))
    made.remove_callback(PrinterCallback)  # Standard output is for the result.
    return made


def lora(model):
    targets = ["c_attn", "c_proj", "c_fc"]
    return get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=targets, fan_in_fan_out=True))


def shapes(trained):
    state = trained.optimizer.state_dict()["state"]
    factors = {name: list(value.shape) for name, value in trained.model.named_parameters() if value.requires_grad}
    return {"factors": factors, "moments": [list(moment["exp_avg"].shape) for moment in state.values()]}


def logits(model):
    model.eval()
    with torch.no_grad():
        return model(input_ids=torch.arange(16)[None]).logits


logging.set_verbosity_error()
service = Client(sys.argv[1], timeout_seconds=60)
schedule = {"source_rank": 16, "target_rank": 2, "recipe": "equal", "min_stage_steps": 10}
with tempfile.TemporaryDirectory() as folder:
    first, until = AnnealCallback(service, schedule=schedule), Watch(STOP_AFTER)
    trainer(lora(base_model()), folder, first, until).train()
    checkpoint = os.path.join(folder, f"checkpoint-{STOP_AFTER}")

    resumed = PeftModel.from_pretrained(base_model(), checkpoint, is_trainable=True)
    second, after = AnnealCallback(service, run=first.annealer.run_id), Watch()
    trained = trainer(resumed, folder, second, after)
    trained.train(resume_from_checkpoint=checkpoint)
    final = os.path.join(folder, "final")
    trained.model.save_pretrained(final)
    with open(os.path.join(final, "adapter_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    loaded = PeftModel.from_pretrained(base_model(), final)
    print(
        json.dumps(
            {
                "run": service.runs.get(first.annealer.run_id),
                "losses": [*until.losses, *after.losses],
                "ranks": {**until.ranks, **after.ranks},
                **shapes(trained),
                "config": {name: config[name] for name in ("r", "lora_alpha", "rank_pattern", "fan_in_fan_out")},
                "loads_again": torch.equal(logits(trained.model), logits(loaded)),
            }
        )
    )
