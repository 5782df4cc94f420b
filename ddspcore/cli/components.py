"""`ddsp components`: what a recipe can use, with every option."""

import json
import types
import typing
from pathlib import Path
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

TYPE_NAMES = {bool: "true or false", int: "integer", float: "number", str: "text", Path: "path"}


@click.command()
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice(KINDS))
@json_option
@catalog_options
def components(catalog: Catalog, kind: str | None, as_json: bool) -> None:
    """List the components that recipes can use; those of one KIND with their options."""
    entries = catalog.entries(kind)
    if as_json:
        click.echo(json.dumps([_row(catalog, entry) for entry in entries], indent=2))
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
    table = make_table("option", "type", "default", "range", "what it is")
    table.show_header = False
    for option in _options(entry):
        scheduled = ", can be scheduled" if option["scheduled"] else ""
        unit = f" [{option['unit']}]" if option["unit"] else ""
        default = "required" if option["required"] else json.dumps(option["default"])
        row = (option["type"], default, option["range"], f"{option['help']}{unit}{scheduled}")
        table.add_row(option["name"], *row)
    title = Text(f"{catalog.display_name(entry)}: {entry.component.doc}", style="bold")
    show(title, Padding(table, (0, 0, 1, 4)))


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
                "type": _type_name(attribute.type),
                "required": required,
                "default": None if required else _plain(attribute.default),
                "range": spec.range(),
                "unit": spec.unit,
                "scheduled": spec.scheduled,
                "help": spec.help,
            }
        )
    return rows


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _type_name(kind: Any) -> str:
    """Spell an option's type in a recipe's words."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return " or ".join(json.dumps(value) for value in arguments)
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}"
    if origin in (types.UnionType, typing.Union):
        return _type_name(next(each for each in arguments if each is not type(None)))
    return TYPE_NAMES[kind]
