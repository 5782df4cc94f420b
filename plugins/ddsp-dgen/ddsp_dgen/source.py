"""The reference's data: overlapping chunks of a folder of recordings, each with its features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from attrs import frozen
from ddspcore import Context, Control, option, source
from ddspcore.data.fates import DataError, Fate, Progress
from ddspcore.data.features import FeatureNode, run_features
from torch import Tensor
from torch.nn import functional as F

from ddsp_dgen import corpus

Batch = dict[str, Tensor]

SPLITS = ("train", "val")


def _silent(doing: str, done: int, total: int, name: str) -> None:
    pass


@frozen
class Chunk:
    """A piece of a file, padded with zeros to whole length, and the features of it alone."""

    file: str
    start: int
    tensors: Batch


@source("chunks")
class Chunks:
    """Chunks of recordings in DDSPE2E's manner: features see each chunk alone.

    Splits are `train` and `val`, drawn chunk by chunk: they overlap, so a number on `val` says
    little about other recordings. Any format of libsndfile is read, and one that cannot be is an
    error. Lengths are in samples.
    """

    @frozen
    class Options:
        """What to read, how to cut it, what to hold out."""

        root: Path = option(help="a folder of recordings, or one file")
        chunk: int = option(16384, ge=1, unit="samples", help="length of a chunk")
        hop: int = option(8192, ge=1, unit="samples", help="from one chunk's start to the next")
        peak: float = option(0.99, gt=0, help="the loudest sample of every file")
        train_split: float = option(0.9, ge=0, le=1, help="share of the chunks that is trained on")
        shuffle: bool = option(True, help="shuffle files and chunks")
        seed: int = option(1337, ge=0, help="where both shuffles start")
        max_files: int | None = option(None, ge=1, help="read no more")
        max_chunks_per_file: int | None = option(None, ge=1, help="the first of each file only")
        pick: Literal["all", "most-voiced"] = option(
            "all", help="train on every chunk, or on the one with most voiced frames, then loudest"
        )

    def __init__(self, opt: Options, ctx: Context, features: Sequence[FeatureNode]):
        """Read nothing yet: the first question, or `prepare`, does."""
        self.opt = opt
        self.features = tuple(features)
        self.sample_rate = round(ctx.rate("sample"))
        self.frame_hop = ctx.ratio("sample", "frame")
        self._splits: dict[str, list[Chunk]] = {}
        self._fates: list[Fate] = []

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Audio."""
        return (Control("audio", unit="signal", axis="sample"),)

    @staticmethod
    def target(opt: Options, ctx: Context) -> str:
        """Predictions are compared with the audio."""
        return "audio"

    def prepare(self, progress: Progress = _silent) -> None:
        """Read, cut, analyse and divide everything; DataError if a file cannot be read."""
        if self._splits:
            return
        opt = self.opt
        seed = opt.seed if opt.shuffle else None
        files = corpus.choose(opt.root, opt.max_files, seed)
        chunks: list[Chunk] = []
        for number, file in enumerate(files):
            progress("reading", number, len(files), file.name)
            found = corpus.read(file, self.sample_rate, opt.peak)
            places = corpus.starts(len(found.audio), opt.chunk, opt.hop)[: opt.max_chunks_per_file]
            chunks += [self._chunk(file.name, found.audio, start) for start in places]
            self._fates.append(found.fate)
        progress("reading", len(files), len(files), "")
        if not chunks:
            raise DataError(f"data.root {opt.root}: every recording is empty")
        if opt.pick == "most-voiced":
            chunks = [max(chunks, key=_voicing_then_energy)]
        train, val = corpus.divide(len(chunks), opt.train_split, seed)
        self._splits = {"train": [chunks[i] for i in train], "val": [chunks[i] for i in val]}

    def count(self, split: str) -> int:
        """Return how many chunks a split has."""
        return len(self._chunks(split))

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return some of a split's chunks."""
        parts = [self._chunks(split)[index].tensors for index in indices]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def report(self) -> dict[str, Any]:
        """Return every file, and where every chunk of either split comes from, as plain values."""
        starts = {
            split: [{"file": chunk.file, "start": chunk.start} for chunk in self._chunks(split)]
            for split in SPLITS
        }
        in_words = (
            f"{len(starts['train'])} chunks of {self.opt.chunk / self.sample_rate:.3f} s to train "
            f"on, {len(starts['val'])} held out{', which may overlap' if starts['val'] else ''}"
        )
        files = []
        for fate in self._fates:
            sides = [side for side in SPLITS if fate.name in {c.file for c in self._splits[side]}]
            files.append(fate.to_json() | {"split": "+".join(sides) or None, "features": {}})
        return {
            "in_words": [in_words],
            "root": str(self.opt.root),
            "sample_rate": self.sample_rate,
            "files": files,
            "chunks": starts,
        }

    def fingerprint(self) -> list[dict[str, Any]]:
        """Return what identifies the data: name, size and content of every file."""
        self.prepare()
        return [
            {"name": fate.name, "bytes": fate.bytes, "sha256": fate.sha256} for fate in self._fates
        ]

    def _chunks(self, split: str) -> list[Chunk]:
        self.prepare()
        return self._splits[split]

    def _chunk(self, file: str, audio: Tensor, start: int) -> Chunk:
        length = self.opt.chunk
        piece = audio[start : start + length]
        item = {"audio": F.pad(piece, (0, length - len(piece)))[None]}
        lengths = {"sample": length, "frame": length // self.frame_hop + 1}
        return Chunk(file, start, item | run_features(self.features, item, lengths))


def _voicing_then_energy(chunk: Chunk) -> tuple[float, float]:
    voicing = chunk.tensors.get("voicing")
    if voicing is None:
        raise DataError('pick = "most-voiced" needs a feature that provides voicing')
    return float(voicing.sum()), float(chunk.tensors["audio"].square().sum())
