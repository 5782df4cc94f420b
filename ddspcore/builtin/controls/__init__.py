"""Controls of a harmonic-plus-noise model, to be looked at: tables, pictures, and smoothing."""

from ddspcore.builtin.controls.dumping import Controls
from ddspcore.builtin.controls.smoothing import Smoothing

__all__ = ["Controls", "Smoothing"]
