"""How far two spectra lie apart, in dB, at the resolution of the ear rather than of the FFT."""

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from ddspcore import Context, Metric, evaluator
from ddspcore.builtin.evaluators.measuring import Mean, pairs
from ddspcore.component import NoOptions
from ddspcore.dsp.frames import samples
from ddspcore.dsp.mel import mel_filterbank
from ddspcore.dsp.scales import power_to_db
from ddspcore.dsp.stft import magnitude
from ddspcore.pipeline import Batch, Pipeline

BANDS = 64
WINDOW_S, HOP_S = 0.064, 0.016
RANGE_DB = 60.0
SILENCE_DB = -100.0


@evaluator("mel-lsd")
class MelLogSpectralDistance:
    """Mel log-spectral distance in dB; two realisations of one noise differ by about 3 dB.

    Power in 64 HTK mel bands from 0 to half the rate, windows of 64 ms every 16 ms; both signals
    floored 60 dB under the target's peak, each item by its own; the root mean square over bands,
    the mean over frames.
    """

    def __init__(self, opt: NoOptions, ctx: Context):
        rate = ctx.rate("sample")
        self.window, self.hop = samples(WINDOW_S, rate), samples(HOP_S, rate)
        self.filters = mel_filterbank(self.window // 2 + 1, BANDS, round(rate))

    @staticmethod
    def metrics(opt: NoOptions, ctx: Context) -> tuple[Metric, ...]:
        """Return the one metric."""
        text = "mel log-spectral distance"
        return (Metric("mel-lsd", "dB", "lower", text, lo=0.0, hi=RANGE_DB, good=6.0, fair=8.0),)

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every frame counts alike."""
        mean = Mean()
        for pred, target in pairs(pipeline, batches):
            mean.add(self.distance(pred, target))
        return {"mel-lsd": mean.value}

    def distance(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the distance of every frame.

        Shape: [B,T], [B,T] -> [B, T // hop + 1].
        """
        p, y = self._power_db(pred), self._power_db(target)
        floor = y.amax((1, 2), keepdim=True) - RANGE_DB
        return (p.maximum(floor) - y.maximum(floor)).square().mean(-1).sqrt()

    def _power_db(self, x: Tensor) -> Tensor:
        power = magnitude(x, self.window, self.hop).square()
        return power_to_db(power @ self.filters.to(x.device).T, SILENCE_DB)
