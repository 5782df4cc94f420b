"""What a harmonic-plus-noise model says of one item, frame by frame, as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from torch import Tensor

from ddspcore.errors import UserError

Track = NDArray[np.float64]

GAINS = ("harmonic_amplitude", "harmonic_gain")
SHARES = ("harmonic_distribution", "harmonic_shares")
PITCH = ("f0_hz",)
LOUDNESSES = ("loudness_db", "rms_db")
REFERENCE_HZ = 440.0
LOUDNESS_RANGE_DB = 80.0


@frozen
class Tracks:
    """Controls of one item: gains and pitch [N], harmonics [N,K], the noise filter [N,M] if any.

    `taps` are those of a filter in time, `bands` magnitudes from 0 Hz to Nyquist. What the model
    does not say is NaN.
    """

    f0_hz: Track
    loudness_db: Track
    voicing: Track
    harmonic_gain: Track
    noise_gain: Track
    harmonics: Track
    taps: Track | None = field(default=None)
    bands: Track | None = field(default=None)

    def conditioning(self) -> dict[str, Track]:
        """Return what the network is told, scaled as in the tables: each [N].

        `f0_norm` is in octaves above 440 Hz, `loudness_norm` 0 at -80 dB and 1 at 0 dB.
        """
        f0_norm = np.log2(np.maximum(1.0, self.f0_hz) / REFERENCE_HZ)
        loudness_norm = np.clip(self.loudness_db / LOUDNESS_RANGE_DB + 1.0, 0.0, 1.0)
        return {
            "f0_norm": f0_norm,
            "loudness_norm": loudness_norm,
            "uv": np.clip(self.voicing, 0.0, 1.0),
            "delta_f0": np.diff(f0_norm, prepend=f0_norm[:1]),
            "delta_loudness": np.diff(loudness_norm, prepend=loudness_norm[:1]),
        }


def read_tracks(controls: Mapping[str, Tensor], row: int) -> Tracks:
    """Return one item's controls, on the frames that its harmonics are on.

    The gain of noise that has bands is their root mean square, which is how much quieter white
    noise gets. Raises UserError if there are no harmonics, or no pitch.
    """
    shares, gain, f0_hz = (_first(controls, names, row) for names in (SHARES, GAINS, PITCH))
    if shares is None or gain is None or f0_hz is None:
        wanted = ", ".join(" or ".join(names) for names in (SHARES, GAINS, PITCH))
        raise UserError(
            f"the model is not harmonic, so there is nothing to look at: wanted are {wanted}; "
            f"there are {', '.join(controls)}"
        )
    frames = len(shares)
    taps, bands = (_first(controls, (name,), row) for name in ("noise_taps", "noise_magnitudes"))
    noise = _first(controls, ("noise_gain",), row)
    if noise is None and bands is not None:
        noise = np.sqrt(np.square(bands).mean(1, keepdims=True))

    def track(*names: str) -> Track:
        return _fitted(_first(controls, names, row), frames)

    return Tracks(
        f0_hz=_fitted(f0_hz, frames),
        loudness_db=track(*LOUDNESSES),
        voicing=track("voicing"),
        harmonic_gain=_fitted(gain, frames),
        noise_gain=_fitted(noise, frames),
        harmonics=shares,
        taps=taps,
        bands=bands,
    )


def _first(controls: Mapping[str, Tensor], names: Sequence[str], row: int) -> Track | None:
    for name in names:
        if name in controls:
            found: Track = controls[name][row].double().cpu().numpy()
            return found
    return None


def _fitted(values: Track | None, frames: int) -> Track:
    """Return a single track of so many frames; what is shorter holds its last value."""
    if values is None:
        return np.full(frames, np.nan)
    return np.pad(values[:frames, 0], (0, max(0, frames - len(values))), mode="edge")
