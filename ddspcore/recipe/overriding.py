"""`--set path=value`: one value of a recipe, addressed by the names of what it lies in."""

import re
from collections.abc import Sequence

from attrs import evolve, frozen

from ddspcore.recipe.locating import TomlError, parse
from ddspcore.recipe.problems import Collected, Origin, Problem, RecipeError, Source, closest
from ddspcore.recipe.tree import (
    ARRAYS,
    ARRAYS_OF_A_STAGE,
    Node,
    is_array_of_tables,
    label,
    listed,
    merge,
    plant,
)

_FLAG = "--set "
_KEY = "value = "
_SEGMENT = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.="']+?))\s*(\.|=)""")


@frozen
class Segment:
    """One part of a dotted path."""

    text: str
    origin: Origin


@frozen
class Setting:
    """One `--set` argument, taken apart."""

    path: tuple[Segment, ...]
    value: Node


def override(tree: Node, arguments: Sequence[str]) -> tuple[Node, tuple[Problem, ...]]:
    """Return the tree with every setting applied, and what is wrong with the others.

    A changed `use` is applied before the rest, because it drops options; otherwise the last wins.
    """
    settings: list[Setting] = []
    collected = Collected()
    for argument in arguments:
        with collected.part():
            settings.append(take_apart(argument))
    for setting in sorted(settings, key=lambda setting: setting.path[-1].text != "use"):
        with collected.part():
            tree = put(tree, setting.path, setting.value)
    return tree, tuple(collected.problems)


def put(tree: Node, path: Sequence[Segment], value: Node) -> Node:
    """Return the tree with one value set; RecipeError if the path leads nowhere."""
    return merge(tree, listed(_overlay(tree, path, 0, value)))


def take_apart(argument: str) -> Setting:
    """Split `path=value`; the value is TOML, and what is no TOML is a string.

    Raises RecipeError.
    """
    text = _FLAG + argument.replace("\r\n", "\n")
    source = Source(text, None, text)
    path: list[Segment] = []
    at = len(_FLAG)
    while not path or source.text[at - 1] != "=":
        found = _SEGMENT.match(source.text, at)
        if found is None:
            rest = Origin(source, at, len(source.text))
            raise RecipeError([Problem("expected path=value, as in stage.A.steps=500", rest)])
        group = next(i for i in (1, 2, 3) if found[i] is not None)
        path.append(Segment(found[group], Origin(source, found.start(group), found.end(group))))
        at = found.end()
    if path[0].text == "extends":
        message = "only a file can extend another; run the other recipe instead"
        raise RecipeError([Problem(message, path[0].origin)])
    value = _value(source, at)
    return Setting(tuple(path), evolve(value, key=path[-1].origin))


def _value(source: Source, start: int) -> Node:
    text = source.text[start:]
    whole = Origin(source, start, len(source.text))
    try:
        text.encode()
        tree, spans = parse(_KEY + text)
        if len(tree) == 1:
            return plant(tree["value"], spans, source, ("value",), start - len(_KEY))
    except UnicodeEncodeError:
        raise RecipeError([Problem("the value is not Unicode", whole)]) from None
    except TomlError as error:
        if text.lstrip().startswith(("[", "{", '"', "'")):
            raise RecipeError([Problem(f"the value is {error.message}", whole)]) from None
    return Node(text, whole, whole)


def _overlay(here: Node, path: Sequence[Segment], depth: int, value: Node) -> Node:
    """Return a tree that holds nothing but the value, at its path under `here`.

    `depth` segments of the path lead to `here`.
    """
    if depth == len(path):
        return value
    if isinstance(here.value, list):
        return _overlay_entry(here, path, depth, value)
    step = path[depth]
    if not here.is_table:
        message = f'"{step.text}" cannot be set: {_spelled(path[:depth])} is a single value'
        raise RecipeError([Problem(message, step.origin, (f"it was set at {here.at}",))])
    below = here.value.get(step.text)
    if below is None:
        arrays = step.text in (*ARRAYS, *ARRAYS_OF_A_STAGE)
        below = Node([] if arrays else {}, step.origin, step.origin)
    child = _overlay(below, path, depth + 1, value)
    return Node({step.text: child}, here.key, here.at)


def _overlay_entry(entries: Node, path: Sequence[Segment], depth: int, value: Node) -> Node:
    """Go on in the entry that the path names; a name may contain dots."""
    step = path[depth]
    if entries.value and not is_array_of_tables(entries):
        message = f'"{step.text}" cannot be set: {_spelled(path[:depth])} is an array; set it whole'
        raise RecipeError([Problem(message, step.origin, (f"it was set at {entries.at}",))])
    named = {label(entry): entry for entry in entries.value}
    for end in range(len(path), depth, -1):
        name = ".".join(segment.text for segment in path[depth:end])
        if name in named:
            child = _overlay(named[name], path, end, value)
            if not child.is_table:
                message = f"{_spelled(path[:end])} is a table; set one of its keys"
                raise RecipeError([Problem(message, step.origin)])
            if "name" in child.value:
                message = f"{_spelled(path[:end])} cannot get another name: it is addressed by it"
                raise RecipeError([Problem(message, child.value["name"].key)])
            key = Node(name, step.origin, step.origin)
            entry = evolve(child, value=child.value | {"name": key})
            return Node([entry], entries.key, entries.at)
    names = [name for name in named if name is not None]
    hints = (*closest(step.text, names), f"here: {', '.join(names) or 'nothing'}")
    message = f'{_spelled(path[:depth])} has nothing named "{step.text}"'
    raise RecipeError([Problem(message, step.origin, hints)])


def _spelled(path: Sequence[Segment]) -> str:
    return ".".join(segment.text for segment in path)
