"""What can be measured of one usable file, for a training that is to follow."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from attrs import asdict, frozen
from torch import Tensor

from ddspcore.data.features import VOICED
from ddspcore.data.items import Item
from ddspcore.dsp.loudness import a_weighted_db, rms_db
from ddspcore.dsp.pitch import track
from ddspcore.dsp.polyphony import off_grid
from ddspcore.dsp.scales import hz_to_midi

VERSION = 1
WINDOW_SECONDS = 0.064
SILENT_DB = -60.0
FAINT_DB = 40.0  # below the loudest frame: not asked whether it is one voice
JUMP_OCTAVES = 0.75
OFF_GRID = 0.1
LOUDNESS_STEP_DB = 2


@frozen
class Measured:
    """One file as training will hear it: after the gain, with the recipe's features.

    Shares are of frames; `rms` and `dc` are linear. `f0_notes` are voiced seconds by the nearest
    MIDI note, found an octave beyond the synth's range on either side; `f0_below` and `f0_above`
    are the shares of them outside it. `octave_jumps` counts neighbouring voiced frames more than
    nine semitones apart. `second_voice` is the share of loud voiced frames with more than a tenth
    of the peaks' power off the multiples of f0. `loudness_db` are seconds by A-weighted level, and
    `loudness_range_db` lies between the 5th and the 95th percentile of what is not silent. Without
    a pitch among the features, everything about pitch is None.
    """

    samples: int
    frames: int
    rms: float
    dc: float
    silent: float
    loudness_range_db: float
    loudness_db: Mapping[str, float]
    voiced_seconds: float | None = None
    mean_f0_hz: float | None = None
    octave_jumps: int | None = None
    f0_notes: Mapping[str, float] | None = None
    f0_below: float | None = None
    f0_above: float | None = None
    second_voice: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the measures as plain values."""
        return asdict(self)


def measure(
    item: Item, sample_rate: int, hop: int, f0_range: tuple[float, float] | None
) -> Measured:
    """Measure a file that was analysed; `f0_range` in Hz is what the synth can be told to play.

    What is about pitch needs the features `f0_hz` and `voicing`, and a range.
    """
    length = item.hops(hop) * hop
    x = item.samples(0, length)
    window = round(WINDOW_SECONDS * sample_rate)
    level = rms_db(x, hop, window, -120.0)[0]
    loudness = a_weighted_db(x, sample_rate, hop, window, -120.0)[0]
    heard = level > SILENT_DB
    pitch = {}
    if f0_range is not None and {"f0_hz", "voicing"} <= set(item.features):
        near = level > level.max() - FAINT_DB
        pitch = _pitch(item, x, near, sample_rate, hop, f0_range)
    spread = torch.quantile(loudness[heard], torch.tensor([0.05, 0.95])) if heard.any() else None
    seconds = hop / sample_rate
    return Measured(
        samples=item.audio.shape[1],
        frames=len(level),
        rms=float(x.double().square().mean().sqrt()),
        dc=float(x.double().mean()),
        silent=float((~heard).float().mean()),
        loudness_range_db=0.0 if spread is None else float(spread[1] - spread[0]),
        loudness_db=_histogram(loudness[heard], LOUDNESS_STEP_DB, seconds),
        **pitch,
    )


def _pitch(
    item: Item,
    x: Tensor,
    loud: Tensor,
    sample_rate: int,
    hop: int,
    f0_range: tuple[float, float],
) -> dict[str, Any]:
    frames, seconds = len(loud), hop / sample_rate
    f0_hz = item.features["f0_hz"][0, :frames, 0]
    voiced = item.features["voicing"][0, :frames, 0] > VOICED
    jumps = (f0_hz.log2().diff().abs() > JUMP_OCTAVES) & voiced[1:] & voiced[:-1]
    asked = off_grid(x, f0_hz[None], sample_rate, hop)[0][voiced & loud]
    low, high = f0_range
    wide = {"f0_min": max(low / 2, 20.0), "f0_max": min(high * 2, sample_rate / 4)}
    wide_hz, voicing = track(x, sample_rate, hop, **wide)
    found = wide_hz[voicing > VOICED]
    return {
        "voiced_seconds": float(voiced.sum()) * seconds,
        "mean_f0_hz": float(f0_hz[voiced].mean()) if voiced.any() else None,
        "octave_jumps": int(jumps.sum()),
        "f0_notes": _histogram(hz_to_midi(found), 1, seconds),
        "f0_below": _share(found < low),
        "f0_above": _share(found > high),
        "second_voice": _share(asked > OFF_GRID),
    }


def _share(which: Tensor) -> float | None:
    return float(which.float().mean()) if len(which) else None


def _histogram(values: Tensor, step: int, seconds: float) -> dict[str, float]:
    """Return seconds by the nearest multiple of `step`, lowest first."""
    counts = Counter((values / step).round().int().mul(step).tolist())
    return {str(value): count * seconds for value, count in sorted(counts.items())}
