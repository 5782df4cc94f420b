"""docs/component-options.md: what `ddsp components` says of the built-in ones, as a page.

DDSP_REWRITE_GOLDEN=1 writes it.
"""

import os
from itertools import groupby
from pathlib import Path

import attrs
from attrs import NOTHING

from ddspcore.catalog import Catalog
from ddspcore.component import Component, option_spec
from ddspcore.plugins import CORE, discover
from ddspcore.recipe.values import spell
from ddspcore.recipe.writing import write_value

PAGE = Path(__file__).parents[1] / "docs" / "component-options.md"
HEAD = """\
# Options of the built-in components

Every option of every built-in component; `ddsp components head` prints those of a kind, with your
plugins' too. [Built-in components](components.md) says which to choose. What takes a schedule
takes a plain number as well. This page is written by a test, from the components themselves.
"""


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def default(attribute: attrs.Attribute) -> str:
    if attribute.default is NOTHING:
        return "required"
    if attribute.default is None:
        return "unset"
    return f"`{write_value(attribute.default)}`"


def row(attribute: attrs.Attribute) -> str:
    spec = option_spec(attribute)
    kind = spell(attribute.type) + (" or a schedule" if spec.scheduled else "")
    allowed = ", ".join(filter(None, (kind, spec.range())))
    cells = (f"`{attribute.name}`", default(attribute), allowed, spec.unit or "", spec.help)
    return f"| {' | '.join(map(cell, cells))} |\n"


def section(component: Component) -> str:
    options = attrs.fields(component.options)
    table = "| option | default | value | unit | what it is |\n|---|---|---|---|---|\n"
    about = table + "".join(map(row, options)) if options else "It has no options.\n"
    return f"\n### {component.kind} `{component.name}`\n\n{component.doc}\n\n{about}"


def page() -> str:
    core = [each.component for each in Catalog(discover()).entries() if each.plugin == CORE]
    parts = [HEAD]
    for kind, components in groupby(core, lambda component: component.kind):
        plural = "losses" if kind == "loss" else f"{kind}s"
        parts += [f"\n## {plural.title()}\n", *map(section, components)]
    return "".join(parts)


def test_the_page_is_what_the_components_declare():
    if os.environ.get("DDSP_REWRITE_GOLDEN"):
        PAGE.write_text(page(), encoding="utf-8")
    assert page() == PAGE.read_text(encoding="utf-8")


def test_units_are_spelt_as_on_paper():
    core = [each.component for each in Catalog(discover()).entries() if each.plugin == CORE]
    fields = [field for component in core for field in attrs.fields(component.options)]
    units = {option_spec(field).unit for field in fields}
    assert {"Hz", "dB", "s"} <= units
    assert not units & {"hz", "HZ", "db", "DB", "sec", "seconds"}
