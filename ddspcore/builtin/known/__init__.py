"""Problems whose answer is known: sources that play known controls, and errors against them."""

from ddspcore.builtin.known.harmonic_error import HarmonicError
from ddspcore.builtin.known.tones import KnownTones

__all__ = ["HarmonicError", "KnownTones"]
