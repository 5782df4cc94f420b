"""TOML as a person would lay it out: a section for every table, schedules and bindings inline."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

_GROUPED = 10_000
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f]+")


@frozen
class Commented:
    """A value and what to say beside it; a value of None is only spoken of."""

    value: Any
    comment: str


def write_document(table: Mapping[str, Any]) -> str:
    """Return a table of tables, arrays of tables (lists) and values as the text of a file.

    A value may be `Commented`.
    """
    return "\n".join(_lines(table)).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: str = "", indent: str = "") -> Iterator[str]:
    """Write a table's own keys, then the tables and arrays of tables in it."""
    for key, value in table.items():
        if not _is_section(value, path):
            yield indent + _line(key, value)
    for key, value in table.items():
        if not _is_section(value, path):
            continue
        name = f"{path}.{key}" if path else key
        inner = f"{indent}  " if path else indent
        for each in value if isinstance(value, list) else [value]:
            yield ""
            yield f"{inner}[[{name}]]" if isinstance(value, list) else f"{inner}[{name}]"
            yield from _lines(each, name, inner)


def _line(key: str, value: Any) -> str:
    if not isinstance(value, Commented):
        return f"{_key(key)} = {write_value(value)}"
    comment = _BREAKS.sub(" ", value.comment)
    if value.value is None:
        return f"# {key}: {comment}"
    return f"{_key(key)} = {write_value(value.value)}  # {comment}"


def _is_section(value: Any, path: str) -> bool:
    """Whether a value gets a header: an array of tables does, a table only at the top level."""
    return isinstance(value, list) or (isinstance(value, dict) and not path)


def write_value(value: Any) -> str:
    """Return a value as TOML: a table inline, a string on as many lines as it has."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return f"{value:_}" if abs(value) >= _GROUPED else str(value)
        case str() | Path():
            return _string(str(value))
        case list() | tuple():
            return f"[{', '.join(map(write_value, value))}]"
        case dict():
            pairs = ", ".join(f"{_key(key)} = {write_value(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            return str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{_escaped(name)}"'


def _string(text: str) -> str:
    """Write a string on one line, or on as many as it has."""
    if "\n" not in text:
        return f'"{_escaped(text)}"'
    return '"""\n' + "\n".join(map(_escaped, text.split("\n"))) + '"""'


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007f")
