"""The compiled library: which build of it runs here, and the arguments of its functions."""

import ctypes
import functools
import importlib
from typing import Any

from torch import Tensor

ABI = 7
PACKAGE = "ddsp-kernels-cpu"
SIGNATURES = {
    "ddsp_bank": "ppp nnnnn pp n",
    "ddsp_bank_amplitude_grad": "ppp nnnnn p n",
    "ddsp_bank_f0_grad": "pp nnnn p n",
    "ddsp_noise": "pp nnnnn p n",
    "ddsp_noise_response_grad": "pp nnnnn p n",
    "ddsp_magnitude": "p nn nn p n",
    "ddsp_spectral_l1": "p nn ppp nn fff pp n",
    "ddsp_recur": "ppp nnn n",
    "ddsp_recur_back": "pppp pp nnn n",
    "ddsp_layer": "pp ppp nnnnnnn n",
    "ddsp_layer_grad": "pp pppppp nn nnnnnnn n",
    "ddsp_hear": "ppp pp nn nnnnnn",
    "ddsp_noise_hop": "pp ppp p nnn",
    "ddsp_exp_sigmoid": "pp n n",
    "ddsp_exp_sigmoid_grad": "ppp n n",
    "ddsp_amplitudes": "pppp nnn",
    "ddsp_share": "pppp nnn",
    "ddsp_white_noise": "p nn nn p n",
}
"""The arguments of each C function: p a pointer, n an int64, f a float."""
ROUND = 16
"""Rows of some matrices are filled up to a multiple of it, as `src/product.h` says."""
TYPES: dict[str, Any] = {"p": ctypes.c_void_p, "n": ctypes.c_int64, "f": ctypes.c_float}


def missing() -> str | None:
    """Say what this machine lacks to run the library, or None."""
    return _load()[1]


def version() -> str:
    """Name the build that runs: the package, its version and the instruction set."""
    package = importlib.import_module("ddsp_kernels_cpu")
    return f"{PACKAGE} {package.__version__}, {library().ddsp_isa().decode()}"


def library_path() -> str:
    """Return the file that was chosen among the package's builds."""
    return str(library()._name)


def library() -> Any:
    """Return the loaded library, whose functions are attributes."""
    return _load()[0]


def ready(x: Tensor) -> Tensor:
    """Return a tensor whose memory is what it says: contiguous, no sign pending."""
    return x.resolve_neg().contiguous()


@functools.cache
def _load() -> tuple[ctypes.CDLL | None, str | None]:
    try:
        package = importlib.import_module("ddsp_kernels_cpu")
    except ImportError:
        return None, f"the package {PACKAGE} is not installed"
    for path in package.libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            return None, f"{PACKAGE} cannot be loaded: {error}"
        if library.ddsp_abi() != ABI:
            return None, (
                f"{PACKAGE} {package.__version__} has interface {library.ddsp_abi()}, and this "
                f"ddspcore needs {ABI}: install the version that fits"
            )
        if library.ddsp_runs_here():
            return _declare(library), None
    return None, f"{PACKAGE} was not built for this processor"


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    library.ddsp_isa.restype = ctypes.c_char_p
    for name, letters in SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes = [TYPES[letter] for letter in letters.replace(" ", "")]
        function.restype = None
    return library
