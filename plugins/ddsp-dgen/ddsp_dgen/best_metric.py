"""The metric by which later versions of the reference choose a checkpoint."""

from collections.abc import Iterable
from pathlib import Path

import torch
from attrs import frozen
from ddspcore import Context, Metric, evaluator, option
from ddspcore.dsp.precision import full_precision
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, Pipeline
from torch import Tensor


@evaluator("best-metric")
class BestMetric:
    """Linear plus smooth log magnitude distance per bin, of windows that lie within the signal.

    Periodic Hann, hop a fraction of the window, the mean over the windows that fit.
    """

    @frozen
    class Options:
        """What is measured."""

        windows: tuple[int, ...] = option(
            (64, 128, 256, 512, 1024), ge=2, unit="samples", help="window lengths"
        )
        hop_divisor: int = option(4, ge=1, help="hops in a window")
        log_eps: float = option(1e-8, gt=0, help="magnitude that smooths the logarithm")

    def __init__(self, opt: Options):
        self.opt = opt

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return the one metric."""
        text = f"DDSPE2E's metric of checkpoints, eps {opt.log_eps:g}"
        return (Metric("best-metric", "per bin", "lower", text, lo=0.0),)

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every item counts alike."""
        scores: list[Tensor] = []
        for batch in batches:
            signal = pipeline(batch).signal
            if signal is None:
                raise UserError("best-metric compares signals, but the recipe has no synth")
            scores.append(self.score(signal, batch["audio"]))
        return {"best-metric": float(torch.cat(scores).mean())}

    def score(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the distance of each item. Shape: both [B,T] -> [B]."""
        usable = [window for window in self.opt.windows if window <= target.shape[-1]]
        return torch.stack([self._distance(pred, target, window) for window in usable]).mean(0)

    def _distance(self, pred: Tensor, target: Tensor, window: int) -> Tensor:
        hop, eps = max(1, window // self.opt.hop_divisor), self.opt.log_eps
        p, y = (power(x, window, hop) for x in (pred, target))
        linear = (p.sqrt() - y.sqrt()).abs()
        log = 0.5 * ((p + eps**2).log() - (y + eps**2).log()).abs()
        return (linear + log).mean((1, 2))


@full_precision
def power(x: Tensor, window: int, hop: int) -> Tensor:
    """Return |X| squared of windows within the signal. Shape: [B,T] -> [B,N,bins]."""
    hann = torch.hann_window(window, dtype=x.dtype, device=x.device)
    spectrum = torch.fft.rfft(x.unfold(-1, window, hop) * hann)
    total: Tensor = spectrum.real.square() + spectrum.imag.square()
    return total
