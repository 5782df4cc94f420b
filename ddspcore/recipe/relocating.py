"""A recipe's text for another folder: what it says relative to its own no longer depends on it."""

import json
import os
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ddspcore.catalog import Catalog
from ddspcore.component import KINDS
from ddspcore.recipe.locating import parse
from ddspcore.recipe.problems import Source
from ddspcore.recipe.reading import read
from ddspcore.recipe.series import members
from ddspcore.recipe.shipped import find_recipes, is_shipped_name
from ddspcore.recipe.tree import Node, plant

KIND_OF_KEY = {kind: kind for kind in KINDS} | {"data": "source", "metric": "evaluator"}


def relocate(path: Path, catalog: Catalog) -> str:
    """Return the text of a recipe's own file, not of those it extends, fit for any folder.

    Paths become absolute; a shipped recipe that it extends is named as `plugin:stem`. Raises
    RecipeError or LookupProblem if the recipe cannot be read.
    """
    path = path.absolute()
    text = path.read_text(encoding="utf-8-sig")
    edits = {}
    extends = plant(*parse(text), Source(str(path), path, text)).value.get("extends")
    if extends is not None and not is_shipped_name(extends.value):
        edits[extends.at] = _address(path.parent / extends.value)
    for member in members(read(path)):
        for node in _path_nodes(member.document.tree, catalog):
            if node.at.source.path == path:
                edits[node.at] = os.path.abspath(path.parent / os.path.expanduser(node.value))
    for place, value in sorted(edits.items(), key=lambda edit: edit[0].start or 0, reverse=True):
        text = text[: place.start] + json.dumps(value, ensure_ascii=False) + text[place.end :]
    return text


def _address(path: Path) -> str:
    """Return `plugin:stem` of a shipped recipe, the absolute path of any other."""
    shipped = {os.path.abspath(recipe.path): str(recipe) for recipe in find_recipes()}
    return shipped.get(os.path.abspath(path), os.path.abspath(path))


def _path_nodes(table: Node, catalog: Catalog) -> Iterator[Node]:
    """Yield the values of all options that are paths."""
    for key, node in table.value.items():
        for child in node.value if isinstance(node.value, list) else [node]:
            if not child.is_table:
                continue
            if key == "stage":
                yield from _path_nodes(child, catalog)
            elif key in KIND_OF_KEY and "use" in child.value:
                entry = catalog.find(KIND_OF_KEY[key], child.value["use"].value)
                for attribute in attrs.fields(entry.component.options):
                    if attribute.name in child.value and _is_path(attribute.type):
                        yield child.value[attribute.name]


def _is_path(kind: Any) -> bool:
    return Path in (kind, *typing.get_args(kind))
