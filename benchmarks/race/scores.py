"""How good what an entrant played is: the project's evaluators, the same for all."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor

from benchmarks.race.audio import SAMPLE_RATE, Audio
from benchmarks.race.clock import CLOCK, PREPARED, times
from benchmarks.race.entrants import PLAYED
from benchmarks.store import Store, read
from ddspcore import Context
from ddspcore.builtin.evaluators.f0_error import F0Error
from ddspcore.builtin.evaluators.loudness_error import LoudnessError
from ddspcore.builtin.evaluators.mel_lsd import MelLogSpectralDistance
from ddspcore.builtin.evaluators.mss import MultiScaleSpectra
from ddspcore.component import NoOptions
from ddspcore.data.audio import decode
from ddspcore.pipeline import Batch, Output
from ddspcore.recipe.schema import default_hop

SCORES = "scores.jsonl"
METRICS = {"mss": "", "mel-lsd": " dB", "f0-cents": " cents", "loudness-db": " dB"}
"""What is compared, and its unit; the first decides."""


@frozen
class Point:
    """A checkpoint: the CPU time that it took to get there, and its scores on what is held out."""

    cpu_s: float
    scores: Mapping[str, float]


@frozen
class Course:
    """What an entrant reached along the way, and when its first step could begin."""

    prepared_s: float
    points: tuple[Point, ...]

    @property
    def best(self) -> Point:
        """The best of all checkpoints, by the first metric."""
        return min(self.points, key=lambda point: point.scores[next(iter(METRICS))])

    def reached(self, score: float) -> float | None:
        """Return when the first metric was first as low; None if never."""
        metric = next(iter(METRICS))
        return next((p.cpu_s for p in self.points if p.scores[metric] <= score), None)


def score(audio: Audio, folder: Path, seconds: float) -> Course:
    """Score the checkpoints of an entrant that were reached in time, unless that is done."""
    store = Store(folder / SCORES, {"held out": str(audio.held_out)})
    played = times(folder / CLOCK)
    for checkpoint in played:
        place = folder / PLAYED / checkpoint
        if place.exists() and checkpoint not in store.known:
            store.add({"key": checkpoint, "scores": scores(audio.held_out, place)})
    points = sorted(
        (Point(played[record["key"]], record["scores"]) for record in read(store.path)[1:]),
        key=lambda point: point.cpu_s,
    )
    in_time = (point for point in points if point.cpu_s <= seconds + LATE_S)
    return Course(played[PREPARED], tuple(in_time))


LATE_S = 10.0
"""The last checkpoint counts if it is that of a step which began in time."""


class Played:
    """What evaluators take for a pipeline: it has played already."""

    def __call__(self, batch: Batch) -> Output:
        """Return what was played."""
        return Output(batch["played"], {}, {})


def scores(held_out: Path, played: Path) -> dict[str, float]:
    """Return every metric of the WAVs of one folder beside those of the other."""
    ctx = Context({"sample": float(SAMPLE_RATE), "frame": SAMPLE_RATE / default_hop(SAMPLE_RATE)})
    evaluators = (
        MultiScaleSpectra(NoOptions(), ctx),
        MelLogSpectralDistance(NoOptions(), ctx),
        F0Error(F0Error.Options(), ctx),
        LoudnessError(LoudnessError.Options(), ctx),
    )
    batches = [
        {"audio": _signal(path), "played": _signal(played / path.name)}
        for path in sorted(held_out.glob("*.wav"))
    ]
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for evaluator in evaluators:
            found |= evaluator(Played(), batches, Path(folder))
    return {metric: found[metric] for metric in METRICS}


def _signal(path: Path) -> Tensor:
    return torch.from_numpy(decode(path, SAMPLE_RATE).audio)[None]
