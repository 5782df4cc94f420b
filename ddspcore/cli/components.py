"""`ddsp components`: what a recipe can use, with every option."""

import json
from typing import Any

import attrs
import rich_click as click
from attrs import NOTHING
from rich.padding import Padding
from rich.text import Text

from ddspcore.catalog import Catalog, Entry
from ddspcore.cli.options import catalog_options, json_option
from ddspcore.cli.tables import make_table, show
from ddspcore.component import KINDS, option_spec
from ddspcore.recipe.values import describe, spell


@click.command()
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice(KINDS))
@json_option
@catalog_options
def components(catalog: Catalog, kind: str | None, as_json: bool) -> None:
    """List the components that recipes can use; those of one KIND with their options."""
    entries = catalog.entries(kind)
    if as_json:
        click.echo(json.dumps([_row(catalog, entry) for entry in entries], indent=2, default=str))
    elif not entries:
        click.echo(f"no {kind or 'component'} is installed")
    elif kind:
        for entry in entries:
            _print_with_options(catalog, entry)
    else:
        table = make_table("kind", "name", "what it is")
        for entry in entries:
            component = entry.component
            table.add_row(component.kind, catalog.display_name(entry), component.doc)
        show(table)


def _print_with_options(catalog: Catalog, entry: Entry) -> None:
    show(Text(f"{catalog.display_name(entry)}: {entry.component.doc}", style="bold"))
    for attribute in attrs.fields(entry.component.options):
        about = describe(attribute).removeprefix(f"{attribute.name}: ")
        show(Padding(f"{attribute.name} = {_default(attribute)}", (0, 0, 0, 4), expand=False))
        show(Padding(about, (0, 0, 0, 8), expand=False))
    show("")


def _default(attribute: Any) -> str:
    """Spell the default as a recipe would."""
    if attribute.default is NOTHING:
        return "... (required)"
    if attribute.default is None:
        return "... (unset by default)"
    return json.dumps(attribute.default, default=str)


def _row(catalog: Catalog, entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.component.kind,
        "name": catalog.display_name(entry),
        "qualified": entry.qualified,
        "doc": entry.component.doc,
        "options": _options(entry),
    }


def _options(entry: Entry) -> list[dict[str, Any]]:
    rows = []
    for attribute in attrs.fields(entry.component.options):
        spec = option_spec(attribute)
        required = attribute.default is NOTHING
        rows.append(
            {
                "name": attribute.name,
                "type": spell(attribute.type),
                "required": required,
                "default": None if required else attribute.default,
                "range": spec.range(),
                "unit": spec.unit,
                "scheduled": spec.scheduled,
                "help": spec.help,
            }
        )
    return rows
