"""Recordings as the reference takes them in: read, resampled, peak-normalised, cut, divided.

Its habits are kept because the numbers depend on them: no filter before resampling, no chunk is
left out for being silent, and chunks overlap across the split.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from ddspcore.data.fates import DataError
from ddspcore.data.files import File, find
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


def read(file: File, sample_rate: int, peak: float) -> Tensor:
    """Return the mono samples of a whole file at the wanted rate and peak. Shape: [n].

    Raises DataError if it cannot be decoded.
    """
    try:
        audio, rate = soundfile.read(file.path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as failure:
        raise DataError(f"{file.name}: {failure}") from failure
    mono = resample(audio.mean(axis=1), rate, sample_rate)
    loudest = float(np.abs(mono).max(initial=0.0))
    return torch.from_numpy(mono * np.float32(peak / loudest) if loudest else mono)


def resample(audio: Samples, rate: int, wanted: int) -> Samples:
    """Return audio at another rate, on straight lines between samples, aliases included.

    Positions are float32, as in the reference, so they grow coarse on long files.
    """
    if rate == wanted or not len(audio):
        return audio
    ratio = np.float32(wanted / rate)
    place = np.arange(max(1, round(len(audio) * wanted / rate)), dtype=np.float32) / ratio
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
