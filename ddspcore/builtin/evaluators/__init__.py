"""Evaluators of audio: numbers that say how good a prediction is, and files to listen to."""

from ddspcore.builtin.evaluators.dgen_probe import DgenProbe
from ddspcore.builtin.evaluators.diagnosis import Diagnosis
from ddspcore.builtin.evaluators.effective_harmonics import EffectiveHarmonics
from ddspcore.builtin.evaluators.energy_share import EnergyShare
from ddspcore.builtin.evaluators.f0_error import F0Error
from ddspcore.builtin.evaluators.loudness_error import LoudnessError
from ddspcore.builtin.evaluators.mel_lsd import MelLogSpectralDistance
from ddspcore.builtin.evaluators.mss import MultiScaleSpectra
from ddspcore.builtin.evaluators.noise_floor import NoiseFloor
from ddspcore.builtin.evaluators.noise_share import NoiseShare
from ddspcore.builtin.evaluators.render import Render

__all__ = [
    "DgenProbe",
    "Diagnosis",
    "EffectiveHarmonics",
    "EnergyShare",
    "F0Error",
    "LoudnessError",
    "MelLogSpectralDistance",
    "MultiScaleSpectra",
    "NoiseFloor",
    "NoiseShare",
    "Render",
]
