"""In-Squeeze with Hugging Face Trainer and PEFT:

    callback = AnnealCallback(service, schedule={"source_rank": 64, "target_rank": 8})
    Trainer(model=peft_model, …, callbacks=[callback]).train()

The run's id is logged at the beginning. To resume, load the adapter from Trainer's checkpoint (it has the rank it was
saved with: PeftModel.from_pretrained(base, "checkpoint-500", is_trainable=True)) and pass the id as `run`. Not with
load_best_model_at_end, which would load an adapter of an older rank.
"""

from __future__ import annotations

import logging
from typing import Any

from transformers import TrainerCallback  # type: ignore[import-not-found, unused-ignore]

from lora_squeeze.annealing.annealer import Annealer
from lora_squeeze.annealing.distributed import wrapper_of
from lora_squeeze.annealing.errors import MismatchError, UnsupportedError
from lora_squeeze.annealing.layers import peft_layers
from lora_squeeze.sync.client import Client

__all__ = ["AnnealCallback"]

logger = logging.getLogger(__name__)

#: TrainingArguments.lr_scheduler_type → LearningRateRequest.schedule of the contract, for the service's notes.
_SCHEDULES = {
    "linear": "linear",
    "cosine": "cosine",
    "constant": "constant",
    "constant_with_warmup": "constant",
}


class AnnealCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Anneals the ranks of one adapter of a PEFT model.

    options: those of Annealer; total_steps of the plan is the Trainer's unless given. learning_rate: "plan" (default)
    sets the rate by the plan after each step of the Trainer's scheduler, which has no effect then; "hint" or "trainer"
    keep it. `annealer` is available once training has begun; `annealer.run_id` is what to resume with.
    """

    def __init__(
        self,
        service: Client | None,
        run: str | None = None,
        adapter_name: str = "default",
        learning_rate: str = "plan",
        **options: Any,
    ) -> None:
        self._service, self._run, self._adapter_name = service, run, adapter_name
        self._learning_rate, self._options = learning_rate, options
        self.annealer: Annealer | None = None

    def on_train_begin(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_trainer(args)
        options = dict(self._options)
        for mode in ("schedule", "adaptive"):
            if mode in options:
                options[mode] = {"total_steps": state.max_steps, **options[mode]}
        own = _SCHEDULES.get(_name_of(args))
        if self._learning_rate != "plan" and own and "schedule" in options:
            rate = {"schedule": own, "warm_up_steps": args.get_warmup_steps(state.max_steps)}
            options["schedule"] = {"learning_rate": rate, **options["schedule"]}
        # Accelerate wraps both; state and groups belong to the wrapped objects.
        scheduler = getattr(lr_scheduler, "scheduler", lr_scheduler)
        self.annealer = Annealer(
            self._service,
            peft_layers(model, self._adapter_name),
            getattr(optimizer, "optimizer", optimizer),
            run=self._run,
            step=state.global_step,
            config=model.peft_config[self._adapter_name],
            # Trainer passes the model, not its wrapper.
            ddp=wrapper_of(model) if args.world_size > 1 else None,
            learning_rate=self._learning_rate,
            schedulers=[] if scheduler is None else [scheduler],
            **options,
        )
        self._run = self.annealer.run_id
        logger.info("Annealing run %s", self._run)
        for note in (self.annealer.schedule or {}).get("notes", ()):
            logger.info("%s", note)
        if self._learning_rate == "plan":
            logger.info(
                "The learning rate follows the plan, not TrainingArguments' %s schedule (learning_rate='trainer' keeps it)",
                _name_of(args),
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self.annealer is not None
        checkpoint = self.annealer.step(state.global_step, _loss_in(state.log_history))
        if checkpoint:
            logger.info("Step %d: %s: %s", state.global_step, checkpoint["decision"], checkpoint["reason"])


def refuse_trainer(args: Any) -> None:
    """Raises for TrainingArguments that annealing does not support."""
    if getattr(args, "deepspeed", None):
        raise UnsupportedError("DEEPSPEED_UNSUPPORTED", "TrainingArguments.deepspeed is set: train with DDP instead")
    if getattr(args, "fsdp", None):
        raise UnsupportedError("FSDP_UNSUPPORTED", "TrainingArguments.fsdp is set: train with DDP instead")
    if getattr(args, "load_best_model_at_end", False):
        raise MismatchError(
            "LOAD_BEST_MODEL", "load_best_model_at_end would load an adapter of an older rank into this one: set it to False"
        )


def _loss_in(log_history: list[dict[str, Any]]) -> float | None:
    """The training loss that was logged last; None before the first one."""
    losses = (entry["loss"] for entry in reversed(log_history) if "loss" in entry)
    return next(losses, None)


def _name_of(args: Any) -> str:
    kind = getattr(args, "lr_scheduler_type", "")
    return str(getattr(kind, "value", kind))
