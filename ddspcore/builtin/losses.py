"""How far a prediction lies from its target."""

from typing import Literal

import attrs
import torch
from torch import Tensor, nn

from ddspcore import Context, OptionError, loss, option
from ddspcore.dsp.frames import frame, samples
from ddspcore.dsp.loudness import a_weighted_db
from ddspcore.dsp.precision import full_precision
from ddspcore.kernels import magnitude, multi_spectral_l1


@loss("mrstft")
class MultiResolutionSpectra(nn.Module):
    """Distance of short-time magnitudes, linear and logarithmic, at several resolutions.

    Version 1, for good: other numerics will get another name. With P and T the magnitudes of
    prediction and target, a window of length w gives

        linear * mean |P - T| + log * mean |ln(P + log_eps) - ln(T + log_eps)|

    and the loss is the mean over the windows. The means go over items, frames and the w / 2 + 1
    bins. Magnitudes are those of a DFT that nothing normalises, under a periodic Hann window;
    frames are centred on multiples of w / hop_divisor samples, T // hop + 1 of them, and the ends
    are reflected (zero-padded where the signal is shorter than half a window). Windows in seconds
    are rounded to whole multiples of 16 samples; the hop is rounded down. With `distance = "l2"`,
    both differences are squared instead of made positive: loud bins decide then.

    `log_eps` is on the scale of those magnitudes: at 1e-3, what is quieter than the rounding of 16
    bits does not count, and the gradient of an empty bin stays below 1 / log_eps.
    """

    @attrs.frozen
    class Options:
        """Options of the spectral loss."""

        windows: tuple[float, ...] = option(
            (0.004, 0.008, 0.016, 0.032, 0.064, 0.128), gt=0.0, unit="s", help="window lengths"
        )
        hop_divisor: int = option(4, ge=1, le=16, help="hops in a window")
        distance: Literal["l1", "l2"] = option(
            "l1", help="mean of magnitudes of differences, or of their squares"
        )
        linear: float = option(1.0, ge=0.0, help="weight of the linear distance")
        log: float = option(1.0, ge=0.0, help="weight of the logarithmic distance")
        log_eps: float = option(1e-3, gt=0.0, help="magnitude under which nothing counts")

        def __attrs_post_init__(self) -> None:
            if not self.windows:
                raise OptionError("windows", "name at least one window length")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.opt = opt
        rate = ctx.rate("sample")
        self.windows = tuple(samples(seconds, rate) for seconds in opt.windows)

    def prepare(self, target: Tensor) -> dict[str, Tensor]:
        """Return the target's magnitudes by window length. Shape: target [B,T]."""
        with torch.no_grad():
            return {str(w): magnitude(target, w, self.hop(w)) for w in self.windows}

    def hop(self, window: int) -> int:
        """Return the samples from frame to frame."""
        return window // self.opt.hop_divisor

    def forward(self, pred: Tensor, prepared: dict[str, Tensor]) -> Tensor:
        """Return the distance. Shape: pred [B,T] -> scalar."""
        if self.opt.distance == "l2":
            squares = [
                self._squares(pred, window, prepared[str(window)]) for window in self.windows
            ]
            return torch.stack(squares).mean()
        return multi_spectral_l1(
            pred,
            [prepared[str(window)] for window in self.windows],
            [self.hop(window) for window in self.windows],
            linear=self.opt.linear,
            log=self.opt.log,
            log_eps=self.opt.log_eps,
        )

    def _squares(self, pred: Tensor, window: int, theirs: Tensor) -> Tensor:
        """Return the squared distance at one resolution."""
        opt, mine = self.opt, magnitude(pred, window, self.hop(window))
        nepers = ((mine + opt.log_eps) / (theirs + opt.log_eps)).log()
        return opt.linear * (mine - theirs).square().mean() + opt.log * nepers.square().mean()


@loss("mrstft-excess")
class ExcessSpectra(nn.Module):
    """How much farther spectra lie from the target than from the prediction with other noise.

    With d the distance of `mrstft`, whose options these are,

        d(prediction, target) - d(prediction, the same controls with other noise),

    of which the second is held still. In `mrstft`, noise is too soft: the distance between two
    random magnitudes falls when one of them shrinks. What can be gained so is equal in both terms.
    The mean of the gradient is that of the energy distance E d(P, T) - E d(P, P') / 2, which is
    least where prediction and target are distributed alike; a part without noise meets itself in
    the second term, so its gradient is that of `mrstft`. Zero says that the target is as near as
    another realisation; noise that is too loud is below zero, and yet its gradient lowers it.

    Source: Gritsenko et al., A Spectral Energy Distance for Parallel Speech Synthesis (NeurIPS
    2020), section 3.
    """

    Options = MultiResolutionSpectra.Options

    def __init__(self, opt: MultiResolutionSpectra.Options, ctx: Context):
        super().__init__()
        self.spectra = MultiResolutionSpectra(opt, ctx)

    def prepare(self, target: Tensor) -> dict[str, Tensor]:
        """Return the target's magnitudes by window length. Shape: target [B,T]."""
        return self.spectra.prepare(target)

    def forward(self, pred: Tensor, again: Tensor, prepared: dict[str, Tensor]) -> Tensor:
        """Return the difference. Shape: pred and again [B,T] -> scalar."""
        distance: Tensor = self.spectra(pred, prepared)
        own: Tensor = self.spectra(pred, self.spectra.prepare(again))
        return distance - own


@loss("loudness-linear")
class LinearLoudness(nn.Module):
    """Mean square of the difference between RMS envelopes."""

    @attrs.frozen
    class Options:
        """Options of the linear loudness loss."""

        window: float = option(0.064, gt=0.0, unit="s", help="over how long a level is measured")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.window = samples(opt.window, ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the distance. Shape: both [B,T] -> scalar."""
        difference = rms(pred, self.window, self.hop) - rms(target, self.window, self.hop)
        return difference.square().mean()


@full_precision
def rms(x: Tensor, window: int, hop: int) -> Tensor:
    """Return the RMS of centred frames; the gradient of silence is 0. Shape: [B,T] -> [B,N]."""
    power = frame(x, window, hop).square().mean(-1)
    return power.clamp(min=torch.finfo(power.dtype).tiny).sqrt()


@loss("loudness-db")
class DecibelLoudness(nn.Module):
    """Mean absolute difference of A-weighted loudness, in dB."""

    @attrs.frozen
    class Options:
        """Options of the loudness loss in decibels."""

        window: float = option(0.064, gt=0.0, unit="s", help="over how long loudness is measured")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.sample_rate = round(ctx.rate("sample"))
        self.window = samples(opt.window, ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    def prepare(self, target: Tensor) -> dict[str, Tensor]:
        """Return the target's loudness. Shape: target [B,T]."""
        with torch.no_grad():
            return {"loudness_db": self.loudness_db(target)}

    @full_precision
    def loudness_db(self, x: Tensor) -> Tensor:
        """Return A-weighted loudness. Shape: [B,T] -> [B,N]."""
        return a_weighted_db(x, self.sample_rate, self.hop, self.window)

    def forward(self, pred: Tensor, prepared: dict[str, Tensor]) -> Tensor:
        """Return the distance. Shape: pred [B,T] -> scalar."""
        difference = self.loudness_db(pred) - prepared["loudness_db"]
        return difference.abs().mean()


@loss("waveform-mse")
class WaveformMse(nn.Module):
    """Mean square of the difference between waveforms."""

    @full_precision
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the distance. Shape: both [B,T] -> scalar."""
        return (pred - target).square().mean()
