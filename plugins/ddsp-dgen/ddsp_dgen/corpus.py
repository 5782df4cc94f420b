"""Recordings as the reference takes them in: read, resampled, peak-normalised, cut, divided.

Its habits are kept because the numbers depend on them: no filter before resampling, no chunk is
left out for being silent, and chunks overlap across the split.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from attrs import frozen
from ddspcore.data.fates import DataError, Fate
from ddspcore.data.files import File, content_hash, find
from numpy.typing import NDArray
from torch import Tensor

from ddsp_dgen.randomness import SplitMix64

Samples = NDArray[np.float32]


def choose(root: Path, limit: int | None, seed: int | None) -> list[File]:
    """Return the recordings under a root, shuffled if there is a seed, at most `limit`.

    Raises DataError if there are none.
    """
    files: list[File] = [file for file in find(root) if file.path == root or file.claims_audio]
    if not files:
        raise DataError(f"data.root {root}: no recording")
    files = files if seed is None else SplitMix64(seed).shuffled(files)
    return files[:limit]


@frozen
class Recording:
    """A whole file: mono samples [n] at the wanted rate and peak, and what the file was."""

    audio: Tensor
    fate: Fate


def read(file: File, sample_rate: int, peak: float) -> Recording:
    """Return a file as the reference hears it; DataError if it cannot be decoded."""
    try:
        with soundfile.SoundFile(file.path) as sound:
            samples = sound.read(dtype="float32", always_2d=True)
            rate, kind = sound.samplerate, f"{sound.format} {sound.subtype}"
    except (soundfile.LibsndfileError, OSError) as failure:
        raise DataError(f"{file.name}: {failure}") from failure
    mono = samples.mean(axis=1)
    fate = Fate(
        file.name,
        "kept",
        kept_seconds=len(mono) / rate,
        bytes=file.path.stat().st_size,
        sha256=content_hash(file.path),
        format=kind,
        sample_rate=rate,
        channels=samples.shape[1],
        peak_dbfs=_dbfs(np.abs(mono).max(initial=0.0)),
        rms_dbfs=_dbfs(np.sqrt(np.mean(np.square(mono)))) if len(mono) else None,
    )
    audio = resample(mono, rate, sample_rate)
    loudest = float(np.abs(audio).max(initial=0.0))
    return Recording(torch.from_numpy(audio * np.float32(peak / loudest if loudest else 1.0)), fate)


def _dbfs(value: float) -> float | None:
    return 20 * math.log10(value) if value > 0 else None


def resample(audio: Samples, rate: int, wanted: int) -> Samples:
    """Return audio at another rate, on straight lines between samples, aliases included.

    Positions are float32, as in the reference, so they grow coarse on long files.
    """
    if rate == wanted or not len(audio):
        return audio
    ratio = np.float32(wanted / rate)
    place = np.arange(max(1, int(len(audio) * wanted / rate + 0.5)), dtype=np.float32) / ratio
    left = np.minimum(place.astype(np.int64), len(audio) - 1)
    right = np.minimum(left + 1, len(audio) - 1)
    between = place - left.astype(np.float32)
    blended: Samples = audio[left] * (1 - between) + audio[right] * between
    return blended.astype(np.float32)


def starts(length: int, size: int, hop: int) -> list[int]:
    """Return where pieces of `size` begin: every `hop`, and one that ends with the whole.

    What is shorter than a piece gives one; nothing gives none.
    """
    if length <= size:
        return [0] if length else []
    regular = list(range(0, length - size + 1, hop))
    rest = regular[-1] + size < length
    return [*regular, length - size] if rest else regular


def divide(count: int, share: float, seed: int | None) -> tuple[Sequence[int], Sequence[int]]:
    """Return the chunks that are trained on and those that are held out.

    Chunk by chunk, so both sides hear the same recordings, and overlapping chunks the same samples.
    """
    order = list(range(count)) if seed is None else SplitMix64(seed).shuffled(range(count))
    cut = min(max(int(np.float32(count) * np.float32(share)), 1), max(count - 1, 1))
    return order[:cut], order[cut:]
