"""What commonly goes wrong in training: as numbers, and in words where it does."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import TARGET, Mean, Shares, signal_of
from ddspcore.builtin.evaluators.mel_lsd import MelLogSpectralDistance
from ddspcore.builtin.evaluators.noise_share import NoiseShare
from ddspcore.component import NoOptions
from ddspcore.controls import Control
from ddspcore.data.features import VOICED
from ddspcore.pipeline import Batch, Output, Pipeline

OTHER_NOISE = -3000
"""The step of another realisation: training counts from 0, evaluation is at -1."""
AT_THE_END = 0.99
DEAD = 1e-7
MUCH, TIMES = 0.1, 3.0
SATURATED, REMOVED, VOICED_AT_LEAST = 0.2, 0.5, 0.5
AT_THE_FLOOR = 1.1


@evaluator("diagnosis")
class Diagnosis:
    """Parts, saturation, harmonics above Nyquist, pitch, noise: and a warning where one is wrong.

    `part/LABEL` is a synth's share of the energy of all parts. `saturated/CONTROL` is the share of
    a head's values within 1 % of the upper end of what it can say. `above-nyquist` is the share of
    the harmonic distribution that is not played because it would alias, over voiced frames.
    `voiced` is the share of frames that have a pitch, of those within 40 dB of the loudest.
    `noise/recording` and `noise/prediction` are the shares of the energy that are no harmonic, as
    `noise-share` measures them. `left` is the mel log-spectral distance from the recording,
    divided by that between two realisations of the prediction's own noise: at 1, what is left is
    luck. What the recipe lacks is not measured.
    """

    @frozen
    class Options:
        """How much is looked at, and what the controls are called."""

        seconds: float = option(10.0, help="how much sound to look at", gt=0.0, unit="s")
        distribution: str = option("harmonic_distribution", help="the control of harmonics")

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.rate = ctx.rate("sample")
        self.noise = NoiseShare(NoiseShare.Options(), ctx)
        self.spectra = MelLogSpectralDistance(NoOptions(), ctx)

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return seven kinds of numbers, all but the last of them shares."""

        def share(name: str, what: str) -> Metric:
            return Metric(name, "", "lower", what, lo=0.0, hi=1.0)

        return (
            share("part/*", "share of the energy of all parts"),
            share("saturated/*", "share of values at the upper end of what a head can say"),
            share("above-nyquist", "share of the harmonics that would alias"),
            share("voiced", "share of sounding frames that have a pitch"),
            share("noise/recording", "share of the energy that is no harmonic, recording"),
            share("noise/prediction", "share of the energy that is no harmonic, prediction"),
            Metric("left", "", "lower", "distance, of that between two noise realisations", lo=0.0),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure the first so many seconds; every value counts alike."""
        shares = Shares()
        means: dict[str, Mean] = {}
        sounds = []
        for batch in self._first(batches):
            output = pipeline(batch)
            shares.add(output.parts)
            for name, values in self._of_controls(pipeline, output):
                means.setdefault(name, Mean()).add(values)
            again = pipeline(pipeline.with_noise(batch, seed=0, step=OTHER_NOISE))
            pred = signal_of(output)
            sounds.append((pred, batch[TARGET]))
            means.setdefault("distance", Mean()).add(self.spectra.distance(pred, batch[TARGET]))
            means.setdefault("luck", Mean()).add(self.spectra.distance(pred, signal_of(again)))
        found = {name: mean.value for name, mean in means.items()}
        distance, luck = found.pop("distance", 0.0), found.pop("luck", 0.0)
        found |= shares.named("part")
        found["noise/recording"], found["noise/prediction"] = self.noise.compare(sounds)
        if luck > 0.0:
            found["left"] = distance / luck
        return found

    def warnings(self, values: Mapping[str, float]) -> Iterator[str]:
        """Say what is wrong, and what helps."""
        for name, value in values.items():
            kind, _, label = name.partition("/")
            if kind == "part" and value < DEAD:
                yield f"synth {label} is dead: it has no audible part in the sound"
            if kind == "saturated" and value > SATURATED:
                yield (
                    f"{label} is at its upper end in {value:.0%} of all values: raise the head's "
                    "range, or lower the level of the data"
                )
        if values.get("above-nyquist", 0.0) > REMOVED:
            yield (
                f"{values['above-nyquist']:.0%} of what the head says about harmonics lies above "
                "half the sample rate and is not played: fewer partials would do"
            )
        if values.get("voiced", 1.0) < VOICED_AT_LEAST:
            yield (
                f"only {values['voiced']:.0%} of the sounding frames have a pitch: look at the "
                "data with ddsp data inspect, or widen f0_min and f0_max"
            )
        recording, prediction = (
            values.get(f"noise/{of}", 0.0) for of in ("recording", "prediction")
        )
        if prediction > max(MUCH, TIMES * recording):
            yield (
                f"noise explains the harmonics: {prediction:.0%} of the prediction is no harmonic, "
                f"but {recording:.0%} of the recording"
            )
        if values.get("left", AT_THE_FLOOR) < AT_THE_FLOOR:
            yield (
                "the distance has come down to that of two realisations of the same noise: "
                "what further training changes cannot be told from luck"
            )

    def _first(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield batches, or rows of one, until there is enough."""
        left = self.opt.seconds * self.rate
        for batch in batches:
            if left <= 0:
                return
            length = batch[TARGET].shape[1]
            rows = max(1, round(left / length))
            yield {name: value[:rows] for name, value in batch.items()}
            left -= rows * length

    def _of_controls(self, pipeline: Pipeline, output: Output) -> Iterator[tuple[str, Tensor]]:
        """Yield the values whose mean is a share, by its name."""
        controls = output.controls
        for control, name in _said_by_heads(pipeline):
            if control.hi is not None and control.unit != "simplex":
                yield f"saturated/{name}", (controls[name] >= AT_THE_END * control.hi).float()
        voiced = controls["voicing"][..., 0] > VOICED if "voicing" in controls else None
        shares = controls.get(self.opt.distribution)
        if voiced is not None and shares is not None and voiced.any():
            number = torch.arange(1, shares.shape[2] + 1, device=shares.device)
            above = number * controls["f0_hz"] >= self.rate / 2
            yield "above-nyquist", (shares * above).sum(-1)[voiced]
        if voiced is not None and "loudness_db" in controls:
            loudness = controls["loudness_db"][..., 0]
            sounding = loudness > loudness.amax(1, keepdim=True) - 40.0
            yield "voiced", voiced[sounding].float()


def _said_by_heads(pipeline: Pipeline) -> Iterator[tuple[Control, str]]:
    """Yield what heads provide, and the name it has among the controls."""
    wiring = pipeline.wiring
    for node in wiring.nodes:
        if node.kind == "head":
            for control in node.provides:
                yield control, wiring.key(node.label, control.name)
