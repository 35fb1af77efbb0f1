"""Squeezes LoRA layers in this process, with torch: what the service's checkpoint jobs do, without the service.

    squeezed = squeeze_layers({"q_proj": Factors(lora_A, lora_B, scaling)}, 8, moments=moments)

The decomposition is exact: QR of both factors and the SVD of the r×r core, in float64. Ranks, factors, moments, revived
directions and the learning-rate hint follow the rules of the service (docs/squeezing-for-training.md).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from lora_squeeze.errors import SqueezeError

__all__ = ["Factors", "Goal", "Pair", "SqueezeResult", "squeeze_layers"]

#: Moments of optimizers that can be carried, with the power of the gradient that each of them averages.
MOMENTS: Mapping[str, int] = {"exp_avg": 1, "momentum_buffer": 1, "exp_avg_sq": 2, "max_exp_avg_sq": 2}
#: A singular value below this share of the largest counts as 0, as in the service.
RESOLUTION = 1e-7
#: Tolerance for rounding when a goal is met exactly.
_SLACK = 1e-12
#: Expected ‖row‖² of a revived row of lora_A.
_REVIVED_ROW = 1 / 3


class Factors(NamedTuple):
    """A layer's update is ΔW = scaling·lora_B·lora_A, with lora_A [r, in] and lora_B [out, r]."""

    lora_A: Tensor
    lora_B: Tensor
    scaling: float


class Pair(NamedTuple):
    """One moment of both factors of a layer, each of the shape of its factor."""

    lora_A: Tensor
    lora_B: Tensor


@dataclass(frozen=True)
class Goal:
    """The smallest ranks that keep `energy` of each layer's Σσ², or that stay within a relative error of `tolerance`
    (exactly one of them), within min_rank and max_rank. uniform: all layers get the largest of these ranks."""

    energy: float | None = None
    tolerance: float | None = None
    min_rank: int = 1
    max_rank: int | None = None
    uniform: bool = True

    def __post_init__(self) -> None:
        if (self.energy is None) == (self.tolerance is None):
            raise ValueError("a Goal takes exactly one of energy and tolerance")
        for name, value in (("energy", self.energy), ("tolerance", self.tolerance)):
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{name} is {value} but must be between 0 and 1")
        if self.min_rank < 1 or (self.max_rank is not None and self.max_rank < 1):
            raise ValueError(f"min_rank and max_rank must be at least 1, not {self.min_rank} and {self.max_rank}")


Moments = Mapping[str, Mapping[str, Pair]]


@dataclass
class SqueezeResult:
    """The result of squeeze_layers. Layers whose rank did not change have the same tensor objects as the input."""

    factors: dict[str, Factors] = field(default_factory=dict)
    #: By layer and name; empty if they were reset or none were given.
    moments: dict[str, dict[str, Pair]] = field(default_factory=dict)
    #: What happened to the moments: carried, reset, or none (none were given, or no rank changed).
    optimizer: str = "none"
    #: Singular values of ΔW before the squeeze, by layer: descending, in float64, with the scaling.
    singular_values: dict[str, Tensor] = field(default_factory=dict)
    #: If Adam's learning rate is multiplied by this, a step changes ΔW by as much as before the squeeze.
    learning_rate_factor: float = 1.0
    revived_directions: int = 0
    #: ‖ΔW − ΔW′‖ / ‖ΔW‖ over all layers, with the factors rounded to their dtype. Values below 1e-7 mean no error.
    relative_error: float = 0.0

    @property
    def ranks(self) -> dict[str, int]:
        return {name: layer.lora_A.shape[0] for name, layer in self.factors.items()}

    @property
    def energy_retained(self) -> float:
        return 1 - self.relative_error**2


