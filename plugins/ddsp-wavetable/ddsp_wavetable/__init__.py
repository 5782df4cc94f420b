"""Learned wavetables: a synth, and the head that mixes them.

Source: Shan, Hantrakul, Chen, Avent and Trevelyan, Differentiable wavetable synthesis (ICASSP
2022). There a table is its samples, here it is its harmonics, so that no table aliases.
"""

from ddsp_wavetable.head import WavetableHead
from ddsp_wavetable.synth import WavetableSynth
from ddspcore import hookimpl


@hookimpl
def ddsp_heads() -> list[type]:
    """Bring the head."""
    return [WavetableHead]


@hookimpl
def ddsp_synths() -> list[type]:
    """Bring the synth."""
    return [WavetableSynth]
