"""In-Squeeze (LoRA-Squeeze, arXiv 2602.10993) in a PyTorch loop: the rank falls while you train.

    layers = peft_layers(model)                       # or {"module.name": layer with lora_A, lora_B, scaling, …}
    schedule = {"source_rank": 64, "target_rank": 8, "total_steps": 2000}
    annealer = Annealer(service, layers, optimizer, schedule=schedule)
    for step, batch in enumerate(batches, start=1):
        loss(model, batch).backward(); optimizer.step(); optimizer.zero_grad()
        annealer.step(step)                           # smaller factors and moments, when it is time

Needs torch and safetensors. One process: what DDP, FSDP and DeepSpeed share between processes was laid out for the old
shapes, so a world size above 1 is refused.
"""

import json
import os
import tempfile
import warnings

import torch
from safetensors.torch import load_file, save_file

from lora_squeeze.annealing.layers import config_of, peft_layers, rank_of, set_scaling
from lora_squeeze.client import CONFIG, OPTIMIZER, WEIGHTS

__all__ = ["Annealer", "peft_layers"]

# What optimizers keep for each element of a parameter, and the service can carry into the new basis.
MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer")
RANK_FIELDS = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")
LEARNING_RATES = ("lr", "initial_lr", "max_lr", "min_lr")
FACTORS = ("lora_A", "lora_B")


