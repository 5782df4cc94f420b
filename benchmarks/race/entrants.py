"""Who takes part: how each trains within a time, and how its checkpoints are played.

Every entrant trains in a process of its own with one thread; one that has trained is not trained
again. What a checkpoint plays lies in `played/CHECKPOINT/`, a WAV for each that is held out.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from math import ceil
from pathlib import Path

from attrs import frozen

from benchmarks.race import ours
from benchmarks.race.audio import Audio
from benchmarks.race.clock import CLOCK

DONE, PLAYED = "done", "played"
INTERRUPTED = 130
PIECE_S, PIECES = 4.0, 16
"""ddsp_pytorch cuts its audio into pieces and leaves out what does not fill a batch of so many."""


@frozen
class Ours:
    """A shipped recipe, with a few settings: how long its stages are, and no more."""

    recipe: str
    sets: tuple[str, ...] = ()

    def train(self, audio: Audio, folder: Path, seconds: float) -> None:
        """Run the recipe until it ends or the time is up, and keep checkpoints on the way."""
        told = {
            "DDSP_CACHE": str(folder / "cache"),  # empty: preprocessing is part of the race
            "RACE_CLOCK": str(folder / CLOCK),
            "RACE_SECONDS": str(seconds),
        }
        sets = (f"data.root={audio.train}", *ours.keeping(self.recipe), *self.sets)
        command = [sys.executable, "-m", "ddspcore.cli", "run", self.recipe, "--device=cpu"]
        command += ["--plugin", str(ours.OBSERVER), "--run-dir", str(folder / ours.RUN)]
        _run([*command, *(f"--set={each}" for each in sets)], told, expected=(0, INTERRUPTED))

    def play(self, audio: Audio, folder: Path) -> None:
        """Play what is held out with every checkpoint."""
        ours.play(folder, audio.held_out, folder / PLAYED)


@frozen
class Peer:
    """ddsp_pytorch by its own scripts, from its checkout."""

    checkout: Path
    batch: int | None = None

    def train(self, audio: Audio, folder: Path, seconds: float) -> None:
        """Preprocess and train by its scripts until the time is up."""
        heard = folder / "audio"
        heard.mkdir(exist_ok=True)
        copies = ceil(PIECE_S * (self.batch or PIECES) / audio.train_s)
        for path in audio.train.glob("*.wav"):
            for copy in range(copies):
                shutil.copy(path, heard / f"{path.stem}-{copy}.wav")
        batch = [] if self.batch is None else [str(self.batch)]
        _run([*self._worker("train"), str(folder), str(heard), str(seconds), *batch])

    def play(self, audio: Audio, folder: Path) -> None:
        """Play what is held out with every checkpoint."""
        _run([*self._worker("play"), str(folder), str(audio.held_out)])

    def _worker(self, action: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.race.peer", action, str(self.checkout)]


Entrant = Ours | Peer


def compete(entrant: Entrant, audio: Audio, folder: Path, seconds: float) -> None:
    """Train an entrant and play its checkpoints, unless that is done; half of it begins anew."""
    if (folder / DONE).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entrant.train(audio, folder, seconds)
    entrant.play(audio, folder)
    (folder / DONE).touch()


def _run(
    command: list[str], told: Mapping[str, str] | None = None, expected: tuple[int, ...] = (0,)
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DDSP_BLOCK": "tensorboard"}
    done = subprocess.run(command, env=environment | dict(told or {}), check=False)
    if done.returncode not in expected:
        raise subprocess.CalledProcessError(done.returncode, command)
