"""The built-in components: a plugin like any other, entering by `core = ddspcore.builtin`."""

from ddspcore import hookimpl
from ddspcore.builtin import evaluators, schedules, sources


@hookimpl
def ddsp_sources() -> list[type]:
    """Bring the built-in source."""
    return [sources.WavFolder]


@hookimpl
def ddsp_schedules() -> list[type]:
    """Bring the built-in schedules."""
    return [
        schedules.Constant,
        schedules.Linear,
        schedules.Exponential,
        schedules.Cosine,
        schedules.Ramp,
        schedules.Piecewise,
    ]


@hookimpl
def ddsp_evaluators() -> list[type]:
    """Bring the built-in evaluators."""
    return [
        evaluators.MultiScaleSpectra,
        evaluators.MelLogSpectralDistance,
        evaluators.F0Error,
        evaluators.EnergyShare,
        evaluators.DgenProbe,
        evaluators.Render,
    ]