class Annealer:
    """Sends a checkpoint whenever the run wants one and goes on with what comes back.

    service: a LoraSqueeze.
    layers: module name → layer with parameters lora_A [r, in] and lora_B [out, r] and a float `scaling`
        (ΔW = scaling·B·A); where it has `r` and `lora_alpha`, those are kept right too.
    optimizer: holds all of them. Adam's and SGD's moments are carried; what else it keeps starts over, with a warning.
    run, step: id of a run to go on with, and the steps done; restore model and optimizer first. What the run is
        ahead is done again (rewind). Without `run` one is created from the other arguments: schedule or
        adaptive, alpha, revive, … and optimizer_state="carry" or "reset" (RunRequest.optimizer).
    config: PEFT's LoraConfig, whose ranks and alphas then follow, so that save_pretrained writes the truth.
    scale_learning_rate: multiplies learning rates by the checkpoint's learning_rate_factor, in the optimizer's groups
        (lr, initial_lr, max_lr, min_lr) and the base_lrs of the schedulers given.
    """

    def __init__(
        self,
        service,
        layers,
        optimizer,
        run=None,
        step=0,
        config=None,
        base_model=None,
        scale_learning_rate=False,
        schedulers=(),
        optimizer_state=None,
        **run_request,
    ):
        refuse_several_processes()
        self._service, self._layers, self._optimizer = service, layers, optimizer
        self._config, self._schedulers, self._scales_learning_rate = config, schedulers, scale_learning_rate
        self._base_model = base_model or getattr(config, "base_model_name_or_path", None)
        self._check_groups()
        if run is None:
            named = {"base_model": self._base_model, "optimizer": optimizer_state}
            named = {field: value for field, value in named.items() if value is not None}
            record = service.create_run(**named, **run_request)
        elif run_request or optimizer_state:
            raise ValueError(f"run {run} goes on as it was created: {sorted(run_request)} cannot be changed")
        else:
            record = service.run(run)
        self.run_id = record["id"]
        # The same content after a crash has to be the same checkpoint, to the byte.
        self._base_model = self._base_model or record["base_model"]
        self.next_step = self._next_step(record, step)
        self._newest_step = -1 if record["step"] is None else record["step"]
        if run is not None:
            self.step(step)  # Stopped between the squeeze and loading it.

    def step(self, step):
        """Call after optimizer step `step` (counted from 1) and before the next backward pass. Returns the
        CheckpointRecord where one was sent, else None. Raises SqueezeError; nothing has changed then."""
        if self.next_step is None or step < self.next_step:
            return None
        with tempfile.TemporaryDirectory(prefix="lora-squeeze-") as folder:
            # The run went further than we did: we were restarted from before, and so must it be.
            rewind = step <= self._newest_step
            record = self._service.checkpoint(self.run_id, step, **self._write(folder), rewind=rewind)
            if record["decision"] == "squeeze":
                self._load(record, os.path.join(folder, "squeezed"))
        self.next_step, self._newest_step = record["next_checkpoint_step"], step
        return record

    def _next_step(self, run, step):
        """When the next checkpoint is due: what the run has after our step has to be done again."""
        largest = max(rank_of(layer) for layer in self._layers.values())
        for checkpoint in run["checkpoints"]:
            after = checkpoint["rank_after"]
            was_loaded = checkpoint["step"] <= step and (after is None or largest <= after["max"])
            if not checkpoint["superseded"] and checkpoint["state"] == "succeeded" and not was_loaded:
                return checkpoint["step"]
        return run["next_checkpoint_step"]

    # The way there

    def _write(self, folder):
        files = {"weights": os.path.join(folder, WEIGHTS), "config": os.path.join(folder, CONFIG)}
        save_file({name: copy(factor) for name, factor in self._factors()}, files["weights"], {"format": "pt"})
        with open(files["config"], "w", encoding="utf-8") as file:
            json.dump(config_of(self._layers, self._base_model), file)
        moments = self._moments()
        if moments:
            files["optimizer"] = os.path.join(folder, OPTIMIZER)
            save_file(moments, files["optimizer"])
        return files

    def _factors(self):
        for name, layer in self._layers.items():
            for factor in FACTORS:
                yield f"base_model.model.{name}.{factor}.weight", getattr(layer, factor)

    def _moments(self):
        """Tensor name and moment → values; zeros where the optimizer has not stepped a parameter yet."""
        states = [(name, factor, self._optimizer.state.get(factor) or {}) for name, factor in self._factors()]
        kept = {key for _, _, state in states for key, value in state.items() if is_array(value)}
        if kept - set(MOMENTS):
            warnings.warn(f"the optimizer keeps {sorted(kept - set(MOMENTS))}, which cannot be carried: it starts over")
            return {}
        return {
            f"{name}.{moment}": copy(state[moment] if is_array(state.get(moment)) else torch.zeros_like(factor))
            for name, factor, state in states
            for moment in sorted(kept)
        }

    # The way back

    def _load(self, record, folder):
        for file in record["files"]:
            self._service.download(file["href"], os.path.join(folder, file["name"]), sha256=file["sha256"])
        tensors = load_file(os.path.join(folder, WEIGHTS))
        training = record["training"] or {}
        is_carried = training.get("optimizer") == "carried"
        moments = load_file(os.path.join(folder, OPTIMIZER)) if is_carried else {}
        modules = self._service.get(f"/v1/adapters/{record['adapter_id']}/modules")["modules"]
        scalings = {module["name"]: module["scale"] for module in modules}
        # All of it is read before anything changes.
        new = {name: parameter_like(factor, tensors[name]) for name, factor in self._factors()}
        states = {name: self._state(name, factor, moments) for name, factor in self._factors()}
        old = dict(self._factors())
        self._replace_parameters(old, new, states)
        for name, layer in self._layers.items():
            for factor in FACTORS:
                setattr(layer, factor, new[f"base_model.model.{name}.{factor}.weight"])
            set_scaling(layer, scalings[name])
        self._update_config(os.path.join(folder, CONFIG))
        if self._scales_learning_rate:
            self._scale_learning_rates(training.get("learning_rate_factor", 1.0))

    def _state(self, name, factor, moments):
        """The optimizer's state for the new factor: the old one (step count included) with the moments that came back.
        Empty where they were reset: step counts that know of no moments would make the first steps too large."""
        old = self._optimizer.state.get(factor) or {}
        if not moments:
            return {}
        return {
            key: moments[f"{name}.{key}"].to(value.device, value.dtype) if is_array(value) else value
            for key, value in old.items()
        }

    def _replace_parameters(self, old, new, states):
        by_identity = {id(old[name]): parameter for name, parameter in new.items()}
        for group in self._optimizer.param_groups:
            group["params"] = [by_identity.get(id(parameter), parameter) for parameter in group["params"]]
        for name, parameter in new.items():
            self._optimizer.state.pop(old[name], None)
            if states[name]:
                self._optimizer.state[parameter] = states[name]

    def _update_config(self, path):
        if self._config is None:
            return
        with open(path, encoding="utf-8") as file:
            written = json.load(file)
        for field in RANK_FIELDS:
            setattr(self._config, field, written[field])

    def _annealed_groups(self):
        ours = {id(factor) for _, factor in self._factors()}
        for at, group in enumerate(self._optimizer.param_groups):
            found = [id(parameter) in ours for parameter in group["params"]]
            if any(found):
                yield at, group, all(found)

    def _scale_learning_rates(self, factor):
        for at, group, _ in self._annealed_groups():
            for key in LEARNING_RATES:
                if key in group:
                    group[key] = group[key] * factor
            for scheduler in self._schedulers:
                if hasattr(scheduler, "base_lrs"):
                    scheduler.base_lrs[at] *= factor

    def _check_groups(self):
        if isinstance(self._optimizer, torch.optim.Adagrad):
            raise ValueError("Adagrad cannot be annealed: its sums cannot be carried, and it does not start over without them")
        held = {id(parameter) for group in self._optimizer.param_groups for parameter in group["params"]}
        for name, factor in self._factors():
            if id(factor) not in held:
                raise ValueError(f"the optimizer does not hold {name}")
        if self._scales_learning_rate and not all(is_pure for _, _, is_pure in self._annealed_groups()):
            raise ValueError("scale_learning_rate needs the LoRA factors in parameter groups of their own")


def is_array(value):
    return isinstance(value, torch.Tensor) and value.dim() > 0


def copy(tensor):
    return tensor.detach().to("cpu", copy=True).contiguous()


def parameter_like(old, values):
    return torch.nn.Parameter(values.to(old.device, old.dtype), requires_grad=old.requires_grad)


def refuse_several_processes():
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        count = torch.distributed.get_world_size()
        if count > 1:
            raise RuntimeError(f"annealing runs in one process; torch.distributed has {count}")
