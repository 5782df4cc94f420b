"""Draw `picture.png`: how the loss leads a tone home, beside the spectral loss of the core."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from ddsp_loss_sot import SpectralTransport
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

from ddspcore import Context
from ddspcore.builtin.losses import MultiResolutionSpectra
from ddspcore.style import BLUE, MUTED, STYLE, VERMILION, add_legend

HERE = Path(__file__).parent
RATE = 16_000
TARGET_HZ = 1000.0
STARTS_HZ = (250.0, 600.0, 1300.0, 1900.0)
STEPS = 300


def main() -> None:
    """Draw both losses against frequency, and frequencies that follow their gradients."""
    ctx = Context({"sample": float(RATE), "frame": 62.5})
    modules = {
        "sot": (SpectralTransport(SpectralTransport.Options(), ctx), VERMILION),
        "mrstft": (MultiResolutionSpectra(MultiResolutionSpectra.Options(), ctx), BLUE),
    }
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 3.8), layout="constrained")
        losses, paths = figure.subplots(1, 2)
        for name, (module, color) in modules.items():
            distance = to_target(module)
            hz = torch.arange(200.0, 2001.0, 10.0)
            losses.plot(hz, [distance(each) for each in hz], color=color, label=name)
            for start in STARTS_HZ:
                paths.plot(descent(distance, start), color=color)
        losses.set(xlabel="frequency of the tone, Hz", ylabel="loss", ylim=(0, 2.5))
        add_legend(losses)
        paths.axhline(TARGET_HZ, color=MUTED, linestyle=":")
        paths.set(xlabel="step of Adam", ylabel="frequency of the tone, Hz")
        figure.savefig(HERE / "picture.png", dpi=110, metadata={"Software": None})


def to_target(module: SpectralTransport | MultiResolutionSpectra) -> Callable[[Tensor], Tensor]:
    """Return the loss of a tone as a function of its frequency."""
    prepared = module.prepare(tone(torch.tensor(TARGET_HZ)))
    return lambda hz: module(tone(hz), prepared)


def tone(hz: Tensor) -> Tensor:
    """Return half a second of a sine. Shape: [] -> [1,T]."""
    seconds = torch.arange(RATE // 2) / RATE
    return (0.3 * torch.sin(2 * math.pi * hz * seconds))[None]


def descent(distance: Callable[[Tensor], Tensor], start_hz: float) -> list[float]:
    """Return the frequencies that follow the gradient."""
    hz = torch.tensor(start_hz, requires_grad=True)
    optimiser = torch.optim.Adam([hz], lr=10.0)
    path = []
    for _ in range(STEPS):
        path.append(hz.item())
        optimiser.zero_grad()
        distance(hz).backward()
        optimiser.step()
    return path


if __name__ == "__main__":
    main()
