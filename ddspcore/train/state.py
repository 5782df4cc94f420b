"""A stage's training state on disk: tensors beside a JSON file that is written last."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import define, frozen
from torch import Tensor

from ddspcore.errors import UserError
from ddspcore.train.checkpoint import load_tensors, read_json, save_tensors, write_json

FILE = "state.json"


@define
class Position:
    """How far a stage has come, and what patience compares with."""

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    last: float | None = None
    reference: float | None = None
    waited: int = 0
    skipped: int = 0
    seconds: float = 0.0
    done: bool = False


@frozen
class SavedStage:
    """What a stage's folder holds: position, tensors by group, and how long the logs were."""

    position: Position
    offsets: Mapping[str, int]
    path: Path

    def groups(self) -> dict[str, dict[str, Tensor]]:
        """Read the tensors, by the part of their name before the first dot."""
        groups: dict[str, dict[str, Tensor]] = {}
        for name, tensor in load_tensors(self.path).items():
            group, _, rest = name.partition(".")
            groups.setdefault(group, {})[rest] = tensor
        return groups


def save_stage(
    folder: Path,
    key: str,
    position: Position,
    groups: Mapping[str, Mapping[str, Tensor]],
    offsets: Mapping[str, int],
) -> None:
    """Write the state; until the JSON is renamed, the state before it counts."""
    tensors = folder / f"state-{position.step:08d}.safetensors"
    named = {f"{group}.{name}": t for group, part in groups.items() for name, t in part.items()}
    save_tensors(tensors, named)
    saved: dict[str, Any] = attrs.asdict(position)
    write_json(folder / FILE, {"key": key, "tensors": tensors.name, "offsets": offsets, **saved})
    for old in folder.glob("state-*.safetensors"):
        if old != tensors:
            old.unlink()


def find_stage(folder: Path, key: str) -> SavedStage | None:
    """Return the state in a stage's folder, if there is one and it has this key.

    Raises UserError if the file is not what `save_stage` writes.
    """
    if not (folder / FILE).is_file():
        return None
    state = read_json(folder / FILE)
    try:
        if state["key"] != key:
            return None
        position = Position(**{field.name: state[field.name] for field in attrs.fields(Position)})
        return SavedStage(position, state["offsets"], folder / state["tensors"])
    except (KeyError, TypeError) as failure:
        raise UserError(f"{folder / FILE}: is no state of a stage: {failure!r}") from failure
