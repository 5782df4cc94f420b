"""How near a prediction can come at all, when part of it is noise."""

from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import TARGET, Mean, signal_of
from ddspcore.builtin.evaluators.mel_lsd import MelLogSpectralDistance
from ddspcore.component import NoOptions
from ddspcore.pipeline import Batch, Pipeline

FIRST_STEP = -2000
"""Where the realisations begin: training counts from 0, evaluation is at -1."""


@evaluator("noise-floor")
class NoiseFloor:
    """Floor of `mel-lsd`: how far two realisations of the prediction's own noise lie apart.

    A recording's noise is one realisation, and no model can say which; so a model that is right
    about everything else is this far from it. 0 for a pure tone, about 3 dB where all is noise.
    What is left is the distance less the floor. The floor is only as good as the prediction's
    noise: see `noise-share`.
    """

    @frozen
    class Options:
        """How well it is known."""

        realisations: int = option(4, help="fresh noise realisations to compare", ge=2)

    def __init__(self, opt: Options, ctx: Context):
        self.realisations = opt.realisations
        self.spectra = MelLogSpectralDistance(NoOptions(), ctx)

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return the floor, and what is left above it."""
        floor = "mel log-spectral distance of two realisations of the noise"
        above = "mel log-spectral distance above that of two realisations"
        return (
            Metric("noise-floor", "dB", "lower", floor, lo=0.0),
            Metric("above-floor", "dB", "lower", above, good=2.0, fair=4.0),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every frame of every realisation counts alike."""
        floor, distance = Mean(), Mean()
        for batch in batches:
            before = None
            for realisation in range(self.realisations):
                noisy = pipeline.with_noise(batch, seed=0, step=FIRST_STEP - realisation)
                pred = signal_of(pipeline(noisy))
                distance.add(self.spectra.distance(pred, batch[TARGET]))
                if before is not None:
                    floor.add(self.spectra.distance(pred, before))
                before = pred
        return {"noise-floor": floor.value, "above-floor": distance.value - floor.value}
