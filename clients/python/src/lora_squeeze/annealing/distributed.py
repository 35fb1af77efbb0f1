"""Annealing where several processes train one model (DDP): the first one squeezes, all go on with the same numbers.

    processes = Processes()                           # on all processes, once torch.distributed is there
    outcome = processes.first(lambda: run.checkpoint(step, trained))   # or the exception that it raised, on all
    rewrap(ddp)                                       # once the parameters are replaced
"""

from __future__ import annotations

import gc
import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from lora_squeeze.annealing.errors import MismatchError, UnsupportedError

__all__ = ["Processes", "rewrap", "wrapper_of"]

T = TypeVar("T")

#: The other processes wait as long as the first one talks to the service, whose own timeouts are much shorter. If a
#: process ends, its connection breaks, which the others notice at once.
_LIMIT = timedelta(days=1)
#: Arguments that DistributedDataParallel stores under their own names.
_KEPT = (
    "device_ids",
    "output_device",
    "dim",
    "broadcast_buffers",
    "process_group",
    "find_unused_parameters",
    "gradient_as_bucket_view",
    "static_graph",
)


class Processes:
    """All processes of torch.distributed; a training without it is one process.

    The processes exchange everything except gradients through the CPU (gloo, whatever backend the training uses), so
    that no collective of the training waits for the first process, and no numbers are rounded on the way. All
    processes must create this object and call its methods in the same order.
    """

    def __init__(self) -> None:
        is_alone = not (distributed.is_available() and distributed.is_initialized())
        self.count = 1 if is_alone else distributed.get_world_size()
        self.index = 0 if self.count == 1 else distributed.get_rank()
        self._group = None if self.count == 1 else distributed.new_group(backend="gloo", timeout=_LIMIT)

    def first(self, make: Callable[[], T]) -> T:
        """What make() returns on the first process, which alone calls it, on all; or what it raises, raised on all.

        The result may hold tensors at any depth, and what pickle takes. They are on the CPU of the other processes.
        """
        if self.count == 1:
            return make()
        if self.index > 0:
            received: T = self._received()
            return received
        try:
            result = make()
            message, tensors = _parted(result)
        except Exception as error:
            self._broadcast((_portable(error), None, None))
            raise
        self._broadcast((None, message, [(tensor.shape, tensor.dtype) for tensor in tensors]))
        for tensor in tensors:
            self._broadcast_bytes(tensor.detach().cpu().contiguous())
        return result

    def each(self, check: Callable[[], T]) -> T:
        """Calls check() on every process. If it raises on some of them, all processes raise: those their own exception,
        the others the first of these."""
        if self.count == 1:
            return check()
        own = None
        try:
            result = check()
        except Exception as error:
            own = error
        failures = self._gathered(own and _portable(own))
        if own is not None:
            raise own
        for failure in failures:
            if failure is not None:
                raise _rebuilt(failure)
        return result

    def agree(self, what: str, value: Any) -> None:
        """Raises MismatchError on all processes unless all have the same value."""
        values = [value] if self.count == 1 else self._gathered(value)
        for index, other in enumerate(values):
            if other != values[0]:
                raise MismatchError(
                    "PROCESSES_DIFFER",
                    f"{what}: {values[0]} on process 0, {other} on process {index}: all processes have to train the same "
                    "adapter, and to call the annealer after the same steps",
                )

    def _received(self) -> Any:
        failure, message, tensors = self._broadcast(None)
        if failure is not None:
            raise _rebuilt(failure)
        values = [torch.empty(shape, dtype=dtype) for shape, dtype in tensors]
        for value in values:
            self._broadcast_bytes(value)
        return _Joined(io.BytesIO(message), values).load()

    def _broadcast(self, message: Any) -> Any:
        messages = [message]
        distributed.broadcast_object_list(messages, src=0, group=self._group, device=torch.device("cpu"))
        return messages[0]

    def _broadcast_bytes(self, tensor: Tensor) -> None:
        """Sends a contiguous tensor, or fills it. It is sent as bytes, because not all backends support all dtypes."""
        if tensor.numel():
            distributed.broadcast(tensor.flatten().view(torch.uint8), src=0, group=self._group)

    def _gathered(self, value: Any) -> list[Any]:
        values = [None] * self.count
        distributed.all_gather_object(values, value, group=self._group)
        return values


