"""What ddsp_pytorch imports, in the little of it that its scripts call.

librosa has changed its signatures since, crepe needs TensorFlow, and the scripts' options are read
by a package of their own. In their place the scripts find these; the pitch is that of our tracker.
"""

import importlib.machinery
import os
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ddspcore.data.audio import decode
from ddspcore.dsp.pitch import track

Array = NDArray[Any]
LEAST_DB = -80.0


def install(options: Mapping[str, Any], writer: type) -> None:
    """Let the scripts import all of it; `options` are what a user would have given to them."""

    class Config:
        @classmethod
        def parse_args(cls) -> None:
            for name in options.keys() & vars(cls).keys():
                setattr(cls, name, options[name])

    _provide("effortless_config", Config=Config)
    _provide("crepe", predict=predict)
    _provide(
        "librosa",
        load=load,
        stft=stft,
        fft_frequencies=fft_frequencies,
        A_weighting=a_weighting_db,
    )
    _provide("einops", rearrange=None)  # imported, and never called
    _provide("tqdm", tqdm=Quiet)
    _provide("torch.utils.tensorboard", SummaryWriter=writer)


def _provide(module: str, **names: Any) -> None:
    made = types.ModuleType(module)
    made.__spec__ = importlib.machinery.ModuleSpec(module, None)  # torch asks who is there
    vars(made).update(names)
    sys.modules[module] = made


class Quiet:
    """A progress bar that shows nothing."""

    def __init__(self, things: Iterable[Any]):
        self.things = things

    def __iter__(self) -> Any:
        return iter(self.things)

    def set_description(self, text: str) -> None:
        """Show nothing."""


def load(file: str | os.PathLike[str], sampling_rate: int) -> tuple[Array, int]:
    """Return a file as mono float32 at a rate."""
    return decode(Path(file), sampling_rate).audio, sampling_rate


def stft(signal: Array, n_fft: int, hop_length: int, win_length: int, center: bool) -> Array:
    """Return the complex spectra of Hann windows. Shape: [T] -> [n_fft // 2 + 1, frames]."""
    spectra: Array = torch.stft(
        torch.from_numpy(signal),
        n_fft,
        hop_length,
        win_length,
        torch.hann_window(win_length),
        center=center,
        return_complex=True,
    ).numpy()
    return spectra


def fft_frequencies(sampling_rate: float, n_fft: int) -> Array:
    """Return the frequency of every bin, in Hz."""
    return np.linspace(0.0, sampling_rate / 2.0, n_fft // 2 + 1)


def a_weighting_db(frequencies: Array) -> Array:
    """Return the A-weighting of frequencies in Hz, not under -80 dB.

    Source: IEC 61672-1:2013, annex E.
    """
    f2 = np.asarray(frequencies, dtype=np.float64) ** 2
    poles = (f2 + 20.598997**2) * np.sqrt((f2 + 107.65265**2) * (f2 + 737.86223**2))
    with np.errstate(divide="ignore"):
        weights_db = 2.0 + 20.0 * np.log10(12194.217**2 * f2**2 / (poles * (f2 + 12194.217**2)))
    return np.maximum(weights_db, LEAST_DB)


def predict(
    signal: Array, sampling_rate: int, *, step_size: int, verbose: int, center: bool, viterbi: bool
) -> tuple[Array, Array, Array, None]:
    """Return times, f0 in Hz and voicing, each `step_size` ms. Shape: [T] -> [T // hop + 1]."""
    hop = round(sampling_rate * step_size / 1000)
    f0_hz, voicing = track(torch.from_numpy(signal)[None], sampling_rate, hop)
    times = np.arange(f0_hz.shape[1]) * step_size / 1000
    return times, f0_hz[0].numpy(), voicing[0].numpy(), None