@torch.no_grad()
def squeeze_layers(
    factors: Mapping[str, Factors],
    ranks: int | Mapping[str, int] | Goal,
    *,
    moments: Moments | None = None,
    alpha: str = "keep",
    revive: bool = True,
    optimizer: str = "carry",
    seed: int = 0,
) -> SqueezeResult:
    """Squeezes every layer to its rank. Nothing that comes in is changed.

    factors: by layer name. Results have their dtypes and devices; the arithmetic is in float64 on the same device, or
        on the CPU where the device has no float64 (Apple's MPS). One layer at a time.
    ranks: one for all layers, one for each, or a Goal. No layer gets more than its own rank.
    moments: by layer and by name (MOMENTS): first moments follow the chain rule exactly, second ones as if the
        gradient's columns were uncorrelated. Where r exceeds in or out that estimate may differ from the service's.
    alpha: keep leaves the scaling s, sqrt lets it grow by √(r/k).
    revive: directions of length zero get lora_B = 0 and a random lora_A (variance 1/(3·in)), so that they can be
        trained; the numbers depend on `seed` and the layer's name only.
    optimizer: carry, or reset: no moments.

    Raises SqueezeError with the service's codes: NON_FINITE_WEIGHTS, NON_FINITE_RESULT, OPTIMIZER_STATE_INVALID;
    ValueError for arguments that do not fit.
    """
    _check_arguments(factors, moments, alpha, optimizer)
    chosen = _ranks_by_goal(factors, ranks) if isinstance(ranks, Goal) else _ranks_as_given(factors, ranks)
    squeezed = SqueezeResult()
    before = after = lost = energy = 0.0
    for name, layer in factors.items():
        layer_moments = moments[name] if moments and optimizer == "carry" else {}
        one = _squeeze_layer(name, layer, chosen[name], layer_moments, alpha, revive, seed)
        squeezed.factors[name] = one.factors
        squeezed.singular_values[name] = one.sigma * abs(layer.scaling)
        squeezed.revived_directions += one.revived
        if layer_moments:
            squeezed.moments[name] = one.moments
        before, after = before + one.step_before, after + one.step_after
        energy, lost = energy + one.energy, lost + one.lost
    if before > 0 and after > 0:
        squeezed.learning_rate_factor = math.sqrt(before / after)
    squeezed.relative_error = math.sqrt(lost / energy) if energy > 0 else 0.0
    is_changed = any(rank < factors[name].lora_A.shape[0] for name, rank in chosen.items())
    if moments and is_changed:
        squeezed.optimizer = "carried" if optimizer == "carry" else "reset"
    elif moments:
        squeezed.moments = {name: dict(pairs) for name, pairs in moments.items()}
    return squeezed


class _Core(NamedTuple):
    """The decomposition B·A = (Q_B·U)·diag(σ)·(Vᵀ·Q_Aᵀ), stored in coordinates of the factors, so that no matrix is
    larger than r×r."""

    root_a: Tensor  # R of lora_A's transpose, [min(in, r), r]
    root_b: Tensor  # R of lora_B, [min(out, r), r]
    left: Tensor
    sigma: Tensor  # [r], with zeros where the shape holds fewer
    right: Tensor


class _One(NamedTuple):
    factors: Factors
    moments: dict[str, Pair]
    sigma: Tensor
    revived: int
    #: The expected ‖δΔW‖² of an Adam step with a learning rate of 1: s²·(out·‖A‖² + in·‖B‖²).
    step_before: float
    step_after: float
    energy: float
    lost: float


