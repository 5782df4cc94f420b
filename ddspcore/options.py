"""`option()`: one value of a component that a recipe may set, with help, range and unit."""

import math
import types
import typing
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import NOTHING, frozen


class OptionError(ValueError):
    """A value that an option does not allow: `field` and `text` say which and why."""

    def __init__(self, field: str, text: str):
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text


@frozen
class OptionSpec:
    """What `option()` was told: the help text, the range, the unit and whether it may move."""

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str | None = None
    scheduled: bool = False

    def range(self) -> str:
        """Spell the range: `>= 1, <= 8`, or an empty string; a number is finite in any case."""
        signs = ((">=", self.ge), (">", self.gt), ("<=", self.le), ("<", self.lt))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in signs if bound is not None)

    def allows(self, value: object) -> bool:
        """Whether every number in `value` is finite and in range; what is no number always is."""
        if isinstance(value, tuple):
            return all(self.allows(item) for item in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        return (
            math.isfinite(value)
            and (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )


def option(
    default: Any = NOTHING,
    *,
    help: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    unit: str | None = None,
    scheduled: bool = False,
) -> Any:
    """Declare one option of a component: an attrs field with help, range and unit.

    `scheduled=True` lets a recipe give a schedule where it could give a number; the component then
    reads `self.<name>`, a 0-dim buffer that the runner fills before each step.
    Raises OptionError, when the options are built, for a value out of range.
    """
    spec = OptionSpec(help, ge, gt, le, lt, unit, scheduled)
    return attrs.field(
        default=default, kw_only=True, validator=_check_range, metadata={"ddsp": spec}
    )


def _check_range(_: object, attribute: Any, value: object) -> None:
    spec = option_spec(attribute)
    if not spec.allows(value):
        allowed = spec.range() or "a finite number"
        raise OptionError(attribute.name, f"{value} is out of range: {allowed}")


def option_spec(attribute: Any) -> OptionSpec:
    """Return what `option()` recorded on an attrs attribute."""
    return typing.cast(OptionSpec, attribute.metadata["ddsp"])


@frozen
class NoOptions:
    """The options of a component that has none."""


def declaration_problem(attribute: Any) -> str | None:
    """Say what is wrong with an option as its author declared it, or None."""
    if "ddsp" not in attribute.metadata:
        return "is not declared with option(..., help=...)"
    if not option_spec(attribute).help.strip():
        return "has an empty help text"
    if not _is_supported(attribute.type):
        return (
            f"has the type {_spell(attribute.type)}; use bool, int, float, str, Path, "
            "Literal[...], tuple[...] of these, or one of them | None"
        )
    return None if attribute.default is NOTHING else _default_problem(attribute)


def _default_problem(attribute: Any) -> str | None:
    default, spec = attribute.default, option_spec(attribute)
    if not _fits(default, attribute.type):
        return f"has the default {default!r}, which is no {_spell(attribute.type)}"
    if not spec.allows(default):
        allowed = spec.range() or "a finite number"
        return f"has the default {default!r}, which is out of range: {allowed}"
    return None


def _is_supported(kind: Any) -> bool:
    if kind in (bool, int, float, str, Path, type(None)):
        return True
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return True
    if origin is tuple:
        return all(item is Ellipsis or _is_supported(item) for item in arguments)
    if origin in (types.UnionType, typing.Union):
        return (
            len(arguments) == 2 and type(None) in arguments and all(map(_is_supported, arguments))
        )
    return False


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is exactly of a supported type; an int is a float too."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, argument) for argument in arguments)
    if kind is Path:
        return isinstance(value, Path)
    return type(value) is kind or (kind is float and type(value) is int)


def _spell(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
