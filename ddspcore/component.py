"""Decorators, `option()`, and the record they leave on a class; registers nothing."""

import inspect
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs
from attrs import NOTHING, frozen

Kind = Literal[
    "source",
    "feature",
    "backbone",
    "head",
    "synth",
    "loss",
    "schedule",
    "evaluator",
    "exporter",
]
KINDS: tuple[Kind, ...] = typing.get_args(Kind)

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*(\.v[0-9]+)?")
RECIPE_KEYS = frozenset({"use", "name", "weight", "bind", "every", "key"})
LOSS_INPUTS = frozenset({"pred", "target", "controls", "batch", "step", "prepared"})
CONSTRUCTOR: dict[str, frozenset[str]] = {
    "source": frozenset({"opt", "ctx", "features"}),
    "backbone": frozenset({"opt", "ctx", "inputs"}),
    "head": frozenset({"opt", "ctx", "width"}),
} | {
    kind: frozenset({"opt", "ctx"})
    for kind in ("feature", "synth", "loss", "evaluator", "exporter")
}
DECLARATIONS: dict[str, tuple[str, ...]] = {
    "source": ("provides", "target"),
    "feature": ("needs", "provides"),
    "backbone": ("needs", "width"),
    "head": ("provides",),
    "synth": ("needs", "provides"),
    "loss": (),
    "evaluator": ("metrics",),
    "exporter": (),
}

C = TypeVar("C", bound=type)


