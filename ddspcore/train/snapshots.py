"""The checkpoints that a run folder keeps, and which of them a few words mean."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from ddspcore.errors import UserError
from ddspcore.train.checkpoint import read_json
from ddspcore.train.folder import read_status
from ddspcore.train.stage import BEST, KEPT, LAST
from ddspcore.train.state import FILE

RECOMMENDED = "best"
_KEPT = re.compile(re.escape(KEPT).replace(re.escape("{:08d}"), r"(\d+)"))
_LATEST = re.compile(r"latest([1-9]\d*)?")


@frozen
class Snapshot:
    """The weights that a stage had after a step: its best, its last, or those it kept."""

    stage: str
    which: str
    step: int
    path: Path

    @property
    def name(self) -> str:
        """What `select` calls it: `A:best`, `A:last`, `A:200`."""
        return f"{self.stage}:{self.which}"

    @property
    def label(self) -> str:
        """What pictures call it: `A 200`, and whether it is the best."""
        return f"{self.stage} {self.step}{' best' if self.which == 'best' else ''}"

    def __str__(self) -> str:
        """Spell the name, with the step where it does not say it."""
        return self.name if self.which == str(self.step) else f"{self.name} (step {self.step})"


def find_snapshots(folder: Path, stages: Sequence[str]) -> tuple[Snapshot, ...]:
    """Return what the stages of a run have kept so far, in the order of training."""
    found = [each for stage in stages for each in sorted(_of(folder, stage), key=_order)]
    if not found:
        state = read_status(folder).get("state")
        raise UserError(f"{folder}: has no checkpoint yet (its state is {state})")
    return tuple(found)


def find_snapshot(path: Path, folder: Path, stages: Sequence[str]) -> Snapshot | None:
    """Return the snapshot that a file is; None if it is none that the run has kept."""
    kept = (each for stage in stages for each in _of(folder, stage))
    return next((each for each in kept if each.path.resolve() == path.resolve()), None)


def _of(folder: Path, stage: str) -> Iterator[Snapshot]:
    where = folder / stage
    for path in where.glob("*.safetensors"):
        if match := _KEPT.fullmatch(path.name):
            yield Snapshot(stage, str(int(match[1])), int(match[1]), path)
    if (where / FILE).is_file():
        state = read_json(where / FILE)
        for name, which, key in ((BEST, "best", "best_step"), (LAST, "last", "step")):
            if (where / name).is_file() and state[key] is not None:
                yield Snapshot(stage, which, state[key], where / name)


def _order(snapshot: Snapshot) -> tuple[int, str]:
    return snapshot.step, snapshot.which


def select(snapshots: Sequence[Snapshot], words: str, folder: Path) -> tuple[Snapshot, ...]:
    """Return the snapshots that a list of words means, in the order of the words, each once.

    `best` is what the run recommends; `latest` and `latest3` the last steps, `all` every step;
    `A:best`, `A:last` and `A:200` name a stage's, and `200` the only stage's that has it. Raises
    UserError, with what is there, if a word means none or several.
    """
    chosen = [
        snapshot
        for word in words.split(",")
        for snapshot in _meant(snapshots, word.strip(), folder)
    ]
    return tuple(dict.fromkeys(chosen))


def _meant(snapshots: Sequence[Snapshot], word: str, folder: Path) -> Sequence[Snapshot]:
    if word == RECOMMENDED:
        best = folder / str(read_status(folder).get("best_checkpoint"))
        found = [snapshot for snapshot in snapshots if snapshot.path == best]
    elif word == "all":
        return _steps(snapshots)
    elif match := _LATEST.fullmatch(word):
        return _steps(snapshots)[-int(match[1] or 1) :]
    else:
        found = [each for each in snapshots if word in (each.name, each.which)]
    if len(found) == 1:
        return found
    here = ", ".join(map(str, snapshots))
    if found:
        names = " or ".join(each.name for each in found)
        raise UserError(f'{folder}: "{word}" means {names}; write one of them')
    raise UserError(
        f'{folder}: keeps no checkpoint "{word}"; there are {here}; '
        "a stage with save_every keeps more"
    )


def _steps(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Return one snapshot a step."""
    return list({(each.stage, each.step): each for each in snapshots}.values())
