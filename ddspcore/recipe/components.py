"""A table as options: those of the component that it uses, and what the recipe says beside them."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

import attrs
from attrs import NOTHING

from ddspcore.catalog import Catalog, Entry, LookupProblem
from ddspcore.component import OptionError, option_spec
from ddspcore.errors import PluginError
from ddspcore.hooks import one_line
from ddspcore.recipe.problems import Problem, RecipeError, closest, collect
from ddspcore.recipe.schema import ScheduleUse, Use
from ddspcore.recipe.tree import Node, label
from ddspcore.recipe.values import convert, describe, quoted, shown

CONSTANT = "core:constant"
_NAME = re.compile(r"\w[\w.-]{0,63}")

U = TypeVar("U", bound=Use)
T = TypeVar("T")


def use_component(table: Node, kind: str, make: type[U], catalog: Catalog) -> U:
    """Structure a table with a `use` as `make`.

    Where the component is unknown, what the recipe says beside it is checked all the same.
    Raises RecipeError with every problem.
    """
    title = title_of(table, kind)
    own = written_options(make)
    with collect() as problems:
        with problems.part():
            check_name(table)
        with problems.part():
            try:
                entry = _find(table, kind, catalog)
            except RecipeError:
                if table.is_table:
                    with problems.part():
                        fill(table, own, title, catalog, None)
                raise
            options = attrs.fields(entry.component.options)
            values = fill(table, (*own, *options), title, catalog, ("use",))
            chosen = {a.name: values[a.name] for a in options if a.name in values}
            beside = {a.name: values[a.name] for a in own if a.name in values}
            use = make(
                component=entry.component,
                plugin=entry.plugin,
                options=build_options(entry.component.options, chosen, table, title),
                origin=table.value["use"].at,
                **{"name": entry.component.name} | beside,
            )
    return use


def written_options(cls: type) -> tuple[Any, ...]:
    """Return the attributes of a schema class that a recipe can write: what `option()` declared."""
    return tuple(a for a in attrs.fields(cls) if "ddsp" in a.metadata)


def installed(kind: str, catalog: Catalog) -> str:
    """List what a recipe may write for a component of that kind."""
    return ", ".join(catalog.display_name(each) for each in catalog.entries(kind)) or "none"


def title_of(table: Node, kind: str) -> str:
    """Return what messages call a table: `head "harmonic"`."""
    name = label(table) if table.is_table else None
    return f"a {kind}" if name is None else f'{kind} "{name}"'


def check_name(table: Node, reserved: Sequence[str] = ()) -> None:
    """Refuse a `name` that is no label; anything but a string is left to `fill`."""
    node = table.value.get("name") if table.is_table else None
    if node is None or not isinstance(node.value, str):
        return
    if node.value.casefold() in reserved:
        hint = f"taken: {', '.join(reserved)}"
    elif not _NAME.fullmatch(node.value):
        hint = "a name has letters and digits, then also . _ - and at most 64 in all"
    else:
        return
    raise RecipeError([Problem(f"{quoted(node.value)} cannot be a name", node.at, (hint,))])


def fill(
    table: Node,
    attributes: Sequence[Any],
    title: str,
    catalog: Catalog,
    also: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the values of the options that a table gives, scheduled ones whether given or not.

    `also` are the other keys that are legal here; None if any may be. Raises RecipeError.
    """
    if not table.is_table:
        raise RecipeError([Problem(f"{title} must be a table, not {shown(table)}", table.at)])
    known = {attribute.name: attribute for attribute in attributes}
    values = {}
    with collect() as problems:
        with problems.part():
            _check_keys(table, known, title, also)
        for name, attribute in known.items():
            with problems.part():
                if name in table.value:
                    values[name] = _value(table.value[name], attribute, catalog)
                elif option_spec(attribute).scheduled and attribute.default is not NOTHING:
                    values[name] = _constant(attribute.default, table, catalog)
    return values


