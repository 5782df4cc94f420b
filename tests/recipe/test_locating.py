"""Every value of a TOML text is found where it stands."""

import contextlib
import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ddspcore.recipe.locating import MAX_DEPTH, TomlError, parse

TRICKY = '''
title = "a # no comment, no [bracket], no \\"end\\"" # a comment, with ] and "
literal = 'C:\\dir # still text'
many = """
first line with " and "" and ] # text
second \\""" still in it"""""
raw = \'\'\'
'' two quotes, then an end: \'\'\'\'\'
head = [{ use = "harmonic", partials = 64 }, # one ], two }
  { use = "noise", bands = 65, "odd key" = [1, 2,
     3, # three
  ] },
]
empty = [[], {}, [ ], "", \'\']
a . b . "c d" = 1
date = 1979-05-27 07:32:00Z
number = -1_000.5e-3   # blanks at the end
[audio]
sample_rate = 16_000
[[stage]]
name = "A"
  [[stage.loss]]
  use = "mrstft"
  [[stage.loss]]
  use = "loudness-db"
  weight = { use = "ramp", start = 0.0, end = 0.05 }
  [stage.loss.extra]
  x = true
[[stage]]
name = "B"
lr.use = "constant"
'''


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    """Every path of a tree, containers included, with what is there."""
    found = {path: value} if path else {}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found |= leaves(item, (*path, index))
    return found


def check(text: str) -> None:
    tree, spans = parse(text)
    assert tree == tomllib.loads(text)
    expected = leaves(tree)
    assert set(spans) == set(expected)
    for path, value in expected.items():
        start, end = spans[path].value
        if not isinstance(value, dict | list) or text[start] in "[{":
            assert tomllib.loads(f"v = {text[start:end]}")["v"] == value
        start, end = spans[path].key
        if isinstance(path[-1], str):
            assert tomllib.loads(f"{text[start:end]} = 0") == {path[-1]: 0}


def test_every_value_and_key_of_a_tricky_text_is_found() -> None:
    check(TRICKY)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" if c in '"\\' or ord(c) < 32 else c for c in text) + '"'


plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
strings = st.one_of(
    plain.map(quoted),
    plain.map(lambda text: "'" + text.replace("'", "") + "'"),
    plain.map(lambda text: '"""\n' + text.replace("\\", "").replace('"', '""x') + '"""'),
    plain.map(lambda text: "'''" + text.replace("'", "''x") + "'''"),
)
scalars = st.one_of(
    strings,
    st.sampled_from(
        ["true", "0", "-1_0", "1e-3", "inf", "0xff", "1979-05-27 07:32:00", "07:32:00"]
    ),
)
blanks = st.sampled_from(["", " ", "\t"])
breaks = st.sampled_from(["", " ", "\n", " # ], } and \" '\n  "])
keys = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True), plain.map(quoted))


def arrays(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    each = st.tuples(breaks, items, breaks).map("".join)
    return st.tuples(st.lists(each, max_size=4), st.booleans(), breaks).map(
        lambda t: f"[{','.join(t[0])}{',' if t[1] and t[0] else ''}{t[2]}]"
    )


def tables(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(keys, blanks, items), max_size=3, unique_by=lambda pair: pair[0])
    return pairs.map(lambda pairs: "{ " + ", ".join(f"{k}{b}={b}{v}" for k, b, v in pairs) + " }")


values = st.recursive(scalars, lambda items: arrays(items) | tables(items), max_leaves=8)
dotted = st.lists(keys, min_size=1, max_size=3).map(".".join)
statements = st.one_of(
    st.tuples(dotted, blanks, values).map(lambda t: f"{t[0]}{t[1]}={t[2]}"),
    dotted.map(lambda key: f"[{key}]"),
    dotted.map(lambda key: f"[[ {key} ]] # header"),
)


@given(st.lists(statements, max_size=8).map("\n".join))
@example("[[a]]\n[[a.b]]\n[a.b.c]\nx.y = 1\n[[a.b]]\n[[a]]\n[a.c]")
def test_every_value_of_any_valid_text_is_found(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    check(text)


@given(st.text() | st.text("[]{}\"'=.,#\n a1\\-:"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    text = text.replace("\r\n", "\n")
    with contextlib.suppress(TomlError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = " + "[" * 100_00 + "]" * 100_00, "longer than"),
        ("a = " + "[" * 4000 + "]" * 4000, "levels deep"),
        ("a = " + "[\n" * 100 + "]" * 100, "levels deep"),
        ("a." * (MAX_DEPTH + 1) + "b = 1", "levels deep"),
        ("a = " + "9" * 5000, "too many digits"),
        ("x = 1\nx = 2", "cannot overwrite a value"),
    ],
)
def test_what_is_too_large_is_refused(text: str, says: str) -> None:
    with pytest.raises(TomlError, match=says):
        parse(text)


def test_a_long_text_is_parsed() -> None:
    text = "".join(f"[[stage]]\nname = 'n{i}'\nlr.x = [1, 2]\n" for i in range(5000))
    assert len(parse(text)[1]) == 5000 * 6 + 1
