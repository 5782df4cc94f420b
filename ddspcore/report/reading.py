"""What a run folder says about its run, as plain values."""

import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ddspcore.errors import UserError
from ddspcore.train.evaluation import HELD_OUT_FIRST
from ddspcore.train.events import read_lines
from ddspcore.train.versions import RESOLVED


@frozen
class Score:
    """One number of the best checkpoint: by split, and how good it is."""

    name: str
    label: str
    unit: str
    direction: str
    values: Mapping[str, float]
    grade: str


@frozen
class Story:
    """A run, as its folder tells it; what the folder lacks is empty."""

    name: str
    summary: Mapping[str, Any]
    status: Mapping[str, Any]
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]
    recipe: str
    lines: tuple[Mapping[str, Any], ...]

    @property
    def title(self) -> str:
        """What the recipe calls itself."""
        return str(self.summary.get("title") or self.summary.get("recipe") or self.name)

    @property
    def state(self) -> str:
        """How the run stands: finished, running, interrupted, ..."""
        return str(self.status.get("state", "finished" if self.summary else "unfinished"))

    @property
    def splits(self) -> tuple[str, ...]:
        """Where the best checkpoint was measured."""
        return tuple(
            split for split in HELD_OUT_FIRST if split in self.summary.get("evaluation", {})
        )

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every number of the best checkpoint."""
        return tuple(self._scores())

    def judged(self, grade: str) -> tuple[Score, ...]:
        """Return the numbers of a grade."""
        return tuple(score for score in self.scores if score.grade == grade)

    def _scores(self) -> Iterator[Score]:
        evaluation = self.summary.get("evaluation", {})
        told = self.summary.get("scores", {})
        for name in dict.fromkeys(name for values in evaluation.values() for name in values):
            found = {split: evaluation[split] for split in self.splits}
            values = {split: numbers[name] for split, numbers in found.items() if name in numbers}
            about = told.get(name, {})
            yield Score(
                name=name,
                label=about.get("label", name),
                unit=about.get("unit", ""),
                direction=about.get("direction", ""),
                values=values,
                grade=about.get("grade", ""),
            )


def read_story(folder: Path) -> Story:
    """Read a run folder, finished or not.

    Raises UserError if it is no run's, or if a file in it is damaged.
    """
    if not (folder / RESOLVED).is_file():
        raise UserError(f"{folder}: no run was made here: there is no {RESOLVED}")
    return Story(
        name=folder.resolve().name,
        summary=_read(folder / "summary.json", json.loads),
        status=_read(folder / "status.json", json.loads),
        data=_read(folder / "data.json", json.loads),
        provenance=_read(folder / "provenance.toml", tomllib.loads),
        recipe=(folder / RESOLVED).read_text(encoding="utf-8"),
        lines=read_lines(folder),
    )


def spell(value: object) -> str:
    """Return a number as people read it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.4g}" if math.isfinite(value) else "no number"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    spoken = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{value} {unit}" for value, unit in spoken if value) or "no time"


def _read(file: Path, parse: Callable[[str], Any]) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = parse(file.read_text(encoding="utf-8"))
    except ValueError as failure:
        raise UserError(f"{file}: damaged: {failure}") from failure
    if not isinstance(found, dict):
        raise UserError(f"{file}: damaged: it holds no table")
    return found