def _check_keys(
    table: Node, known: Mapping[str, Any], title: str, also: Sequence[str] | None
) -> None:
    allowed = list(dict.fromkeys([*(also or ()), *known]))
    unknown = [key for key in table.value if key not in allowed] if also is not None else []
    missing = [a for a in known.values() if a.default is NOTHING and a.name not in table.value]
    listed = f"allowed here: {', '.join(allowed)}"
    with collect() as problems:
        if len(unknown) == len(missing) == 1:
            key, needed = unknown[0], missing[0]
            hints = (*closest(key, allowed), describe(needed), listed)
            message = f'{title} needs "{needed.name}", not "{key}"'
            problems.add(message, table.value[key].key, hints)
            return
        for key in unknown:
            hints = (*closest(key, allowed), listed)
            problems.add(f'unknown key "{key}" in {title}', table.value[key].key, hints)
        place = table.value["use"].at if "use" in table.value else table.key
        for needed in missing:
            problems.add(f'{title} needs "{needed.name}"', place, [describe(needed)])


def _value(node: Node, attribute: Any, catalog: Catalog) -> Any:
    spec = option_spec(attribute)
    if spec.scheduled and node.is_table:
        return _schedule(node, catalog)
    try:
        if not spec.scheduled:
            return convert(node, attribute.name, attribute.type, spec)
        if type(node.value) in (int, float):
            return _constant(convert(node, attribute.name, float, spec), node, catalog)
        message = f"{attribute.name} must be a number or a schedule, not {shown(node)}"
        raise RecipeError([Problem(message, node.at)])
    except RecipeError as error:
        about = describe(attribute)
        raise RecipeError(
            attrs.evolve(problem, hints=(*problem.hints, about)) for problem in error.problems
        ) from None


def _schedule(table: Node, catalog: Catalog) -> ScheduleUse:
    entry = _find(table, "schedule", catalog)
    title = title_of(table, "schedule")
    cls = entry.component.options
    values = fill(table, attrs.fields(cls), title, catalog, ("use",))
    value: Any = build_options(cls, values, table, title)
    if what := _schedule_fault(value):
        hint = f"plugin {entry.plugin}: ddsp plugins check {entry.plugin}"
        at = table.value["use"].at
        raise RecipeError([Problem(f"{title} {what}", at, (hint,), PluginError.exit_code)])
    origin = table.value["use"].at
    return ScheduleUse(component=entry.component, plugin=entry.plugin, value=value, origin=origin)


def _schedule_fault(schedule: Callable[[int, int], object]) -> str | None:
    """Say why nobody can use a schedule's value, or None."""
    try:
        first = schedule(0, 1)
    except Exception as error:
        return f"raises {one_line(error)}"
    if isinstance(first, Real) and math.isfinite(first):
        return None
    return f"begins with {first!r}, which is no finite number"


def _constant(number: float, node: Node, catalog: Catalog) -> ScheduleUse:
    try:
        entry = catalog.find("schedule", CONSTANT)
    except LookupProblem as problem:
        raise RecipeError([Problem(problem.message, node.key, problem.hints)]) from None
    value: object = entry.component.options(value=float(number))
    return ScheduleUse(component=entry.component, plugin=entry.plugin, value=value, origin=node.at)


def _find(table: Node, kind: str, catalog: Catalog) -> Entry:
    if not table.is_table:
        hints = (f'did you mean {{ use = "{table.value}" }}?',) * isinstance(table.value, str)
        message = f'a {kind} must be a table like {{ use = "..." }}, not {shown(table)}'
        raise RecipeError([Problem(message, table.at, hints)])
    use = table.value.get("use")
    if use is None:
        hint = f"installed: {installed(kind, catalog)}"
        raise RecipeError(
            [Problem(f'{title_of(table, kind)} needs use = "..."', table.key, (hint,))]
        )
    if not isinstance(use.value, str):
        message = f"use must be the name of a {kind}, not {shown(use)}"
        raise RecipeError([Problem(message, use.at)])
    try:
        return catalog.find(kind, use.value)
    except LookupProblem as problem:
        found = Problem(problem.message, use.at, problem.hints, problem.exit_code)
        raise RecipeError([found]) from None


def build_options(cls: type[T], values: Mapping[str, Any], table: Node, title: str) -> T:
    """Construct options, whose own checks may refuse what no single option could."""
    here = table.value["use"].at if "use" in table.value else table.key
    try:
        return cls(**values)
    except OptionError as error:
        place = table.value[error.field].at if error.field in table.value else here
        raise RecipeError([Problem(f"{title}: {error}", place)]) from None
    except (TypeError, ValueError) as error:
        raise RecipeError([Problem(f"{title} refuses its options: {error}", here)]) from None
