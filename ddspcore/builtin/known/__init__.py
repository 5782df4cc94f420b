"""Problems whose answer is known: sources that play known controls, and errors against them."""

from ddspcore.builtin.known.decay_error import DecayError
from ddspcore.builtin.known.harmonic_error import HarmonicError
from ddspcore.builtin.known.noise import KnownNoise
from ddspcore.builtin.known.noise_error import NoiseError
from ddspcore.builtin.known.room import KnownRoom
from ddspcore.builtin.known.tones import KnownTones

__all__ = ["DecayError", "HarmonicError", "KnownNoise", "KnownRoom", "KnownTones", "NoiseError"]
