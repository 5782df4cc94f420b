"""`ddsp plugins check`: what a plugin's components promise, and whether they keep it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import rich_click as click
from rich.text import Text

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, json_option
from ddspcore.cli.tables import make_table, show
from ddspcore.component import Component
from ddspcore.errors import PluginError, UserError
from ddspcore.options import option_spec
from ddspcore.plugins import Plugin
from ddspcore.recipe.overriding import take_apart
from ddspcore.recipe.problems import Origin, Problem, RecipeError, closest
from ddspcore.recipe.values import convert

if TYPE_CHECKING:
    from ddspcore.testing.cases import Case

T = TypeVar("T")
STYLES = {"kept": "green", "broken": "red", "unproved": "yellow"}


@click.command()
@click.argument("name")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="COMPONENT.OPTION=VALUE",
    help="Give a component an option, such as one that has no default; can be repeated.",
)
@json_option
@catalog_options
def check(catalog: Catalog, name: str, sets: tuple[str, ...], as_json: bool) -> None:
    """Ask the components of a plugin for what their kinds promise; exit code 2 if one is broken.

    A promise that nothing could be found out about here is unproved, and no fault.
    """
    plugin = catalog.plugin(name)
    if plugin.state != "ok":
        reason = f"plugin {plugin} is {plugin.state}: {plugin.reason}"
        raise PluginError(f"{reason}; ddsp plugins doctor {plugin.name}")
    found = [_judged(case) for case in _cases(plugin, sets)]
    if as_json:
        click.echo(json.dumps([_row(*each) for each in found], indent=2))
    else:
        table = make_table("component", "promise", "verdict", "why")
        for case, verdict, why in found:
            words = case.promise.name.replace("_", " ")
            table.add_row(str(case.subject), words, Text(verdict, style=STYLES[verdict]), why)
        if found:
            show(table, "")
        click.echo(f"plugin {plugin.name}: {_count(verdict for _, verdict, _ in found)}")
    broken = [case.id for case, verdict, _ in found if verdict == "broken"]
    if broken:
        raise PluginError(f"plugin {plugin} does not keep {', '.join(broken)}")


def _cases(plugin: Plugin, sets: Sequence[str]) -> "Iterator[Case]":
    from ddspcore.testing.cases import cases  # noqa: PLC0415  imports torch
    from ddspcore.testing.setting import AUDIO  # noqa: PLC0415

    options: dict[str, dict[str, Any]] = {}
    for argument in sets:
        name, option, value = _given(plugin, argument)
        options.setdefault(name, {})[option] = value
    for component in plugin.components:
        _complete(component, options.get(component.name, {}))
    return cases(plugin.module, attrs.evolve(AUDIO, options=options))


def _given(plugin: Plugin, argument: str) -> tuple[str, str, Any]:
    """Return component, option and value of a `--set`; RecipeError if there are no such ones."""
    setting = take_apart(argument)
    *above, last = setting.path
    if not above:
        raise RecipeError([Problem("expected COMPONENT.OPTION=VALUE", last.origin)])
    name = ".".join(segment.text for segment in above)
    components = {each.name: each for each in plugin.components}
    component = _pick("component", name, components, above[0].origin)
    fields = {each.name: each for each in attrs.fields(attrs.resolve_types(component.options))}
    field = _pick("option", last.text, fields, last.origin)
    return name, field.name, convert(setting.value, field.name, field.type, option_spec(field))


def _pick(what: str, name: str, choices: Mapping[str, T], origin: Origin) -> T:
    if name in choices:
        return choices[name]
    hints = (*closest(name, choices), f"there is {', '.join(choices) or 'none'}")
    raise RecipeError([Problem(f'no {what} "{name}"', origin, hints)])


def _complete(component: Component, given: Mapping[str, Any]) -> None:
    """Raise UserError if an option has neither a value nor a default; a schedule has an example."""
    for field in attrs.fields(component.options):
        missing = field.default is attrs.NOTHING and field.name not in given
        if missing and component.kind != "schedule":
            what = f'{component.kind} "{component.name}" needs "{field.name}"'
            raise UserError(f"{what}; --set {component.name}.{field.name}=VALUE")


def _judged(case: "Case") -> tuple["Case", str, str]:
    """Return a case, its verdict, and why, without saying again whose case it is."""
    verdict, why = case.verdict()
    return case, verdict, why.removeprefix(f"{case.subject}: ")


def _row(case: "Case", verdict: str, why: str) -> dict[str, str]:
    component = case.subject.component
    named = {"kind": component.kind, "component": component.name, "promise": case.promise.name}
    return named | {"verdict": verdict, "why": why}


def _count(verdicts: Iterable[str]) -> str:
    counts = Counter(verdicts)
    told = [f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict]]
    return ", ".join(told) or "no components, so nothing is promised"
