"""Usable files: decoded once, judged, given a gain, and run through the features whole."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from attrs import field, frozen
from torch import Tensor
from torch.nn import functional as F

from ddspcore.data.audio import DECODER, UnreadableError, decode, recognises
from ddspcore.data.cache import VARIABLE, Cache, Entry, key_of
from ddspcore.data.fates import DataError, Fate, Progress
from ddspcore.data.features import FeatureNode, cut, run_features
from ddspcore.data.files import File, content_hash, find
from ddspcore.data.parallel import each
from ddspcore.data.splits import rank

VERSION = 2


@frozen
class Limits:
    """What a file must hold to be of use, and how many are read at most, drawn by a seed."""

    min_seconds: float
    silence_db: float
    max_files: int | None = None
    seed: int = 0


@frozen
class Item:
    """A usable file.

    `audio` [1,n] is mono at the recipe's rate, before the gain; `features` are those of the whole
    file, padded with zeros to whole hops, after the gain. `key` names the audio in the cache.
    """

    fate: Fate
    key: str
    audio: Tensor
    peak: float
    gain: float = 1.0
    features: Mapping[str, Tensor] = field(factory=dict)

    def hops(self, hop: int) -> int:
        """Return its length in hops, the last one perhaps partial."""
        return -(-self.audio.shape[1] // hop)

    def samples(self, start: int, stop: int) -> Tensor:
        """Return samples start to stop after the gain, zero beyond the end; [1,T]."""
        end = self.audio.shape[1]
        part = self.audio[:, min(start, end) : min(stop, end)]
        return F.pad(part, (0, stop - start - part.shape[1])) * self.gain

    def excerpt(
        self, start: int, stop: int, hop: int, nodes: Sequence[FeatureNode]
    ) -> dict[str, Tensor]:
        """Return audio and features from hop `start` to hop `stop`, with a frame at either end."""
        parts = {"sample": slice(start * hop, stop * hop), "frame": slice(start, stop + 1)}
        controls = (control for node in nodes for control in node.provides)
        features = {c.name: cut(self.features[c.name], c, parts) for c in controls}
        return {"audio": self.samples(start * hop, stop * hop), **features}


def take_in(
    root: Path, sample_rate: int, limits: Limits, cache: Cache, progress: Progress
) -> tuple[tuple[Item, ...], tuple[Fate, ...]]:
    """Decode every file under a root; return the usable ones, and the fates of the others.

    Raises DataError if none is usable.
    """
    if cache.folder.resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"the data cache {cache.folder} lies under data.root {root}; "
            f"set {VARIABLE} to a folder outside it"
        )
    files, beyond = _draw(find(root), limits)

    def take(file: File) -> Item | Fate:
        return _take(file, sample_rate, limits, cache, alone=file.path == root)

    def tell(done: int, file: File | None) -> None:
        progress("reading", done, len(files), file.name if file else "")

    outcomes = each(take, files, tell)
    items = tuple(outcome for outcome in outcomes if isinstance(outcome, Item))
    others = (*(outcome for outcome in outcomes if isinstance(outcome, Fate)), *beyond)
    if not items:
        found = "is empty" if not outcomes else "holds no usable audio"
        raise DataError(f"data.root {root} {found}", others)
    return items, others


def _draw(files: Sequence[File], limits: Limits) -> tuple[Sequence[File], Sequence[Fate]]:
    """Draw the files to read among those named like audio; others are not limited."""
    if limits.max_files is None:
        return files, ()
    audio = [file for file in files if file.claims_audio]
    ranked = sorted(audio, key=lambda file: (rank(limits.seed, file.name), file.name))
    left = set(ranked[limits.max_files :])
    why = f"beyond max_files = {limits.max_files}"
    fates = [Fate(file.name, "ignored", why) for file in files if file in left]
    return [file for file in files if file not in left], fates


def _take(file: File, sample_rate: int, limits: Limits, cache: Cache, alone: bool) -> Item | Fate:
    fate = Fate(file.name, "dropped")
    try:
        if not (alone or file.claims_audio or recognises(file.path)):
            return attrs.evolve(fate, state="ignored", why="not audio")
        fate = attrs.evolve(fate, sha256=content_hash(file.path), bytes=file.path.stat().st_size)
        key = key_of("audio", VERSION, fate.sha256, sample_rate, DECODER)
        entry = cache.fetch(key, lambda: _decoded(file.path, sample_rate))
    except UnreadableError as failure:
        return attrs.evolve(fate, why=str(failure), dropped_seconds=failure.seconds)
    except OSError as failure:
        return attrs.evolve(fate, why=f"cannot be opened: {failure.strerror}")
    return _judge(fate, key, entry, limits)


def _decoded(path: Path, sample_rate: int) -> Entry:
    recording = decode(path, sample_rate)
    facts = attrs.asdict(recording, filter=attrs.filters.exclude("audio"))
    power = float(np.mean(np.square(recording.audio, dtype=np.float64)))
    facts |= {"peak": float(np.abs(recording.audio).max()), "rms": math.sqrt(power)}
    return Entry({"audio": torch.from_numpy(recording.audio)[None]}, facts)


def _judge(fate: Fate, key: str, entry: Entry, limits: Limits) -> Item | Fate:
    facts: Mapping[str, Any] = entry.facts
    seconds, peak = facts["seconds"], facts["peak"]
    fate = attrs.evolve(
        fate,
        format=facts["format"],
        sample_rate=facts["sample_rate"],
        channels=facts["channels"],
        peak_dbfs=_dbfs(peak),
        rms_dbfs=_dbfs(facts["rms"]),
        clipped=facts["clipped"],
    )
    why = [facts["damage"]]
    if seconds < limits.min_seconds:
        why.append(f"{seconds:.3f} s is shorter than min_seconds = {limits.min_seconds:g}")
    elif peak <= 10 ** (limits.silence_db / 20):
        mixed = f" after mixing {facts['channels']} channels" if facts["channels"] > 1 else ""
        why.append(f"silent{mixed}: no sample reaches silence_db = {limits.silence_db:g}")
    else:
        fate = attrs.evolve(
            fate,
            state="kept",
            why=facts["damage"],
            kept_seconds=seconds,
            dropped_seconds=facts["missing_seconds"],
        )
        return Item(fate, key, entry.tensors["audio"], peak)
    return attrs.evolve(
        fate,
        why="; ".join(reason for reason in why if reason),
        dropped_seconds=seconds + facts["missing_seconds"],
    )


def _dbfs(value: float) -> float | None:
    return 20 * math.log10(value) if value > 0 else None


def analyse(item: Item, hops: int, hop: int, *, nodes: Sequence[FeatureNode], cache: Cache) -> Item:
    """Return the item with the features of the whole of it, after its gain.

    The features see it padded with zeros to `hops`.
    """
    length = hops * hop

    def build() -> Entry:
        whole = {"audio": item.samples(0, length)}
        return Entry(run_features(nodes, whole, {"sample": length, "frame": hops + 1}), {})

    identities = [node.identity for node in nodes]
    key = key_of("features", VERSION, item.key, item.gain, hops, hop, identities)
    try:
        return attrs.evolve(item, features=cache.fetch(key, build).tensors)
    except Exception as failure:
        failure.add_note(f"while computing the features of {item.fate.name}")
        raise
