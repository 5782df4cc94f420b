"""Losses on controls alone: they keep a synthesiser from answers that sound right by accident."""

import math
from collections.abc import Mapping

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, loss, option
from ddspcore.builtin.synths import audible
from ddspcore.controls import ANY

DISTRIBUTION = Control("harmonic_distribution", unit="simplex", channels=ANY)

Controls = Mapping[str, Tensor]


@loss("harmonic-entropy")
class HarmonicEntropy(nn.Module):
    """Entropy that the harmonics' distribution lacks: from 0, where it is even, to ln(partials).

    In nats, the mean over frames. Pushes energy from the strong harmonics to all the others.
    """

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the distribution."""
        return (DISTRIBUTION,)

    def forward(self, controls: Controls) -> Tensor:
        """Return the penalty. Shape: distribution [B,N,K] -> scalar."""
        shares = controls["harmonic_distribution"]
        # A share of zero has no entropy, and its gradient is finite.
        entropy = -(shares * shares.clamp(min=torch.finfo(shares.dtype).tiny).log()).sum(-1)
        return math.log(shares.shape[-1]) - entropy.mean()


@loss("harmonic-concentration")
class HarmonicConcentration(nn.Module):
    """Sum of squared shares above that of an even distribution: 0 to 1 - 1 / partials.

    The mean over frames. Acts where one harmonic takes nearly all, and leaves the others alone.
    """

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the distribution."""
        return (DISTRIBUTION,)

    def forward(self, controls: Controls) -> Tensor:
        """Return the penalty. Shape: distribution [B,N,K] -> scalar."""
        shares = controls["harmonic_distribution"]
        return shares.square().sum(-1).mean() - 1.0 / shares.shape[-1]


@loss("noise-dominance")
class NoiseDominance(nn.Module):
    """Mean square of the level that noise has above the tone, where there should be one.

    Levels are RMS amplitudes of what the two synths make of a frame, and a frame counts by how
    voiced it is: breath and silence are free. With H and R the levels of harmonics and noise, it is
    the mean over frames of voicing * max(R - ratio * H, 0)^2.
    """

    @frozen
    class Options:
        """Options of the penalty on noise."""

        ratio: float = option(
            1.0, ge=0.0, help="level of noise that a harmonic tone of level 1 may have"
        )

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.ratio = opt.ratio
        self.sample_rate = round(ctx.rate("sample"))

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare what both synths play from, and where there is a tone."""
        return (
            Control("f0_hz", unit="hz"),
            Control("voicing", unit="probability"),
            Control("harmonic_amplitude"),
            DISTRIBUTION,
            Control("noise_magnitudes", channels=ANY),
        )

    def forward(self, controls: Controls) -> Tensor:
        """Return the penalty. Shape: controls [B,N,C] -> scalar."""
        shares = audible(controls["harmonic_distribution"], controls["f0_hz"], self.sample_rate)
        tone = harmonic_level(controls["harmonic_amplitude"] * shares)
        excess = noise_level(controls["noise_magnitudes"]) - self.ratio * tone
        return (controls["voicing"] * excess.clamp(min=0.0).square()).mean()


def harmonic_level(amplitudes: Tensor) -> Tensor:
    """Return the RMS of sines of these amplitudes. Shape: [B,N,K] -> [B,N,1]."""
    return _root(amplitudes.square().sum(-1, keepdim=True) / 2.0)


def noise_level(magnitudes: Tensor) -> Tensor:
    """Return the RMS of noise in [-1, 1) under a frequency response sampled from 0 to Nyquist.

    Shape: [B,N,bands] -> [B,N,1].
    """
    power = magnitudes.square()
    between = (power[..., 1:] + power[..., :-1]) / 2.0
    return _root(between.mean(-1, keepdim=True) / 3.0)


def _root(power: Tensor) -> Tensor:
    return power.clamp(min=torch.finfo(power.dtype).tiny).sqrt()
