"""An amplitude's shares in the audible harmonics, by the compiled library."""

import ctypes
from collections.abc import Sequence

from torch import Tensor

from ddspcore.kernels.cpu.library import library, ready


def share(
    f0_hz: Sequence[float], amplitude: Tensor, distribution: Tensor, ends: Tensor, sample_rate: int
) -> None:
    """Share the amplitude of a new frame; see `ddspcore.dsp.hops.share`."""
    pitches = (ctypes.c_float * len(f0_hz))(*f0_hz)
    amplitude, distribution = ready(amplitude), ready(distribution)
    given = pitches, amplitude.data_ptr(), distribution.data_ptr(), ends.data_ptr()
    library().ddsp_share(*given, *distribution.shape, sample_rate)
