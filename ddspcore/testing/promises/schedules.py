"""What a schedule promises."""

import math
from typing import Any

import attrs

from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject

TOTAL = 100


def _example(subject: Subject) -> Any:
    return subject.component.cls.example()  # type: ignore[attr-defined]


@promise()
def is_finite_everywhere(subject: Subject) -> None:
    """It is a finite number at every step, past the end, and in a stage of one step."""
    curve = _example(subject)
    for step, total in [*((step, TOTAL) for step in range(2 * TOTAL)), (0, 1), (1, 1)]:
        value = curve(step, total)
        demand(isinstance(value, int | float), f"step {step} gives {value!r}, which is no number")
        demand(math.isfinite(value), f"step {step} of {total} gives {value}")


@promise()
def depends_on_the_step_alone(subject: Subject) -> None:
    """Asked in any order, twice, or of a copy, it says the same."""
    curve = _example(subject)
    forwards = [curve(step, TOTAL) for step in range(TOTAL)]
    backwards = [curve(step, TOTAL) for step in reversed(range(TOTAL))][::-1]
    demand(forwards == backwards, "what it says depends on what it was asked before")
    copied = [attrs.evolve(curve)(step, TOTAL) for step in range(TOTAL)]
    demand(forwards == copied, "a copy with the same options says something else")


def _names(subject: Subject) -> set[str]:
    return {attribute.name for attribute in attrs.fields(subject.component.options)}


@promise(when=lambda subject: "start" in _names(subject))
def begins_at_its_start(subject: Subject) -> None:
    """Its first value is `start`, unless it warms up."""
    curve = _example(subject)
    warm = any(getattr(curve, name, 0) for name in ("warmup",))
    first = curve(0, TOTAL)
    demand(warm or math.isclose(first, curve.start), f"it starts at {first:g}, not {curve.start:g}")


@promise(when=lambda subject: "end" in _names(subject))
def ends_at_its_end(subject: Subject) -> None:
    """Its last value is `end`, and it stays there."""
    curve = _example(subject)
    for step in (10 * TOTAL, 100 * TOTAL):
        last = curve(step, TOTAL)
        demand(math.isclose(last, curve.end), f"it ends at {last:g}, not {curve.end:g}")


PROMISES = (
    is_finite_everywhere,
    depends_on_the_step_alone,
    begins_at_its_start,
    ends_at_its_end,
)