def _squeeze_layer(
    name: str, layer: Factors, rank: int, moments: Mapping[str, Pair], alpha: str, revive: bool, seed: int
) -> _One:
    own = layer.lora_A.shape[0]
    a, b = _exact(layer.lora_A), _exact(layer.lora_B)
    core = _core(name, a, b)
    sigma = core.sigma
    energy = layer.scaling**2 * float((sigma**2).sum())
    step_before = layer.scaling**2 * _step_size(a, b)
    if rank >= own:
        return _One(layer, dict(moments), sigma, 0, step_before, step_before, energy, 0.0)
    growth = math.sqrt(own / rank) if alpha == "sqrt" else 1.0
    p, r = _transfer(core, rank, growth)
    new_a, new_b = (r @ a).to(layer.lora_A.dtype), (b @ p).to(layer.lora_B.dtype)
    for factor, values in (("lora_A", new_a), ("lora_B", new_b)):
        if not bool(torch.isfinite(values).all()):
            raise _error("NON_FINITE_RESULT", f"{factor} of layer {name!r} does not fit {values.dtype} at rank {rank}.")
    scaling = layer.scaling * growth
    written_a, written_b = new_a.to(a.dtype), new_b.to(b.dtype)
    # ‖s·B·A − s′·B′·A′‖², computed from products of size r×k and k×k of the rounded numbers.
    inner = float(((b.T @ written_b) * (a @ written_a.T)).sum())
    norm = float(((written_b.T @ written_b) * (written_a @ written_a.T)).sum())
    lost = max(0.0, energy - 2 * layer.scaling * scaling * inner + scaling**2 * norm)
    step_after = scaling**2 * _step_size(written_a, written_b)
    carried = {moment: _carry(name, moment, pair, p, r, growth) for moment, pair in moments.items()}
    dead = (sigma[:rank] == 0).nonzero().flatten() if revive else sigma.new_empty(0, dtype=torch.long)
    if len(dead):
        generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
        rows = torch.randn(rank, a.shape[1], generator=generator, dtype=torch.float64) / math.sqrt(3 * a.shape[1])
        new_a[dead.to(new_a.device)] = rows[dead.cpu()].to(new_a.device, new_a.dtype)
        step_after += scaling**2 * b.shape[0] * len(dead) * _REVIVED_ROW
    result = Factors(new_a.to(layer.lora_A.device), new_b.to(layer.lora_B.device), scaling)
    return _One(result, carried, sigma, len(dead), step_before, step_after, energy, lost)


def _core(name: str, a: Tensor, b: Tensor) -> _Core:
    for factor, values in (("lora_A", a), ("lora_B", b)):
        if not bool(torch.isfinite(values).all()):
            raise _error("NON_FINITE_WEIGHTS", f"{factor} of layer {name!r} holds NaN or infinity.")
    root_a, root_b = (torch.linalg.qr(tall, mode="r").R for tall in (a.T, b))
    left, found, right = torch.linalg.svd(root_b @ root_a.T, full_matrices=False)
    sigma = a.new_zeros(a.shape[0])
    sigma[: len(found)] = torch.where(found > found[0] * RESOLUTION, found, 0)
    return _Core(root_a, root_b, left, sigma, right)


def _transfer(core: _Core, rank: int, growth: float) -> tuple[Tensor, Tensor]:
    """P [r, k] and R [k, r] with B′ = B·P and A′ = R·A, √σ in both; zeros where σ is.

    B′ = Q_B·U·√σ is B·P with P = R_Aᵀ·V/√σ, as B·R_Aᵀ = Q_B·U·diag(σ)·Vᵀ; R likewise from the other side.
    """
    found = min(rank, core.left.shape[1])
    sigma = core.sigma[:found]
    weights = torch.where(sigma > 0, (sigma.clamp_min(1e-300) * growth).rsqrt(), 0)
    p, r = core.sigma.new_zeros(len(core.sigma), rank), core.sigma.new_zeros(rank, len(core.sigma))
    p[:, :found] = core.root_a.T @ core.right[:found].T * weights
    r[:found] = (core.left[:, :found] * weights).T @ core.root_b
    return p, r


def _carry(name: str, moment: str, pair: Pair, p: Tensor, r: Tensor, growth: float) -> Pair:
    """First moments: ∂L/∂B′ = ρ·(∂L/∂B)·Rᵀ and ∂L/∂A′ = ρ·Pᵀ·(∂L/∂A) with ρ = s′/s. Averages of squares use ρ² and the
    squares of the entries, as if the columns of the gradient were uncorrelated."""
    is_square = MOMENTS[moment] == 2
    if is_square:
        for factor, values in zip(Pair._fields, pair):
            if bool((values < 0).any()):
                raise _error("OPTIMIZER_STATE_INVALID", f"{moment} of {factor} of layer {name!r} holds negative numbers.")
        p, r, growth = p**2, r**2, growth**2
    a, b = growth * (p.T @ _exact(pair.lora_A)), growth * (_exact(pair.lora_B) @ r.T)
    carried = Pair(*(new.to(old.dtype).to(old.device) for new, old in zip((a, b), pair)))
    for factor, values in zip(Pair._fields, carried):
        if not bool(torch.isfinite(values).all()):
            detail = f"{moment} of {factor} of layer {name!r} holds NaN or infinity, or does not fit {values.dtype}."
            raise _error("OPTIMIZER_STATE_INVALID", detail)
    return carried


