"""A run that the service keeps: checkpoints are sent to it, and the squeezed factors come back."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from lora_squeeze.annealing.errors import MismatchError
from lora_squeeze.annealing.layers import config_of
from lora_squeeze.annealing.learning_rate import StageRate, stage_of
from lora_squeeze.annealing.local_engine import Factors, Pair, SqueezeResult
from lora_squeeze.annealing.local_run import LocalRun
from lora_squeeze.annealing.outcome import Outcome
from lora_squeeze.annealing.run_stages import StartedStage, run_stages
from lora_squeeze.annealing.trained import SIDES, TrainedLayers, tensor_name
from lora_squeeze.core.adapter_files import CONFIG, OPTIMIZER, WEIGHTS
from lora_squeeze.sync.client import Client

__all__ = ["ServiceRun"]


class ServiceRun:
    """record: the RunRecord as created, or in its current state. base_model: sent with every checkpoint."""

    is_local = False

    def __init__(self, service: Client, record: Mapping[str, Any], base_model: str | None) -> None:
        self._service = service
        self.record = record
        self.run_id: str = record["id"]
        self.schedule: dict[str, Any] | None = record["schedule"]
        request = record["request"]
        #: The ends of the run: source_rank, target_rank, total_steps.
        self.clock: Mapping[str, Any] = request.get("schedule") or request["adaptive"]
        self.total_steps: int = self.clock["total_steps"]
        # After a crash, the same content must produce a byte-identical checkpoint.
        self._base_model = base_model or record["base_model"]
        self._newest_step: int = -1 if record["step"] is None else record["step"]
        #: The first step whose checkpoint may have reached the service although its response was lost.
        self._unanswered: int | None = None
        #: Records of the squeezes that the layers have been through.
        self._squeezes: list[Mapping[str, Any]] = []

    def resume(self, step: int, rank: int) -> None:
        if step > self.total_steps:
            raise MismatchError("RESUMED_STEP", f"step {step} is after the last of run {self.run_id}, {self.total_steps}")
        ranks = {self.clock["source_rank"]}
        for record in self._done():
            if record["decision"] == "squeeze" and record["step"] <= step:
                after = record["rank_after"]["max"]
                ranks = {*ranks, after} if record["step"] == step else {after}
                if self._is_loaded(record, step, rank):
                    self._squeezes.append(record)
        if rank not in ranks:
            had = " or ".join(str(one) for one in sorted(ranks))
            raise MismatchError(
                "RESUMED_RANK",
                f"run {self.run_id} has rank {had} at step {step}, the layers have {rank}: restore model and optimizer of "
                "one step, and pass that step",
            )

    def next_step(self, step: int, rank: int) -> int | None:
        for record in self._done():
            if not self._is_loaded(record, step, rank):
                due: int = record["step"]  # The run is ahead: what it has after our step is done again.
                return due
        following: int | None = self.record["next_checkpoint_step"]
        return following

    def stages(self) -> list[StageRate]:
        stages, current = run_stages(self.clock, self.schedule, self._ranks())
        rate = self._squeezes[-1].get("learning_rate") if self._squeezes else None
        if rate is not None:  # Where modules have ranks of their own, only the service knows the factor.
            stages[current] = stage_of(rate)
        return stages

    def checkpoint(self, step: int, trained: TrainedLayers, loss: float | None = None) -> Outcome:
        """Raises SqueezeError."""
        sent_as = self._step_to_send(step)
        self._unanswered = sent_as
        with tempfile.TemporaryDirectory(prefix="lora-squeeze-") as folder:
            # The run is further than this training, which was restarted from an earlier state; so the run must go back
            # as well.
            rewind = sent_as <= self._newest_step
            weights, config, optimizer = _write(folder, trained, self._base_model)
            record = self._service.runs.send_checkpoint(
                self.run_id, sent_as, weights, config, optimizer, rewind=rewind, loss=loss
            )
            outcome = Outcome(dict(record))
            if record["decision"] == "squeeze":
                outcome = self._read(record, os.path.join(folder, "squeezed"), trained)
                self._squeezes.append(record)
        self._newest_step, self._unanswered = sent_as, None
        return outcome

    def in_process(self) -> LocalRun:
        return LocalRun(self.record["request"], self.schedule, self.run_id, self._ranks())

    def _ranks(self) -> list[StartedStage]:
        return [(record["rank_after"]["max"], record["step"]) for record in self._squeezes]

    def _step_to_send(self, step: int) -> int:
        """A checkpoint whose response was lost may have been squeezed. The trainer continued without the result, so the
        current checkpoint replaces it under the same step; otherwise the run would assume that the rank has fallen."""
        if self._unanswered is None or self._unanswered == step:
            return step
        record = self._service.runs.get(self.run_id)
        if record["step"] is None or record["step"] < self._unanswered:
            return step
        self._newest_step = record["step"]
        return self._unanswered

    def _done(self) -> list[dict[str, Any]]:
        checkpoints = self.record["checkpoints"]
        return [one for one in checkpoints if not one["superseded"] and one["state"] == "succeeded"]

    @staticmethod
    def _is_loaded(record: Mapping[str, Any], step: int, rank: int) -> bool:
        after = record["rank_after"]
        return bool(record["step"] <= step and (after is None or rank <= after["max"]))

    def _read(self, record: Mapping[str, Any], folder: str, trained: TrainedLayers) -> Outcome:
        training = record["training"] or {}
        wanted = [WEIGHTS, CONFIG, *([OPTIMIZER] if training.get("optimizer") == "carried" else [])]
        self._service.runs.download(record, folder, wanted)
        tensors = load_file(os.path.join(folder, WEIGHTS))
        moments = load_file(os.path.join(folder, OPTIMIZER)) if OPTIMIZER in wanted else {}
        modules = self._service.adapters.modules(record["adapter_id"])["modules"]
        scalings = {module["name"]: module["scale"] for module in modules}
        squeezed = SqueezeResult(
            factors={
                module: Factors(
                    tensors[tensor_name(module, "lora_A")], tensors[tensor_name(module, "lora_B")], scalings[module]
                )
                for module in trained.layers
            },
            moments={module: _pairs(module, moments) for module in trained.layers} if moments else {},
            optimizer=training.get("optimizer", "none"),
            learning_rate_factor=training.get("learning_rate_factor", 1.0),
        )
        with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
            return Outcome(dict(record), squeezed, json.load(file))


def _write(folder: str, trained: TrainedLayers, base_model: str | None) -> tuple[str, str, str | None]:
    """The files of a checkpoint: weights, configuration, and the moments if there are any."""
    weights, config, optimizer = (os.path.join(folder, name) for name in (WEIGHTS, CONFIG, OPTIMIZER))
    values = trained.values().items()
    tensors = {tensor_name(module, side): _copy(getattr(layer, side)) for module, layer in values for side in SIDES}
    save_file(tensors, weights, {"format": "pt"})
    with open(config, "w", encoding="utf-8") as file:
        json.dump(config_of(trained.layers, base_model), file)
    moments = {
        f"{tensor_name(module, side)}.{name}": _copy(getattr(pair, side))
        for module, pairs in trained.moments().items()
        for name, pair in pairs.items()
        for side in SIDES
    }
    if not moments:
        return weights, config, None
    save_file(moments, optimizer)
    return weights, config, optimizer


def _pairs(module: str, moments: Mapping[str, torch.Tensor]) -> dict[str, Pair]:
    a, b = (f"{tensor_name(module, side)}." for side in SIDES)
    return {key[len(a) :]: Pair(value, moments[b + key[len(a) :]]) for key, value in moments.items() if key.startswith(a)}


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()
