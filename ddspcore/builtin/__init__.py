"""The built-in components: a plugin like any other, entering by `core = ddspcore.builtin`."""

from ddspcore import hookimpl
from ddspcore.builtin import schedules


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