class DefinitionError(TypeError):
    """A component class breaks the contract of its kind; raised where the class is defined."""


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
        """Spell the range: `>= 1, <= 8`, or an empty string."""
        signs = ((">=", self.ge), (">", self.gt), ("<=", self.le), ("<", self.lt))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in signs if bound is not None)

    def allows(self, value: object) -> bool:
        """Whether every number in `value` lies in the range; what is no number always does."""
        if isinstance(value, tuple):
            return all(self.allows(item) for item in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        return (
            (self.ge is None or value >= self.ge)
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
        raise OptionError(attribute.name, f"{value} is out of range: {spec.range()}")


def option_spec(attribute: Any) -> OptionSpec:
    """Return what `option()` recorded on an attrs attribute."""
    return typing.cast(OptionSpec, attribute.metadata["ddsp"])


@frozen
class NoOptions:
    """The options of a component that has none."""


@frozen
class Component:
    """A class that a plugin offers under a kind and a name."""

    kind: Kind
    name: str
    cls: type
    options: type
    doc: str

    @property
    def scheduled(self) -> tuple[str, ...]:
        """Names of the options that a schedule may drive."""
        return tuple(a.name for a in attrs.fields(self.options) if option_spec(a).scheduled)

    @property
    def asks(self) -> tuple[str, ...]:
        """Names of what `forward` asks for; a loss is given by name what it asks for."""
        return tuple(_parameters(self.cls, "forward"))

    def build(self, **offered: Any) -> Any:
        """Construct the component with those of the `offered` arguments that it asks for."""
        wanted = _parameters(self.cls, "__init__")
        return self.cls(**{name: offered[name] for name in wanted})


def component_of(cls: type) -> Component | None:
    """Return the record that a decorator left on this very class, not on a parent."""
    return cls.__dict__.get("__ddsp__")


def source(name: str) -> Callable[[C], C]:
    """Mark a class as a source: `count(split)`, `batch(split, indices)`."""
    return _decorator("source", name)


def feature(name: str) -> Callable[[C], C]:
    """Mark a module as a feature: a whole item in, named tensors out."""
    return _decorator("feature", name)


def backbone(name: str) -> Callable[[C], C]:
    """Mark a module as a backbone: features in, hidden frames out."""
    return _decorator("backbone", name)


def head(name: str) -> Callable[[C], C]:
    """Mark a module as a head: hidden frames in, named controls out."""
    return _decorator("head", name)


def synth(name: str) -> Callable[[C], C]:
    """Mark a module as a synth: named controls in, one signal out."""
    return _decorator("synth", name)


def loss(name: str) -> Callable[[C], C]:
    """Mark a module as a loss: whatever it asks for by name in, one scalar out."""
    return _decorator("loss", name)


def schedule(name: str) -> Callable[[C], C]:
    """Mark a frozen attrs class as a schedule: `(step, total)` in, one number out."""
    return _decorator("schedule", name)


def evaluator(name: str) -> Callable[[C], C]:
    """Mark a class as an evaluator: a pipeline and batches in, metrics and files out."""
    return _decorator("evaluator", name)


def _decorator(kind: Kind, name: str) -> Callable[[C], C]:
    def mark(cls: C) -> C:
        record = _describe(kind, name, cls)
        setattr(cls, "__ddsp__", record)  # noqa: B010  a type checker knows no such attribute
        return cls

    return mark


def _describe(kind: Kind, name: str, cls: type) -> Component:
    where = f"{kind} {cls.__qualname__}"
    if not NAME.fullmatch(name):
        raise DefinitionError(f'{where}: the name "{name}" is not like "loudness-db" or "mss.v2"')
    doc = (cls.__doc__ or "").strip().partition("\n")[0]
    if not doc or doc.startswith(f"{cls.__name__}("):
        raise DefinitionError(f"{where}: give it a docstring; its first line is shown to users")
    options = cls if kind == "schedule" else cls.__dict__.get("Options", NoOptions)
    _check_options(where, cls, options)
    _check_contract(where, kind, cls)
    return Component(kind, name, cls, options, doc)


def _check_options(where: str, cls: type, options: type) -> None:
    if not attrs.has(options) or options.__setattr__ is object.__setattr__:
        raise DefinitionError(f"{where}: options live in a class with @attrs.frozen")
    for attribute in attrs.fields(attrs.resolve_types(options)):
        if "ddsp" not in attribute.metadata:
            raise DefinitionError(f"{where}: declare {attribute.name} with option(..., help=...)")
        spec = option_spec(attribute)
        if not spec.help.strip():
            raise DefinitionError(f"{where}: option {attribute.name} has an empty help text")
        if attribute.name in RECIPE_KEYS:
            raise DefinitionError(f'{where}: "{attribute.name}" belongs to the recipe; rename it')
        if not _is_supported(attribute.type):
            raise DefinitionError(
                f"{where}: option {attribute.name} has the type {attribute.type}; use bool, int, "
                "float, str, Path, Literal[...], tuple[...] of these, or one of them | None"
            )
        if spec.scheduled and attribute.type is not float:
            raise DefinitionError(f"{where}: scheduled option {attribute.name} must be a float")
        if spec.scheduled and hasattr(cls, attribute.name):
            raise DefinitionError(
                f"{where}: scheduled option {attribute.name} would hide {cls.__name__}."
                f"{attribute.name}; rename it"
            )


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


def _check_contract(where: str, kind: Kind, cls: type) -> None:
    if kind == "schedule":
        if "__call__" not in cls.__dict__ or "example" not in cls.__dict__:
            raise DefinitionError(f"{where}: needs __call__(step, total) and a static example()")
        return
    allowed = CONSTRUCTOR[kind]
    for parameter in _parameters(cls, "__init__"):
        if parameter not in allowed:
            raise DefinitionError(
                f"{where}: its constructor may ask for {_listed(allowed)}, not {parameter}"
            )
    for declaration in DECLARATIONS[kind]:
        if not isinstance(inspect.getattr_static(cls, declaration, None), staticmethod):
            raise DefinitionError(f"{where}: declare a static method {declaration}(opt, ctx)")
    if kind == "loss":
        for parameter in _parameters(cls, "forward"):
            if parameter not in LOSS_INPUTS:
                raise DefinitionError(
                    f"{where}: forward may ask for {_listed(LOSS_INPUTS)}, not {parameter}"
                )


def _parameters(cls: type, method: str) -> list[str]:
    function = inspect.getattr_static(cls, method)
    if function is object.__init__:
        return []
    return list(inspect.signature(function).parameters)[1:]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
