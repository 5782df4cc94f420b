"""What is wrong with a recipe, where it was written, and how that is shown."""

import difflib
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from ddspcore.errors import UserError

WIDTH = 100
_LEFT_OF_CARET = 60


@frozen
class Source:
    """A text that a recipe was read from: a file, or one `--set` argument.

    `label` is how messages call it; `path` is absolute, None for an argument.
    """

    label: str
    path: Path | None = None
    text: str = field(default="", repr=False)


@frozen
class Origin:
    """Where something was written: characters `start` to `end` of a source, or all of it."""

    source: Source
    start: int | None = None
    end: int | None = None

    @property
    def line(self) -> int:
        """Line number, from 1; 0 for the source as a whole."""
        return 0 if self.start is None else self.source.text.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """Column of the first character, from 1; 0 for the source as a whole."""
        return 0 if self.start is None else self.start - self.source.text.rfind("\n", 0, self.start)

    @property
    def line_text(self) -> str:
        """The text of the line where it starts."""
        if self.start is None:
            return ""
        text, first = self.source.text, self.start - self.column + 1
        end = text.find("\n", first)
        return text[first:] if end < 0 else text[first:end]

    @property
    def width(self) -> int:
        """How many characters it takes on the line where it starts, at least one."""
        if self.start is None or self.end is None:
            return 1
        rest_of_line = len(self.line_text) - self.column + 1
        return max(1, min(self.end - self.start, rest_of_line))

    def __str__(self) -> str:
        """Spell the place as `file:line:column`, or as the argument."""
        if self.source.path is None or self.start is None:
            return self.source.label
        return f"{self.source.label}:{self.line}:{self.column}"


@frozen
class Problem:
    """One thing that is wrong: what, where, and what to do about it.

    Short messages show the hints that are suggestions, which end in a question mark, and those that
    name a plugin or what it was at.
    """

    message: str
    origin: Origin | None = None
    hints: tuple[str, ...] = ()
    exit_code: int = UserError.exit_code


class RecipeError(UserError):
    """A recipe cannot be run; `problems` holds every reason, as text it is the long form.

    `ran` if that was seen only while it ran.
    """

    def __init__(self, problems: Iterable[Problem], *, ran: bool = False):
        self.problems = tuple(problems)
        self.ran = ran
        self.exit_code = min((problem.exit_code for problem in self.problems), default=1)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return render(self.problems, ran=self.ran)


class Collected:
    """Problems of several parts, each tried in turn."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, message: str, origin: Origin | None, hints: Iterable[str] = ()) -> None:
        """Note one problem and go on."""
        self.problems.append(Problem(message, origin, tuple(hints)))

    @contextmanager
    def part(self) -> Iterator[None]:
        """Try one part: what it raises is kept, the block ends there, and the next goes on."""
        try:
            yield
        except RecipeError as error:
            self.problems += error.problems


@contextmanager
def collect() -> Iterator[Collected]:
    """Run a block of several parts; whatever problems they had are raised at its end."""
    collected = Collected()
    yield collected
    if collected.problems:
        raise RecipeError(collected.problems)


def closest(word: str, choices: Iterable[str]) -> tuple[str, ...]:
    """Return the hint that suggests the most similar of the choices, or nothing."""
    spelled = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.6)
    return tuple(f'did you mean "{spelled[each]}"?' for each in found)


def render(problems: Sequence[Problem], *, short: bool = False, ran: bool = False) -> str:
    """Write problems for a person: with source line, caret, hints and a count, or one a line."""
    if short:
        return "\n".join(map(_brief, problems))
    labels = dict.fromkeys(
        p.origin.source.label if p.origin.source.path else "--set" for p in problems if p.origin
    )
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    where = f" in {_printable(' and '.join(labels))}" if labels else ""
    end = "" if ran else "; nothing was run"
    return "\n\n".join([*map(_full, problems), f"{count}{where}{end}."])


def _brief(problem: Problem) -> str:
    hints = [
        hint
        for hint in problem.hints
        if hint.endswith("?") or hint.startswith(("plugin ", "write ", "while "))
    ]
    return _printable("; ".join([_headline(problem), *hints]))


def _headline(problem: Problem) -> str:
    return f"{problem.origin}: {problem.message}" if problem.origin else problem.message


def _full(problem: Problem) -> str:
    lines = [_printable(_headline(problem))]
    gutter = ""
    if problem.origin and problem.origin.line:
        number = str(problem.origin.line) if problem.origin.source.path else ""
        gutter = " " * len(number)
        text, caret = _excerpt(problem.origin)
        lines += [f" {gutter} |", f" {number} | {text}", f" {gutter} | {caret}"]
    for hint in problem.hints:
        lines += _wrapped(_printable(hint), f" {gutter} = ")
    return "\n".join(lines)


def _wrapped(text: str, start: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * (len(start) + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _excerpt(origin: Origin) -> tuple[str, str]:
    """Return the source line, cut to what surrounds the place if it is long, and the carets."""
    line, start, width = _printable(origin.line_text), origin.column - 1, origin.width
    if len(line) > WIDTH:
        left = max(0, min(start - _LEFT_OF_CARET, len(line) - WIDTH))
        cut = line[left : left + WIDTH]
        line = ("…" if left else "") + cut + ("…" if left + WIDTH < len(line) else "")
        start += (1 if left else 0) - left
        width = max(1, min(width, len(line) - start))
    caret = " " * _cells(line[:start]) + "^" * max(1, _cells(line[start : start + width]))
    return line, caret


def _printable(text: str) -> str:
    """Replace what would move the cursor or break the line; a tab becomes one space."""
    return "".join(_shown(text))


def _shown(text: str) -> Iterator[str]:
    for character in text:
        if character.isprintable():
            yield character
        else:
            yield " " if character in "\t\n" else "�"


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
