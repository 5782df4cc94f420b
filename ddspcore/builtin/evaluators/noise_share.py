"""How much of a sound is noise, and how much of the prediction is."""

from collections.abc import Iterable
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import pairs
from ddspcore.data.features import VOICED
from ddspcore.dsp.partials import partial_amplitudes, window_in_hops
from ddspcore.dsp.pitch import track
from ddspcore.pipeline import Batch, Pipeline


@evaluator("noise-share")
class NoiseShare:
    """Noise share: how much of the energy is no harmonic, in the recording and in the prediction.

    Both sounds are analysed at the multiples of the recording's pitch, over its voiced frames that
    are half a window of 64 ms or more from either end; what the harmonics do not hold is noise.
    Says which share of a noise branch is plausible: where the recording is a clean tone, next to
    none. Within a window a level that moves counts as noise too, alike in both. All 0 if there is
    no such frame.
    """

    @frozen
    class Options:
        """What counts as a harmonic, and the range of the tracker."""

        partials: int = option(100, help="how many harmonics there may be", ge=1, le=512)
        f0_min: float = option(50.0, help="lowest pitch to look for", gt=0.0, unit="Hz")
        f0_max: float = option(2000.0, help="highest pitch to look for", gt=0.0, unit="Hz")

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return both shares, and how far they are apart."""
        share = "share of the energy that is no harmonic"
        error = f"{share}, distance of the two"
        return (
            Metric("noise-share/recording", "", "lower", f"{share}, recording", lo=0.0, hi=1.0),
            Metric("noise-share/prediction", "", "lower", f"{share}, prediction", lo=0.0, hi=1.0),
            Metric("noise-share/error", "", "lower", error, lo=0.0, hi=1.0, good=0.05, fair=0.15),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; energy counts wherever it is."""
        recording, prediction = self.compare(pairs(pipeline, batches))
        return {
            "noise-share/recording": recording,
            "noise-share/prediction": prediction,
            "noise-share/error": abs(prediction - recording),
        }

    def compare(self, sounds: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, float]:
        """Return the shares of recordings and of predictions. Shape: prediction, target [B,T]."""
        noise, energy = torch.zeros(2), torch.zeros(2)
        for pred, target in sounds:
            f0_hz, voicing = track(
                target, self.rate, self.hop, f0_min=self.opt.f0_min, f0_max=self.opt.f0_max
            )
            for index, x in enumerate((target, pred)):
                own, whole = self._energies(x, f0_hz, voicing > VOICED)
                noise[index] += own
                energy[index] += whole
        recording, prediction = (noise / energy.clamp_min(torch.finfo(energy.dtype).tiny)).tolist()
        return recording, prediction

    def _energies(self, x: Tensor, f0_hz: Tensor, voiced: Tensor) -> tuple[float, float]:
        """Return how much is noise, and how much there is; in mean squares, summed over frames."""
        amplitudes = partial_amplitudes(x, f0_hz, self.opt.partials, self.hop, self.rate)
        hops = window_in_hops(self.hop, self.rate)
        measured = voiced[:, hops // 2 :][:, : amplitudes.shape[1]]
        if not measured.any():
            return 0.0, 0.0
        window = torch.hann_window(hops * self.hop, device=x.device, dtype=x.dtype)
        frames = x.unfold(-1, hops * self.hop, self.hop)[:, : amplitudes.shape[1]]
        whole = frames.square() @ (window / window.sum())
        harmonic = amplitudes.square().sum(-1) / 2
        noise = (whole - harmonic).clamp_min(0.0)
        return noise[measured].sum().item(), whole[measured].sum().item()