def rewrap(ddp: DistributedDataParallel) -> None:
    """Makes a DistributedDataParallel again, in place and with its own arguments, around parameters that were replaced.

    Its buckets and hooks were laid out for the old ones, and are released. The object stays the same, so the
    training loop need not know. All processes call it together; what is trained is that of the first process afterwards.
    """
    arguments = {name: getattr(ddp, name) for name in _KEPT}
    if not getattr(ddp, "bucket_bytes_cap_default", False):
        arguments["bucket_cap_mb"] = ddp.bucket_bytes_cap / 2**20
    module, is_training, hooks = ddp.module, ddp.training, list(getattr(ddp, "_comm_hooks", ()))
    # When it is released, the reducer removes its hooks from the parameters that stay, so this must happen before the
    # next one is created.
    del ddp.reducer, ddp.logger
    with _without_frozen(module):
        DistributedDataParallel.__init__(ddp, module, **arguments)
    ddp.training = is_training
    for hook, state in hooks:
        ddp.register_comm_hook(state, hook)


@contextmanager
def _without_frozen(module: Any) -> Iterator[None]:
    """DistributedDataParallel copies all parameters of the first process when it is made. That of the base model was done
    when it was made for the first time, and would send gigabytes at every squeeze."""
    attribute = "_ddp_params_and_buffers_to_ignore"
    before = getattr(module, attribute, None)
    frozen = [name for name, parameter in module.named_parameters() if not parameter.requires_grad]
    setattr(module, attribute, [*(before or ()), *frozen])
    try:
        yield
    finally:
        if before is None:
            delattr(module, attribute)
        else:
            setattr(module, attribute, before)


def check_wrapper(ddp: Any, processes: int) -> None:
    """Raises MismatchError where so many processes have no wrapper, UnsupportedError for one that rewrap cannot make again;
    for asking before training."""
    if ddp is None:
        if processes > 1:
            raise MismatchError(
                "WRAPPER_MISSING", f"{processes} processes train the model: pass its DistributedDataParallel as ddp="
            )
        return
    if not isinstance(ddp, DistributedDataParallel):
        raise UnsupportedError(
            "WRAPPER_UNSUPPORTED",
            f"the model is wrapped in {type(ddp).__name__}: several processes can be annealed with DistributedDataParallel only",
        )
    states = [type(state).__name__ for _, state in getattr(ddp, "_comm_hooks", ())]
    what = {
        "PowerSGD hook": "PowerSGDState" in states,  # It remembers errors by the shapes of buckets.
        "mixed_precision": getattr(ddp, "mixed_precision", None),
        "delay_all_reduce_named_params": getattr(ddp, "_delay_all_reduce_params", None),
        "device_mesh": getattr(ddp, "device_mesh", None),
    }
    for argument, value in what.items():
        if value:
            raise UnsupportedError(
                "WRAPPER_UNSUPPORTED", f"DistributedDataParallel's {argument} cannot be set up a second time: leave it out"
            )


def wrapper_of(model: torch.nn.Module) -> DistributedDataParallel:
    """Finds the DistributedDataParallel around a model, for callbacks of trainers that do not expose it.

    Raises MismatchError unless there is exactly one.
    """
    gc.collect()
    found = [one for one in gc.get_objects() if issubclass(type(one), DistributedDataParallel) and _module_of(one) is model]
    if len(found) == 1:
        ddp: DistributedDataParallel = found[0]
        return ddp
    raise MismatchError("WRAPPER_MISSING", f"{len(found)} DistributedDataParallel wrap the model; exactly one has to")


def _module_of(ddp: DistributedDataParallel) -> Any:
    return ddp.__dict__.get("_modules", {}).get("module")


class _Parted(pickle.Pickler):
    """Replaces tensors by placeholders and collects them in a list."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.tensors: list[Tensor] = []

    def persistent_id(self, value: Any) -> int | None:
        if not isinstance(value, Tensor):
            return None
        self.tensors.append(value)
        return len(self.tensors) - 1


class _Joined(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, tensors: list[Tensor]) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_load(self, index: int) -> Tensor:
        return self._tensors[index]


def _parted(value: Any) -> tuple[bytes, list[Tensor]]:
    file = io.BytesIO()
    pickler = _Parted(file)
    pickler.dump(value)
    return file.getvalue(), pickler.tensors


#: The kind, args and attributes of an exception.
_Failure = tuple[type[Exception], tuple[Any, ...], dict[str, Any]]


def _portable(error: Exception) -> _Failure:
    """Describes any exception, including one whose constructor takes other arguments than its args."""
    failure = type(error), error.args, error.__dict__
    try:
        pickle.dumps(failure)
    except Exception:
        return RuntimeError, (f"{type(error).__name__}: {error}",), {}
    return failure


def _rebuilt(failure: _Failure) -> Exception:
    kind, args, attributes = failure
    error: Exception = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error
