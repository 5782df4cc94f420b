"""The oscillator bank: frame-rate pitch and amplitudes in, sound out, and back."""

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from attrs import evolve, frozen
from torch import Tensor

from benchmarks import magenta
from benchmarks.calls import calling
from benchmarks.peers import DDSP_PYTORCH, DDSP_SVC, MAGENTA, load
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import Case, Contender
from ddspcore import kernels
from ddspcore.dsp import oscillators

SUBJECT = "oscillator bank"
FORWARD, AMPLITUDES, BOTH = "forward", "and back to amplitudes", "and back to f0 and amplitudes"
WORKS = (FORWARD, AMPLITUDES, BOTH)
FMA_PER_PAIR = {FORWARD: 3, AMPLITUDES: 6, BOTH: 8}
"""Multiply-adds for a sine of a sample: 3 forward, 2 for the derivative, 3 back to amplitudes."""
CHECKED_HOPS = 4
TOLERANCE = 1e-2
"""Peers sum phase in float32: within a few hops already, they are as far off, of full scale."""
SVC_NOTE = "from the controls of its `Sins` synth to the sum of its sinusoids"
CYCLE = 1 << 25

Bank = Callable[[Tensor, Tensor], Tensor]


@frozen
class Size:
    """How much there is to do. Pitch is as high as it can be with every harmonic audible."""

    batch: int = 16
    samples: int = 64_000
    harmonics: int = 100
    hop: int = 256
    sample_rate: int = 16_000

    def __str__(self) -> str:
        rate = "" if self.sample_rate == 16_000 else f", {self.sample_rate} Hz"
        return f"{self.batch} x {self.samples}, {self.harmonics} harmonics{rate}"

    @property
    def frames(self) -> int:
        """Count the frames, the one at the end not included."""
        return self.samples // self.hop


def controls(size: Size, device: str, vibrato: float = 0.03) -> tuple[Tensor, Tensor]:
    """Return pitch [B,N+1] and amplitudes [B,N+1,K]; the last frame equals the one before."""
    draw = torch.Generator().manual_seed(0)
    seconds = torch.arange(size.frames) * (size.hop / size.sample_rate)
    swing = (2.0 * math.pi * 5.0 * seconds + torch.arange(size.batch)[:, None]).sin()
    f0_hz = 0.469 * size.sample_rate / size.harmonics * (1.0 + vibrato * swing)
    shape = (size.batch, size.frames, size.harmonics)
    amplitudes = (0.1 + torch.rand(shape, generator=draw)) / size.harmonics
    held = (torch.cat([x, x[:, -1:]], dim=1).to(device) for x in (f0_hz, amplitudes))
    return tuple(held)  # type: ignore[return-value]


def case(setup: Setup, size: Size, work: str, everybody: bool = True) -> Case:
    """Return the bank at one size; `everybody` includes magenta, which is slow."""
    entrants: dict[str, Callable[[], Contender]] = {
        name: functools.partial(_ours, setup, size, work, which)
        for name, which in kernels_of(setup).items()
    }
    entrants[DDSP_PYTORCH.name] = functools.partial(_ddsp_pytorch, setup, size, work)
    entrants[DDSP_SVC.name] = functools.partial(_ddsp_svc, setup, size, work)
    if everybody:
        entrants[MAGENTA.name] = functools.partial(_magenta, setup, size, work)
    pairs = size.batch * size.samples * size.harmonics
    tiny = evolve(size, batch=1, samples=8 * size.hop)
    return Case(
        SUBJECT,
        work,
        str(size),
        entrants,
        facts={"fma": float(pairs * FMA_PER_PAIR[work])},
        small=None if size == tiny else case(setup, tiny, work, everybody=False),
    )


def _ours(setup: Setup, size: Size, work: str, which: str) -> Contender:
    def bank(f0_hz: Tensor, amplitudes: Tensor) -> Tensor:
        return kernels.harmonic_bank(f0_hz, amplitudes, size.hop, size.sample_rate)

    f0_hz, amplitudes = controls(size, setup.device)
    return Contender(_calling(bank, f0_hz, amplitudes, work), which)


def _ddsp_pytorch(setup: Setup, size: Size, work: str) -> Contender:
    bank = ddsp_pytorch_bank(setup, size)
    f0_hz, amplitudes = (x[:, :-1].contiguous() for x in controls(size, setup.device))
    check = functools.partial(difference, setup, size, ddsp_pytorch_bank, moving=False)
    return Contender(_calling(bank, f0_hz, amplitudes, work), check=check)


def ddsp_pytorch_bank(setup: Setup, size: Size) -> Bank:
    """Return its oscillators, with the repetition of frames that its model puts before them."""
    core = load(setup.peers, DDSP_PYTORCH, "core")

    def bank(f0_hz: Tensor, amplitudes: Tensor) -> Tensor:
        pitch, levels = (
            core.upsample(f0_hz[..., None], size.hop),
            core.upsample(amplitudes, size.hop),
        )
        signal: Tensor = core.harmonic_synth(pitch, levels, size.sample_rate)
        return signal[..., 0]

    return bank


