"""The hot functions on CPUs, by the compiled package `ddsp-kernels-cpu` where it is installed."""

from ddspcore.kernels.cpu.amplitudes import amplitudes
from ddspcore.kernels.cpu.bank import harmonic_bank
from ddspcore.kernels.cpu.distance import multi_spectral_l1
from ddspcore.kernels.cpu.layer import transformer_layer
from ddspcore.kernels.cpu.library import library_path, missing, version
from ddspcore.kernels.cpu.magnitude import magnitude
from ddspcore.kernels.cpu.noise import filtered_noise
from ddspcore.kernels.cpu.noise_hops import noise_hops
from ddspcore.kernels.cpu.recurrence import recur, recur_back
from ddspcore.kernels.cpu.scales import exp_sigmoid
from ddspcore.kernels.cpu.share import share
from ddspcore.kernels.cpu.transformer import transformer_frames
from ddspcore.kernels.cpu.white import white_noise

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
