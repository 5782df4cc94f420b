"""The hot functions on NVIDIA GPUs, as Triton kernels; Triton comes with torch's CUDA builds."""

import torch

try:
    import triton
except ImportError as error:
    _LACK: str | None = f"Triton cannot be imported: {error}"
else:
    _LACK = None
    from ddspcore.dsp.amplitude_maps import amplitudes
    from ddspcore.dsp.hiss import noise_hops
    from ddspcore.dsp.hops import share
    from ddspcore.dsp.recurrence import recur, recur_back  # a GRU that trains here is cuDNN's
    from ddspcore.dsp.scales import exp_sigmoid
    from ddspcore.dsp.stft import magnitude  # cuFFT and little else: nothing to fuse
    from ddspcore.dsp.transformer import transformer_frames
    from ddspcore.dsp.transformer_layer import transformer_layer
    from ddspcore.kernels.cuda.bank import harmonic_bank
    from ddspcore.kernels.cuda.distance import multi_spectral_l1
    from ddspcore.kernels.cuda.noise import filtered_noise
    from ddspcore.kernels.cuda.white import white_noise

__all__ = [
    "amplitudes",
    "exp_sigmoid",
    "filtered_noise",
    "harmonic_bank",
    "library_path",
    "magnitude",
    "missing",
    "multi_spectral_l1",
    "noise_hops",
    "recur",
    "recur_back",
    "share",
    "transformer_frames",
    "transformer_layer",
    "version",
    "white_noise",
]

OLDEST = (8, 0)
"""The compute capability that Triton supports and its kernels are compiled for in tests."""


def missing() -> str | None:
    """Say what this machine lacks to run the backend, or None."""
    if _LACK is not None:
        return _LACK
    if not torch.cuda.is_available():
        return "there is no CUDA device"
    if torch.cuda.get_device_capability() < OLDEST:
        return f"{torch.cuda.get_device_name()} is older than Triton supports"
    try:
        triton.runtime.driver.active.get_current_target()
    except Exception as error:  # no C compiler, no headers of Python, ...: it compiles as it starts
        return f"Triton cannot start: {error}"
    return None


def version() -> str:
    """Name the build that runs."""
    return f"triton {triton.__version__} on {torch.cuda.get_device_name()}"


def library_path() -> None:
    """Return None: Triton compiles each kernel when it is first needed."""
