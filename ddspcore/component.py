"""The decorators that mark a class as a component, and the record they leave on it.

Marking registers nothing: a plugin's hooks return the classes.
"""

import re
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import attrs
from attrs import frozen

from ddspcore.contracts import contract_problem, options_problem, parameters
from ddspcore.options import NoOptions, OptionError, OptionSpec, option, option_spec

__all__ = [
    "KINDS",
    "Component",
    "DefinitionError",
    "Kind",
    "NoOptions",
    "OptionError",
    "OptionSpec",
    "backbone",
    "component_of",
    "evaluator",
    "feature",
    "head",
    "loss",
    "option",
    "option_spec",
    "schedule",
    "source",
    "synth",
]

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
C = TypeVar("C", bound=type)


class DefinitionError(TypeError):
    """A component class breaks the contract of its kind; raised where the class is defined."""


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
        return tuple(parameters(self.cls, "forward") or ())

    def build(self, **offered: Any) -> Any:
        """Construct the component with those of the `offered` arguments that it asks for."""
        wanted = parameters(self.cls, "__init__") or ()
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
    if not isinstance(name, str):
        raise DefinitionError(f'write @{kind}("name") above the class, with its name')

    def mark(cls: C) -> C:
        if not isinstance(cls, type):
            raise DefinitionError(f"@{kind} marks a class, not {cls!r}")
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
    options = cls if kind == "schedule" else getattr(cls, "Options", NoOptions)
    if problem := options_problem(kind, cls, options) or contract_problem(kind, cls):
        raise DefinitionError(f"{where}: {problem}")
    return Component(kind, name, cls, options, doc)
