"""Whether the prediction is in tune."""

from collections.abc import Iterable
from pathlib import Path

import torch
from attrs import frozen

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import pairs
from ddspcore.data.features import VOICED
from ddspcore.dsp.pitch import track
from ddspcore.dsp.scales import cents
from ddspcore.pipeline import Batch, Pipeline

OUTLIER_CENTS = 50.0


@evaluator("f0-error")
class F0Error:
    """Pitch error in cents: median, and share of frames that are off by more than 50 cents.

    Target and prediction are tracked alike, whatever the recipe's own pitch feature is; compared
    over the frames in which the target is voiced. Both are 0 if it is nowhere voiced.
    """

    @frozen
    class Options:
        """The range of the tracker."""

        f0_min: float = option(50.0, help="lowest pitch to look for", gt=0.0, unit="Hz")
        f0_max: float = option(2000.0, help="highest pitch to look for", gt=0.0, unit="Hz")

    def __init__(self, opt: Options, ctx: Context):
        self.range = opt.f0_min, opt.f0_max
        self.rate = ctx.rate("sample")
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return the median and the outliers."""
        outliers = f"share of frames off by more than {OUTLIER_CENTS:g} cents"
        return (
            Metric(
                "f0-cents", "cents", "lower", "median pitch error", lo=0.0, good=10.0, fair=25.0
            ),
            Metric("f0-outliers", "", "lower", outliers, lo=0.0, hi=1.0, good=0.05, fair=0.15),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every voiced frame counts alike."""
        found = [torch.zeros(0)]
        for pred, target in pairs(pipeline, batches):
            f0_min, f0_max = self.range
            (f0_hz, _), (target_f0_hz, voicing) = (
                track(x, self.rate, self.hop, f0_min=f0_min, f0_max=f0_max) for x in (pred, target)
            )
            error = cents(f0_hz, target_f0_hz).abs()
            found.append(error[voicing > VOICED].cpu())
        errors = torch.cat(found)
        if not len(errors):
            return {"f0-cents": 0.0, "f0-outliers": 0.0}
        outliers = (errors > OUTLIER_CENTS).sum().item() / len(errors)
        return {"f0-cents": errors.median().item(), "f0-outliers": outliers}
