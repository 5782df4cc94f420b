"""Which backend answers for which device, and why one does not."""

import functools
import importlib
import inspect
import os
from collections.abc import Sequence
from typing import Protocol, cast

import torch
from attrs import frozen
from torch import Tensor

from ddspcore.dsp.amplitude_maps import Amplitudes
from ddspcore.dsp.attention import Attention
from ddspcore.dsp.hiss import Hops
from ddspcore.dsp.transformer import Frames, Weights
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.errors import UserError

VARIABLE = "DDSP_KERNELS"
MODULES = {"cpu": "ddspcore.kernels.cpu", "cuda": "ddspcore.kernels.cuda"}


REFERENCES = {
    "harmonic_bank": "ddspcore.dsp.oscillators",
    "filtered_noise": "ddspcore.dsp.filters",
    "exp_sigmoid": "ddspcore.dsp.scales",
    "share": "ddspcore.dsp.hops",
    "amplitudes": "ddspcore.dsp.amplitude_maps",
    "noise_hops": "ddspcore.dsp.hiss",
    "multi_spectral_l1": "ddspcore.dsp.spectral_distance",
    "magnitude": "ddspcore.dsp.stft",
    "recur": "ddspcore.dsp.recurrence",
    "recur_back": "ddspcore.dsp.recurrence",
    "transformer_layer": "ddspcore.dsp.transformer_layer",
    "transformer_frames": "ddspcore.dsp.transformer",
    "white_noise": "ddspcore.dsp.white",
}


class Backend(Protocol):
    """The functions of `ddspcore.kernels`, for float32 tensors on one kind of device."""

    def harmonic_bank(
        self,
        f0_hz: Tensor,
        amplitudes: Tensor,
        hop: int,
        sample_rate: int,
        start: Tensor | None = None,
    ) -> Tensor:
        """Sum harmonic sines."""

    def filtered_noise(self, white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
        """Filter noise by moving magnitudes."""

    def exp_sigmoid(self, x: Tensor) -> Tensor:
        """Map any number to an amplitude."""

    def share(
        self,
        f0_hz: Sequence[float],
        amplitude: Tensor,
        distribution: Tensor,
        ends: Tensor,
        sample_rate: int,
    ) -> None:
        """Share the amplitude of a new frame among its harmonics below Nyquist."""

    def amplitudes(self, bias: Tensor, matrix: Tensor) -> Amplitudes:
        """Return a map to amplitudes."""

    def noise_hops(self, magnitudes: Tensor, hop: int) -> Hops:
        """Return noise that is about to begin."""

    def multi_spectral_l1(
        self,
        x: Tensor,
        targets: Sequence[Tensor],
        hops: Sequence[int],
        *,
        linear: float,
        log: float,
        log_eps: float,
    ) -> Tensor:
        """Return the mean spectral distance over resolutions."""

    def magnitude(self, x: Tensor, window: int, hop: int) -> Tensor:
        """Return short-time magnitudes."""

    def recur(
        self, driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the memory of a GRU at all steps, and its gates."""

    def recur_back(
        self, pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the gradient of what `recur` was given."""

    def transformer_layer(self, x: Tensor, weights: LayerWeights, attention: Attention) -> Tensor:
        """Return what a layer of a transformer makes of frames."""

    def transformer_frames(self, weights: Weights, batch: int) -> Frames:
        """Return a transformer that has heard nothing."""

    def white_noise(self, items: Tensor, samples: int, key: int, offset: int) -> Tensor:
        """Return noise that is a hash of its arguments, equal to the last bit."""

    def missing(self) -> str | None:
        """Say what this machine lacks to run the backend, or None."""

    def version(self) -> str:
        """Name the build that runs."""

    def library_path(self) -> str | None:
        """Return the file of the machine code, or None if it is compiled as it is needed."""


@frozen
class Choice:
    """What runs the hot functions on a device: `native` or `reference`, and which or why."""

    device: str
    kind: str
    detail: str


def answering(x: Tensor) -> Backend | None:
    """Return the backend for a tensor, or None where the reference is to answer.

    A compiler takes the reference apart, and joins its operations with those around it.

    Raises UserError if `DDSP_KERNELS` asks for a backend that cannot run.
    """
    if x.dtype != torch.float32 or torch.compiler.is_compiling():
        return None
    return backend_on(x.device.type)


def backend_on(device: str) -> Backend | None:
    """Return the backend for float32 on a device, or None where the reference is to answer.

    Raises UserError if `DDSP_KERNELS` asks for a backend that cannot run.
    """
    wish = wanted()
    if wish == "reference" or device not in MODULES:
        return None
    backend, lack = _load(device)
    if backend is None and wish == "native":
        raise UserError(f"{VARIABLE}=native, but {lack}")
    return backend


def choose(device: str) -> Choice:
    """Say what runs the hot functions on a device.

    Raises UserError if `DDSP_KERNELS` asks for a backend that cannot run.
    """
    backend = backend_on(device)
    if backend is not None:
        return Choice(device, "native", backend.version())
    if wanted() == "reference":
        why = f"{VARIABLE}=reference"
    elif device not in MODULES:
        why = "there is no native version"
    else:
        why = str(_load(device)[1])
    return Choice(device, "reference", f"plain torch: {why}")


def found_in(device: str) -> tuple[dict[str, str], str | None]:
    """Return the file and line of what answers each hot function, and the library behind them.

    Raises UserError if `DDSP_KERNELS` asks for a backend that cannot run.
    """
    backend = backend_on(device)
    functions = {}
    for name, module in REFERENCES.items():
        answer = getattr(backend or importlib.import_module(module), name)
        code = inspect.unwrap(answer).__code__
        functions[name] = f"{code.co_filename}:{code.co_firstlineno}"
    return functions, backend.library_path() if backend else None


def wanted() -> str:
    """Return what `DDSP_KERNELS` asks for: `auto` (the default), `reference` or `native`.

    Raises UserError if it is none of these.
    """
    value = os.environ.get(VARIABLE, "auto")
    if value not in ("auto", "reference", "native"):
        raise UserError(f'{VARIABLE} is "{value}"; it can be auto, reference or native')
    return value


@functools.cache
def _load(device: str) -> tuple[Backend | None, str | None]:
    backend = cast(Backend, importlib.import_module(MODULES[device]))
    lack = backend.missing()
    return (backend if lack is None else None), lack
