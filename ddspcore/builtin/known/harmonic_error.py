"""How exactly the controls of a known tone were found again."""

from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Control, Metric, evaluator, option
from ddspcore.builtin.known.tones import AMPLITUDE, DISTRIBUTION, F0
from ddspcore.builtin.synths import Harmonic, audible
from ddspcore.builtin.tuning import played
from ddspcore.dsp.scales import amplitude_to_db, cents
from ddspcore.pipeline import Batch, Pipeline


@frozen
class Tone:
    """A tone as it sounds: its pitch [B,N,1] and the amplitude of each harmonic [B,N,K]."""

    f0_hz: Tensor
    partials: Tensor

    def padded(self, partials: int) -> "Tone":
        """Return it with silent harmonics up to a number."""
        return Tone(self.f0_hz, F.pad(self.partials, (0, partials - self.partials.shape[-1])))


@evaluator("harmonic-error")
class HarmonicError:
    """Error of harmonics and pitch against those that a known tone was made from; and a picture.

    Harmonics are compared as they are played: amplitude times distribution, without those above
    Nyquist. Those count that are truly within `range` of their frame's strongest. Of the pitch,
    all frames do. For sources that say what is true, such as `known-tones`.
    """

    @frozen
    class Options:
        """Which harmonics count."""

        range: float = option(
            40.0, gt=0.0, le=120.0, unit="dB", help="how far below the strongest one they may be"
        )

    def __init__(self, opt: Options, ctx: Context):
        self.range_db = opt.range
        self.sample_rate = round(ctx.rate("sample"))
        self.frame_rate = ctx.rate("frame")

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the tone that there was, and the one that there is."""
        return (F0, AMPLITUDE, DISTRIBUTION, *Harmonic.needs(Harmonic.Options(), ctx))

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return median and 90th percentile of both."""
        return (
            Metric("harmonic-db", "dB", "lower", "median error of harmonics", lo=0.0),
            Metric("harmonic-db-p90", "dB", "lower", "error that 90 % of harmonics keep", lo=0.0),
            Metric("pitch-cents", "cents", "lower", "median error of the pitch", lo=0.0),
            Metric("pitch-cents-p90", "cents", "lower", "error that 90 % of frames keep", lo=0.0),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every harmonic of every frame counts alike."""
        off_db, off_cents = [torch.zeros(0)], [torch.zeros(0)]
        drawn = False
        for batch in batches:
            found, true = self._tones(pipeline(batch).controls)
            off_db.append(self._errors_db(found.partials, true.partials).cpu())
            off_cents.append(cents(found.f0_hz, true.f0_hz).abs().flatten().cpu())
            if not drawn:
                from ddspcore.builtin.known.harmonic_picture import draw  # noqa: PLC0415  loads matplotlib

                draw(found, true, off_db[1], self.frame_rate, out_dir / "harmonics.png")
                drawn = True
        return {
            "harmonic-db": _quantile(off_db, 0.5),
            "harmonic-db-p90": _quantile(off_db, 0.9),
            "pitch-cents": _quantile(off_cents, 0.5),
            "pitch-cents-p90": _quantile(off_cents, 0.9),
        }

    def _tones(self, controls: Batch) -> tuple[Tone, Tone]:
        """Return the tone that was found and the true one, with as many harmonics."""
        true = self._tone(controls[F0.name], controls[AMPLITUDE.name], controls[DISTRIBUTION.name])
        found = self._tone(
            played(controls), controls["harmonic_amplitude"], controls["harmonic_distribution"]
        )
        most = max(true.partials.shape[-1], found.partials.shape[-1])
        return found.padded(most), true.padded(most)

    def _tone(self, f0_hz: Tensor, amplitude: Tensor, shares: Tensor) -> Tone:
        return Tone(f0_hz, amplitude * audible(shares, f0_hz, self.sample_rate))

    def _errors_db(self, found: Tensor, true: Tensor) -> Tensor:
        """Return the errors of the harmonics that count. Shape: twice [B,N,K] -> [M]."""
        strongest = true.amax(-1, keepdim=True)
        counted = (true > strongest * 10.0 ** (-self.range_db / 20.0)) & (true > 0.0)
        return (amplitude_to_db(found) - amplitude_to_db(true))[counted].abs()


def _quantile(parts: list[Tensor], share: float) -> float:
    """Return the value that a share of all values do not exceed; 0 if there are none."""
    values = torch.cat(parts).sort().values
    if not len(values):
        return 0.0
    return values[round(share * (len(values) - 1))].item()
