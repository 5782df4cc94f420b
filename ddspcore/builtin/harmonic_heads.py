"""Other ways than the `harmonic` head's from hidden frames to the controls of a harmonic tone.

They differ in the functions that turn two linear maps into an amplitude and a distribution.
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, OptionError, head, option
from ddspcore.builtin.heads import still_linear
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.scales import FLOOR, db_to_amplitude

Controls = Mapping[str, Tensor]


@head("harmonic-softmax")
class HarmonicSoftmax(nn.Module):
    """A softmax over the harmonics, and an amplitude that moves evenly in decibels.

    A high temperature makes the harmonics even, a low one picks the strongest; scheduled from high
    to low, all of them are heard while training decides. A new head gives a sawtooth at
    `initial_db` and a temperature of 1.
    """

    @frozen
    class Options:
        """Options of the softmax head."""

        partials: int = option(64, ge=1, help="harmonics, the fundamental included")
        temperature: float = option(
            1.0, ge=1e-3, scheduled=True, help="divides the logits: high is even, low picks one"
        )
        floor: float = option(0.0, ge=0.0, le=1.0, help="share that all harmonics divide evenly")
        min_db: float = option(-60.0, unit="dB", help="lowest amplitude")
        max_db: float = option(6.0, unit="dB", help="highest amplitude")
        initial_db: float = option(-36.0, unit="dB", help="amplitude that training starts from")

        def __attrs_post_init__(self) -> None:
            if self.max_db <= self.min_db:
                raise OptionError("max_db", f"{self.max_db:g} is not above min_db, {self.min_db:g}")
            if not self.min_db < self.initial_db < self.max_db:
                between = f"between min_db, {self.min_db:g}, and max_db, {self.max_db:g}"
                raise OptionError("initial_db", f"{self.initial_db:g} is not {between}")

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        self.opt = opt
        start = (opt.initial_db - opt.min_db) / (opt.max_db - opt.min_db)
        self.amplitude = still_linear(width, [math.log(start / (1.0 - start))])
        self.distribution = still_linear(width, [-math.log(k) for k in range(1, opt.partials + 1)])

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the amplitude and the distribution of the harmonics."""
        return tone(opt.partials, loudest=10.0 ** (opt.max_db / 20.0))

    def forward(self, hidden: Tensor) -> Controls:
        """Return both controls. Shape: hidden [B,N,width] -> [B,N,1] and [B,N,partials]."""
        opt, temperature = self.opt, cast(Tensor, self.temperature)
        return {
            "harmonic_amplitude": between_db(self.amplitude(hidden), opt.min_db, opt.max_db),
            "harmonic_distribution": softmax(self.distribution(hidden), temperature, opt.floor),
        }


@head("harmonic-softplus")
class HarmonicSoftplus(nn.Module):
    """Softplus amplitudes divided by their sum, and a softplus amplitude without an upper end.

    A new head gives a sawtooth at `initial_db`.
    """

    @frozen
    class Options:
        """Options of the softplus head."""

        partials: int = option(64, ge=1, help="harmonics, the fundamental included")
        initial_db: float = option(
            -36.0, ge=-120.0, le=20.0, unit="dB", help="amplitude that training starts from"
        )

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        sawtooth = [inverse_softplus(1.0 / k) for k in range(1, opt.partials + 1)]
        self.amplitude = still_linear(width, [inverse_softplus(10.0 ** (opt.initial_db / 20.0))])
        self.distribution = still_linear(width, sawtooth)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the amplitude and the distribution of the harmonics."""
        return tone(opt.partials, loudest=None)

    def forward(self, hidden: Tensor) -> Controls:
        """Return both controls. Shape: hidden [B,N,width] -> [B,N,1] and [B,N,partials]."""
        amplitude, shares = softplus(self.amplitude(hidden)), softplus(self.distribution(hidden))
        return {
            "harmonic_amplitude": amplitude,
            "harmonic_distribution": shares / shares.sum(-1, keepdim=True),
        }


@head("harmonic-sigmoid")
class HarmonicSigmoid(nn.Module):
    """Harmonics that do not compete: a sigmoid each, times a gain, divided by their number.

    What is loud is so by many harmonics at once. The distribution is that of the sigmoids, the
    amplitude the gain times their mean. A new head gives a sawtooth whose fundamental is at half.
    """

    @frozen
    class Options:
        """Options of the sigmoid head."""

        partials: int = option(64, ge=1, help="harmonics, the fundamental included")
        initial_gain: float = option(0.5, gt=0.0, lt=1.0, help="gain that training starts from")

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        sawtooth = [-math.log(2.0 * k - 1.0) for k in range(1, opt.partials + 1)]
        self.gain = still_linear(width, [math.log(opt.initial_gain / (1.0 - opt.initial_gain))])
        self.distribution = still_linear(width, sawtooth)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the amplitude and the distribution of the harmonics."""
        return tone(opt.partials, loudest=1.0)

    def forward(self, hidden: Tensor) -> Controls:
        """Return both controls. Shape: hidden [B,N,width] -> [B,N,1] and [B,N,partials]."""
        gain, levels = sigmoid(self.gain(hidden)), sigmoid(self.distribution(hidden))
        return {
            "harmonic_amplitude": gain * levels.mean(-1, keepdim=True),
            "harmonic_distribution": levels / levels.sum(-1, keepdim=True),
        }


def tone(partials: int, loudest: float | None) -> tuple[Control, ...]:
    """Return the records of a tone's two controls."""
    return (
        Control("harmonic_amplitude", unit="linear", lo=0.0, hi=loudest),
        Control("harmonic_distribution", unit="simplex", channels=partials, lo=0.0, hi=1.0),
    )


@full_precision
def softmax(logits: Tensor, temperature: Tensor, floor: float) -> Tensor:
    """Return the softmax at a temperature, with `floor` of it spread evenly. Shape: [...,K]."""
    return (1.0 - floor) * torch.softmax(logits / temperature, -1) + floor / logits.shape[-1]


@full_precision
def between_db(logit: Tensor, min_db: float, max_db: float) -> Tensor:
    """Map any number to an amplitude between two levels, evenly in decibels around the middle."""
    return db_to_amplitude(min_db + (max_db - min_db) * torch.sigmoid(logit))


@full_precision
def softplus(logit: Tensor) -> Tensor:
    """Map any number to an amplitude above 1e-7."""
    return F.softplus(logit) + FLOOR


def inverse_softplus(amplitude: float) -> float:
    """Return the number that `softplus` maps to `amplitude`."""
    return math.log(math.expm1(amplitude - FLOOR))


@full_precision
def sigmoid(logit: Tensor) -> Tensor:
    """Map any number to an amplitude between 1e-7 and 1."""
    return FLOOR + (1.0 - FLOOR) * torch.sigmoid(logit)
