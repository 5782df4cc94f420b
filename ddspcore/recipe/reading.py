"""Recipe files, what they extend, and `--set`, as one tree that remembers where it came from."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from ddspcore.recipe.locating import TomlError, parse
from ddspcore.recipe.overriding import override
from ddspcore.recipe.problems import Origin, Problem, RecipeError, Source, closest
from ddspcore.recipe.shipped import find_shipped, is_shipped_name
from ddspcore.recipe.tree import Node, listed, merge, plant

MAX_BYTES = 256 * 1024


@frozen
class Document:
    """A recipe as it was written: the merged tree and the files it came from, itself first.

    `problems` are those of `--set`; structuring raises them together with its own.
    """

    tree: Node
    sources: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()


def read(path: Path, sets: Sequence[str] = ()) -> Document:
    """Read a recipe, everything it extends, and `--set` arguments, which override both.

    Raises RecipeError if a file cannot be read or is not TOML.
    """
    source = _load(path)
    sources, trees = [source], []
    while True:
        tree = _parse(sources[-1])
        extends = tree.value.get("extends")
        trees.append(evolve(tree, value={k: v for k, v in tree.value.items() if k != "extends"}))
        if extends is None:
            break
        sources.append(_parent(extends, sources))
    tree = functools.reduce(merge, map(listed, reversed(trees)))
    tree, problems = override(tree, sets)
    return Document(tree, tuple(s.path for s in sources if s.path is not None), problems)


def _parse(source: Source) -> Node:
    try:
        return plant(*parse(source.text), source)
    except TomlError as error:
        at = error.position
        origin = Origin(source) if at is None else Origin(source, at, at + 1)
        raise RecipeError([Problem(error.message, origin)]) from None


def _parent(extends: Node, sources: Sequence[Source]) -> Source:
    """Load what a file extends; `sources` is the chain so far."""
    text, child = extends.value, sources[-1]
    assert child.path is not None
    if not isinstance(text, str):
        message = 'extends must be a string, as in "base.toml" or "plugin:recipe"'
        raise RecipeError([Problem(message, extends.at)])
    if is_shipped_name(text):
        path = find_shipped(text, extends.at)
        label = str(path)
    else:
        text = os.path.expanduser(text)
        path = child.path.parent / text
        label = os.path.normpath(os.path.join(os.path.dirname(child.label), text))
    parent = _load(path, label, extends.at)
    if any(os.path.samefile(path, source.path) for source in sources if source.path):
        chain = " -> ".join([*(source.label for source in sources), label])
        raise RecipeError([Problem(f"extends goes in a circle: {chain}", extends.at)])
    return parent


def _load(path: Path, label: str = "", origin: Origin | None = None) -> Source:
    """Read a file of UTF-8 text; `origin` is what asked for it."""
    source = Source(label or str(path), Path(os.path.abspath(path)))

    def refuse(why: str, hints: tuple[str, ...] = ()) -> RecipeError:
        return RecipeError([Problem(f"cannot read {source.label}: {why}", origin, hints)])

    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("there is no such file", _similar(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise refuse(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > MAX_BYTES:
        raise refuse(f"a recipe has at most {MAX_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"line {line} is not UTF-8 (byte 0x{data[error.start]:02x})"
        raise refuse(why, ("save it as UTF-8",)) from None
    return evolve(source, text=text.replace("\r\n", "\n"))


def _similar(path: Path) -> tuple[str, ...]:
    """Suggest a recipe of the same folder."""
    try:
        beside = {each.name for each in path.parent.glob("*.toml")}
    except OSError:
        return ()
    return closest(path.name, beside)
