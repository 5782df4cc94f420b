"""Features of a recording of any length, heard a piece at a time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from attrs import define, field, frozen
from torch import Tensor
from torch.nn import functional as F

from ddspcore.data.audio import Reading, Recording, Samples, UnreadableError
from ddspcore.data.features import FeatureNode, run_features
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch
from ddspcore.recipe.schema import Audio
from ddspcore.rendering.controls import F0, VOICING, bridged, heard_wires, records
from ddspcore.rendering.pieces import Pieces
from ddspcore.train.opening import OpenRun


@frozen
class Heard:
    """What a run hears: features [1,N,C] over `samples`, padded to whole hops.

    The features of what is longer than a piece lie on frames, and its audio is not held.
    """

    features: Batch
    samples: int


def audio_of(run: OpenRun) -> Audio:
    """Return the run's rates; UserError if it has none, and so cannot play a recording."""
    if run.recipe.audio is None:
        raise UserError(f"{run.folder}: its recipe has no [audio], so it cannot play a recording")
    return run.recipe.audio


def gain_of(run: OpenRun) -> float:
    """Return the gain that the training data was given."""
    return float(run.data.get("gain", 1.0))


def hear(run: OpenRun, path: Path, pieces: Pieces) -> tuple[Heard, Recording]:
    """Compute a run's features of a file, after the gain that the training data was given.

    Of a file that is longer than a piece they are computed a piece at a time, unless some do not
    lie on frames, or the run plays from its audio. Raises UserError if it holds no usable audio.
    """
    audio = audio_of(run)
    ear = _Ear(run.features, audio, pieces if _in_pieces(run) else None, gain_of(run))
    reading = Reading(path, audio.sample_rate)
    try:
        for block in reading:
            ear.listen(block)
    except UnreadableError as failure:
        raise UserError(f"{path}: {failure}") from failure
    except OSError as failure:
        raise UserError(f"{path}: cannot be opened: {failure.strerror}") from failure
    recording = reading.found()
    return ear.finish(samples_of(recording, audio.sample_rate)), recording


def samples_of(recording: Recording, sample_rate: int) -> int:
    """Return how many samples a recording has at another rate, to the nearest."""
    frames = round(recording.seconds * recording.sample_rate)
    return round(frames * sample_rate / recording.sample_rate)


def _in_pieces(run: OpenRun) -> bool:
    axes = {control.axis for control in records(run.features).values()}
    return axes <= {"frame"} and all(w.control.axis == "frame" for w in heard_wires(run.pipeline))


@define
class _Ear:
    """Hears blocks of samples; as soon as a piece and what follows it has come, its features.

    `_held` are the samples from hop `_start` on, of which frames up to `_done` have features.
    """

    _nodes: Sequence[FeatureNode]
    _audio: Audio
    _pieces: Pieces | None
    _gain: float
    _held: list[Samples] = field(factory=list)
    _length: int = 0
    _start: int = 0
    _done: int = 0
    _parts: list[Batch] = field(factory=list)

    def listen(self, block: Samples) -> None:
        """Take the samples that follow."""
        self._held.append(block)
        self._length += len(block)
        if self._pieces is None:
            return
        hop = self._audio.hop
        piece, around = self._sizes()
        # Not before a whole piece would be left over: what is little longer is heard whole.
        while self._start + self._length // hop > self._done + piece + around:
            signal = self._signal((self._done + piece + around - self._start) * hop)
            self._take(run_features(self._nodes, *self._item(signal)), self._done + piece)
            self._forget(self._done - around)

    def finish(self, samples: int) -> Heard:
        """Return the features of all there is."""
        hops = max(1, -(-samples // self._audio.hop))
        signal = self._signal((hops - self._start) * self._audio.hop)
        features = run_features(self._nodes, *self._item(signal))
        if not self._parts:
            return Heard({"audio": signal} | features, samples)
        self._take(features, hops + 1)
        whole = {n: torch.cat([part[n] for part in self._parts], 1) for n in self._parts[0]}
        if {F0, VOICING} <= whole.keys():  # of a long rest, no piece knows both ends
            whole[F0] = bridged(whole[F0], whole[VOICING], longer_than=self._sizes()[1] - 1)
        return Heard(whole, samples)

    def _sizes(self) -> tuple[int, int]:
        """Return the length of a piece and that of its context, in hops."""
        assert self._pieces is not None
        rates = self._audio.sample_rate, self._audio.hop
        return self._pieces.hops(*rates), self._pieces.around(*rates)

    def _signal(self, length: int) -> Tensor:
        """Return what is held, after the gain: padded, or cut by what rounding left."""
        self._held = [np.concatenate([np.zeros(0, np.float32), *self._held])]
        signal = torch.from_numpy(self._held[0][:length])[None] * self._gain
        return F.pad(signal, (0, length - signal.shape[1]))

    def _item(self, signal: Tensor) -> tuple[Batch, dict[str, int]]:
        samples = signal.shape[1]
        return {"audio": signal}, {"sample": samples, "frame": samples // self._audio.hop + 1}

    def _take(self, features: Batch, end: int) -> None:
        """Keep the features from where the last piece ended up to a frame."""
        own = slice(self._done - self._start, end - self._start)
        self._parts.append({name: value[:, own].clone() for name, value in features.items()})
        self._done = end

    def _forget(self, until: int) -> None:
        """Drop the samples before a hop."""
        if until > self._start:
            (held,) = self._held
            held = held[(until - self._start) * self._audio.hop :].copy()
            self._held, self._length, self._start = [held], len(held), until
