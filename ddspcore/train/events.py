"""What observers are told: plain numbers, names and paths, never a model or a batch."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen


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
