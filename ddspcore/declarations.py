"""What a component declares about itself, checked: a wrong declaration is its author's mistake."""

from collections.abc import Mapping

from ddspcore.controls import Control
from ddspcore.metric import Metric

SEVERAL: dict[str, tuple[tuple[type, ...], str]] = {
    "needs": ((Control, str), "Controls"),
    "provides": ((Control,), "Controls"),
    "metrics": ((Metric,), "Metrics"),
}
ONE: dict[str, tuple[type, str]] = {
    "width": (int, "a whole number"),
    "target": (str, "a name"),
    "lengths": (Mapping, "a mapping of axes to lengths"),
}


def declaration_fault(kind: str, what: str, value: object) -> str | None:
    """Say what is wrong with what a component of a kind declares, or None."""
    element: type
    element, wanted = ONE.get(what, (tuple, ""))
    if (kind, what) == ("synth", "provides"):
        element, wanted = Control, "one Control"
    elif what in SEVERAL:
        elements, plural = SEVERAL[what]
        wanted = f"a tuple of {plural if kind != 'backbone' else 'names'}"
        if isinstance(value, tuple | list):
            odd = [each for each in value if not isinstance(each, elements)]
            return f"{what} returns a tuple with {odd[0]!r} in it, not {wanted}" if odd else None
    fits = isinstance(value, element)
    return None if fits else f"{what} returns {returned(value)}, not {wanted}"


def returned(value: object) -> str:
    """Name what somebody's function returned."""
    return "nothing" if value is None else f"a {type(value).__name__}"
