"""The reference's spectral loss, with the gradient that its published campaign trained under."""

from typing import Literal

import torch
import torch.nn.functional as F
from attrs import frozen
from ddspcore import OptionError, loss, option
from ddspcore.dsp.precision import full_precision
from torch import Tensor, nn


@loss("spectral")
class Spectral(nn.Module):
    """Distance of short-time magnitudes, summed over bins and windows and divided by T twice.

    Per window length: windows end at every multiple of a hop, with zeros before the start and none
    after the end; symmetric Hann; magnitudes not normalised. The loss is the mean over lengths,
    those no longer than the signal, and over items. About 2 / T of a distance per bin.

    A weight that is scheduled for one of both distances: use the loss twice, each with the other's
    factor at 0.
    """

    @frozen
    class Options:
        """Options of the spectral loss."""

        windows: tuple[int, ...] = option(
            (64, 128, 256, 512, 1024), ge=2, unit="samples", help="window lengths, powers of two"
        )
        hop_divisor: int = option(4, ge=1, help="hops in a window")
        linear: float = option(1.0, ge=0, help="factor of the distance of magnitudes")
        log: float = option(1.0, ge=0, help="factor of the distance of their logarithms")
        log_eps: float = option(1e-8, gt=0, help="added to magnitudes before the logarithm")
        distance: Literal["l1", "l2"] = option("l1", help="absolute or squared differences")
        attenuated: bool = option(
            False,
            help="scale the gradient of window w by (w (w / 2 + 1)) ** -1.5, not the value",
        )

        def __attrs_post_init__(self) -> None:
            if odd := [window for window in self.windows if window & (window - 1)]:
                raise OptionError("windows", f"{odd[0]} is no power of two")

    def __init__(self, opt: Options):
        super().__init__()
        self.opt = opt

    def prepare(self, target: Tensor) -> dict[str, Tensor]:
        """Return the target's magnitudes by window length. Shape: target [B,T]."""
        usable = [window for window in self.opt.windows if window <= target.shape[-1]]
        with torch.no_grad():
            return {str(window): self.magnitude(target, window) for window in usable}

    @full_precision
    def magnitude(self, x: Tensor, window: int) -> Tensor:
        """Return |X| of windows that end at multiples of the hop. Shape: [B,T] -> [B,N,bins]."""
        hann = torch.hann_window(window, periodic=False, dtype=x.dtype, device=x.device)
        hop = max(1, window // self.opt.hop_divisor)
        frames = F.pad(x, (window - 1, 0)).unfold(-1, window, hop)
        spectrum: Tensor = torch.fft.rfft(frames * hann)
        return spectrum.abs()

    def forward(self, pred: Tensor, prepared: dict[str, Tensor]) -> Tensor:
        """Return the distance. Shape: pred [B,T] -> scalar."""
        if not prepared:
            return pred.new_zeros(())
        distances = []
        for name, target in prepared.items():
            distance = self._distance(self.magnitude(pred, int(name)), target)
            if self.opt.attenuated:
                bins = int(name) // 2 + 1
                # from itself to itself: the value stays, the gradient is what the weight says
                distance = torch.lerp(distance.detach(), distance, (int(name) * bins) ** -1.5)
            distances.append(distance)
        items, length = pred.shape
        return torch.stack(distances).mean() / length / length / items

    def _distance(self, p: Tensor, y: Tensor) -> Tensor:
        opt, total = self.opt, p.new_zeros(())
        if opt.linear:
            total = total + opt.linear * self._norm(p - y)
        if opt.log:
            total = total + opt.log * self._norm((p + opt.log_eps).log() - (y + opt.log_eps).log())
        return total

    def _norm(self, difference: Tensor) -> Tensor:
        return (difference.abs() if self.opt.distance == "l1" else difference.square()).sum()
