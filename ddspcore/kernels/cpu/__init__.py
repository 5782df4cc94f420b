"""The hot functions on CPUs, by the compiled package `ddsp-kernels-cpu` where it is installed."""

from ddspcore.dsp.filters import filtered_noise
from ddspcore.dsp.oscillators import harmonic_bank
from ddspcore.dsp.spectral_distance import multi_spectral_l1
from ddspcore.kernels.cpu.library import missing, version

__all__ = ["filtered_noise", "harmonic_bank", "missing", "multi_spectral_l1", "version"]
