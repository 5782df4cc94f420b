"""Controls as CSV files: a row a frame for a batch of items, and three frames of the first in full.

The columns are DDSPE2E's, so that its scripts read them.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from ddspcore.builtin.controls.tracks import Track, Tracks
from ddspcore.errors import UserError
from ddspcore.train.checkpoint import read_json, write_json

Table = Iterable[Mapping[str, Any]]

SUMMARY = "control_summary.csv"
FACTS = "controls.json"
WAVETABLE = 512
"""Samples in a period."""


@frozen
class Moment:
    """One frame in full: its place, pitch, the amplitude of every harmonic, and one period.

    `audible` harmonics lie below half the sample rate; the pitch is 0 where there is none.
    """

    time_s: float
    f0_hz: float
    audible: int
    harmonics: Track
    wavetable: Track


@frozen
class Dump:
    """The tables of one item, read again: columns of the summary by name, and its moments."""

    seconds: float
    columns: Mapping[str, Track]
    moments: tuple[Moment, ...]

    @property
    def times_s(self) -> Track:
        """The time of every frame."""
        return np.linspace(0.0, self.seconds, len(self.columns["frame"]))

    @property
    def middle(self) -> Moment:
        """The moment that is looked at closely."""
        return self.moments[len(self.moments) // 2]


def write_tables(
    folder: Path, items: Sequence[Tracks], seconds: float, sample_rate: float, at_s: float | None
) -> None:
    """Write the tables of a batch of items, and what one must know to read them as seconds and Hz.

    In full are the first item's first and last frame, and the one at `at_s`, by default the middle.
    Raises UserError if the item ends before.
    """
    if at_s is not None and at_s > seconds:
        raise UserError(f"there is nothing at {at_s:g} s: the item ends at {seconds:g} s")
    rows = (row for number, tracks in enumerate(items) for row in _summarise(number, tracks))
    write_csv(folder / SUMMARY, rows)
    first = items[0]
    last = len(first.harmonics) - 1
    middle = (last + 1) // 2 if at_s is None else round(at_s / seconds * last)
    frames = sorted({0, min(middle, last), last})
    for frame in frames:
        for name, table in _in_full(first, frame, sample_rate).items():
            write_csv(folder / f"b0_f{frame}_{name}.csv", table)
    moments = [{"frame": frame, "f0_hz": first.f0_hz[frame]} for frame in frames]
    facts = {"seconds": seconds, "sample_rate": sample_rate, "moments": moments}
    write_json(folder / FACTS, facts)


def read_tables(folder: Path) -> Dump:
    """Read what `write_tables` wrote of the first item."""
    facts = read_json(folder / FACTS)
    table = _read_csv(folder / SUMMARY)
    first = table["batch"] == 0
    columns = {name: values[first] for name, values in table.items()}
    seconds, last = facts["seconds"], max(1, int(first.sum()) - 1)
    moments = []
    for moment in facts["moments"]:
        frame, f0_hz = moment["frame"], moment["f0_hz"]
        harmonics = _read_csv(folder / f"b0_f{frame}_harmonics.csv")
        audible = int((harmonics["harmonic"] * f0_hz < facts["sample_rate"] / 2.0).sum())
        period = _read_csv(folder / f"b0_f{frame}_wavetable.csv")["value"]
        at_s = seconds * frame / last
        moments.append(Moment(at_s, f0_hz, audible, harmonics["amp"], period))
    return Dump(seconds, columns, tuple(moments))


def _summarise(number: int, tracks: Tracks) -> Table:
    conditioning = tracks.conditioning()
    for frame, amplitudes in enumerate(tracks.harmonics):
        yield {
            "batch": number,
            "frame": frame,
            **{name: values[frame] for name, values in conditioning.items()},
            "harmonic_gain": tracks.harmonic_gain[frame],
            "noise_gain": tracks.noise_gain[frame],
            "amp_sum": amplitudes.sum(),
            "amp_max": amplitudes.max(),
            "amp_argmax": int(amplitudes.argmax()) + 1,
        }


def _in_full(tracks: Tracks, frame: int, sample_rate: float) -> Mapping[str, Table]:
    """Return the tables of one frame by name; those of a noise filter only where there is one."""
    amplitudes = tracks.harmonics[frame]
    period = wavetable(amplitudes, float(tracks.harmonic_gain[frame]))
    tables: dict[str, Table] = {
        "harmonics": ({"harmonic": k, "amp": a} for k, a in enumerate(amplitudes, 1)),
        "wavetable": ({"sample": n, "value": x} for n, x in enumerate(period)),
    }
    taps = None if tracks.taps is None else tracks.taps[frame]
    if tracks.bands is not None:
        bands = tracks.bands[frame]
        taps = zero_phase_taps(bands)
        frequencies = np.linspace(0.0, sample_rate / 2.0, len(bands))
        tables["noise_bands"] = (
            {"band": n, "frequency_hz": hz, "magnitude": x}
            for n, (hz, x) in enumerate(zip(frequencies, bands, strict=True))
        )
    if taps is not None:
        tables["noise_filter"] = ({"tap": n, "value": x} for n, x in enumerate(taps))
    return tables


def wavetable(amplitudes: Track, gain: float) -> Track:
    """Return one period: sines from the first harmonic on. Shape: [K] -> [512]."""
    k = np.arange(1, len(amplitudes) + 1)
    phases = 2.0 * np.pi * np.outer(np.arange(WAVETABLE) / WAVETABLE, k)
    period: Track = gain * (np.sin(phases) @ amplitudes)
    return period


def zero_phase_taps(bands: Track) -> Track:
    """Return the taps of the filter that magnitudes describe, the middle one at index `bands` - 1.

    Shape: [bands] -> [2 * (bands - 1)]. Source: Engel et al., DDSP (ICLR 2020), appendix B.5.
    """
    taps = 2 * (len(bands) - 1)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(taps) / taps)
    impulse: Track = np.roll(np.fft.irfft(bands, n=taps), taps // 2) * window
    return impulse


def write_csv(path: Path, rows: Table) -> None:
    """Write rows, which all have the same columns; NaN is an empty cell."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if np.isnan(value) else f"{value:.9g}"


def _read_csv(path: Path) -> dict[str, Track]:
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    table = np.array([[float(cell or "nan") for cell in row] for row in rows])
    return dict(zip(names, table.T, strict=True))
