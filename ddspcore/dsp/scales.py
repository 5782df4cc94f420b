"""Scales: between physical units, and from a physical unit to about [0, 1] for a network."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.controls import Control
from ddspcore.dsp.precision import full_precision

FLOOR = 1e-7
"""The least amplitude that the scales tell from silence (-140 dB)."""


@full_precision
def exp_sigmoid(x: Tensor) -> Tensor:
    """Map any number to an amplitude between 1e-7 and 2, exponentially at the low end.

    Differentiable once.

    Source: Engel et al., DDSP (ICLR 2020), equation 5: 2 sigmoid(x)^ln(10) + 1e-7.
    """
    amplitude: Tensor = _ExpSigmoid.apply(x)
    return amplitude


class _ExpSigmoid(torch.autograd.Function):
    """Keeps what comes out and nothing else: what follows keeps that too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = F.logsigmoid(x).mul_(math.log(10.0)).exp_().mul_(2.0).add_(FLOOR)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        power = (y - FLOOR).clamp_min_(0.0)  # 2 sigmoid(x)^ln(10)
        below_one: Tensor = (0.5 * power).pow_(1.0 / math.log(10.0)).neg_().add_(1.0)  # sigmoid(-x)
        return below_one.mul_(power).mul_(grad).mul_(math.log(10.0))


def exp_sigmoid_(x: Tensor) -> Tensor:
    """Do in place what `exp_sigmoid` does, in fewer operations; without a gradient."""
    return x.sigmoid_().pow_(math.log(10.0)).mul_(2.0).add_(FLOOR)


def inverse_exp_sigmoid(amplitude: float) -> float:
    """Return the number that `exp_sigmoid` maps to `amplitude`, between 1e-7 and 2."""
    root = ((amplitude - FLOOR) / 2.0) ** (1.0 / math.log(10.0))
    return math.log(root / (1.0 - root))


@full_precision
def hz_to_midi(hz: Tensor) -> Tensor:
    """Convert frequency to MIDI note number: 440 Hz is 69, an octave is 12."""
    return 69.0 + 12.0 * torch.log2(hz.clamp(min=FLOOR) / 440.0)


@full_precision
def cents(a_hz: Tensor, b_hz: Tensor) -> Tensor:
    """Return how far `a_hz` lies above `b_hz`, in cents."""
    return 1200.0 * torch.log2(a_hz.clamp(min=FLOOR) / b_hz.clamp(min=FLOOR))


@full_precision
def raised(hz: Tensor, by_cents: Tensor) -> Tensor:
    """Return frequencies that many cents higher."""
    return hz * torch.exp2(by_cents / 1200.0)


@full_precision
def db_to_amplitude(db: Tensor) -> Tensor:
    """Convert decibels to linear amplitude: 0 dB is 1, -20 dB is 0.1."""
    return torch.exp(db * (math.log(10.0) / 20.0))


@full_precision
def amplitude_to_db(amplitude: Tensor, floor_db: float = -140.0) -> Tensor:
    """Convert linear amplitude to decibels, with silence (and its gradient) held at the floor."""
    return (20.0 / math.log(10.0)) * torch.log(amplitude.clamp(min=10.0 ** (floor_db / 20.0)))


@full_precision
def power_to_db(power: Tensor, floor_db: float = -140.0) -> Tensor:
    """Convert power to decibels, with silence (and its gradient) held at the floor."""
    return (10.0 / math.log(10.0)) * torch.log(power.clamp(min=10.0 ** (floor_db / 10.0)))


def linear_of(control: Control, x: Tensor) -> Tensor:
    """Return what `to_unit` is linear in: octaves if the control is in Hz, else its values."""
    return torch.log2(x.clamp(min=FLOOR)) if control.unit == "hz" else x


def to_unit(control: Control, x: Tensor) -> Tensor:
    """Scale a control to about [0, 1], by its unit and bounds; values outside stay outside.

    Hertz go by octaves, from 0 at `lo` to 1 at `hi` (the MIDI range where there are no bounds);
    decibels and everything else with two bounds go linearly (decibels without bounds: -80..0);
    what has no bounds stays as it is.
    """
    lo, hi = control.lo, control.hi
    if control.unit == "hz":
        if lo is None or hi is None or lo <= 0.0:
            return hz_to_midi(x) / 127.0
        return torch.log2(x.clamp(min=FLOOR) / lo) / math.log2(hi / lo)
    if control.unit in ("probability", "ratio", "simplex"):
        return x
    if control.unit == "db" and (lo is None or hi is None):
        lo, hi = -80.0, 0.0
    if lo is None or hi is None:
        return x
    return (x - lo) / (hi - lo)
