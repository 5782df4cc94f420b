"""The evaluator that says what smoothing along the frames would do to a model's controls."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import frozen

from ddspcore import Context, Metric, OptionError, evaluator, option
from ddspcore.builtin.controls.tables import Table, write_csv
from ddspcore.builtin.controls.tracks import Track, Tracks, read_tracks
from ddspcore.builtin.evaluators.measuring import TARGET
from ddspcore.dsp.smoothing import FIVE_TAPS, smooth, total_variation
from ddspcore.pipeline import Batch, Pipeline
from ddspcore.train.checkpoint import write_json

ANALYSIS = "analysis.json"
KEYS = {
    "harmonic_gain": "harmonicGain",
    "noise_gain": "noiseGain",
    "amp_sum": "ampSum",
    "harmonic_amps": "harmonicAmps",
}


@evaluator("smoothing")
class Smoothing:
    """Compares controls with what means over their frames would make of them, and plays neither.

    Writes harmonic_gain_compare.csv, noise_gain_compare.csv, amp_sum_compare.csv and
    harmonic_amps_compare.csv, in which `delta` is smoothed less raw; analysis.json; and
    smoothing_analysis.png. All are of the first item. A total variation is the mean absolute
    difference of neighbouring frames.
    """

    @frozen
    class Options:
        """How it would be smoothed."""

        taps: tuple[float, ...] = option(
            FIVE_TAPS,
            ge=0.0,
            help="weights of a frame between its neighbours, an odd number; the ends are held",
        )

        def __attrs_post_init__(self) -> None:
            """Refuse taps without a middle."""
            if len(self.taps) % 2 == 0:
                raise OptionError("taps", f"{len(self.taps)} taps have no middle")

    def __init__(self, opt: Options, ctx: Context):
        self.taps = opt.taps
        self.sample_rate = ctx.rate("sample")

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return two families, raw and smoothed, of `harmonic_gain`, `noise_gain`, `amp_sum`.

        And of `harmonic_amps`, the mean over all harmonics.
        """
        return (
            Metric("raw-variation/*", "a frame", "lower", "total variation as predicted", lo=0.0),
            Metric("fir-variation/*", "a frame", "lower", "total variation if smoothed", lo=0.0),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Compare on the first item. Raises UserError if there are no harmonics."""
        from ddspcore.builtin.controls.smoothing_picture import (  # noqa: PLC0415  matplotlib
            draw_smoothing,
        )

        found: dict[str, float] = {}
        for batch in islice(batches, 1):
            tracks = read_tracks(pipeline(batch).controls, 0)
            seconds = batch[TARGET].shape[1] / self.sample_rate
            raw = compared(tracks)
            pairs = {name: (values, self.smoothed(values)) for name, values in raw.items()}
            for name, (before, after) in pairs.items():
                write_csv(out_dir / f"{name}_compare.csv", table(name, before, after))
            harmonics = tracks.harmonics, self.smoothed(tracks.harmonics)
            write_csv(out_dir / "harmonic_amps_compare.csv", harmonics_table(*harmonics))
            for name, (before, after) in pairs.items():
                found[f"raw-variation/{name}"] = variation(before)
                found[f"fir-variation/{name}"] = variation(after)
            found["raw-variation/harmonic_amps"] = variation(harmonics[0])
            found["fir-variation/harmonic_amps"] = variation(harmonics[1])
            facts = {"item": int(batch["item"][0]), "seconds": seconds, "taps": self.taps}
            write_json(out_dir / ANALYSIS, facts | analysis(tracks, found))
            draw_smoothing(pairs, seconds, out_dir / "smoothing_analysis.png")
        return found

    def smoothed(self, values: Track) -> Track:
        """Return the means over frames. Shape: [N] or [N,C], the same."""
        rows = torch.from_numpy(values.reshape(1, len(values), -1))
        found: Track = smooth(rows, self.taps)[0].numpy().reshape(values.shape)
        return found


def compared(tracks: Tracks) -> dict[str, Track]:
    """Return the single tracks that are compared; noise only where there is any. Shape: [N]."""
    every = {
        "harmonic_gain": tracks.harmonic_gain,
        "noise_gain": tracks.noise_gain,
        "amp_sum": tracks.harmonics.sum(1),
    }
    return {name: values for name, values in every.items() if np.isfinite(values).all()}


def variation(values: Track) -> float:
    """Return the total variation of a track, or its mean over several. Shape: [N] or [N,C]."""
    rows = torch.from_numpy(values.reshape(1, len(values), -1))
    return float(total_variation(rows).mean())


def analysis(tracks: Tracks, found: Mapping[str, float]) -> dict[str, Any]:
    """Return how much there was and how it varies, under the reference's keys."""
    facts: dict[str, Any] = {
        "frames": len(tracks.harmonics),
        "harmonics": tracks.harmonics.shape[1],
    }
    for kind, suffix in (("raw", "RawTV"), ("fir", "FirTV")):
        for name, key in KEYS.items():
            facts[key + suffix] = found.get(f"{kind}-variation/{name}")
    return facts


def table(name: str, raw: Track, fir: Track) -> Table:
    """Yield a row a frame; the sum of the harmonics names its columns so."""
    suffix = "_sum" if name == "amp_sum" else ""
    for frame, (before, after) in enumerate(zip(raw, fir, strict=True)):
        values = {f"raw{suffix}": before, f"fir{suffix}": after, "delta": after - before}
        yield {"frame": frame, **values}


def harmonics_table(raw: Track, fir: Track) -> Table:
    """Yield a row for every harmonic of every frame. Shape: [N,K]."""
    for (frame, k), before in np.ndenumerate(raw):
        after = fir[frame, k]
        values = {"raw": before, "fir": after, "delta": after - before}
        yield {"frame": frame, "harmonic": k + 1, **values}
