"""The reference's other losses: on the waveform, and on the controls of all rows.

They are divided by nothing, where the spectral loss is divided by T twice: beside that one a weight
of 0.05 counts as much as 400 would.
"""

import math
from collections.abc import Mapping

import torch.nn.functional as F
from attrs import frozen
from ddspcore import Context, Control, loss, option
from ddspcore.controls import ANY
from torch import Tensor, nn

from ddsp_dgen.features import LOUDNESS, VOICING, unit_loudness

SHARES = Control("harmonic_shares", axis="row", channels=ANY)
HARMONIC = Control("harmonic_gain", axis="row")
NOISE = Control("noise_gain", axis="row")

Controls = Mapping[str, Tensor]


@loss("mse")
class Mse(nn.Module):
    """Mean square of the difference between waveforms."""

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the distance. Shape: both [B,T] -> scalar."""
        return (pred - target).square().mean()


def to_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return values by window with zeros for the rows beyond. Shape: [B,F,1] -> [B,rows,1]."""
    return F.pad(values, (0, 0, 0, rows.shape[1] - values.shape[1]))


def envelope(controls: Controls) -> Tensor:
    """Return the gain that is heard: the harmonic one where voiced, else that of the noise.

    Rows beyond the windows count as unvoiced. Shape: -> [B,rows,1].
    """
    harmonic, noise = controls["harmonic_gain"], controls["noise_gain"]
    voicing = to_rows(controls["voicing"], harmonic)
    return harmonic * voicing + noise * (1 - voicing)


def target_envelope(controls: Controls) -> Tensor:
    """Return the loudness between 0 and 1, 0 beyond the windows. Shape: -> [B,rows,1]."""
    return to_rows(unit_loudness(controls["loudness_db"]), controls["harmonic_gain"])


@loss("loudness-linear")
class LinearLoudness(nn.Module):
    """Mean square of gain minus loudness, though one is linear and the other is of decibels."""

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the gains, and what they should be."""
        return (HARMONIC, NOISE, VOICING, LOUDNESS)

    def forward(self, controls: Controls) -> Tensor:
        """Return the distance."""
        return (envelope(controls) - target_envelope(controls)).square().mean()


@loss("loudness-db")
class DecibelLoudness(nn.Module):
    """Mean absolute difference of gain and loudness, both between -80 and 0 dB as 0 to 1."""

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the gains, and what they should be."""
        return (HARMONIC, NOISE, VOICING, LOUDNESS)

    def forward(self, controls: Controls) -> Tensor:
        """Return the distance."""
        gain_db = (20 / math.log(10)) * (envelope(controls) + 1e-4).log()
        return (unit_loudness(gain_db) - target_envelope(controls)).abs().mean()


@loss("noise-dominance")
class NoiseDominance(nn.Module):
    """Mean square of what the noise gain has above a multiple of the harmonic gain."""

    @frozen
    class Options:
        """Options of the regulariser."""

        ratio: float = option(1.0, ge=0, help="noise gain that is allowed for a harmonic gain of 1")

    def __init__(self, opt: Options):
        super().__init__()
        self.ratio = opt.ratio

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the gains."""
        return (HARMONIC, NOISE)

    def forward(self, controls: Controls) -> Tensor:
        """Return the penalty."""
        above = controls["noise_gain"] - self.ratio * controls["harmonic_gain"]
        return above.clamp(min=0.0).square().mean()


@loss("entropy")
class Entropy(nn.Module):
    """How far the harmonics' distribution is from even: the entropy it lacks, in nats.

    Made for the `softmax-db` head, whose shares sum to one.
    """

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the shares."""
        return (SHARES,)

    def forward(self, controls: Controls) -> Tensor:
        """Return the penalty."""
        shares = controls["harmonic_shares"]
        entropy = -(shares * (shares + 1e-8).log()).sum(-1)
        return math.log(shares.shape[-1]) - entropy.mean()


@loss("concentration")
class Concentration(nn.Module):
    """How far the sum of squared shares is above that of an even distribution.

    Made for the `softmax-db` head, whose shares sum to one.
    """

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the shares."""
        return (SHARES,)

    def forward(self, controls: Controls) -> Tensor:
        """Return the penalty."""
        shares = controls["harmonic_shares"]
        return (shares.square().sum(-1).mean() - 1 / shares.shape[-1]).clamp(min=0.0)
