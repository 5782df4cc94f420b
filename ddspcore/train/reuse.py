"""A stage that another run has finished under the same key need not be trained again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from ddspcore.errors import UserError
from ddspcore.train.folder import RunFolder, read_status
from ddspcore.train.stage import BEST, LAST
from ddspcore.train.state import FILE, SavedStage, find_stage


def reuse_stage(
    folder: RunFolder, name: str, key: str, accept: Callable[[Path], bool]
) -> Path | None:
    """Copy a finished stage of this key from a neighbouring run; returns where it came from.

    A run of this very key is no neighbour: repeating a run is for comparing what it trains. Of a
    run that could serve, `accept` is asked at last.
    """
    for neighbour in sorted(folder.path.parent.glob(f"*/{name}/{FILE}")):
        other = neighbour.parent
        if read_status(other.parent).get("key") == folder.key:
            continue
        lines = other.parent / folder.metrics.name
        saved = _whole_stage(other, key)
        if saved is None or not saved.position.done or not lines.is_file():
            continue
        if not accept(other.parent):
            continue
        target = folder.stage(name)
        kept = other.glob("step-*.safetensors")
        for file in (other / BEST, other / LAST, saved.path, *kept):
            shutil.copy2(file, target / file.name)
        _copy_lines(lines, folder.metrics, name)
        _copy_state(neighbour, target / FILE, folder)
        return other
    return None


def _whole_stage(folder: Path, key: str) -> SavedStage | None:
    """Return a neighbour's state; None if it is damaged, or files were deleted to make room."""
    try:
        saved = find_stage(folder, key)
    except UserError:
        return None
    if saved is None or not all(f.is_file() for f in (folder / BEST, folder / LAST, saved.path)):
        return None
    return saved


def _copy_lines(source: Path, target: Path, stage: str) -> None:
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    with target.open("a", encoding="utf-8") as file:
        file.writelines(line for line in lines if json.loads(line).get("stage") == stage)


def _copy_state(source: Path, target: Path, folder: RunFolder) -> None:
    state = json.loads(source.read_text(encoding="utf-8"))
    sizes = {"metrics": folder.metrics, "log": folder.log}
    state["offsets"] = {
        name: path.stat().st_size if path.exists() else 0 for name, path in sizes.items()
    }
    target.write_text(json.dumps(state, indent=2, sort_keys=True) + "\n", encoding="utf-8")
