"""In-Squeeze in a PyTorch loop: the rank falls while training goes on."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch.nn import Parameter
from torch.nn.parallel import DistributedDataParallel

from lora_squeeze.annealing.calls import StepWatch
from lora_squeeze.annealing.distributed import Processes, check_wrapper, rewrap
from lora_squeeze.annealing.errors import MismatchError
from lora_squeeze.annealing.layers import LoraLayer, config_of
from lora_squeeze.annealing.local_run import LocalRun
from lora_squeeze.annealing.outcome import Outcome, Run
from lora_squeeze.annealing.rates import Rates
from lora_squeeze.annealing.service_run import ServiceRun
from lora_squeeze.annealing.shared_run import shared
from lora_squeeze.annealing.trained import TrainedLayers
from lora_squeeze.annealing.unavailable import is_unavailable
from lora_squeeze.annealing.warn import warn
from lora_squeeze.errors import SqueezeError
from lora_squeeze.sync.client import Client

__all__ = ["Annealer"]

_ON_UNAVAILABLE = ("raise", "skip", "local")
RANK_FIELDS = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")
#: How long a skipped squeeze waits for its next attempt, as a share of all steps.
RETRY_SHARE = 0.01
# How long to wait for a service that the training can do without.
PATIENCE_SECONDS = 120.0


class Annealer:
    """Squeezes whenever the plan wants it, and goes on with what comes back.

        annealer = Annealer(service, peft_layers(model), optimizer, schedule={"source_rank": 64, …})
        for step, batch in enumerate(batches, start=1):
            loss(model, batch).backward(); optimizer.step(); optimizer.zero_grad()
            annealer.step(step)                       # sets the learning rate and, when a squeeze is due, the smaller adapter

    service: a Client; None plans and squeezes in this process.
    layers: module name → layer with parameters lora_A [r, in] and lora_B [out, r] and a float `scaling`
        (ΔW = scaling·B·A); where it has `r` and `lora_alpha`, those are kept right too. peft_layers finds those of
        PEFT.
    optimizer: holds all of them. The moments of Adam, AdamW, NAdam, RAdam and SGD are carried; what others keep starts
        over at each squeeze, with a warning.
    run, step: id of a run to go on with (None where there was no service), and the steps done; restore model and
        optimizer first. What the run is ahead is done again (rewind).
    config: PEFT's LoraConfig, whose ranks and alphas then follow, so that save_pretrained writes the truth.
    masters: model parameter → float32 copy that the optimizer steps, where the model's are of lower precision. They are
        what is squeezed; the dict then has the new ones.
    ddp: the DistributedDataParallel around the model, where several processes train it: the first one squeezes, all go
        on with its numbers, and the wrapper is made again in place.
    learning_rate: "plan" (default) sets the learning rate by the plan (AnnealLR, see `scheduler`); "hint" multiplies
        the trainer's at each squeeze by the checkpoint's learning_rate_factor, in the optimizer's groups and the
        base_lrs of `schedulers`; "trainer" leaves it alone. Where the optimizer has a scheduler of its own, it has to
        be named. A group that holds LoRA factors and others is split for "plan" and "hint".
    schedulers: those of the optimizer, if it has any.
    on_unavailable: what to do if the service is unavailable for patience_seconds (default: timeout_seconds for "raise",
        120 for the others, which can continue without the service). "raise": raise its last error. "skip": leave the
        squeeze out with a warning, and try again some steps later. "local": squeeze in this process, with a warning,
        until the end of the training (is_local).
    optimizer_state: "carry" (default) or "reset". Other arguments are fields of RunRequest: schedule or adaptive,
    alpha, …

    Raises AnnealingError for what cannot be annealed, SqueezeError for what the service refuses; the trainer's state is
    unchanged then.
    """

    def __init__(
        self,
        service: Client | None,
        layers: Mapping[str, LoraLayer],
        optimizer: torch.optim.Optimizer,
        *,
        run: str | None = None,
        step: int = 0,
        config: Any = None,
        base_model: str | None = None,
        masters: MutableMapping[Parameter, Parameter] | None = None,
        ddp: DistributedDataParallel | None = None,
        learning_rate: str | None = None,
        schedulers: Sequence[Any] = (),
        on_unavailable: str = "raise",
        patience_seconds: float | None = None,
        optimizer_state: str | None = None,
        **run_request: Any,
    ) -> None:
        self._processes, self._ddp = Processes(), ddp
        self._trained = TrainedLayers(layers, optimizer, masters)
        self._on_unavailable = on_unavailable
        self._config = config
        self._base_model = base_model or getattr(config, "base_model_name_or_path", None)
        named = {"base_model": self._base_model, "optimizer": optimizer_state}
        self._request = {**{field: value for field, value in named.items() if value is not None}, **run_request}
        if patience_seconds is None and on_unavailable != "raise":
            patience_seconds = PATIENCE_SECONDS
        service = _with_patience(service, patience_seconds)

        def checked() -> Rates:
            check_wrapper(ddp, self._processes.count)
            self._trained.check()
            if on_unavailable not in _ON_UNAVAILABLE:
                raise MismatchError("ARGUMENT", f"on_unavailable is {on_unavailable!r}: one of {', '.join(_ON_UNAVAILABLE)}")
            if run is not None and (run_request or optimizer_state):
                raise MismatchError("REQUEST", f"run {run} goes on as it was created: leave {sorted(self._request)} out")
            if run is not None and service is None:
                raise MismatchError("REQUEST", f"run {run} is the service's: give a service, or a schedule instead of the run")
            if run is None and on_unavailable == "local":
                LocalRun(self._request)  # What could not go on in this process is refused before it has to.
            return Rates(self._trained, learning_rate, schedulers, self._request)

        self._rates = self._processes.each(checked)
        self._processes.agree("step and rank", (step, self._trained.rank))
        self._run = shared(self._processes, lambda: self._begun(service, run, step))
        self._run.resume(step, self._trained.rank)
        self._watch = StepWatch(optimizer, self._trained.parameters, step)
        self.next_step = self._run.next_step(step, self._trained.rank)
        is_due = self.next_step is not None and self.next_step <= step  # Stopped between the squeeze and loading it.
        outcome = self._checkpoint(step) if is_due else None
        self._rates.begin(self._run.stages(), step)
        if is_due and outcome is None and self.next_step is not None:
            self._rates.postpone(step, self.next_step)
        self._rates.follow(outcome, self._run, step)

    @property
    def run_id(self) -> str | None:
        """The id with which to resume; None if the service does not keep the run."""
        return self._run.run_id

    @property
    def is_local(self) -> bool:
        """Whether squeezes are done in this process from now on."""
        return self._run.is_local

    @property
    def schedule(self) -> dict[str, Any] | None:
        """The plan, as the service returns it for schedules; None for an adaptive run."""
        return self._run.schedule

    @property
    def scheduler(self) -> Any:
        """The AnnealLR that the annealer steps; None unless learning_rate is "plan"."""
        return self._rates.scheduler

    def step(self, step: int, loss: float | None = None) -> dict[str, Any] | None:
        """Call after optimizer step `step` (counted from 1) and before the next backward pass.

        loss: the training loss, for the charts of the run; it is sent with a checkpoint, and nothing is decided by it.

        Returns the CheckpointRecord where one was made, else None. Raises CallError for a call at a wrong time,
        SqueezeError; nothing has changed then, and the call may be repeated.
        """
        is_due = self.next_step is not None and step >= self.next_step
        if is_due:
            self._processes.agree("step", step)
            self._processes.each(lambda: self._watch.check(step, is_due))
        else:
            self._watch.check(step, is_due)
        outcome = self._checkpoint(step, loss) if is_due else None
        self._watch.passed(step)
        self._rates.follow(outcome, self._run, step)
        return None if outcome is None else outcome.record

    def _begun(self, service: Client | None, run: str | None, step: int) -> Run:
        if service is None:
            self._check_source_rank(step)
            return LocalRun(self._request)
        if run is not None:
            return ServiceRun(service, service.runs.get(run), self._base_model)
        self._check_source_rank(0)
        try:
            return ServiceRun(service, service.runs.create(**self._request), self._base_model)
        except SqueezeError as error:
            if self._on_unavailable != "local" or not is_unavailable(error):
                raise
            begun = LocalRun(self._request)
            warn(f"the service is away ({error}): the annealing is planned and squeezed in this process, to its end")
            return begun

    def _check_source_rank(self, step: int) -> None:
        """Detects a plan whose ranks differ from those of the layers now, not at the first squeeze."""
        request = self._request.get("schedule") or self._request.get("adaptive") or {}
        source, rank = request.get("source_rank"), self._trained.rank
        if step == 0 and source is not None and source != rank:
            raise MismatchError(
                "SOURCE_RANK", f"source_rank is {source}, but the layers have rank {rank}: name that, or build them with {source}"
            )

    def _checkpoint(self, step: int, loss: float | None = None) -> Outcome | None:
        """Returns None if the squeeze was skipped."""
        try:
            outcome = self._run.checkpoint(step, self._trained, loss)
        except SqueezeError as error:
            if self._on_unavailable == "raise" or not is_unavailable(error) or self.is_local:
                raise
            if self._on_unavailable == "skip":
                self._skip(step, error)
                return None
            outcome = self._go_local(step, error, loss)
        if outcome.squeezed is not None:
            self._trained.load(outcome.squeezed)
            if self._ddp is not None:
                rewrap(self._ddp)
            self._update_config(outcome)
        self.next_step = outcome.record["next_checkpoint_step"]
        return outcome

    def _skip(self, step: int, error: SqueezeError) -> None:
        total = self._run.total_steps
        # The last attempt is at the last step; the run would refuse later ones.
        again = max(step + 1, min(step + max(1, round(RETRY_SHARE * total)), total))
        self.next_step = again if again <= total else None
        self._rates.postpone(step, again)
        then = f"it is tried again at step {again}" if again <= total else f"the adapter keeps rank {self._trained.rank}"
        warn(f"the service is away ({error}): the squeeze of step {step} is left out, {then}")

    def _go_local(self, step: int, error: SqueezeError, loss: float | None) -> Outcome:
        local = self._run.in_process()
        outcome = local.checkpoint(step, self._trained, loss)
        self._run = local
        warn(
            f"the service is away ({error}): the squeeze of step {step} was made in this process, and so are all later ones; "
            "to resume, pass service=None and the same schedule instead of the run"
        )
        return outcome

    def _update_config(self, outcome: Outcome) -> None:
        if self._config is None:
            return
        written = outcome.config or config_of(self._trained.layers, self._base_model)
        for field in RANK_FIELDS:
            setattr(self._config, field, written[field])


def _with_patience(service: Client | None, patience_seconds: float | None) -> Client | None:
    return service if service is None or patience_seconds is None else service.with_timeout(patience_seconds)
