"""What is trained on and what is held out, in whole hops; two chunks of two splits never meet."""

import difflib
import hashlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from attrs import frozen

from ddspcore.data.fates import DataError


@frozen
class Stretch:
    """A contiguous part of a file: hops `start` to `stop` of item number `item`."""

    item: int
    start: int
    stop: int

    @property
    def hops(self) -> int:
        """How long it is."""
        return self.stop - self.start


@frozen
class Extent:
    """What a split needs to know of a file: its name, its content and its length in hops."""

    name: str
    content: str
    hops: int


@frozen
class Split:
    """The stretches of either side, and how they came to be held out.

    `gap` is how many hops lie in no split, and `reason` says why nothing is held out.
    """

    by: Literal["file", "name", "time", "none"]
    train: tuple[Stretch, ...]
    val: tuple[Stretch, ...] = ()
    gap: int = 0
    reason: str = ""


def split(files: Sequence[Extent], fraction: float, chunk: int, seed: int) -> Split:
    """Hold out a share of the files, or the end of the only one.

    Files are drawn by a hash of (seed, name), so adding one moves at most one other; copies of
    one content stay together, and at least one content is trained on. A single content is divided
    in time: its last `fraction`, at least a chunk, is held out, after a gap of a chunk; if that
    leaves less than a chunk to train on, nothing is held out.
    """
    everything = tuple(Stretch(i, 0, file.hops) for i, file in enumerate(files))
    if fraction == 0:
        return Split("none", everything, reason="holdout is 0")
    held = _hold_out(files, fraction, seed)
    if held:
        train = tuple(s for s in everything if files[s.item].content not in held)
        val = tuple(s for s in everything if files[s.item].content in held)
        return Split("file", train, val)
    hops = max((file.hops for file in files), default=0)
    start = hops - max(chunk, round(fraction * hops))
    stop = start - chunk
    if stop < chunk:
        reason = (
            "the only file is a single chunk" if hops <= chunk else "the only file is too short"
        )
        return Split("none", everything, reason=reason)
    return Split(
        "time",
        tuple(Stretch(s.item, 0, stop) for s in everything),
        tuple(Stretch(s.item, start, s.stop) for s in everything),
        gap=len(everything) * (start - stop),
    )


def split_by_name(files: Sequence[Extent], patterns: Sequence[str]) -> Split:
    """Hold out the files that are named, or match a pattern with `*`, and copies of them.

    Raises DataError if a pattern names none of the files, or nothing is left to train on.
    """
    named = {pattern: {f.content for f in files if _is_named(f, pattern)} for pattern in patterns}
    for pattern, contents in named.items():
        if not contents:
            like = difflib.get_close_matches(pattern, [file.name for file in files], 1)
            hint = f'; did you mean "{like[0]}"?' if like else ""
            raise DataError(f'data.val: "{pattern}" names no usable file{hint}')
    held = set[str]().union(*named.values())
    sides: tuple[list[Stretch], list[Stretch]] = ([], [])
    for number, file in enumerate(files):
        sides[file.content in held].append(Stretch(number, 0, file.hops))
    train, val = map(tuple, sides)
    if not train:
        raise DataError("data.val names every usable file; nothing is left to train on")
    return Split("name", train, val)


def _is_named(file: Extent, pattern: str) -> bool:
    return file.name == pattern or fnmatchcase(file.name, pattern)


def _hold_out(files: Sequence[Extent], fraction: float, seed: int) -> set[str]:
    """Return the contents to hold out; empty if there is only one."""
    ranked = sorted(files, key=lambda file: (rank(seed, file.name), file.name))
    contents = list(dict.fromkeys(file.content for file in ranked))
    wanted = max(1, round(fraction * len(files)))
    held: set[str] = set()
    for content in contents[:-1]:
        if sum(file.content in held for file in files) >= wanted:
            break
        held.add(content)
    return held


def rank(seed: int, name: str) -> bytes:
    """Return what sorts files by lot: who comes first depends on no other file."""
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()


def chunks(stretch: Stretch, chunk: int, stride: int) -> tuple[Stretch, ...]:
    """Cut a stretch into chunks every `stride` hops, plus one that covers its end.

    A stretch of at most a chunk gives one, which may reach beyond its end.
    """
    last = max(stretch.start, stretch.stop - chunk)
    starts = [*range(stretch.start, last, stride), last]
    return tuple(Stretch(stretch.item, start, start + chunk) for start in starts)


def spread(parts: tuple[Stretch, ...], most: int | None) -> tuple[Stretch, ...]:
    """Return at most so many of the parts, spread evenly over them."""
    kept = len(parts) if most is None else min(len(parts), most)
    return tuple(parts[index * len(parts) // kept] for index in range(kept))
