"""What a class of each kind must look like, checked where it is defined."""

import inspect
from collections.abc import Sequence
from typing import Any

import attrs
from attrs import frozen

from ddspcore.options import declaration_problem, option_spec

RECIPE_KEYS = ("use", "name", "weight", "bind", "every", "items", "key")
SCHEDULABLE = ("backbone", "head", "synth", "loss")  # modules that run in every step
STREAMING = ("initial_state", "step")
STREAMABLE = ("backbone", "head", "synth")
MODULES = ("feature", "backbone", "head", "synth", "loss")
LOSS_INPUTS = ("pred", "target", "controls", "batch", "step", "prepared", "again")


@frozen
class Contract:
    """What a kind's constructor may ask for, its methods, and its static declarations.

    What it `may_declare` is as static where it is there.
    """

    constructor: tuple[str, ...]
    methods: tuple[str, ...]
    declares: tuple[str, ...] = ()
    may_declare: tuple[str, ...] = ()


CONTRACTS = {
    "source": Contract(
        ("opt", "ctx", "features"), ("count", "batch"), ("provides", "target"), ("lengths",)
    ),
    "feature": Contract(("opt", "ctx"), ("forward",), ("needs", "provides")),
    "backbone": Contract(("opt", "ctx", "inputs"), ("forward",), ("needs", "width")),
    "head": Contract(("opt", "ctx", "width"), ("forward",), ("provides",)),
    "synth": Contract(("opt", "ctx"), ("forward",), ("needs", "provides")),
    "loss": Contract(("opt", "ctx"), ("forward",)),
    "evaluator": Contract(("opt", "ctx"), ("__call__",), ("metrics",), ("needs",)),
}


def options_problem(kind: str, cls: type, options: type) -> str | None:
    """Say what is wrong with a component's options, or None."""
    if not attrs.has(options) or options.__setattr__ is object.__setattr__:
        if options is cls:
            return f"put @{kind} above @attrs.frozen"
        return "its options live in a nested class Options with @attrs.frozen"
    for attribute in attrs.fields(attrs.resolve_types(options)):
        if problem := declaration_problem(attribute) or _option_problem(kind, cls, attribute):
            return f"option {attribute.name} {problem}"
    return None


def _option_problem(kind: str, cls: type, attribute: Any) -> str | None:
    if attribute.name in RECIPE_KEYS:
        return "has a name that belongs to the recipe; rename it"
    if not option_spec(attribute).scheduled:
        return None
    if kind not in SCHEDULABLE:
        return f"cannot be scheduled: only a {listed(SCHEDULABLE, 'or')} runs in every step"
    if attribute.type is not float:
        return "is scheduled, so it must be a float"
    if _has_attribute(cls, attribute.name):
        return f"is scheduled, so it would hide {cls.__name__}.{attribute.name}; rename it"
    return None


def _has_attribute(cls: type, name: str) -> bool:
    """Whether instances have it: a member, or one that is only annotated, as Module.training is."""
    return hasattr(cls, name) or any(name in inspect.get_annotations(b) for b in cls.__mro__)


def contract_problem(kind: str, cls: type) -> str | None:
    """Say which part of its kind's contract a class breaks, or None."""
    if kind == "schedule":
        return _schedule_problem(cls)
    if kind in MODULES and not _is_module(cls):
        return "derive it from torch.nn.Module: it moves, and is saved, as one"
    return _part_problem(kind, cls, CONTRACTS[kind]) or (
        _loss_problem(cls) if kind == "loss" else None
    )


def _part_problem(kind: str, cls: type, contract: Contract) -> str | None:
    for parameter in parameters(cls, "__init__") or ():
        if parameter not in contract.constructor:
            return f"its constructor may ask for {listed(contract.constructor)}, not {parameter}"
    for method in contract.methods:
        if parameters(cls, method) is None:
            return f"define {method}"
    offered = tuple(name for name in contract.may_declare if hasattr(cls, name))
    for declaration in (*contract.declares, *offered):
        if not _is_declaration(cls, declaration):
            return f"declare a static method {declaration}(opt, ctx)"
    streams = [method for method in STREAMING if parameters(cls, method) is not None]
    if kind in STREAMABLE and len(streams) == 1:
        return f"to stream, it needs {listed(STREAMING)}, not {streams[0]} alone"
    return None


def _is_module(cls: type) -> bool:
    from torch import nn  # noqa: PLC0415  what has no components to mark needs no torch

    return issubclass(cls, nn.Module)


def _schedule_problem(cls: type) -> str | None:
    if parameters(cls, "__call__") != ["step", "total"]:
        return "define __call__(self, step, total)"
    if not isinstance(inspect.getattr_static(cls, "example", None), staticmethod):
        return "declare a static method example() that returns an instance"
    return None


def _loss_problem(cls: type) -> str | None:
    wanted = parameters(cls, "forward") or ()
    if not wanted:
        return f"forward asks for nothing: name some of {listed(LOSS_INPUTS)}"
    for parameter in wanted:
        if parameter not in LOSS_INPUTS:
            return f"forward may ask for {listed(LOSS_INPUTS)}, not {parameter}"
    if "controls" in wanted and not _is_declaration(cls, "needs"):
        return "forward asks for controls: declare a static method needs(opt, ctx)"
    if "prepared" in wanted and parameters(cls, "prepare") is None:
        return "forward asks for prepared: define prepare(self, target)"
    return None


def _is_declaration(cls: type, name: str) -> bool:
    method = inspect.getattr_static(cls, name, None)
    if not isinstance(method, staticmethod):
        return False
    return len(inspect.signature(method).parameters) == 2


def parameters(cls: type, method: str) -> list[str] | None:
    """Return what a method asks for by name, self aside; None if the class has no such method."""
    function = inspect.getattr_static(cls, method, None)
    if not callable(function) or getattr(function, "__name__", "") == "_forward_unimplemented":
        return None  # nn.Module's placeholder for forward
    if function is object.__init__:
        return []
    asked = list(inspect.signature(function).parameters.values())[1:]
    return [each.name for each in asked if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]


def listed(names: Sequence[str], word: str = "and") -> str:
    """Join names as a sentence does."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
