"""How far a noise filter that was recovered lies from the one that there was."""

from collections.abc import Iterable
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Control, Metric, evaluator, option
from ddspcore.builtin.known.noise import MAGNITUDES
from ddspcore.controls import ANY
from ddspcore.dsp.filters import zero_phase
from ddspcore.dsp.scales import power_to_db
from ddspcore.pipeline import Batch, Pipeline

FLOOR_DB = -120.0
POINTS = 64
"""Frequencies that are compared, evenly from 0 to Nyquist, which is one more."""


@evaluator("noise-error")
class NoiseError:
    """Error of a noise filter whose true magnitudes the source knows, in dB.

    Compared is what is heard: the power response of the windowed filter, at 65 frequencies, as a
    mean over `window`, since one realisation of noise says little about a shorter time. (A pattern
    that alternates from band to band has no response: nobody could recover it.) The median of the
    error's size; the mean error, which is negative where the noise is too soft; and its size.
    Draws noise_error.png: both filters, and the error of every band.
    """

    @frozen
    class Options:
        """Over how long powers are averaged."""

        window: float = option(0.25, gt=0, unit="s", help="over how long powers are averaged")

    def __init__(self, opt: Options, ctx: Context):
        self.frames = max(1, round(opt.window * ctx.rate("frame")))
        self.frame_s = 1.0 / ctx.rate("frame")
        self.nyquist_hz = ctx.rate("sample") / 2

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the magnitudes that there were, and those that there are."""
        return (MAGNITUDES, Control("noise_magnitudes", channels=ANY))

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return the error, the signed bias and its size."""
        return (
            Metric("noise-error", "dB", "lower", "error of the noise filter, median", lo=0.0),
            Metric("noise-level", "dB", "higher", "level of the noise, less the true one"),
            Metric("noise-bias", "dB", "lower", "bias of the noise's level", lo=0.0),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all items, and draw the first."""
        from ddspcore.builtin.known.noise_picture import draw_noise  # noqa: PLC0415  matplotlib

        found = []
        for batch in batches:
            true_db = self._levels_db(batch[MAGNITUDES.name])
            heard_db = self._levels_db(pipeline(batch).controls["noise_magnitudes"])
            found.append(heard_db - true_db)
            if len(found) == 1:
                edges = self.frame_s * true_db.shape[1], self.nyquist_hz
                draw_noise(true_db[0], heard_db[0], edges, out_dir / "noise_error.png")
        error = torch.cat([each.flatten() for each in found])
        bias = error.mean().item()
        return {
            "noise-error": error.abs().median().item(),
            "noise-level": bias,
            "noise-bias": abs(bias),
        }

    def _levels_db(self, magnitudes: Tensor) -> Tensor:
        """Return mean powers of the response. Shape: [B,N,bands] -> [B,M,POINTS+1]."""
        bands = magnitudes.shape[2]
        stride = -(-bands // POINTS)
        kind = magnitudes.device, magnitudes.dtype
        # A transform must hold the impulse response, and every `stride`th of its bins is compared.
        response = magnitudes @ zero_phase(bands, 2 * POINTS * stride, *kind)[:, ::stride]
        frames = min(self.frames, magnitudes.shape[1])
        return power_to_db(response.square().unfold(1, frames, 1).mean(-1), FLOOR_DB)
