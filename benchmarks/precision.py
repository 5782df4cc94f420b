"""How far from float64: the sound of four seconds, and the phase after an hour."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from attrs import evolve
from torch import Tensor
from torch.overrides import TorchFunctionMode

from benchmarks import bank
from benchmarks.peers import DDSP_PYTORCH, DDSP_SVC, PeerMissingError
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import kernels as chosen
from ddspcore import kernels
from ddspcore.dsp import oscillators

SUBJECT = "accuracy"
F0_HZ, VIBRATO = 440.0, 0.005
SOUND = bank.Size(batch=1, samples=64_000)
HOUR_SECONDS, LAST_SECONDS = 3600, 4
PEER_BANKS = {DDSP_PYTORCH.name: bank.ddsp_pytorch_bank, DDSP_SVC.name: bank.ddsp_svc_bank}


def pitch(frames: int, hop: int, sample_rate: int) -> Tensor:
    """Return frames of 440 Hz with a vibrato of half a per cent: no harmonic crosses Nyquist."""
    seconds = torch.arange(frames, dtype=torch.float64) * (hop / sample_rate)
    return (F0_HZ * (1.0 + VIBRATO * (2.0 * math.pi * 5.0 * seconds).sin())).float()[None]


def sound(setup: Setup) -> dict[str, Any]:
    """Return each bank's largest error over four seconds, as a share of the largest sample.

    A peer is compared with itself in float64, so that only rounding counts and not what it does
    otherwise; ours with sines that are added up one by one.
    """
    size = SOUND
    f0_hz = pitch(size.frames + 1, size.hop, size.sample_rate)
    _, amplitudes = bank.controls(size, "cpu")
    audible = torch.arange(1, size.harmonics + 1) * f0_hz.max() < size.sample_rate / 2
    amplitudes = amplitudes * audible
    exact = direct(f0_hz.double(), amplitudes.double(), size)
    results: dict[str, Any] = {}
    for name, which in kernels_of(setup).items():
        here, levels = f0_hz.to(setup.device), amplitudes.to(setup.device)
        with chosen(which), torch.no_grad():
            made = kernels.harmonic_bank(here, levels, size.hop, size.sample_rate)
        results[name] = {"value": _error(made.cpu(), exact)}
    for name, build in PEER_BANKS.items():
        results[name] = _valued(partial(_own_error, setup, build, f0_hz, amplitudes))
    return results


def direct(f0_hz: Tensor, amplitudes: Tensor, size: bank.Size) -> Tensor:
    """Return the sum of sines with controls linear between frames, one harmonic at a time."""
    j = torch.arange(size.hop, dtype=torch.float64) / size.hop
    cycles = _cycles(f0_hz, size)
    total = torch.zeros_like(cycles)
    for k in range(amplitudes.shape[-1]):
        level = torch.lerp(amplitudes[:, :-1, None, k], amplitudes[:, 1:, None, k], j).flatten(1)
        total += level * (2.0 * math.pi * ((k + 1) * cycles % 1.0)).sin()
    return total


def _own_error(
    setup: Setup, build: Callable[..., bank.Bank], f0_hz: Tensor, amplitudes: Tensor
) -> float:
    """Return how far a peer's bank is from the same bank given float64."""
    made = build(evolve(setup, device="cpu"), SOUND)
    given = f0_hz[:, :-1], amplitudes[:, :-1].clamp_min(1e-12)
    if build is bank.ddsp_svc_bank:
        given = given[0], (128.0 * given[1]).log()
    with torch.no_grad():
        return _error(made(*given), made(*(x.double() for x in given)))


def phase(setup: Setup) -> dict[str, Any]:
    """Return the largest phase error of the fundamental in the last seconds of an hour, in cycles.

    Half a cycle is as wrong as a phase can be.
    """
    size = evolve(SOUND, samples=(60 if setup.quick else HOUR_SECONDS) * 16_000, harmonics=1)
    f0_hz = pitch(size.frames + 1, size.hop, size.sample_rate)
    last = LAST_SECONDS * size.sample_rate
    results: dict[str, Any] = {}
    before = size.frames - last // size.hop
    early, late = (x.to(setup.device) for x in (f0_hz[:, : before + 1], f0_hz[:, before:]))
    start = oscillators.phase_after(early, size.hop, size.sample_rate)
    ours = oscillators.integer_phase(late, size.hop, size.sample_rate, start)
    exact = _exact_phase(f0_hz, size, before)
    results["ours"] = {"value": _turn_error(ours.cpu().flatten(1).double() / 2.0**32, exact)}
    for name, build in PEER_BANKS.items():
        results[name] = _valued(partial(_own_phase_error, setup, build, f0_hz, size))
    return results


def _exact_phase(f0_hz: Tensor, size: bank.Size, before: int) -> Tensor:
    """Return the phase after `before` hops: those by Python's integers, the rest in float64.

    A sum of an hour in float64 would itself be off by 1e-4 cycle.
    """
    units = 24  # bits: a float32 frequency of 440 Hz is a whole number of 2**-15 Hz
    f0 = [int(f * 2**units) for f in f0_hz[0].tolist()]
    hop, cycle = size.hop, 2 * size.sample_rate << units
    twice = sum(2 * hop * f + (hop - 1) * (g - f) for f, g in pairwise(f0[: before + 1]))
    return twice % cycle / cycle + _cycles(f0_hz[:, before:].double(), size)


def _cycles(f0_hz: Tensor, size: bank.Size) -> Tensor:
    """Return the phase, in cycles, of a frequency that is linear between frames."""
    j = torch.arange(size.hop, dtype=torch.float64) / size.hop
    sampled = torch.lerp(f0_hz[:, :-1, None], f0_hz[:, 1:, None], j).flatten(1)
    return (sampled.cumsum(1) - sampled) / size.sample_rate


def _own_phase_error(
    setup: Setup, build: Callable[..., bank.Bank], f0_hz: Tensor, size: bank.Size
) -> float:
    made = build(evolve(setup, device="cpu"), size)
    last = LAST_SECONDS * size.sample_rate
    heard = []
    for dtype in (torch.float32, torch.float64):
        given = f0_hz[:, :-1].to(dtype)
        with torch.no_grad(), Angles() as angles:
            made(given, torch.zeros_like(given)[..., None])
        heard.append(angles.heard[0].flatten()[-last:].double() / (2.0 * math.pi))
    return _turn_error(*heard)


class Angles(TorchFunctionMode):
    """Keeps what sines are taken of: the phase, which a bank does not return."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note the argument of `torch.sin` and let everything happen."""
        if func is torch.sin:
            self.heard.append(args[0].detach())
        return func(*args, **(kwargs or {}))


def _error(made: Tensor, exact: Tensor) -> float:
    return float((made.double() - exact).abs().max() / exact.abs().max())


def _turn_error(made: Tensor, exact: Tensor) -> float:
    turns = made - exact
    return float((turns - turns.round()).abs().max())


def _valued(call: Callable[[], float]) -> dict[str, Any]:
    try:
        return {"value": call()}
    except PeerMissingError as missing:
        return {"absent": str(missing)}
