"""The multi-resolution spectral loss: prediction and target in, a number out, and back."""

import functools
from collections.abc import Callable

import torch
from attrs import evolve, frozen
from torch import Tensor

from benchmarks import magenta
from benchmarks.calls import calling
from benchmarks.peers import AURALOSS, DDSP_PYTORCH, MAGENTA, load
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import Case, Contender
from ddspcore import kernels
from ddspcore.dsp import spectral_distance, stft

SUBJECT = "spectral loss"
WORK = "forward and back to the prediction"
CACHED = ", target cached"
WINDOWS = (64, 128, 256, 512, 1024, 2048)
TOLERANCE = 1e-3

Loss = Callable[[Tensor, Tensor], Tensor]


@frozen
class Size:
    """How much there is to do; hops are a quarter of a window."""

    batch: int = 16
    samples: int = 64_000
    windows: tuple[int, ...] = WINDOWS

    def __str__(self) -> str:
        return f"{self.batch} x {self.samples}, windows {self.windows[0]}..{self.windows[-1]}"


def signals(size: Size, device: str) -> tuple[Tensor, Tensor]:
    """Return a prediction and a target [B,T]."""
    draw = torch.Generator().manual_seed(0)
    both = torch.randn((2, size.batch, size.samples), generator=draw) * 0.1
    pred, target = both.to(device)
    return pred.clone(), target.clone()


def case(setup: Setup, size: Size, everybody: bool = True) -> Case:
    """Return the loss at one size; ours with the target's spectra at hand, and without.

    `everybody` includes magenta.
    """
    entrants: dict[str, Callable[[], Contender]] = {}
    for cached in (True, False):
        for name, which in kernels_of(setup).items():
            entrants[name + CACHED * cached] = functools.partial(_ours, setup, size, which, cached)
    entrants[DDSP_PYTORCH.name] = functools.partial(_ddsp_pytorch, setup, size)
    entrants[AURALOSS.name] = functools.partial(_auraloss, setup, size)
    if everybody:
        entrants[MAGENTA.name] = functools.partial(_magenta, setup, size)
    tiny = evolve(size, batch=1, samples=4 * size.windows[-1])
    return Case(
        SUBJECT,
        WORK,
        str(size),
        entrants,
        facts={} if setup.device == "cpu" else {"bytes": traffic(size)},
        small=None if size == tiny else case(setup, tiny, everybody=False),
    )


def traffic(size: Size) -> float:
    """Return the bytes that pass through memory where no cache holds the frames of a window.

    An FFT of a library makes 8.5 passes over what the frames hold, which overlap four times: frames
    out, in; spectra out, in (beside a target half their size), out, in; frames out, in.
    """
    frames = 4 * 4 * size.batch * size.samples
    return 8.5 * frames * len(size.windows)


