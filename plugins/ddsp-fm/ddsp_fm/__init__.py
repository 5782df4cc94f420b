"""Differentiable FM: pairs of operators with fixed ratios, whose levels and indices are played.

Source: Caspe, McPherson and Sandler, DDX7 (ISMIR 2022); Chowning, The synthesis of complex audio
spectra by means of frequency modulation (JAES 1973), for pairs whose carriers are formants.
"""

from ddsp_fm.head import FmHead
from ddsp_fm.synth import FmSynth
from ddspcore import hookimpl


@hookimpl
def ddsp_heads() -> list[type]:
    """Bring the head."""
    return [FmHead]


@hookimpl
def ddsp_synths() -> list[type]:
    """Bring the synth."""
    return [FmSynth]
