"""A loss that hears the shape of a mel spectrum and not its level."""

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, hookimpl, loss, option
from ddspcore.dsp.frames import samples
from ddspcore.dsp.mel import mel_filterbank
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.stft import power

FLOOR = 1e-6
"""Power under which a band counts as empty: magnitudes of 1e-3, the rounding of 16 bits."""


@loss("mel-shape")
class MelShape(nn.Module):
    """Mean absolute difference of log-mel spectra, each about its own mean: blind to gain.

    In nepers of power; 1 is 4.3 dB. Every frame has a mean of its own, so neither a gain nor an
    envelope is heard, as far as the bands lie above the floor.
    """

    @frozen
    class Options:
        """Options of the loss."""

        bands: int = option(64, ge=8, help="mel bands from 0 to half the sample rate")
        window: float = option(0.064, gt=0.0, unit="s", help="window length")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        rate = ctx.rate("sample")
        self.window = samples(opt.window, rate)
        filters = mel_filterbank(self.window // 2 + 1, opt.bands, round(rate))
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the distance. Shape: both [B,T] -> scalar."""
        return (self.shape(pred) - self.shape(target)).abs().mean()

    @full_precision
    def shape(self, x: Tensor) -> Tensor:
        """Return log-mel spectra less their means. Shape: [B,T] -> [B,N,bands]."""
        bands = torch.log(power(x, self.window, self.window // 4) @ self.filters.mT + FLOOR)
        return bands - bands.mean(-1, keepdim=True)


@hookimpl
def ddsp_losses() -> list[type]:
    """Bring the loss."""
    return [MelShape]
