"""The reference's four head modes, each a head of its own with the same four linear maps.

They differ in how logits become the amplitudes of harmonics and the two gains; the taps of the
noise filter are sigmoids in every mode, so they are all positive.
"""

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from attrs import frozen
from ddspcore import Context, Control, OptionError, head, option
from ddspcore.dsp.scales import exp_sigmoid
from torch import Tensor, nn

from ddsp_dgen.layers import Affine, TrainedOptions, treat_gradients
from ddsp_dgen.randomness import SplitMix64

LEAST_BIAS = -8.0
LOUDEST = 2.0

Controls = dict[str, Tensor]


@frozen
class HeadOptions(TrainedOptions):
    """What every mode has."""

    partials: int = option(16, ge=1, help="harmonics, the fundamental included")
    taps: int = option(15, ge=0, help="taps of the noise filter; 0 leaves the filter out")
    skip: int = option(
        65856,
        ge=0,
        help="draws that the backbone takes before: 65856 by the default transformer",
    )


class Logits(nn.Module):
    """The linear maps of a head, drawn in the reference's order.

    The biases of the two gains stay above -8, as if they were held after every step.
    """

    def __init__(self, opt: HeadOptions, width: int):
        super().__init__()
        stream = SplitMix64(opt.seed, opt.skip)
        self.shares = Affine(stream, width, opt.partials, 0.06)
        self.harmonic = Affine(stream, width, 1, 0.05)
        self.noise = Affine(stream, width, 1, 0.05)
        self.taps = Affine(stream, width, opt.taps, 0.05) if opt.taps else None
        treat_gradients(self, opt)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor, Controls]:
        """Return logits of shares, harmonic gain and noise gain, and the taps if there are any."""
        with torch.no_grad():
            for gain in (self.harmonic, self.noise):
                gain.bias.clamp_(min=LEAST_BIAS)
        taps = {} if self.taps is None else {"noise_taps": torch.sigmoid(self.taps(hidden))}
        return self.shares(hidden), self.harmonic(hidden), self.noise(hidden), taps


def declare(
    opt: HeadOptions, shares: float, harmonic: float | None, noise: float
) -> tuple[Control, ...]:
    """Return the records of a mode's controls, by their upper ends."""
    controls = (
        Control("harmonic_shares", axis="row", channels=opt.partials, lo=0.0, hi=shares),
        Control("harmonic_gain", axis="row", lo=0.0, hi=harmonic),
        Control("noise_gain", axis="row", lo=0.0, hi=noise),
    )
    taps = Control("noise_taps", axis="row", channels=max(opt.taps, 1), lo=0.0, hi=1.0)
    return (*controls, taps) if opt.taps else controls


@head("legacy")
class Legacy(nn.Module):
    """Sigmoids everywhere; give the harmonic synth `divide = "partials"`."""

    Options = HeadOptions

    def __init__(self, opt: HeadOptions, width: int):
        super().__init__()
        self.logits = Logits(opt, width)

    @staticmethod
    def provides(opt: HeadOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare the controls."""
        return declare(opt, shares=1.0, harmonic=1.0, noise=1.0)

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return the controls. Shape: hidden [B,rows,width] -> [B,rows,C] each."""
        shares, harmonic, noise, taps = self.logits(hidden)
        return {
            "harmonic_shares": torch.sigmoid(shares),
            "harmonic_gain": torch.sigmoid(harmonic),
            "noise_gain": torch.sigmoid(noise),
            **taps,
        }


@head("normalized")
class Normalized(nn.Module):
    """Softplus amplitudes that sum to one, and a softplus gain."""

    Options = HeadOptions

    def __init__(self, opt: HeadOptions, width: int):
        super().__init__()
        self.logits = Logits(opt, width)

    @staticmethod
    def provides(opt: HeadOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare the controls."""
        return declare(opt, shares=1.0, harmonic=None, noise=1.0)

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return the controls. Shape: hidden [B,rows,width] -> [B,rows,C] each."""
        shares, harmonic, noise, taps = self.logits(hidden)
        raw = F.softplus(shares)
        return {
            "harmonic_shares": raw / (raw.sum(-1, keepdim=True) + 1e-6),
            "harmonic_gain": F.softplus(harmonic),
            "noise_gain": torch.sigmoid(noise),
            **taps,
        }


@head("softmax-db")
class SoftmaxDb(nn.Module):
    """A softmax over the harmonics, perhaps above a floor, and a gain in decibels."""

    @frozen
    class Options(HeadOptions):
        """Options of the softmax and the gain."""

        temperature: float = option(
            1.0, ge=1e-4, scheduled=True, help="divides the logits; higher is more even"
        )
        floor: float = option(0.0, ge=0, le=1, help="share that all harmonics divide evenly")
        min_db: float = option(-50.0, unit="dB", help="lowest gain")
        max_db: float = option(6.0, unit="dB", help="highest gain")

        def __attrs_post_init__(self) -> None:
            if self.max_db <= self.min_db:
                raise OptionError("max_db", f"{self.max_db:g} is not above min_db")

    def __init__(self, opt: Options, width: int):
        super().__init__()
        self.opt = opt
        self.logits = Logits(opt, width)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the controls."""
        return declare(opt, shares=1.0, harmonic=10 ** (opt.max_db / 20), noise=1.0)

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return the controls. Shape: hidden [B,rows,width] -> [B,rows,C] each."""
        opt = self.opt
        shares, harmonic, noise, taps = self.logits(hidden)
        soft = torch.softmax(shares / cast(Tensor, self.temperature), dim=-1)
        gain_db = opt.min_db + torch.sigmoid(harmonic) * (opt.max_db - opt.min_db)
        return {
            "harmonic_shares": (1 - opt.floor) * soft + opt.floor / opt.partials,
            "harmonic_gain": 10 ** (gain_db / 20),
            "noise_gain": torch.sigmoid(noise),
            **taps,
        }


@head("exp-sigmoid")
class ExpSigmoid(nn.Module):
    """Exponential sigmoids everywhere: from silence to 2.

    Source: Engel et al., DDSP (ICLR 2020), equation 5.
    """

    Options = HeadOptions

    def __init__(self, opt: HeadOptions, width: int):
        super().__init__()
        self.logits = Logits(opt, width)

    @staticmethod
    def provides(opt: HeadOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare the controls."""
        return declare(opt, shares=LOUDEST, harmonic=LOUDEST, noise=LOUDEST)

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return the controls. Shape: hidden [B,rows,width] -> [B,rows,C] each."""
        shares, harmonic, noise, taps = self.logits(hidden)
        return {
            "harmonic_shares": exp_sigmoid(shares),
            "harmonic_gain": exp_sigmoid(harmonic),
            "noise_gain": exp_sigmoid(noise),
            **taps,
        }
