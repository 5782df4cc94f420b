"""Whether the prediction is as loud as the target, moment by moment."""

from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import Mean, pairs
from ddspcore.dsp.frames import samples
from ddspcore.dsp.loudness import FLOOR_DB, a_weighted_db
from ddspcore.pipeline import Batch, Pipeline

WINDOW_S = 0.064


@evaluator("loudness-error")
class LoudnessError:
    """Loudness error in dB: mean distance of A-weighted levels where the target is not silent.

    Windows of 64 ms, one a frame. Silent is what lies far below the loudest frame of the target,
    each item by its own. 0 if all of it is silent.
    """

    @frozen
    class Options:
        """What counts as silent."""

        silence_db: float = option(
            -60.0, lt=0.0, unit="dB", help="frames this far below the loudest do not count"
        )

    def __init__(self, opt: Options, ctx: Context):
        self.silence_db = opt.silence_db
        self.rate = ctx.rate("sample")
        self.hop = ctx.ratio("sample", "frame")
        self.window = samples(WINDOW_S, self.rate)

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return the one metric."""
        return (Metric("loudness-db", "dB", "lower", "loudness error", lo=0.0, good=1.5, fair=3.0),)

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every frame counts alike."""
        mean = Mean()
        for pred, target in pairs(pipeline, batches):
            p, y = (a_weighted_db(x, self.rate, self.hop, self.window) for x in (pred, target))
            silence = (y.amax(1, keepdim=True) + self.silence_db).clamp_min(FLOOR_DB)
            mean.add((p - y).abs()[y > silence])
        return {"loudness-db": mean.value}
