"""`[each]`: a recipe stands for a series of runs, one for every combination of some values."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from attrs import evolve, frozen

from ddspcore.recipe.overriding import Segment, put
from ddspcore.recipe.problems import Problem, RecipeError, collect
from ddspcore.recipe.reading import Document
from ddspcore.recipe.tree import Node, bare, label
from ddspcore.recipe.values import shown
from ddspcore.recipe.writing import write_value

EACH = "each"
ONE_FOR_ALL = ("extends", EACH, "gate")
MOST_RUNS = 1000


@frozen
class Axis:
    """One key of `[each]`: the path that it sets, its values, and what to call each of them."""

    key: str
    path: tuple[Segment, ...]
    values: tuple[Node, ...]
    names: tuple[str, ...]


@frozen
class Member:
    """One run of a series: what its values are called, by key, and its recipe."""

    names: Mapping[str, str]
    document: Document

    @property
    def label(self) -> str:
        """What sets it apart: `violin`, or `gru-violin` where there are several keys."""
        return "-".join(self.names.values())


def members(document: Document) -> tuple[Member, ...]:
    """Return a recipe for every combination of values, without `[each]`; a single recipe as it is.

    Raises RecipeError if `[each]` is not like that.
    """
    axes = find_axes(document)
    places = itertools.product(*(range(len(axis.values)) for axis in axes))
    return tuple(member_at(document, axes, place) for place in places)


def member_at(document: Document, axes: Sequence[Axis], place: Sequence[int]) -> Member:
    """Return the member that has the value of each axis at this place."""
    tree = evolve(document.tree, value={k: v for k, v in document.tree.value.items() if k != EACH})
    names = {}
    for axis, index in zip(axes, place, strict=True):
        value = evolve(axis.values[index], key=axis.path[-1].origin)
        tree = put(tree, axis.path, value)
        names[axis.key] = axis.names[index]
    return Member(names, evolve(document, tree=tree))


def find_axes(document: Document) -> tuple[Axis, ...]:
    """Return the keys of `[each]` in their order; RecipeError with everything wrong about them."""
    if EACH not in document.tree.value:
        return ()
    table = document.tree.value[EACH]
    if not table.is_table or not table.value:
        example = 'such as "data.root" = ["a.wav", "b.wav"]'
        raise RecipeError([Problem(f"[each] must be a table of lists, {example}", table.at)])
    axes = []
    with collect() as problems:
        for path, node in _leaves(table, ()):
            with problems.part():
                axes.append(_axis(path, node))
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_RUNS:
        message = f"a series has at most {MOST_RUNS} runs, not {count}"
        raise RecipeError([Problem(message, table.key)])
    return tuple(axes)


def _leaves(table: Node, path: tuple[Segment, ...]) -> Iterator[tuple[tuple[Segment, ...], Node]]:
    """Yield what is no table: keys may be quoted, `"data.root"`, or dotted, `data.root`."""
    for key, node in table.value.items():
        here = (*path, *(Segment(text, node.key) for text in key.split(".")))
        if node.is_table and node.value:
            yield from _leaves(node, here)
        else:
            yield here, node


def _axis(path: tuple[Segment, ...], node: Node) -> Axis:
    key = ".".join(segment.text for segment in path)
    if path[0].text in ONE_FOR_ALL:
        message = f'"{path[0].text}" is for the whole series; it cannot differ between its runs'
        raise RecipeError([Problem(message, node.key)])
    if not isinstance(node.value, list) or not node.value:
        what = "an empty one" if isinstance(node.value, list) else shown(node)
        message = f"each {key} must be a list of values, not {what}"
        raise RecipeError([Problem(message, node.at)])
    long = [write_value(bare(value)) for value in node.value]
    for index, value in enumerate(node.value):
        if long[index] in long[:index]:
            raise RecipeError([Problem(f"each {key} has this value twice", value.at)])
    short = [_short(value) for value in node.value]
    if len({name.casefold() for name in short}) < len(short):
        short = [text.strip('"') for text in long]
    return Axis(key, path, tuple(node.value), tuple(short))


def _short(value: Node) -> str:
    """Call a file by its stem, a table by its name or use, anything else by itself."""
    if value.is_table:
        return label(value) or write_value(bare(value))
    if isinstance(value.value, str):
        return PurePath(value.value).stem or value.value
    return write_value(bare(value))


def value_at(table: Any, path: Sequence[Segment]) -> Any:
    """Return what a path leads to in a recipe's plain tables; None if it is unset there."""
    if not path:
        return table
    if isinstance(table, dict):
        return value_at(table.get(path[0].text), path[1:])
    for end in range(len(path), 0, -1):
        name = ".".join(segment.text for segment in path[:end])
        for entry in table or ():
            if name == (entry.get("name") or entry["use"].rpartition(":")[2]):
                return value_at(entry, path[end:])
    return None
