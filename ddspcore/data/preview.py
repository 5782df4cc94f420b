"""Short previews of sound files, small enough to travel inside a page."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

CEILING = 0.98


def preview(files: Mapping[str, Path], seconds: float) -> dict[str, bytes]:
    """Return the first seconds of files, each as WAV of 16 bits, all at one gain.

    Browsers seek in nothing smaller as reliably. The gain is 1 unless one of them would clip: what
    is heard side by side keeps its proportions. Files that are no sound or empty are left out.
    """
    found = {}
    for name, file in files.items():
        try:
            with soundfile.SoundFile(file) as sound:
                signal = sound.read(round(seconds * sound.samplerate), dtype="float32")
                if len(signal):
                    found[name] = np.nan_to_num(signal), sound.samplerate
        except soundfile.LibsndfileError:
            continue
    loudest = max((float(np.abs(signal).max()) for signal, _ in found.values()), default=0.0)
    gain = min(1.0, CEILING / loudest) if loudest else 1.0
    return {name: _wav(gain * signal, rate) for name, (signal, rate) in found.items()}


def _wav(signal: np.ndarray, sample_rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, signal, sample_rate, format="WAV", subtype="PCM_16")
    return file.getvalue()
