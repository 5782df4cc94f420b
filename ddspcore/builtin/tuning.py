"""A pitch that is learnt: how far it lies from what the data say, and a loss that leads it home."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, head, loss, option, synth
from ddspcore.builtin.heads import still_linear
from ddspcore.builtin.smoothing import Smoothing
from ddspcore.builtin.synths import SIGNAL, Harmonic
from ddspcore.dsp.frames import samples
from ddspcore.dsp.instantaneous import moments
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.scales import cents, raised

OFFSET = Control("f0_offset_cents", unit="cents")
CENTS_A_UNIT = 10.0
SILENCE = 1e-6
"""Power of a band (of magnitudes that nothing normalises) in which nothing is heard."""

Controls = Mapping[str, Tensor]


@head("f0-offset")
class F0Offset(nn.Module):
    """How far the pitch that is played lies from the one that the data say, in cents.

    A linear map that starts close to zero, of 10 cents a unit, and bent so that it keeps within
    `reach`: at some 10 cents spectra change as much as by a unit of an amplitude, so one learning
    rate fits both.
    """

    @frozen
    class Options:
        """Options of the head."""

        reach: float = option(
            100.0, gt=0.0, le=4800.0, unit="cents", help="furthest that it can be, either way"
        )

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        self.reach = opt.reach
        self.offset = still_linear(width, [0.0])

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the offset."""
        return (Control(OFFSET.name, unit=OFFSET.unit, lo=-opt.reach, hi=opt.reach),)

    def forward(self, hidden: Tensor) -> Controls:
        """Return the offset. Shape: hidden [B,N,width] -> [B,N,1]."""
        return {OFFSET.name: bent(CENTS_A_UNIT * self.offset(hidden), self.reach)}


@full_precision
def bent(x: Tensor, reach: float) -> Tensor:
    """Map any number to one between -reach and reach, and small ones to themselves."""
    return reach * torch.tanh(x / reach)


def played(controls: Controls) -> Tensor:
    """Return the pitch that is played: f0_hz, moved by the offset where there is one.

    Shape: both [B,N,1] -> [B,N,1].
    """
    f0_hz = controls["f0_hz"]
    return raised(f0_hz, controls[OFFSET.name]) if OFFSET.name in controls else f0_hz


@synth("harmonic-tuned")
class HarmonicTuned(nn.Module):
    """The `harmonic` synth at a pitch that is learnt: f0_hz, moved by f0_offset_cents.

    The pitch has the gradient of the phase, which is exact, and as local as the loss behind it:
    from 10 cents off, `mrstft` finds most frames, from 50 none; `harmonic-frequency` finds them
    from hundreds.
    """

    Options = Smoothing

    def __init__(self, opt: Smoothing, ctx: Context):
        super().__init__()
        self.harmonic = Harmonic(opt, ctx)

    @staticmethod
    def needs(opt: Smoothing, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch, amplitude, distribution and offset."""
        return (*Harmonic.needs(opt, ctx), OFFSET)

    @staticmethod
    def provides(opt: Smoothing, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Controls) -> Tensor:
        """Return the tone. Shape: controls [B,N,C] -> [B,(N-1)*hop]."""
        tone = {name: controls[name] for name in ("harmonic_amplitude", "harmonic_distribution")}
        signal: Tensor = self.harmonic({"f0_hz": played(controls), **tone})
        return signal


@loss("harmonic-frequency")
class HarmonicFrequency(nn.Module):
    """How far each harmonic that is played lies from what the target has around it, in cents.

    In the target, up to half a pitch to either side of a harmonic that is played, it takes the mean
    of the instantaneous frequencies of all bins, weighted by power. The loss is the mean of |cents|
    between the two, weighted by the target's amplitude there. What is learnt by it is the offset:
    its gradient points home from far away, since low harmonics find their own kind where high ones
    find others, and are louder. It looks at the target and at the pitch that is said, not at what
    is played: played, the error of an early frame shifts the phase of all later ones, and that
    gradient is mostly of this.

    A window has to hold four periods of the pitch. What moves within one is a mean over it, so
    vibrato is found to a few cents: `mrstft` does the rest.
    """

    @frozen
    class Options:
        """Options of the loss."""

        window: float = option(0.064, gt=0.0, unit="s", help="window of the spectra")
        partials: int = option(8, ge=1, help="harmonics that are looked for")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.partials = opt.partials
        self.sample_rate = ctx.rate("sample")
        self.hop = ctx.ratio("sample", "frame")
        self.window = samples(opt.window, self.sample_rate)

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the pitch and its offset."""
        return (Control("f0_hz", unit="hz"), OFFSET)

    def prepare(self, target: Tensor) -> dict[str, Tensor]:
        """Return sums over the bins below each bin. Shape: target [B,T]."""
        power, product = moments(target, self.window, self.hop, self.sample_rate)
        return {"power": below(power), "product": below(product)}

    @full_precision
    def forward(self, controls: Controls, prepared: dict[str, Tensor]) -> Tensor:
        """Return the distance. Shape: f0_hz and offset [B,N,1] -> scalar."""
        f0_hz = played(controls)
        k = torch.arange(1, self.partials + 1, device=f0_hz.device)
        hz = k * f0_hz
        first, last = (self._bin((k + side) * f0_hz.detach()) for side in (-0.5, 0.5))
        power, product = (
            prepared[name].gather(2, last) - prepared[name].gather(2, first)
            for name in ("power", "product")
        )
        heard = power > SILENCE
        there_hz = torch.where(heard, product, hz.detach()) / torch.where(heard, power, 1.0)
        weights = heard * power.clamp(min=SILENCE).sqrt()
        apart = weights * cents(hz, there_hz).abs()
        return apart.sum() / weights.sum().clamp(min=SILENCE)

    def _bin(self, hz: Tensor) -> Tensor:
        """Return the first bin at or above a frequency, up to the one beyond the last."""
        return (hz * (self.window / self.sample_rate)).ceil().long().clamp(0, self.window // 2 + 1)


def below(bins: Tensor) -> Tensor:
    """Return the sum of the bins below each, and of all. Shape: [B,N,bins] -> [B,N,bins+1]."""
    return F.pad(bins.cumsum(-1), (1, 0))
