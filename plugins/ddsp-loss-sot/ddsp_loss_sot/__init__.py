"""A loss that measures how far energy has to move along frequency."""

from typing import Literal

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, hookimpl, loss, option
from ddspcore.dsp.frames import samples
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.stft import power

FLOOR = 1e-6
"""Power in every bin, so that silence is energy too: spread evenly, and very little."""


@loss("sot")
class SpectralTransport(nn.Module):
    """Spectral optimal transport: how far energy has to move along frequency, frame by frame.

    With P and T the power spectra of prediction and target, each divided by its sum, it is the mean
    over frames and windows of the Wasserstein distance to the power of `order`, in kHz to the power
    of `order`. Two tones 100 Hz apart are 0.1 apart, or 0.01 by squares, however far that is; so
    its gradient leads a partial to where it belongs. It is blind to gain.

    Source: Torres, Peeters and Richard, Unsupervised harmonic parameter estimation using
    differentiable DSP and spectral optimal transport (ICASSP 2024), section 2.
    """

    @frozen
    class Options:
        """Options of the loss."""

        windows: tuple[float, ...] = option(
            (0.032, 0.064, 0.128), gt=0.0, unit="s", help="window lengths"
        )
        order: Literal[1, 2] = option(2, help="mean of distances, or of their squares")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.order = opt.order
        self.rate = ctx.rate("sample")
        self.windows = tuple(samples(seconds, self.rate) for seconds in opt.windows)

    def prepare(self, target: Tensor) -> dict[str, Tensor]:
        """Return the target's distributions by window length. Shape: target [B,T]."""
        with torch.no_grad():
            return {str(window): self.below(target, window) for window in self.windows}

    @full_precision
    def forward(self, pred: Tensor, prepared: dict[str, Tensor]) -> Tensor:
        """Return the distance. Shape: pred [B,T] -> scalar."""
        distances = [
            transport(
                self.below(pred, window),
                prepared[str(window)],
                torch.arange(window // 2 + 1, device=pred.device) * (self.rate / window / 1000),
                self.order,
            ).mean()
            for window in self.windows
        ]
        return torch.stack(distances).mean()

    @full_precision
    def below(self, x: Tensor, window: int) -> Tensor:
        """Return the share of energy up to each bin, from 0 to 1. Shape: [B,T] -> [B,N,bins].

        Frames that reach over the ends are left out where there are others: a tone that is
        reflected has a kink, and what a kink leaks lies far away.
        """
        frames = power(x, window, window // 4)
        energy = (frames[:, 2:-2] if frames.shape[1] > 4 else frames).add(FLOOR).cumsum(-1)
        return energy / energy[..., -1:]


def transport(a: Tensor, b: Tensor, places: Tensor, order: int) -> Tensor:
    """Return the Wasserstein distance of two distributions on a line, to the power of `order`.

    It is the mean of |A(t) - B(t)| ** order over t from 0 to 1, with A(t) and B(t) the places up to
    which a share t of the energy lies. Both are steps, which rise at the shares in `a` and `b`. The
    mean of steps is a sum over where they rise, of that share times how much they fall there: so
    nothing has to be sorted.

    Shape: a and b [...,K], shares up to each place; places [K], rising -> [...].
    """
    return (
        _falls(a, b, places, order, passed=False) * a[..., :-1]
        + _falls(b, a, places, order, passed=True) * b[..., :-1]
    ).sum(-1)


@torch.no_grad()
def _falls(mine: Tensor, theirs: Tensor, places: Tensor, order: int, passed: bool) -> Tensor:
    """Return how much |A(t) - B(t)| ** order falls where one of them goes on to its next place.

    Where both do, at the same share, `passed` says that the other has gone on already.

    Shape: mine and theirs [...,K], places [K] -> [...,K-1].
    """
    other = torch.searchsorted(theirs, mine[..., :-1].contiguous(), right=passed)
    at = places[other.clamp(max=len(places) - 1)]
    return (places[:-1] - at).abs() ** order - (places[1:] - at).abs() ** order


@hookimpl
def ddsp_losses() -> list[type]:
    """Bring the loss."""
    return [SpectralTransport]
