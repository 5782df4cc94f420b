"""Problems as text: the caret stands under what it means, whatever the line is made of."""

import unicodedata
from pathlib import Path

import pytest

from ddspcore.recipe.problems import (
    WIDTH,
    Origin,
    Problem,
    RecipeError,
    Source,
    closest,
    collect,
    render,
)


def found(text: str, what: str) -> Origin:
    start = text.index(what)
    return Origin(Source("a.toml", Path("/a.toml"), text), start, start + len(what))


def cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize(
    "line",
    [
        "x = HERE",
        "\tx\t=\tHERE # tabs",
        'title = "日本語", x = HERE',
        'title = "é", x = HERE',
        "HERE",
        "y" * 500 + " HERE",
        "y" * 70 + " HERE " + "z" * 500,
        "HERE " + "z" * 500,
        "\x1b[31mred\x07 HERE",
    ],
)
def test_the_caret_stands_under_the_place(line: str) -> None:
    origin = found(f"first\n{line}\nlast", "HERE")
    _, _, shown, carets, *_ = render([Problem("wrong", origin)]).split("\n")
    assert (origin.line, origin.column) == (2, line.index("HERE") + 1)
    start = carets.index("^")
    assert carets.count("^") == 4
    before, here, _ = shown.partition("HERE")
    assert here
    assert cells(before) == start
    assert cells(shown) <= WIDTH + 10
    assert all(c.isprintable() for c in shown)


def test_a_place_of_several_lines_is_marked_on_its_first() -> None:
    origin = found("a = [1,\n 2]\nb = 3", "[1,\n 2]")
    assert origin.width == 3


def test_a_place_at_the_end_gets_one_caret() -> None:
    source = Source("a.toml", Path("/a.toml"), "a =")
    assert render([Problem("wrong", Origin(source, 3, 4))]).split("\n")[3] == "   |    ^"


def test_a_message_takes_one_line_whatever_is_in_it() -> None:
    problem = Problem("line\nand \x1b[2J escape", None, ("no\rhint?",))
    assert render([problem], short=True) == "line and �[2J escape; no�hint?"


def test_short_form_shows_suggestions_and_nothing_else() -> None:
    problem = Problem("unknown", found("a = 1", "a"), ('did you mean "b"?', "allowed here: b"))
    assert render([problem, problem], short=True) == (
        'a.toml:1:1: unknown; did you mean "b"?\na.toml:1:1: unknown; did you mean "b"?'
    )


def test_suggestions_ignore_case() -> None:
    assert closest("MRTSFT", ["mrstft", "mss"]) == ('did you mean "mrstft"?',)
    assert closest("nothing", ["mrstft", "mss"]) == ()


def test_every_part_is_tried() -> None:
    reached = []

    def two_parts() -> None:
        with collect() as problems:
            with problems.part():
                raise RecipeError([Problem("one"), Problem("two")])
            with problems.part():
                reached.append("second part")
            problems.add("three", None)

    with pytest.raises(RecipeError, match="3 problems; nothing was run"):
        two_parts()
    assert reached
