"""Features: what can be heard in a recording, frame by frame."""

from ddspcore.builtin.features.deltas import Deltas
from ddspcore.builtin.features.levels import Loudness, Rms
from ddspcore.builtin.features.pitch import F0, SwiftF0

__all__ = ["F0", "Deltas", "Loudness", "Rms", "SwiftF0"]
