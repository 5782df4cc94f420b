"""What became of every run of a folder, by its small files alone, none of which is trusted."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import filelock
from attrs import field, frozen

STATUS, SUMMARY, RESOLVED, LOCK = "status.json", "summary.json", "resolved.toml", "lock"
STATES = ("finished", "running", "interrupted", "stopped", "failed")
MOST_BYTES = 8 << 20
_NAME = re.compile(r"(\d{4}-\d\d-\d\d_\d{6})(?:-\d+)?_(.+)_[0-9a-f]{6}")


@frozen
class Entry:
    """A run: what it is called, how far it came, and its numbers if it is finished.

    `state` is one of a run's own, `crashed` where it ended without a word, or `broken` where its
    files cannot be read, with the `reason`. `values` are held out where anything was. `gates` says
    how many were passed.
    """

    folder: Path
    name: str
    begun: str
    state: str
    reason: str = ""
    metric: str = ""
    value: float | None = None
    direction: str = "lower"
    gates: str = ""
    seconds: float | None = None
    device: str = ""
    values: Mapping[str, float] = field(factory=dict)
    best: bool = False
    latest: bool = False


class _BrokenError(Exception):
    """A file is not what a run writes."""


def read_runs(folder: Path) -> tuple[Entry, ...]:
    """Return the runs of a folder, or the run that it is, by name and then the best one first.

    Of the finished runs of one name that were decided by one metric, one is `best`; one is
    `latest`. Raises OSError if the folder cannot be listed.
    """
    paths = [folder] if _is_run(folder) else [path for path in folder.iterdir() if _is_run(path)]
    entries = _marked([_read_run(path) for path in sorted(paths)])
    return tuple(sorted(entries, key=_order))


def _is_run(path: Path) -> bool:
    try:
        return any((path / name).exists() for name in (STATUS, SUMMARY, RESOLVED, LOCK))
    except OSError:
        return False


def _read_run(path: Path) -> Entry:
    found = _NAME.fullmatch(path.name)
    begun, name = (found[1], found[2]) if found else ("", path.name)
    try:
        state = _text(_read(path / STATUS), "state")
        if state not in STATES:
            raise _BrokenError(f"{STATUS} says {state!r}, which is no state of a run")
        if state == "finished":
            return _finished(Entry(path, name, begun, state), _read(path / SUMMARY))
    except _BrokenError as fault:
        return Entry(path, name, begun, "broken", str(fault))
    if state == "running" and not _is_locked(path / LOCK):
        state = "crashed"
    return Entry(path, name, begun, state)


def _finished(entry: Entry, summary: Mapping[str, Any]) -> Entry:
    metric = summary.get("metric")
    if not isinstance(metric, dict):
        raise _BrokenError(f"{SUMMARY} has no metric")
    member, gates = summary.get("member"), summary.get("gates")
    name = _text(summary, "recipe")
    if isinstance(member, str) and member:
        name = f"{name}-{member}"
    evaluation = summary.get("evaluation")
    evaluation = evaluation if isinstance(evaluation, dict) else {}
    values = evaluation.get("val") or evaluation.get("train")
    values = values if isinstance(values, dict) else {}
    gates = gates if isinstance(gates, list) else []
    passed = [isinstance(gate, dict) and gate.get("passed") is True for gate in gates]
    return attrs.evolve(
        entry,
        name=name,
        metric=_text(metric, "name"),
        value=_number(metric.get("value")),
        direction=_text(metric, "direction"),
        gates=f"{sum(passed)}/{len(passed)}" if passed else "",
        seconds=_number(summary.get("seconds")),
        device=_text(summary, "device"),
        values={key: number for key, x in values.items() if (number := _number(x)) is not None},
    )


def _marked(entries: Iterable[Entry]) -> list[Entry]:
    """Mark the best and the latest finished run of each name."""
    entries = list(entries)
    best: dict[tuple[str, str], int] = {}
    latest: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if entry.state != "finished":
            continue
        if entry.begun >= entries[latest.get(entry.name, index)].begun:
            latest[entry.name] = index
        key = entry.name, entry.metric
        if entry.value is not None and _rank(entry) <= _rank(entries[best.get(key, index)]):
            best[key] = index
    return [
        attrs.evolve(entry, best=index in best.values(), latest=index in latest.values())
        for index, entry in enumerate(entries)
    ]


def _rank(entry: Entry) -> float:
    """Return a number that is smaller for the better run."""
    if entry.value is None:
        return math.inf
    return -entry.value if entry.direction == "higher" else entry.value


def _order(entry: Entry) -> tuple[Any, ...]:
    return entry.state != "finished", entry.name, entry.metric, _rank(entry), str(entry.folder)


def _is_locked(path: Path) -> bool:
    """Whether somebody holds the lock: the run is alive."""
    if not path.exists():
        return False
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _read(path: Path) -> dict[str, Any]:
    """Read a table of JSON; raises _BrokenError if it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise _BrokenError(f"{path.name} is larger than {MOST_BYTES >> 20} MiB")
        table = json.loads(data)
    except FileNotFoundError:
        raise _BrokenError(f"there is no {path.name}") from None
    except OSError as failure:
        raise _BrokenError(f"{path.name} cannot be read: {failure.strerror}") from None
    except (ValueError, RecursionError):
        raise _BrokenError(f"{path.name} is no JSON") from None
    if not isinstance(table, dict):
        raise _BrokenError(f"{path.name} is no table")
    return table


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
