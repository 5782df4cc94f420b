"""Filtered noise: white noise and frame-rate magnitudes in, sound out, and back to magnitudes."""

import functools
from collections.abc import Callable

import torch
from attrs import evolve, frozen
from torch import Tensor

from benchmarks import magenta
from benchmarks.calls import calling
from benchmarks.peers import DDSP_PYTORCH, DDSP_SVC, MAGENTA, load
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import Case, Contender
from ddspcore import kernels
from ddspcore.dsp import filters

SUBJECT = "filtered noise"
WORK = "forward and back to magnitudes"
TOLERANCE = 1e-4
MAGENTA_IS_LATE = 2  # samples: it takes the middle of an even filter to be earlier than it is

Filter = Callable[[Tensor, Tensor], Tensor]


@frozen
class Size:
    """How much there is to do."""

    batch: int = 16
    frames: int = 250
    hop: int = 256
    bands: int = 65

    def __str__(self) -> str:
        return f"{self.batch} x {self.frames} x {self.hop}, {self.bands} bands"


def inputs(size: Size, device: str) -> tuple[Tensor, Tensor]:
    """Return noise [B,N*hop] and magnitudes [B,N+1,bands]; the last frame equals the one before."""
    draw = torch.Generator().manual_seed(0)
    white = torch.rand((size.batch, size.frames * size.hop), generator=draw) * 2.0 - 1.0
    magnitudes = torch.rand((size.batch, size.frames, size.bands), generator=draw)
    held = torch.cat([magnitudes, magnitudes[:, -1:]], dim=1)
    return white.to(device), held.to(device)


def case(setup: Setup, size: Size) -> Case:
    """Return the noise filter at one size."""
    entrants: dict[str, Callable[[], Contender]] = {
        name: functools.partial(_ours, setup, size, which)
        for name, which in kernels_of(setup).items()
    }
    entrants[DDSP_PYTORCH.name] = functools.partial(_ddsp_pytorch, setup, size)
    entrants[DDSP_SVC.name] = functools.partial(_ddsp_svc, setup, size)
    entrants[MAGENTA.name] = functools.partial(_magenta, setup, size)
    return Case(SUBJECT, WORK, str(size), entrants)


def _ours(setup: Setup, size: Size, which: str) -> Contender:
    white, magnitudes = inputs(size, setup.device)
    filtered = functools.partial(kernels.filtered_noise, white, magnitudes, size.hop)
    return Contender(calling(filtered, [magnitudes]), which)


def _ddsp_pytorch(setup: Setup, size: Size) -> Contender:
    core = load(setup.peers, DDSP_PYTORCH, "core")

    def filtered(white: Tensor, magnitudes: Tensor) -> Tensor:
        impulse = core.amp_to_impulse_response(magnitudes, size.hop)
        blocks = white.view(*impulse.shape[:2], size.hop)
        signal: Tensor = core.fft_convolve(blocks, impulse).contiguous()
        return signal.flatten(1)

    note = "cuts every block's tail off, so it makes another sound with less work"
    return _peer(setup, size, filtered, note)


def _ddsp_svc(setup: Setup, size: Size) -> Contender:
    core = load(setup.peers, DDSP_SVC, "core")

    def filtered(white: Tensor, magnitudes: Tensor) -> Tensor:
        response = torch.complex(magnitudes, torch.zeros_like(magnitudes))
        signal: Tensor = core.frequency_filter(white, response)
        return signal

    check = functools.partial(difference, setup, size, filtered, moving=True)
    return _peer(setup, size, filtered, "", check)


def _magenta(setup: Setup, size: Size) -> Contender:
    def filtered(white: Tensor, magnitudes: Tensor) -> Tensor:
        arrays = {"white": white, "magnitudes": magnitudes}
        return magenta.result(setup, "noise", arrays, {}).roll(-MAGENTA_IS_LATE, -1)

    white, magnitudes = inputs(size, "cpu")
    return magenta.contender(
        setup,
        "noise",
        {"white": white, "magnitudes": magnitudes[:, :-1]},
        ("magnitudes",),
        {},
        check=lambda: difference(setup, size, filtered, moving=False),
        note="does not interpolate between filters; 2 samples late",
    )


def _peer(
    setup: Setup,
    size: Size,
    filtered: Filter,
    note: str,
    check: Callable[[], float] | None = None,
) -> Contender:
    white, magnitudes = inputs(size, setup.device)
    magnitudes = magnitudes[:, :-1].contiguous()
    call = calling(lambda: filtered(white, magnitudes), [magnitudes])
    return Contender(call, check=check, note=note)


def difference(setup: Setup, size: Size, filtered: Filter, *, moving: bool) -> float:
    """Return how far a peer's sound is from ours in float64, as a share of what is allowed.

    Magnitudes move where the peer interpolates between filters too; the ends, where a filter has no
    other to blend with, are left out.
    """
    brief = evolve(size, batch=2, frames=8)
    white, magnitudes = inputs(brief, setup.device)
    if not moving:
        magnitudes = magnitudes[:, :1].expand_as(magnitudes)
    exact = filters.filtered_noise(white.double(), magnitudes.double(), size.hop)
    with torch.no_grad():
        made = filtered(white, magnitudes[:, :-1])
    inner = slice(size.hop, -size.hop)
    error = (made.double() - exact)[:, inner].abs().max() / exact.abs().max()
    return float(error) / TOLERANCE
