"""Draw `picture.png`: what the loss hears, beside the spectral loss of the core."""

from pathlib import Path

import soundfile
import torch
from ddsp_loss_melshape import MelShape
from matplotlib import rc_context
from matplotlib.figure import Figure

import ddspcore.recipes
from ddspcore import Context
from ddspcore.builtin.losses import MultiResolutionSpectra
from ddspcore.style import BLUE, STYLE, VERMILION, add_legend

HERE = Path(__file__).parent
RECORDING = Path(next(iter(ddspcore.recipes.__path__))) / "audio/violin/violin.flac"


def main() -> None:
    """Draw both losses against gain and against tilt."""
    sound, rate = soundfile.read(RECORDING, frames=5 * 16_000, dtype="float32")
    target = torch.from_numpy(sound)[None]
    ctx = Context({"sample": float(rate), "frame": rate / 256})
    shape = MelShape(MelShape.Options(), ctx)
    spectra = MultiResolutionSpectra(MultiResolutionSpectra.Options(), ctx)
    prepared = spectra.prepare(target)
    gains = range(-30, 31, 2)
    tilts = [octave / 5 for octave in range(-30, 31)]
    panels = {
        "louder, dB": (gains, [target * 10 ** (db / 20) for db in gains]),
        "brighter, dB per octave": (tilts, [tilted(target, db, rate) for db in tilts]),
    }
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 3.6), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for each, (label, (amounts, sounds)) in zip(axes, panels.items(), strict=True):
            each.plot(amounts, [shape(x, target) for x in sounds], color=VERMILION)
            each.plot(amounts, [spectra(x, prepared) for x in sounds], color=BLUE)
            each.set_xlabel(label)
        axes[0].set_ylabel("loss")
        axes[1].lines[0].set_label("mel-shape")
        axes[1].lines[1].set_label("mrstft")
        add_legend(axes[1])
        figure.savefig(HERE / "picture.png", dpi=110, metadata={"Software": None})


def tilted(x: torch.Tensor, db: float, rate: int) -> torch.Tensor:
    """Raise a sound by so many decibels per octave above 1 kHz. Shape: [B,T]."""
    hz = torch.fft.rfftfreq(x.shape[1], 1 / rate).clamp(min=20.0)
    return torch.fft.irfft(torch.fft.rfft(x) * (hz / 1000) ** (db / 6.02), x.shape[1])


if __name__ == "__main__":
    main()
