"""Checks that Annealer.step is called at the right time: once after each optimizer step, with no pending gradients."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import Parameter

from lora_squeeze.annealing.errors import CallError

__all__ = ["StepWatch"]

#: A gradient scaler skips steps, which the trainer counts nevertheless; it skips several in a row only at the
#: beginning: log2 of its initial scale, which is 16.
MAX_SKIPPED_STEPS = 20
#: Attribute of a gradient that the optimizer has used; its value is the gradient's version at that time. Every backward
#: pass raises the version.
_USED = "_lora_squeeze_used"


class StepWatch:
    """Counts what the optimizer does, and compares the numbers that step is called with.

    parameters: those of the model that get gradients, by name, as they are whenever it is called. step: steps done.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Callable[[], Iterable[tuple[str, Parameter]]],
        step: int,
    ) -> None:
        self._parameters = parameters
        self._first_step = self._last_step = step
        self._optimizer_steps = 0
        # The optimizer may outlive this object and then be used by another annealer.
        watch = weakref.ref(self)

        def after_step(_optimizer: Any, _args: Any, _kwargs: Any) -> None:
            watching = watch()
            if watching is not None:
                watching._stepped()

        weakref.finalize(self, optimizer.register_step_post_hook(after_step).remove)

    def check(self, step: int, is_due: bool) -> None:
        """Raises CallError. is_due: a squeeze is about to happen; gradients are checked then, and at the first call."""
        if step <= self._last_step:
            raise CallError(
                "STEP_REPEATED",
                f"step {step} was called after step {self._last_step}: call it once after each optimizer.step(), with the "
                "number of optimizer steps done",
            )
        called, stepped = step - self._first_step, self._optimizer_steps
        ahead = called - stepped
        if ahead >= MAX_SKIPPED_STEPS and ahead > called / 3:
            raise CallError(
                "STEP_AHEAD",
                f"step {step} is {called} steps further on, but the optimizer has made {stepped}: count the steps of the "
                "optimizer that the annealer was given, not micro-batches, and call step once after each",
            )
        if is_due or self._last_step == self._first_step:
            self.refuse_pending_gradients()

    def passed(self, step: int) -> None:
        self._last_step = step

    def refuse_pending_gradients(self) -> None:
        """Raises CallError if a factor has a gradient that no optimizer step has used yet."""
        for name, parameter in self._parameters():
            gradient = parameter.grad
            if gradient is None or getattr(gradient, _USED, None) == gradient._version:
                continue
            # Zero gradients change nothing, and a gradient scaler has skipped the step if they are infinite.
            if bool(gradient.any()) and bool(gradient.isfinite().all()):
                raise CallError(
                    "GRADIENTS_PENDING",
                    f"{name} has a gradient that no optimizer step has used, and a squeeze would lose it: call step after "
                    "optimizer.step(), not between micro-batches",
                )

    def _stepped(self) -> None:
        self._optimizer_steps += 1
        for _, parameter in self._parameters():
            if parameter.grad is not None:
                setattr(parameter.grad, _USED, parameter.grad._version)
