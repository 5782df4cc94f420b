"""What became of every file, and the error for a folder in which none is usable."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import attrs
from attrs import frozen

from ddspcore.errors import UserError

Progress = Callable[[str, int, int, str], None]
"""Told `(doing, done, total, file)` while files are prepared; `doing` is a word such as reading."""


@frozen
class Fate:
    """One file: kept, dropped, or ignored (no audio and not named as if, or not drawn), and why.

    `kept_seconds` and `dropped_seconds` are of the file's own time; what a header promises and the
    file does not hold counts as dropped. Levels are those of the mono signal, before any gain; None
    stands for silence, and for what is not known. `clipped` counts the file's own samples in
    runs of three or more at full scale.
    """

    name: str
    state: Literal["kept", "dropped", "ignored"]
    why: str = ""
    kept_seconds: float = 0.0
    dropped_seconds: float = 0.0
    bytes: int | None = None
    sha256: str | None = None
    format: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    peak_dbfs: float | None = None
    rms_dbfs: float | None = None
    clipped: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fate as plain values."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        """Say it in a line: `a.wav: kept 1.50 s, dropped 0.50 s: cut short`."""
        seconds = [
            f"{what} {value:.2f} s"
            for what, value in (("kept", self.kept_seconds), ("dropped", self.dropped_seconds))
            if value > 0 or (what, self.state) == ("kept", "kept")
        ]
        facts = [", ".join(seconds) or self.state, self.why]
        return f"{self.name}: {': '.join(fact for fact in facts if fact)}"


class DataError(UserError):
    """The audio that a recipe names cannot be used; the text says what became of each file."""

    def __init__(self, message: str, fates: Iterable[Fate] = ()):
        lines = [message, *(f"  {fate}" for fate in fates if fate.state != "ignored")]
        super().__init__("\n".join(lines))
