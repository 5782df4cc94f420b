"""One written value as the exact type that an option declares; nothing is coerced.

The only leniency is an integer where a number is expected.
"""

import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ddspcore.component import OptionSpec, option_spec
from ddspcore.recipe.problems import Problem, RecipeError, closest, collect
from ddspcore.recipe.tree import Node
from ddspcore.recipe.writing import write_value

_LONGEST = 40
_SINGULAR = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
    Path: "a path",
}
_PLURAL = {bool: "booleans", int: "integers", float: "numbers", str: "strings", Path: "paths"}


def convert(node: Node, name: str, kind: Any, spec: OptionSpec) -> Any:
    """Return the value as `kind`, one of the types that an option may have.

    A path is taken relative to the file that wrote it, in `--set` to the working directory.
    Raises RecipeError with every problem; `name` is how messages call the value.
    """
    kind = _without_none(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return _choice(node, name, arguments)
    if origin is tuple and isinstance(node.value, list):
        return _array(node, name, arguments, spec)
    if origin is Mapping and node.is_table:
        with collect() as problems:
            values = {}
            for key, child in node.value.items():
                with problems.part():
                    values[key] = convert(child, f"{name}.{key}", arguments[1], spec)
        return values
    if kind is Path and isinstance(node.value, str):
        return _path(node, name)
    if kind is float and type(node.value) is int:
        return _in_range(node, name, float(node.value), spec)
    if type(node.value) is not kind:
        raise RecipeError([Problem(f"{name} must be {spell(kind)}, not {shown(node)}", node.at)])
    return _in_range(node, name, node.value, spec)


def _in_range(node: Node, name: str, value: Any, spec: OptionSpec) -> Any:
    if spec.allows(value):
        return value
    allowed = spec.range() or "a finite number"
    raise RecipeError([Problem(f"{name} = {shown(node)} is out of range: {allowed}", node.at)])


def _choice(node: Node, name: str, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if type(node.value) is type(choice) and node.value == choice:
            return choice
    texts = [choice for choice in choices if isinstance(choice, str)]
    hints = closest(node.value, texts) if isinstance(node.value, str) else ()
    message = f"{name} must be {spell(Literal[choices])}, not {shown(node)}"
    raise RecipeError([Problem(message, node.at, hints)])


def _array(node: Node, name: str, kinds: tuple[Any, ...], spec: OptionSpec) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(node.value)
    if len(kinds) != len(node.value):
        message = f"{name} must have {len(kinds)} items, not {len(node.value)}"
        raise RecipeError([Problem(message, node.at)])
    values = []
    with collect() as problems:
        for index, (item, kind) in enumerate(zip(node.value, kinds, strict=True)):
            with problems.part():
                values.append(convert(item, f"{name}[{index}]", kind, spec))
    return tuple(values)


def _path(node: Node, name: str) -> Path:
    if not node.value or "\0" in node.value:
        raise RecipeError([Problem(f"{name} must be a path, not {shown(node)}", node.at)])
    file = node.at.source.path
    folder = Path.cwd() if file is None else file.parent
    return Path(os.path.abspath(folder / os.path.expanduser(node.value)))


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return next(each for each in typing.get_args(kind) if each is not types.NoneType)
    return kind


def spell(kind: Any, many: bool = False) -> str:
    """Say what a type is in a recipe: `an integer`, `an array of numbers`, `one of "a", "b"`."""
    kind = _without_none(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return f"{'any' if many else 'one'} of {', '.join(map(write_value, arguments))}"
    if origin is tuple:
        items = spell(arguments[0], many=True)
        if len({*arguments} - {Ellipsis}) > 1:
            items = " and ".join(map(spell, arguments))
        elif arguments[-1] is not Ellipsis:
            items = f"{len(arguments)} {items}"
        return f"{'arrays' if many else 'an array'} of {items}"
    if origin is Mapping:
        return f"a table of {spell(arguments[1], many=True)}"
    return (_PLURAL if many else _SINGULAR)[kind]


def shown(node: Node) -> str:
    """Say what was written instead: `the string "64"`, `an array`, `3.9`."""
    value = node.value
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    if isinstance(value, dict | list):
        return "a table" if node.is_table else "an array"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "a date or time"


def quoted(text: str) -> str:
    """Put a string in quotes, and cut it if it is long."""
    return f'"{text}"' if len(text) <= _LONGEST else f'"{text[:_LONGEST]}…"'


def describe(attribute: Any) -> str:
    """Say what an option is: `partials: how many harmonics (an integer, >= 1)`."""
    spec = option_spec(attribute)
    kind = "a number or a schedule" if spec.scheduled else spell(attribute.type)
    unit = f"in {spec.unit}" if spec.unit else ""
    limits = ", ".join(filter(None, (kind, spec.range(), unit)))
    return f"{attribute.name}: {spec.help} ({limits})"
