"""Where each value of a TOML text was written.

`tomllib` decides what is TOML and what it means, but tells no positions. Once it has accepted a
text, finding them takes no judgement: a scanner that knows strings, comments and brackets walks it.
"""

import re
import tomllib
from typing import Any, TypeAlias

from attrs import frozen

KeyPath: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 50
MAX_LINE = 10_000  # characters; tomllib's time grows with the square of a dotted key's length

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlError(Exception):
    """A text is not TOML, or not TOML of a sane size: why, and from which character on."""

    def __init__(self, message: str, position: int | None):
        super().__init__(message)
        self.message = message
        self.position = position


@frozen
class Span:
    """First and past-the-last character of a value and of the key that introduced it.

    A table that a header opens has the header's last key for both; an item of an array is its own
    key.
    """

    key: tuple[int, int]
    value: tuple[int, int]


def parse(text: str) -> tuple[dict[str, Any], dict[KeyPath, Span]]:
    """Return what a TOML text says and the span of every table, array, item and leaf in it.

    Lines end in a bare newline. Raises TomlError.
    """
    long = re.search(rf"[^\n]{{{MAX_LINE}}}", text)
    if long:
        raise TomlError(f"this line is longer than {MAX_LINE} characters", long.start())
    try:
        tree = tomllib.loads(text)
        return tree, _Scanner(text).document()
    except tomllib.TOMLDecodeError as error:
        raise TomlError(*_explained(str(error), text)) from None
    except RecursionError:
        raise TomlError(f"nested more than {MAX_DEPTH} levels deep", None) from None
    except ValueError:  # the only other one: Python refuses to convert thousands of digits
        digits = re.search(r"[0-9_]{1000,}", text)
        position = digits.start() if digits else None
        raise TomlError("this number has too many digits", position) from None


def _explained(message: str, text: str) -> tuple[str, int]:
    found = _POSITION.search(message)
    said = message[: found.start()] if found else message
    position = len(text.rstrip())
    if found and found[1]:
        line_start = sum(len(line) + 1 for line in text.split("\n")[: int(found[1]) - 1])
        position = line_start + int(found[2]) - 1
    return f"not valid TOML: {said[:1].lower()}{said[1:]}", position


class _Scanner:
    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, Span] = {}
        self.lengths: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, Span]:
        table: KeyPath = ()
        self._skip_blank()
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._assignment(table)
            self._skip_blank()
        return self.found

    def _header(self) -> KeyPath:
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        path: KeyPath = ()
        keys = self._keys()
        for name, span in keys:
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
            path = (*path, name)
            self._record(path, span, span)
        if brackets == 2:
            length = self.lengths.get(path, 0)
            self.lengths[path] = length + 1
            path = (*path, length)
            self._record(path, keys[-1][1], keys[-1][1])
        self._skip_blank()
        self.at += brackets
        return path

    def _assignment(self, table: KeyPath) -> None:
        path = table
        keys = self._keys()
        for name, span in keys:
            path = (*path, name)
            self._record(path, span, span)
        self._skip_blank()
        self.at += 1  # the equals sign
        value = self._value(path)
        self.found[path] = Span(keys[-1][1], value)

    def _keys(self) -> list[tuple[str, tuple[int, int]]]:
        keys: list[tuple[str, tuple[int, int]]] = []
        while True:
            self._skip_blank()
            start = self.at
            quoted = self.text[start] in "\"'"
            self._match(_STRING if quoted else _BARE_KEY)
            name = self.text[start : self.at]
            keys.append((tomllib.loads(f"k={name}")["k"] if quoted else name, (start, self.at)))
            self._skip_blank()
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _value(self, path: KeyPath) -> tuple[int, int]:
        self._skip_blank()
        start = self.at
        match self.text[start]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._match(_STRING)
            case _:
                self._match(_BARE_VALUE)
                self.at = start + len(self.text[start : self.at].rstrip())
        return start, self.at

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while not self._closes("]"):
            item = (*path, index)
            self._record(item, (self.at, self.at), (self.at, self.at))
            span = self._value(item)
            self.found[item] = Span(span, span)
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while not self._closes("}"):
            self._assignment(path)

    def _closes(self, bracket: str) -> bool:
        """Step over blanks and a comma, and over the closing bracket if it comes next."""
        self._skip_blank()
        if self.text[self.at] == ",":
            self.at += 1
            self._skip_blank()
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def _record(self, path: KeyPath, key: tuple[int, int], value: tuple[int, int]) -> None:
        if len(path) > MAX_DEPTH:
            raise TomlError(f"nested more than {MAX_DEPTH} levels deep", key[0])
        self.found.setdefault(path, Span(key, value))

    def _skip_blank(self) -> None:
        self._match(_BLANK)

    def _match(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        assert found, f"tomllib accepted what the scanner does not know, at character {self.at}"
        self.at = found.end()
