"""The metric of DDSPE2E's probe, to compare with its published number."""

from collections.abc import Iterable
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor
from torch.nn import functional as F

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import TARGET, Mean, signal_of
from ddspcore.dsp.precision import full_precision
from ddspcore.pipeline import Batch, Pipeline

WINDOWS = (64, 128, 256, 512, 1024)
HOP_DIVISOR = 4
FIRST_STEP = -1000
"""Where the probe's noise realisations begin: training counts from 0, evaluation is at -1."""


@evaluator("dgen-probe")
class DgenProbe:
    """DDSPE2E's spectral probe: linear plus log magnitude L1, as that system reports it.

    Per window of 64 to 1024 samples (those no longer than the signal): frames end at every multiple
    of a quarter window, with zeros before the start and none after the end; symmetric Hann;
    magnitudes not normalised; distances summed over frames and bins, divided by T twice; the mean
    over windows and items. About 2 / T of a distance per bin: 1e-4 is 0.8 per bin at T = 16384.
    Averaged over noise realisations that no training step has seen.
    """

    @frozen
    class Options:
        """What is measured, and how often."""

        eps: tuple[float, ...] = option(
            (1e-3,), help="added to magnitudes before the logarithm; one metric for each", gt=0.0
        )
        realisations: int = option(5, help="fresh noise realisations to average over", ge=1)

    def __init__(self, opt: Options, ctx: Context):
        self.eps = opt.eps
        self.realisations = opt.realisations

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return one metric for each eps: `dgen-probe/0.001`."""
        text = f"DDSPE2E's probe over {opt.realisations} fresh noise realisations"
        return tuple(
            Metric(f"dgen-probe/{eps:g}", "", "lower", f"{text}, eps {eps:g}", lo=0.0)
            for eps in opt.eps
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches and realisations; every item counts alike."""
        means = {eps: Mean() for eps in self.eps}
        for batch in batches:
            for realisation in range(self.realisations):
                noisy = pipeline.with_noise(batch, seed=0, step=FIRST_STEP - realisation)
                pred = signal_of(pipeline(noisy))
                for eps, mean in means.items():
                    mean.add(probe(pred, batch[TARGET], eps))
        return {f"dgen-probe/{eps:g}": mean.value for eps, mean in means.items()}


def probe(pred: Tensor, target: Tensor, eps: float) -> Tensor:
    """Return linear plus log distance of each item, the mean over windows.

    Shape: [B,T], [B,T] -> [B].
    """
    windows = [window for window in WINDOWS if window <= target.shape[-1]]
    both = (distances(pred, target, window, eps) for window in windows)
    return torch.stack([linear + log for linear, log in both]).mean(0)


def distances(pred: Tensor, target: Tensor, window: int, eps: float) -> tuple[Tensor, Tensor]:
    """Return the linear and the log distance of each item at one window, divided by T twice.

    Shape: [B,T], [B,T] -> [B], [B].
    """
    p, y = _magnitude(pred, window), _magnitude(target, window)
    length = target.shape[-1]
    linear = (p - y).abs().sum((1, 2)) / length / length
    log = ((p + eps).log() - (y + eps).log()).abs().sum((1, 2)) / length / length
    return linear, log


@full_precision
def _magnitude(x: Tensor, window: int) -> Tensor:
    hann = torch.hann_window(window, periodic=False, device=x.device, dtype=x.dtype)
    frames = F.pad(x, (window - 1, 0)).unfold(-1, window, window // HOP_DIVISOR)
    spectrum: Tensor = torch.fft.rfft(frames * hann)
    return spectrum.abs()
