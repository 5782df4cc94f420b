"""What came of it: spectrograms, pitch, loudness and the level of every part."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
import torch
from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray
from torch import Tensor

from ddspcore.data.features import VOICED
from ddspcore.dsp.frames import samples
from ddspcore.dsp.loudness import a_weighted_db, rms_db
from ddspcore.dsp.pitch import track
from ddspcore.dsp.scales import amplitude_to_db
from ddspcore.dsp.stft import magnitude
from ddspcore.style import MUTED, PARTS, PREDICTION, TARGET, add_legend

LONGEST_S = 15.0
RANGE_DB = 80.0
SPECTRUM_WINDOW_S, SPECTRUM_HOP_S = 0.064, 0.008
FRAME_S = 0.016
LEVEL_WINDOW_S = 0.064

Track = NDArray[np.float32]


@frozen
class Take:
    """What there is to hear, from its start: signals [T] by name, at one rate."""

    signals: Mapping[str, Tensor]
    sample_rate: int
    seconds: float
    written_seconds: float

    @property
    def hop(self) -> int:
        """Samples from frame to frame of every track."""
        return samples(FRAME_S, self.sample_rate)

    @property
    def both(self) -> dict[str, tuple[Tensor, str]]:
        """Target and prediction, those that exist, and their colours."""
        colours = {"target": TARGET, "prediction": PREDICTION}
        return {n: (self.signals[n], c) for n, c in colours.items() if n in self.signals}

    @property
    def parts(self) -> dict[str, Tensor]:
        """The signal of each synth."""
        return {n: x for n, x in self.signals.items() if n not in ("target", "prediction")}

    def times(self, frames: int) -> Track:
        """Return the time of every frame, in seconds."""
        return (np.arange(frames) * (self.hop / self.sample_rate)).astype(np.float32)


def read_take(folder: Path, renders: Mapping[str, str]) -> Take:
    """Read the start of every WAV among a run's renders that exists."""
    files = {n: folder / p for n, p in renders.items() if p.endswith(".wav")}
    files = {name: file for name, file in files.items() if file.is_file()}
    signals, rate, seconds = {}, 16000, 0.0
    for name, file in files.items():
        signal, rate = soundfile.read(file, dtype="float32")
        seconds = len(signal) / rate
        signals[name] = torch.from_numpy(signal[: round(LONGEST_S * rate)])
    return Take(signals, rate, min(seconds, LONGEST_S), seconds)


def draw_spectrograms(figure: Figure, target: Axes, prediction: Axes, take: Take) -> None:
    """Draw target and prediction on the same scale, 80 dB down from the target's peak."""
    images = {name: _spectrogram_db(x, take.sample_rate) for name, (x, _) in take.both.items()}
    top = max((image.max() for image in list(images.values())[:1]), default=0.0)
    shown = "" if take.seconds == take.written_seconds else f", first {take.seconds:.0f} s"
    for name, axes in (("target", target), ("prediction", prediction)):
        axes.set_title(f"{name.capitalize()}{shown}")
        axes.set_xlabel("time / s")
        axes.set_ylabel("frequency / kHz")
        axes.grid(visible=False)
        if name not in images:
            _say_missing(axes, name)
            continue
        drawn = axes.imshow(
            images[name],
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=top - RANGE_DB,
            vmax=top,
            extent=(0.0, take.seconds, 0.0, take.sample_rate / 2000.0),
        )
    if images:
        figure.colorbar(drawn, ax=[target, prediction], pad=0.01, label="level of a sine / dBFS")


def draw_f0(axes: Axes, take: Take) -> None:
    """Draw the pitch of target and prediction where they are voiced."""
    axes.set_title("Pitch")
    seen = []
    for name, (signal, colour) in take.both.items():
        f0_hz, voicing = track(signal[None], take.sample_rate, take.hop)
        shown = torch.where(voicing > VOICED, f0_hz, torch.nan)[0].numpy()
        _plot(axes, take, name, shown, colour)
        seen.append(shown[np.isfinite(shown)])
    heard = np.concatenate(seen or [np.zeros(0)])
    axes.set_yscale("log")
    if len(heard):
        low, high = np.quantile(heard, [0.005, 0.995])
        axes.set_ylim(low / 1.3, high * 1.3)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    _finish(axes, take, "f0 / Hz")


def draw_loudness(axes: Axes, take: Take) -> None:
    """Draw the A-weighted loudness of target and prediction."""
    axes.set_title("Loudness, A-weighted")
    window = samples(LEVEL_WINDOW_S, take.sample_rate)
    for name, (signal, colour) in take.both.items():
        loudness = a_weighted_db(signal[None], take.sample_rate, take.hop, window)
        _plot(axes, take, name, loudness.flatten().numpy(), colour)
    _finish(axes, take, "loudness / dB")


def draw_parts(axes: Axes, take: Take) -> None:
    """Draw how loud each synth's part is."""
    axes.set_title(f"Gain of each part: {', '.join(take.parts)}" if take.parts else "Parts")
    window = samples(LEVEL_WINDOW_S, take.sample_rate)
    for index, (name, signal) in enumerate(take.parts.items()):
        level = rms_db(signal[None], take.hop, window)
        _plot(axes, take, name, level.flatten().numpy(), PARTS[index % len(PARTS)])
    _finish(axes, take, "RMS level / dBFS")


def _plot(axes: Axes, take: Take, name: str, values: Track, colour: str) -> None:
    width = 2.4 if name == "target" else 1.4
    axes.plot(take.times(len(values)), values, color=colour, label=name, linewidth=width)


def _finish(axes: Axes, take: Take, label: str) -> None:
    axes.set_xlabel("time / s")
    axes.set_ylabel(label)
    axes.set_xlim(0.0, take.seconds or 1.0)
    if axes.lines:
        add_legend(axes)
    else:
        _say_missing(axes, "render")


def _say_missing(axes: Axes, what: str) -> None:
    axes.text(0.5, 0.5, f"no {what}", transform=axes.transAxes, ha="center", color=MUTED)


def _spectrogram_db(signal: Tensor, sample_rate: int) -> Track:
    window = samples(SPECTRUM_WINDOW_S, sample_rate)
    spectrum = magnitude(signal[None], window, samples(SPECTRUM_HOP_S, sample_rate))[0]
    return amplitude_to_db(spectrum * (4.0 / window)).T.numpy()
