"""Who makes the sound: how the energy is spread over the synths."""

from collections.abc import Iterable
from pathlib import Path

from ddspcore import Context, Metric, evaluator
from ddspcore.builtin.evaluators.measuring import Shares
from ddspcore.component import NoOptions
from ddspcore.pipeline import Batch, Pipeline


@evaluator("energy-share")
class EnergyShare:
    """Each synth's share of the energy of all parts; the shares add up to one.

    All zero where every part is silent.
    """

    @staticmethod
    def metrics(opt: NoOptions, ctx: Context) -> tuple[Metric, ...]:
        """Return one family: `share/harmonic`, `share/noise`, by the synths' labels."""
        return (Metric("share/*", "", "higher", "share of the energy", lo=0.0, hi=1.0),)

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every sample counts alike."""
        shares = Shares()
        for batch in batches:
            shares.add(pipeline(batch).parts)
        return shares.named("share")
