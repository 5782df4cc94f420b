"""The reference's sound: rows read at every sample, a bank of sines, and filtered noise.

Everything happens per sample: controls are interpolated first, then masked and divided.
"""

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from attrs import frozen
from ddspcore import Context, Control, option, synth
from ddspcore.controls import ANY
from torch import Tensor, nn

from ddsp_dgen.features import F0, PLAYHEAD, VOICING
from ddsp_dgen.randomness import xorshift_noise

SIGNAL = Control("signal", unit="signal", axis="sample")
KERNEL = (0.1, 0.2, 0.4, 0.2, 0.1)
PHASE_BITS = 40
MIN_HZ, MAX_HZ = 20.0, 500.0


@frozen
class SmoothingOptions:
    """What may be done to gains and amplitudes before they are read."""

    smooth: bool = option(
        False, help="average each control with two rows on either side, weighted 1 2 4 2 1"
    )


def read(playhead: Tensor, *controls: Tensor) -> list[Tensor]:
    """Return what the playhead hears between two rows, linearly; beyond the last row, the last.

    A product with a matrix of hats rather than a lookup: its gradient is deterministic.

    Shape: playhead [B,T], each of the controls [B,N,C] -> [B,T,C].
    """
    count = controls[0].shape[1]
    number = torch.arange(count, device=playhead.device, dtype=playhead.dtype)
    distance = (playhead.clamp(max=count - 1)[..., None] - number).abs()
    hats = (1.0 - distance).clamp(min=0.0)
    return [hats.to(rows.dtype) @ rows for rows in controls]


def smoothed(rows: Tensor) -> Tensor:
    """Return rows after a short average; the first and last are held. Shape: [B,N,C]."""
    kernel = torch.tensor(KERNEL, dtype=rows.dtype, device=rows.device)
    reach = len(KERNEL) // 2
    held = F.pad(rows.transpose(1, 2), (reach, reach), mode="replicate")
    return (held.unfold(-1, len(KERNEL), 1) @ kernel).transpose(1, 2)


@synth("harmonic")
class Harmonic(nn.Module):
    """Sines at the multiples of the pitch, those at or above half the sample rate left out.

    The others are divided by their sum at every sample, so only ratios of amplitudes count and the
    gain is the level, and the tone is silent where unvoiced. Between an unvoiced window, 0 Hz, and
    a voiced one the pitch glides.
    """

    @frozen
    class Options(SmoothingOptions):
        """Options of the bank."""

        clamp_f0: bool = option(True, help="keep the pitch between 20 and 500 Hz")
        divide: Literal["sum", "partials"] = option(
            "sum", help="divide amplitudes by what is left of their sum, or by their number"
        )

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.opt = opt
        self.sample_rate = ctx.rate("sample")

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch and voicing by window, amplitudes and gain by row."""
        shares = Control("harmonic_shares", axis="row", channels=ANY)
        return (F0, VOICING, shares, Control("harmonic_gain", axis="row"), PLAYHEAD)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the tone. Shape: controls [B,N,C], playhead [B,T] -> [B,T]."""
        playhead = controls["playhead"]
        f0_hz, voicing = read(playhead, controls["f0_hz"], controls["voicing"])
        if self.opt.clamp_f0:
            f0_hz = f0_hz.clamp(MIN_HZ, MAX_HZ)
        rows = [controls["harmonic_shares"], controls["harmonic_gain"]]
        shares, gain = read(playhead, *(map(smoothed, rows) if self.opt.smooth else rows))
        mask, sines = self._bank(f0_hz, shares.shape[-1])
        if self.opt.divide == "sum":
            total = (shares * mask).sum(-1) + 1e-8
        else:
            total = torch.full_like(gain[..., 0], shares.shape[-1])
        return (voicing * gain)[..., 0] / total * (shares * sines).sum(-1)

    def _bank(self, f0_hz: Tensor, partials: int) -> tuple[Tensor, Tensor]:
        """Return which harmonics sound, and their sines, silent ones as 0. Shape: [B,T,K] each.

        Phases are integers, of which the sum never drifts; the reference adds up float32.
        """
        k = torch.arange(1, partials + 1, device=f0_hz.device)
        turns = (f0_hz.detach() * (2.0**PHASE_BITS / self.sample_rate)).to(torch.int64)
        phase = (turns.cumsum(1) - turns) * k & (1 << PHASE_BITS) - 1
        mask = (k * f0_hz < self.sample_rate / 2).to(f0_hz.dtype)
        return mask, mask * torch.sin(phase.to(f0_hz.dtype) * (2 * torch.pi / 2**PHASE_BITS))


@synth("noise")
class Noise(nn.Module):
    """Noise through positive taps that move from sample to sample; it also sounds where voiced.

    The noise is uniform in [0, 1) and starts anew in every forward, so it has a mean and is always
    the same: a network can learn this very sequence.
    """

    Options = SmoothingOptions

    def __init__(self, opt: SmoothingOptions):
        super().__init__()
        self.opt = opt

    @staticmethod
    def needs(opt: SmoothingOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare gain and taps."""
        taps = Control("noise_taps", axis="row", channels=ANY)
        return (Control("noise_gain", axis="row"), taps, PLAYHEAD)

    @staticmethod
    def provides(opt: SmoothingOptions, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the noise. Shape: controls [B,N,C], playhead [B,T] -> [B,T]."""
        playhead, gain = controls["playhead"], controls["noise_gain"]
        gain = smoothed(gain) if self.opt.smooth else gain
        gain, taps = read(playhead, gain, controls["noise_taps"])
        white = torch.tensor(xorshift_noise(playhead.shape[1])).to(taps)
        past = F.pad(white, (taps.shape[-1] - 1, 0)).unfold(0, taps.shape[-1], 1)
        return gain[..., 0] * (taps * past).sum(-1)
