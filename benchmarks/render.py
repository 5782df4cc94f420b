"""Offline rendering: half a minute of sound from its controls, the synthesiser alone."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import bank, noise
from benchmarks.calls import calling
from benchmarks.peers import DDSP_PYTORCH, load
from benchmarks.recipes import BANDS
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import Case, Contender
from ddspcore import kernels
from ddspcore.randomness import white_noise

SUBJECT = "offline render"
WORK = "synthesiser alone"
HOP, HARMONICS = 160, 100


def case(setup: Setup, seconds: int) -> Case:
    """Return a render of so many seconds at 16 kHz."""
    size = bank.Size(batch=1, samples=seconds * 16_000, harmonics=HARMONICS, hop=HOP)
    entrants: dict[str, Callable[[], Contender]] = {
        name: functools.partial(_ours, setup, size, which)
        for name, which in kernels_of(setup).items()
    }
    entrants[DDSP_PYTORCH.name] = functools.partial(_ddsp_pytorch, setup, size)
    return Case(SUBJECT, WORK, size_of(seconds), entrants, {"seconds": float(seconds)})


def size_of(seconds: int) -> str:
    """Say how much there is to render."""
    return f"{seconds} s, {HARMONICS} harmonics, {BANDS} bands"


def _ours(setup: Setup, size: bank.Size, which: str) -> Contender:
    f0_hz, amplitudes = bank.controls(size, setup.device)
    magnitudes = noise.inputs(noise.Size(1, size.frames, HOP, BANDS), setup.device)[1]
    item = torch.zeros(1, dtype=torch.int64, device=setup.device)

    def sound() -> Tensor:
        white = white_noise(item, size.samples, seed=0, step=0, label="white")
        tone = kernels.harmonic_bank(f0_hz, amplitudes, HOP, size.sample_rate)
        return tone + kernels.filtered_noise(white, magnitudes, HOP)

    return Contender(calling(sound), which)


def _ddsp_pytorch(setup: Setup, size: bank.Size) -> Contender:
    core = load(setup.peers, DDSP_PYTORCH, "core")
    tone = bank.ddsp_pytorch_bank(setup, size)
    f0_hz, amplitudes = (x[:, :-1].contiguous() for x in bank.controls(size, setup.device))
    shape = noise.Size(1, size.frames, HOP, BANDS)
    magnitudes = noise.inputs(shape, setup.device)[1][:, :-1].contiguous()

    def sound() -> Tensor:
        impulse = core.amp_to_impulse_response(magnitudes, HOP)
        white = torch.rand(1, size.frames, HOP).to(impulse) * 2.0 - 1.0
        hiss: Tensor = core.fft_convolve(white, impulse)
        return tone(f0_hz, amplitudes) + hiss.flatten(1)

    return Contender(calling(sound))
