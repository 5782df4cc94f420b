"""The fixed metric: a distance between spectra at six resolutions."""

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from ddspcore import Context, Metric, evaluator
from ddspcore.builtin.evaluators.measuring import Mean, pairs
from ddspcore.component import NoOptions
from ddspcore.dsp.frames import samples
from ddspcore.dsp.stft import magnitude
from ddspcore.pipeline import Batch, Pipeline

WINDOWS_S = (0.004, 0.008, 0.016, 0.032, 0.064, 0.128)
EPS = 1e-3


@evaluator("mss")
class MultiScaleSpectra:
    """Multi-scale spectral distance: linear and log magnitude L1 per bin, no options, fixed.

    Windows of 4, 8, 16, 32, 64 and 128 ms (64 to 2048 samples at 16 kHz), periodic Hann, hop a
    quarter of the window, frames centred with reflected ends, magnitudes |X| not normalised. Per
    window: the mean over items, frames and bins of | |P| - |Y| | + | ln(|P| + 1e-3) -
    ln(|Y| + 1e-3) |. The metric is the plain mean over the six windows. Only signals of one
    sample rate compare. Another definition will get another name.
    """

    def __init__(self, opt: NoOptions, ctx: Context):
        self.windows = tuple(samples(seconds, ctx.rate("sample")) for seconds in WINDOWS_S)

    @staticmethod
    def metrics(opt: NoOptions, ctx: Context) -> tuple[Metric, ...]:
        """Return the one metric."""
        return (Metric("mss", "per bin", "lower", "multi-scale spectral distance", lo=0.0),)

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every bin of every frame counts alike within its window."""
        means = {window: Mean() for window in self.windows}
        for pred, target in pairs(pipeline, batches):
            for window, mean in means.items():
                mean.add(distance(pred, target, window))
        return {"mss": sum(mean.value for mean in means.values()) / len(means)}


def distance(pred: Tensor, target: Tensor, window: int) -> Tensor:
    """Return linear plus log distance of every bin at one resolution.

    Shape: [B,T], [B,T] -> [B, T // (window // 4) + 1, window // 2 + 1].
    """
    p, y = magnitude(pred, window, window // 4), magnitude(target, window, window // 4)
    return (p - y).abs() + ((p + EPS).log() - (y + EPS).log()).abs()