def _ddsp_svc(setup: Setup, size: Size, work: str) -> Contender:
    bank = ddsp_svc_bank(setup, size)
    f0_hz, amplitudes = (x[:, :-1].contiguous() for x in controls(size, setup.device))
    check = functools.partial(difference, setup, size, ddsp_svc_bank, moving=True)
    call = _calling(bank, f0_hz, (128.0 * amplitudes).log(), work)
    return Contender(
        call, check=lambda: check(to_control=lambda a: (128.0 * a).log()), note=SVC_NOTE
    )


class _SinusoidsError(Exception):
    """Carries the sinusoids out of a forward that would go on to filter them."""


def ddsp_svc_bank(setup: Setup, size: Size) -> Bank:
    """Return the harmonic part of its `Sins`, whose amplitudes are exp(control) / 128.

    Its forward predicts controls, adds sinusoids and filters them; here the network hands over what
    it is given and the filter, instead of filtering, ends the forward.
    """
    vocoder = load(setup.peers, DDSP_SVC, "vocoder")
    synth = vocoder.Sins.__new__(vocoder.Sins)
    torch.nn.Module.__init__(synth)
    synth.sampling_rate, synth.block_size = size.sample_rate, size.hop
    given: dict[str, Tensor] = {}
    synth.unit2ctrl = lambda *args, **named: (given, None)

    def stop(sinusoids: Tensor, *args: Any, **named: Any) -> None:
        raise _SinusoidsError(sinusoids)

    def bank(f0_hz: Tensor, log_amplitudes: Tensor) -> Tensor:
        unused = log_amplitudes[:1, :1, :1].detach()
        given.update(amplitudes=log_amplitudes, group_delay=unused, noise_magnitude=unused)
        vocoder.frequency_filter = stop
        try:
            synth.forward(None, f0_hz[..., None], None, infer=False)
        except _SinusoidsError as end:
            signal: Tensor = end.args[0]
            return signal
        raise AssertionError("its forward no longer filters the sinusoids")

    return bank


def _magenta(setup: Setup, size: Size, work: str) -> Contender:
    f0_hz, amplitudes = (x[:, :-1] for x in controls(size, "cpu"))
    names = {FORWARD: (), AMPLITUDES: ("amplitudes",), BOTH: ("f0", "amplitudes")}
    return magenta.contender(
        setup,
        "bank",
        {"f0": f0_hz[..., None], "amplitudes": amplitudes},
        names[work],
        {"hop": size.hop, "sample_rate": size.sample_rate},
        check=lambda: difference(setup, size, magenta_bank, moving=False),
        note="a TensorFlow graph",
    )


def magenta_bank(setup: Setup, size: Size) -> Bank:
    """Return its harmonic synthesis, with the resampling of frames that belongs to it."""

    def bank(f0_hz: Tensor, amplitudes: Tensor) -> Tensor:
        arrays = {"f0": f0_hz[..., None], "amplitudes": amplitudes}
        options = {"hop": size.hop, "sample_rate": size.sample_rate}
        return magenta.result(setup, "bank", arrays, options)

    return bank


def difference(
    setup: Setup,
    size: Size,
    build: Callable[[Setup, Size], Bank],
    *,
    moving: bool,
    to_control: Callable[[Tensor], Tensor] = lambda amplitudes: amplitudes,
) -> float:
    """Return how far a peer's sound is from ours in float64, as a share of what is allowed.

    Over a few hops of steady pitch; amplitudes move where the peer interpolates linearly too. A
    peer's first sample is one step into the cycle, so ours starts there.
    """
    brief = evolve(size, batch=2, samples=CHECKED_HOPS * size.hop)
    f0_hz, amplitudes = controls(brief, setup.device, vibrato=0.0)
    f0_hz = f0_hz.round()
    if not moving:
        amplitudes = amplitudes[:, :1].expand_as(amplitudes)
    step = f0_hz[:, 0].long() * CYCLE
    exact = oscillators.harmonic_bank(
        f0_hz.double(), amplitudes.double(), size.hop, size.sample_rate, step
    )
    with torch.no_grad():
        made = build(setup, brief)(f0_hz[:, :-1], to_control(amplitudes[:, :-1]))
    return float((made.double() - exact).abs().max() / exact.abs().max()) / TOLERANCE


def _calling(bank: Bank, f0_hz: Tensor, amplitudes: Tensor, work: str) -> Callable[[], object]:
    """Return a call that goes forward and, where the work says so, back."""
    leaves = {FORWARD: (), AMPLITUDES: (amplitudes,), BOTH: (f0_hz, amplitudes)}[work]
    return calling(lambda: bank(f0_hz, amplitudes), leaves)