def _ours(setup: Setup, size: Size, which: str, cached: bool) -> Contender:
    pred, target = signals(size, setup.device)
    hops = [window // 4 for window in size.windows]

    def spectra() -> list[Tensor]:
        return [
            kernels.magnitude(target, w, hop) for w, hop in zip(size.windows, hops, strict=True)
        ]

    known = spectra() if cached else None

    def distance() -> Tensor:
        targets = spectra() if known is None else known
        return kernels.multi_spectral_l1(pred, targets, hops, linear=1.0, log=1.0, log_eps=1e-3)

    return Contender(calling(distance, [pred]), which)


def ddsp_pytorch_loss(setup: Setup, windows: tuple[int, ...]) -> Loss:
    """Return the distance that its training script puts together from its spectra."""
    core = load(setup.peers, DDSP_PYTORCH, "core")

    def distance(pred: Tensor, target: Tensor) -> Tensor:
        total = pred.new_zeros(())
        spectra = (core.multiscale_fft(x, windows, 0.75) for x in (target, pred))
        for of_target, of_pred in zip(*spectra, strict=True):
            total = total + (of_target - of_pred).abs().mean()
            total = total + (core.safe_log(of_target) - core.safe_log(of_pred)).abs().mean()
        return total

    return distance


def _ddsp_pytorch(setup: Setup, size: Size) -> Contender:
    distance = ddsp_pytorch_loss(setup, size.windows)

    def exact(pred: Tensor, target: Tensor) -> Tensor:
        return sum_over_windows(size, pred, target, 1e-7, lambda w: 1.0 / w**0.5)

    note = "spectra divided by the root of the window; a sum over windows"
    return _peer(setup, size, distance, exact, note)


def _auraloss(setup: Setup, size: Size) -> Contender:
    freq = load(setup.peers, AURALOSS, "freq")
    hops = [window // 4 for window in size.windows]
    windows = list(size.windows)
    module = freq.MultiResolutionSTFTLoss(windows, hops, windows, w_sc=0.0, w_lin_mag=1.0)

    def distance(pred: Tensor, target: Tensor) -> Tensor:
        value: Tensor = module(pred[:, None], target[:, None])
        return value

    def exact(pred: Tensor, target: Tensor) -> Tensor:
        return sum_over_windows(size, pred, target, 1e-9) / len(windows)

    return _peer(setup, size, distance, exact, "without its spectral convergence, as ours")


def _magenta(setup: Setup, size: Size) -> Contender:
    options = {"windows": size.windows}

    def distance(pred: Tensor, target: Tensor) -> Tensor:
        return magenta.result(setup, "loss", {"pred": pred, "target": target}, options)

    def exact(pred: Tensor, target: Tensor) -> Tensor:
        return sum_over_windows(size, pred, target, 1e-9, frames_at_both_ends=False)

    pred, target = signals(size, "cpu")
    return magenta.contender(
        setup,
        "loss",
        {"pred": pred, "target": target},
        ("pred",),
        options,
        check=lambda: difference(setup, size, distance, exact, silent_ends=True),
        note="a TensorFlow graph; frames not centred; a sum over windows",
    )


def _peer(setup: Setup, size: Size, distance: Loss, exact: Loss, note: str) -> Contender:
    pred, target = signals(size, setup.device)
    call = calling(lambda: distance(pred, target), [pred])
    check = functools.partial(difference, setup, size, distance, exact)
    return Contender(call, check=check, note=note)


def sum_over_windows(
    size: Size,
    pred: Tensor,
    target: Tensor,
    log_eps: float,
    scale: Callable[[int], float] = lambda window: 1.0,
    *,
    frames_at_both_ends: bool = True,
) -> Tensor:
    """Return the sum over windows of our distance, with magnitudes scaled as the peer's are.

    A peer that does not centre frames has one less; where the ends are silent, the rest is equal.
    """
    total = pred.new_zeros(())
    for window in size.windows:
        hop, factor = window // 4, scale(window)
        one = spectral_distance.multi_spectral_l1(
            pred,
            [stft.magnitude(target, window, hop)],
            [hop],
            linear=factor,
            log=1.0,
            log_eps=log_eps / factor,
        )
        frames = pred.shape[-1] // hop
        total = total + one * (1.0 if frames_at_both_ends else (frames + 1) / frames)
    return total


def difference(
    setup: Setup, size: Size, distance: Loss, exact: Loss, *, silent_ends: bool = False
) -> float:
    """Return how far a peer's loss is from ours in float64, as a share of what is allowed."""
    brief = evolve(size, batch=2, samples=8 * size.windows[-1])
    pred, target = signals(brief, setup.device)
    if silent_ends:
        for signal in (pred, target):
            signal[:, : size.windows[-1]] = signal[:, -size.windows[-1] :] = 0.0
    with torch.no_grad():
        wanted = exact(pred.double(), target.double())
        error = (distance(pred, target).double() - wanted).abs() / wanted
    return float(error) / TOLERANCE
