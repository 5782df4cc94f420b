"""Draw `picture.png`: what an index does, and what becomes of it where sidebands would fold."""

import math
from pathlib import Path

import torch
from ddsp_fm.synth import FmSynth
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

from ddspcore import Context
from ddspcore.dsp.oscillators import phase_cycles
from ddspcore.dsp.scales import amplitude_to_db
from ddspcore.dsp.stft import magnitude
from ddspcore.dsp.upsampling import linear
from ddspcore.style import STYLE

HERE = Path(__file__).parent
RATE, HOP, FRAMES, WINDOW = 16_000, 256, 251, 1024


def main() -> None:
    """Draw the spectrograms of a rising index, and of a glide with and without the limit."""
    synth = FmSynth(FmSynth.Options(carriers=(1.0,)), Context({"sample": 16e3, "frame": 62.5}))
    steady, glide = torch.full((FRAMES,), 300.0), torch.logspace(2.3, 3.5, FRAMES)
    rising, constant = torch.linspace(0.0, 10.0, FRAMES), torch.full((FRAMES,), 6.0)
    panels = {
        "index 0 to 10, at 300 Hz": synth(controls(steady, rising)),
        "index 6, pitch rising": synth(controls(glide, constant)),
        "the same without the limit": unlimited(glide, constant),
    }
    with rc_context(STYLE):
        figure = Figure(figsize=(13, 3.8), layout="constrained")
        for axes, (title, sound) in zip(
            figure.subplots(1, 3, sharey=True), panels.items(), strict=True
        ):
            level_db = amplitude_to_db(magnitude(sound, WINDOW, HOP)[0] * (4 / WINDOW))
            extent = (0, (FRAMES - 1) * HOP / RATE, 0, RATE / 2000)
            picture = axes.imshow(
                level_db.T,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=-80,
                vmax=0,
                cmap="magma",
            )
            axes.set_title(title)
            axes.set_xlabel("s")
            axes.grid(False)
        figure.axes[0].set_ylabel("kHz")
        figure.colorbar(picture, ax=figure.axes, label="dB")
        figure.savefig(HERE / "picture.png", dpi=100, metadata={"Software": None})


def controls(f0_hz: Tensor, index: Tensor) -> dict[str, Tensor]:
    """Return the controls of one pair. Shape: both [N]."""
    values = {"f0_hz": f0_hz, "fm_levels": torch.ones(FRAMES), "fm_indices": index}
    return {name: value.view(1, FRAMES, 1) for name, value in values.items()}


def unlimited(f0_hz: Tensor, index: Tensor) -> Tensor:
    """Return the same pair as a formula. Shape: both [N] -> [1,T]."""
    angle = 2 * math.pi * phase_cycles(f0_hz[None], HOP, RATE)
    return torch.sin(angle + linear(index.view(1, FRAMES, 1), HOP)[..., 0] * angle.sin())


if __name__ == "__main__":
    main()
