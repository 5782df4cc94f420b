"""What observers are told: plain numbers, names and paths, never a model or a batch."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

METRICS = "metrics.jsonl"
"""Where in a run's folder the lines of its log lie."""


@frozen
class RunInfo:
    """A run, from its start to its end."""

    folder: Path
    recipe: str
    title: str
    device: str
    stages: tuple[str, ...]


@frozen
class LogRecord:
    """One line of `metrics.jsonl`, as the run log writes it."""

    stage: str
    step: int
    values: Mapping[str, float]


@frozen
class StageResult:
    """A finished stage: where its checkpoints lie and how good the best one is."""

    name: str
    folder: Path
    steps: int
    metric: str
    best: float
    best_step: int | None
    last: float | None
    seconds: float


def read_lines(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """Return the lines of a run's log, up to one that a crash cut; none where there is no log."""
    return tuple(_lines(folder / METRICS))


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    if not file.is_file():
        return
    for text in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            return
        if isinstance(line, dict):
            yield line