def _ranks_as_given(factors: Mapping[str, Factors], ranks: int | Mapping[str, int]) -> dict[str, int]:
    chosen = {name: ranks if isinstance(ranks, int) else ranks[name] for name in factors}
    for name, rank in chosen.items():
        if rank < 1:
            raise ValueError(f"rank {rank} of layer {name!r} is below 1")
    return {name: min(rank, _largest_rank(factors[name])) for name, rank in chosen.items()}


def _largest_rank(layer: Factors) -> int:
    """The number of directions of an update, which its shape limits."""
    return min(*layer.lora_A.shape, layer.lora_B.shape[0])


def _ranks_by_goal(factors: Mapping[str, Factors], goal: Goal) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for name, layer in factors.items():
        sigma = _core(name, _exact(layer.lora_A), _exact(layer.lora_B)).sigma.tolist()
        wanted[name] = _rank_for(sigma, goal)
    largest = max(wanted.values(), default=1)

    def limited(name: str) -> int:
        layer = factors[name]
        own = layer.lora_A.shape[0] if goal.uniform else _largest_rank(layer)
        cap = own if goal.max_rank is None else min(own, goal.max_rank)
        return min(max(largest if goal.uniform else wanted[name], goal.min_rank), cap)

    return {name: limited(name) for name in factors}


def _rank_for(sigma: list[float], goal: Goal) -> int:
    """The smallest rank, at least 1, that meets the goal. sigma: descending, complete."""
    squares = [value * value for value in sigma]
    if goal.energy is not None:
        wanted, kept = goal.energy * sum(squares) * (1 - _SLACK), 0.0
        for rank, square in enumerate(squares, start=1):
            kept += square
            if kept >= wanted:
                return rank
        return len(squares)
    # Summed from the smallest value, so that the error stays exact if almost nothing is cut.
    assert goal.tolerance is not None
    allowed, tail = goal.tolerance**2 * sum(squares) * (1 + _SLACK), 0.0
    for rank in range(len(squares), 1, -1):
        tail += squares[rank - 1]
        if tail > allowed:
            return rank
    return 1


def _check_arguments(factors: Mapping[str, Factors], moments: Moments | None, alpha: str, optimizer: str) -> None:
    if alpha not in ("keep", "sqrt"):
        raise ValueError(f"alpha is {alpha!r} but must be keep or sqrt")
    if optimizer not in ("carry", "reset"):
        raise ValueError(f"optimizer is {optimizer!r} but must be carry or reset")
    for name, (a, b, _) in factors.items():
        if a.dim() != 2 or b.dim() != 2 or a.shape[0] != b.shape[1]:
            raise ValueError(f"layer {name!r} has lora_A {list(a.shape)} and lora_B {list(b.shape)}: no [r, in], [out, r]")
        for moment, pair in (moments or {}).get(name, {}).items():
            if moment not in MOMENTS:
                raise ValueError(f"{moment} of layer {name!r} cannot be carried; these can: {', '.join(MOMENTS)}")
            if pair.lora_A.shape != a.shape or pair.lora_B.shape != b.shape:
                shapes = f"{list(pair.lora_A.shape)} and {list(pair.lora_B.shape)}"
                raise _error("OPTIMIZER_STATE_INVALID", f"{moment} of layer {name!r} has shapes {shapes}, not its factors'.")
    if moments and moments.keys() != factors.keys():
        raise ValueError(f"moments must be those of all layers: {sorted(moments.keys() ^ factors.keys())}")


def _exact(values: Tensor) -> Tensor:
    """Converts to float64, on the CPU if the device does not support float64."""
    values = values.detach()
    return (values.cpu() if values.device.type == "mps" else values).to(torch.float64)


def _step_size(a: Tensor, b: Tensor) -> float:
    return float(b.shape[0] * (a * a).sum() + a.shape[1] * (b * b).sum())


def _error(code: str, detail: str) -> SqueezeError:
    return SqueezeError({"code": code, "detail": detail})
