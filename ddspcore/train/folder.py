"""The run folder: which one a command means, its key, its lock, and where everything lies in it."""

import hashlib
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import filelock
from attrs import frozen

from ddspcore.errors import UserError
from ddspcore.train.checkpoint import is_temporary, read_json, to_json, write_json
from ddspcore.train.events import METRICS

State = Literal["running", "interrupted", "stopped", "failed", "finished"]


@frozen
class RunFolder:
    """An opened, locked run folder."""

    path: Path
    key: str
    lock: filelock.BaseFileLock
    continued: bool

    @property
    def metrics(self) -> Path:
        """One JSON object a line."""
        return self.path / METRICS

    @property
    def log(self) -> Path:
        """What was said while the run went on."""
        return self.path / "log.txt"

    def stage(self, name: str) -> Path:
        """Return the folder of a stage, made if absent."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def write_status(self, state: State, **details: Any) -> None:
        """Replace `status.json`, readable at any time; what is not given stays as it was."""
        status = read_status(self.path) | {"key": self.key, "state": state, **details}
        write_json(self.path / "status.json", status, durable=False)

    def close(self) -> None:
        """Give the lock back."""
        self.lock.release()


@frozen
class Finished:
    """The folder asked for holds a finished run of this very key."""

    path: Path


def digest(value: object) -> str:
    """Return the sha256 of a value's canonical JSON."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's content; raises UserError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from failure


def open_run_folder(
    key: str,
    stem: str,
    runs_dir: Path,
    run_dir: Path | None,
    fresh: bool,
    find_finished: bool = False,
) -> RunFolder | Finished:
    """Find or make the folder of a run.

    Without `run_dir`: an unfinished run of the same key under `runs_dir` is continued, or else,
    with `find_finished`, the latest finished one found; otherwise a new folder is made. With it,
    the run is exactly there. `fresh` starts anew: it moves `run_dir` aside, or makes a new folder.
    Raises UserError if another run, or a living one, is in the way.
    """
    if run_dir is not None:
        return _open_exactly(key, run_dir, fresh)
    same_key = [path for path in sorted(runs_dir.glob("*")) if read_status(path).get("key") == key]
    unfinished = [path for path in same_key if read_status(path).get("state") != "finished"]
    for path in [] if fresh else reversed(unfinished):
        lock = _try_lock(path)
        if lock is not None:
            return _continue(path, key, lock)
    finished = [path for path in same_key if path not in unfinished]
    if find_finished and finished and not fresh:
        return Finished(finished[-1])
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem)
    stamp = datetime.now().strftime("%Y-%m-%d_%H%M%S")
    path = runs_dir / f"{stamp}_{name}_{key[:6]}"
    suffix = 1
    while path.exists():
        suffix += 1
        path = runs_dir / f"{stamp}-{suffix}_{name}_{key[:6]}"
    return _start(path, key)


def _open_exactly(key: str, path: Path, fresh: bool) -> RunFolder | Finished:
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: is a file, not a folder for a run")
    if fresh and not _is_empty(path):
        _locked_or_fail(path).release()
        _move_aside(path)
    if _is_empty(path):
        return _start(path, key)
    status = read_status(path)
    if not status:
        raise UserError(f"{path}: holds something else than a run; name an empty or absent folder")
    if status.get("key") != key:
        raise UserError(
            f"{path}: holds another run (key {str(status.get('key'))[:6]}, this one is {key[:6]}); "
            "name another folder, or move it aside with --fresh"
        )
    if status.get("state") == "finished":
        return Finished(path)
    return _continue(path, key, _locked_or_fail(path))


def _continue(path: Path, key: str, lock: filelock.BaseFileLock) -> RunFolder:
    """Open an unfinished run, less what it was writing when it was killed."""
    for file in path.rglob(".*"):
        if is_temporary(file):
            file.unlink()
    return RunFolder(path, key, lock, continued=True)


def _start(path: Path, key: str) -> RunFolder:
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path, key, _locked_or_fail(path), continued=False)
    folder.write_status("running")
    return folder


def _is_empty(path: Path) -> bool:
    """Whether nothing was saved here; a run killed at its very first write has saved nothing."""
    return not path.is_dir() or all(
        file.name == "lock" or is_temporary(file) for file in path.iterdir()
    )


def _move_aside(path: Path) -> None:
    number = 1
    while path.with_name(f"{path.name}.{number}").exists():
        number += 1
    shutil.move(path, path.with_name(f"{path.name}.{number}"))


def _locked_or_fail(path: Path) -> filelock.BaseFileLock:
    lock = _try_lock(path)
    if lock is None:
        raise UserError(f"{path}: a run is going on here; wait for it or name another folder")
    return lock


def _try_lock(path: Path) -> filelock.BaseFileLock | None:
    lock = filelock.FileLock(path / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return None
    return lock


def read_status(path: Path) -> dict[str, Any]:
    """Return what a run folder's `status.json` says; nothing if there is none that is whole."""
    try:
        status = read_json(path / "status.json")
    except UserError:
        return {}
    return status if isinstance(status, dict) else {}
