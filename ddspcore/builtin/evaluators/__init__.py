"""Evaluators of audio: numbers that say how good a prediction is, and files to listen to."""

from ddspcore.builtin.evaluators.dgen_probe import DgenProbe
from ddspcore.builtin.evaluators.energy_share import EnergyShare
from ddspcore.builtin.evaluators.mel_lsd import MelLogSpectralDistance
from ddspcore.builtin.evaluators.mss import MultiScaleSpectra

__all__ = ["DgenProbe", "EnergyShare", "MelLogSpectralDistance", "MultiScaleSpectra"]
