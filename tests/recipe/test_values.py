"""Types are told as a recipe writes them, and nothing is coerced."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from ddspcore.options import OptionSpec
from ddspcore.recipe.problems import Origin, RecipeError, Source
from ddspcore.recipe.tree import Node
from ddspcore.recipe.values import convert, spell

ANYWHERE = Origin(Source("a.toml", Path("/work/a.toml"), "x"), 0, 1)
ANY = OptionSpec("a value")


def node(value: object) -> Node:
    if isinstance(value, list):
        value = [node(item) for item in value]
    return Node(value, ANYWHERE, ANYWHERE)


@pytest.mark.parametrize(
    ("kind", "spelled"),
    [
        (bool, "true or false"),
        (int | None, "an integer"),
        (float, "a number"),
        (Path | None, "a path"),
        (Literal["a", "b"], 'one of "a", "b"'),
        (Literal[1, 2], "one of 1, 2"),
        (tuple[str, ...], "an array of strings"),
        (tuple[float, float], "an array of 2 numbers"),
        (tuple[int, str], "an array of an integer and a string"),
        (tuple[tuple[float, float], ...], "an array of arrays of 2 numbers"),
        (tuple[Literal["a"], ...] | None, 'an array of any of "a"'),
        (Mapping[str, str], "a table of strings"),
    ],
)
def test_a_type_is_spelled(kind: object, spelled: str) -> None:
    assert spell(kind) == spelled


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True),
        (int, 1.0),
        (int, "1"),
        (float, "1.0"),
        (float, True),
        (float, float("inf")),
        (float, float("nan")),
        (bool, 1),
        (bool, "false"),
        (str, 1),
        (Path, 1),
        (Path, ""),
        (Path, "a\0b"),
        (Literal[1, 2], True),
        (Literal["1"], 1),
        (tuple[int, ...], 1),
        (tuple[int, ...], ["1"]),
        (tuple[int, int], [1]),
        (tuple[float, ...], [1.0, float("nan")]),
    ],
)
def test_nothing_is_coerced(kind: object, value: object) -> None:
    with pytest.raises(RecipeError):
        convert(node(value), "x", kind, ANY)


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (float, 1, 1.0),
        (float | None, 2, 2.0),
        (tuple[float, ...], [1, 2.5], (1.0, 2.5)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[Path, ...], ["b", "../c", "/d"], (Path("/work/b"), Path("/c"), Path("/d"))),
        (Literal["a", "b"], "b", "b"),
    ],
)
def test_values_arrive_as_declared(kind: object, value: object, result: object) -> None:
    found = convert(node(value), "x", kind, ANY)
    assert found == result
    assert type(found) is type(result)
