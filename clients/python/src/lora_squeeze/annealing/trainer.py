"""In-Squeeze with Hugging Face Trainer and PEFT:

    callback = AnnealCallback(service, schedule={"source_rank": 64, "target_rank": 8})
    Trainer(model=peft_model, …, callbacks=[callback]).train()

The run's id is logged at the beginning. To resume, load the adapter from Trainer's checkpoint (it has the rank it was
saved with: PeftModel.from_pretrained(base, "checkpoint-500", is_trainable=True)) and pass the id as `run`. Not with
load_best_model_at_end, which would load an adapter of an older rank. One process: see Annealer.
"""

import logging

from transformers import TrainerCallback

from lora_squeeze.annealing.annealer import Annealer, peft_layers

logger = logging.getLogger(__name__)


class AnnealCallback(TrainerCallback):
    """Anneals the ranks of one adapter of a PEFT model. options: those of Annealer; total_steps of the schedule is the
    Trainer's unless given. `annealer` is there once training began; `annealer.run_id` is what to resume with."""

    def __init__(self, service, run=None, adapter_name="default", **options):
        self._service, self._run, self._adapter_name, self._options = service, run, adapter_name, options
        self.annealer = None

    def on_train_begin(self, args, state, control, model=None, optimizer=None, lr_scheduler=None, **kwargs):
        if args.world_size > 1 or getattr(args, "deepspeed", None):
            raise RuntimeError(f"annealing needs one process without DeepSpeed; world_size is {args.world_size}")
        options = dict(self._options)
        for mode in ("schedule", "adaptive"):
            if mode in options:
                options[mode] = {"total_steps": state.max_steps, **options[mode]}
        self.annealer = Annealer(
            self._service,
            peft_layers(model, self._adapter_name),
            # Accelerate wraps both; state and groups are those of what is inside.
            getattr(optimizer, "optimizer", optimizer),
            run=self._run,
            step=state.global_step,
            config=model.peft_config[self._adapter_name],
            schedulers=[getattr(lr_scheduler, "scheduler", lr_scheduler)],
            **options,
        )
        self._run = self.annealer.run_id
        logger.info("Annealing run %s", self._run)

    def on_step_end(self, args, state, control, **kwargs):
        checkpoint = self.annealer.step(state.global_step)
        if checkpoint:
            logger.info("Step %d: %s: %s", state.global_step, checkpoint["decision"], checkpoint["reason"])
