"""The LoRA layers of a training together with their optimizer state, read and replaced as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import NamedTuple

import torch
from torch.nn import Parameter

from lora_squeeze.annealing.errors import MismatchError
from lora_squeeze.annealing.layers import LoraLayer, rank_of, set_scaling
from lora_squeeze.annealing.local_engine import Factors, Moments, Pair, SqueezeResult
from lora_squeeze.annealing.optimizer_state import check_carriable, moments_of, replace_parameters
from lora_squeeze.annealing.refusals import refuse_kohya, refuse_optimizer, refuse_sharded_parameter

__all__ = ["TrainedLayers", "tensor_name"]

#: The names of a layer's factors, used for attributes and as parts of names.
SIDES = ("lora_A", "lora_B")


class Factor(NamedTuple):
    module: str
    side: str
    #: The parameter with which the model computes.
    parameter: Parameter
    #: The parameter that the optimizer updates: the same one, or its master copy.
    master: Parameter


def tensor_name(module: str, side: str) -> str:
    return f"base_model.model.{module}.{side}.weight"


class TrainedLayers:
    """layers, optimizer and masters as for Annealer. Only references to them are kept."""

    def __init__(
        self,
        layers: Mapping[str, LoraLayer],
        optimizer: torch.optim.Optimizer,
        masters: MutableMapping[Parameter, Parameter] | None,
    ) -> None:
        self.layers, self.optimizer = layers, optimizer
        self._masters = {} if masters is None else masters

    def factors(self) -> Iterator[Factor]:
        for module, layer in self.layers.items():
            for side in SIDES:
                parameter: Parameter = getattr(layer, side)
                yield Factor(module, side, parameter, self._masters.get(parameter, parameter))

    def masters(self) -> list[Parameter]:
        """The optimizer's state for the factors."""
        return [factor.master for factor in self.factors()]

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        for factor in self.factors():
            yield tensor_name(factor.module, factor.side), factor.parameter

    @property
    def rank(self) -> int:
        """The largest rank of all layers."""
        return max(self.ranks.values())

    @property
    def ranks(self) -> dict[str, int]:
        return {module: rank_of(layer) for module, layer in self.layers.items()}

    def check(self) -> None:
        """Raises UnsupportedError or MismatchError for what cannot be annealed, and warns about state that cannot be
        carried."""
        if not self.layers:
            raise MismatchError("NO_LAYERS", "there are no layers: pass {module name: layer}, such as peft_layers(model)")
        refuse_optimizer(self.optimizer)
        held = {id(parameter) for group in self.optimizer.param_groups for parameter in group["params"]}
        for module, layer in self.layers.items():
            refuse_kohya(module, layer)
        for module, side, parameter, master in self.factors():
            name = tensor_name(module, side)
            refuse_sharded_parameter(name, parameter)
            if master.shape != parameter.shape:
                shapes = f"{list(master.shape)}, not {list(parameter.shape)}"
                raise MismatchError("MASTER_SHAPE", f"the master of {name} has shape {shapes}: pass {{parameter: master}}")
            if id(master) not in held:
                raise MismatchError(
                    "NOT_IN_OPTIMIZER",
                    f"the optimizer does not hold {name}: make it over the parameters as they are now, or pass masters= where "
                    "it steps float32 copies",
                )
        for module, layer in self.layers.items():
            a, b = layer.lora_A, layer.lora_B
            if a.dim() != 2 or b.dim() != 2 or a.shape[0] != b.shape[1]:
                shapes = f"lora_A {list(a.shape)} and lora_B {list(b.shape)}"
                raise MismatchError("LAYER_SHAPE", f"{module} has {shapes}: they must be [r, in] and [out, r]")
        self._check_state()
        check_carriable(self.optimizer, self.masters())

    def _check_state(self) -> None:
        """Detects state of other shapes, for example after loading one of another rank, before it breaks a step or a
        squeeze."""
        for module, side, _, master in self.factors():
            for key, value in (self.optimizer.state.get(master) or {}).items():
                is_wrong = isinstance(value, torch.Tensor) and value.dim() == 2 and value.shape != master.shape
                # Adafactor's rows and columns have other shapes by design.
                if is_wrong and key in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer"):
                    raise MismatchError(
                        "OPTIMIZER_STATE_SHAPE",
                        f"the optimizer's {key} of {tensor_name(module, side)} has shape {list(value.shape)}, not "
                        f"{list(master.shape)}: restore model and optimizer of the same step",
                    )

    def values(self) -> dict[str, Factors]:
        """By module: the trained parameters (masters if there are any), not copied."""
        found = {(factor.module, factor.side): factor.master.detach() for factor in self.factors()}
        return {
            module: Factors(found[module, "lora_A"], found[module, "lora_B"], float(layer.scaling))
            for module, layer in self.layers.items()
        }

    def moments(self) -> Moments:
        """By module and name, not copied; empty if the optimizer keeps no moments, or only some that cannot be
        carried."""
        states = iter(moments_of(self.optimizer, self.masters()))
        pairs = {module: (next(states), next(states)) for module in self.layers}
        if not any(a for a, _ in pairs.values()):
            return {}
        return {module: {name: Pair(a[name], b[name]) for name in a} for module, (a, b) in pairs.items()}

    def load(self, squeezed: SqueezeResult) -> None:
        """Puts the result of a squeeze in place: parameters, masters, the optimizer's state, scaling, rank and
        alpha."""
        # Everything is created before anything changes.
        new = [(factor, *self._new(factor, squeezed)) for factor in self.factors()]
        replacements = {factor.master: master for factor, _, master in new}
        carried = squeezed.moments if squeezed.optimizer == "carried" else {}
        moments = {
            master: {name: getattr(pair, factor.side) for name, pair in carried.get(factor.module, {}).items()}
            for factor, _, master in new
        }
        replace_parameters(self.optimizer, replacements, moments)
        for factor, parameter, master in new:
            setattr(self.layers[factor.module], factor.side, parameter)
            if self._masters.pop(factor.parameter, None) is not None:
                self._masters[parameter] = master
        for module, layer in self.layers.items():
            set_scaling(layer, squeezed.factors[module].scaling)

    @staticmethod
    def _new(factor: Factor, squeezed: SqueezeResult) -> tuple[Parameter, Parameter]:
        values: torch.Tensor = getattr(squeezed.factors[factor.module], factor.side)
        master = _parameter_like(factor.master, values)
        return (master if factor.master is factor.parameter else _parameter_like(factor.parameter, values)), master


def _parameter_like(old: Parameter, values: torch.Tensor) -> Parameter:
    return Parameter(values.detach().to(old.device, old.dtype), requires_grad=old.requires_grad)
