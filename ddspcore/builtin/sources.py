"""Sources: where items of data come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import torch
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Control, OptionError, option, source
from ddspcore.builtin import inspection
from ddspcore.data.account import in_words
from ddspcore.data.cache import Cache, default_folder
from ddspcore.data.fates import DataError, Fate, Progress
from ddspcore.data.features import FeatureNode, cut, summarise
from ddspcore.data.items import Item, Limits, analyse, take_in
from ddspcore.data.parallel import each
from ddspcore.data.picking import most_voiced
from ddspcore.data.splits import Extent, Split, Stretch, chunks, split, split_by_name, spread
from ddspcore.data.survey import survey
from ddspcore.data.variants import variants, vary

Batch = dict[str, Tensor]

CHUNKS_LEAK = (
    "chunks overlap, so what is held out would be heard in training, and no metric could tell "
    'learning by heart from learning; leave it at "file", which holds out whole files, or the end '
    "of a single one"
)


def _silent(doing: str, done: int, total: int, name: str) -> None:
    pass


@source("wav-folder")
class WavFolder:
    """Audio files under a folder, or one file, in chunks that start on a hop.

    Reads whatever libsndfile reads, judged by content: any rate, channel count, length and format;
    mixed to mono and resampled. A file that is of no use is dropped and reported, never fatal.

    The splits `train` and `val` hold chunks of one length. `train-items` and `val-items` hold the
    same audio without overlap: each index is one contiguous stretch of a file, padded with zeros to
    whole hops. Stretches differ in length, so a batch of several is an error unless they agree.

    Whole files are held out where there are several contents, by lot or by name; of a single one
    its end is, a chunk's length away from what is trained on.

    A batch has `audio` [B,T] and what the features provide, with T // hop + 1 frames, sliced from
    the features of the whole file after the gain; and `item` [B], the indices.
    """

    @frozen
    class Options:
        """What to read, how to cut it, what to hold out."""

        root: Path = option(help="a folder of audio files, or one file")
        chunk: float = option(
            1.024, gt=0, le=3600, unit="s", help="length of a chunk, in whole hops"
        )
        stride: float | None = option(
            None, gt=0, unit="s", help="from one chunk's start to the next; half a chunk if unset"
        )
        max_files: int | None = option(
            None, ge=1, help="read so many files at most, drawn by split_seed"
        )
        max_chunks_per_file: int | None = option(
            None, ge=1, help="chunks of a file at most, spread evenly over it"
        )
        split: Literal["file", "chunk"] = option(
            "file", help='what is held out: whole files; "chunk", which leaks, is refused'
        )
        holdout: float = option(0.1, ge=0, lt=1, help="share of the files that is held out")
        val: tuple[str, ...] = option(
            (), help="files to hold out instead of a share: names below root, or patterns with *"
        )
        split_seed: int = option(0, help="another number holds out other files")
        min_seconds: float = option(0.25, gt=0, unit="s", help="shorter files are dropped")
        silence_db: float = option(
            -60.0, le=0, unit="dB", help="files whose peak stays below are dropped"
        )
        levels_db: tuple[float, ...] = option(
            (), le=0, unit="dB", help="train on every file at these levels too, below its own"
        )
        semitones: tuple[float, ...] = option(
            (), ge=-12, le=12, help="train on every file bent by so many semitones too"
        )
        normalise: Literal["dataset", "chunk", "none"] = option(
            "dataset", help="one gain for all files, one for the picked chunk, or none"
        )
        peak: float = option(0.99, gt=0, le=1, help="the loudest sample after normalising")
        pick: Literal["all", "most-voiced"] = option(
            "all", help="train on every chunk, or on the most voiced one alone, then the loudest"
        )

        def __attrs_post_init__(self) -> None:
            if self.normalise == "chunk" and self.pick == "all":
                raise OptionError("normalise", '"chunk" needs pick = "most-voiced"')
            if self.val and self.pick != "all":
                raise OptionError("val", f'pick = "{self.pick}" holds nothing out')
            if self.split == "chunk":
                raise OptionError("split", CHUNKS_LEAK)

    splits = ("train", "val", "train-items", "val-items")

    def __init__(self, opt: Options, ctx: Context, features: Sequence[FeatureNode]):
        """Read nothing yet: the first question, or `prepare`, does."""
        self.opt = opt
        self.features = tuple(features)
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")
        self.chunk = self._hops(opt.chunk)
        self.stride = max(1, self.chunk // 2) if opt.stride is None else self._hops(opt.stride)
        self._prepared: _Prepared | None = None
        names = {control.name for node in features for control in node.provides}
        if opt.pick == "most-voiced" and "voicing" not in names:
            raise DataError('pick = "most-voiced" needs a feature that provides voicing')

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Audio."""
        return (Control("audio", unit="signal", axis="sample"),)

    @staticmethod
    def target(opt: Options, ctx: Context) -> str:
        """Predictions are compared with the audio."""
        return "audio"

    def prepare(self, progress: Progress = _silent) -> None:
        """Decode, judge, analyse and split every file; what was done before is in the cache.

        Raises DataError, which lists each file's fate, if nothing is usable.
        """
        if self._prepared is None:
            self._prepared = self._prepare(progress)

    def count(self, split: str) -> int:
        """Return how many indices a split has."""
        return len(self._stretches(split))

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return some of a split's chunks or stretches.

        Raises ValueError if their lengths differ, or there is no such split.
        """
        chosen = [self._stretches(split)[index] for index in indices]
        if len({stretch.hops for stretch in chosen}) > 1:
            raise ValueError(f"the lengths of {split} differ; ask for one index at a time")
        heard = self._ready().heard
        parts = [
            heard[stretch.item].excerpt(stretch.start, stretch.stop, self.hop, self.features)
            for stretch in chosen
        ]
        batch = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return batch | {"item": torch.tensor(indices, dtype=torch.int64)}

    def locate(self, split: str, index: int) -> dict[str, Any]:
        """Return which file an index of a split is of, from where on and how long, in seconds."""
        stretch = self._stretches(split)[index]
        return {
            "source": self._ready().heard[stretch.item].fate.name,
            "start": self._seconds(stretch.start),
            "seconds": self._seconds(stretch.hops),
        }

    def report(self) -> dict[str, Any]:
        """Return every file's fate, the split and the gain, as plain values."""
        ready = self._ready()
        sides = {"train": ready.split.train, "val": ready.split.val}
        files = [fate.to_json() | {"split": None, "features": {}} for fate in ready.others]
        for number, item in enumerate(ready.items):
            within = [side for side, parts in sides.items() if number in {s.item for s in parts}]
            side = "+".join(within) or None
            features = summarise(item.features, self.features)
            files.append(item.fate.to_json() | {"split": side, "features": features})
        split = {
            "by": ready.split.by,
            "reason": ready.split.reason,
            "chunk_seconds": self._seconds(self.chunk),
            "gap_seconds": self._seconds(ready.split.gap),
            "variants": 1 + len(variants(self.opt.levels_db, self.opt.semitones)),
        } | {
            side: {
                "seconds": self._seconds(sum(stretch.hops for stretch in parts)),
                "chunks": len(self._chunks(parts)),
            }
            for side, parts in sides.items()
        }
        return {
            "in_words": in_words([*(item.fate for item in ready.items), *ready.others], split),
            "root": str(self.opt.root),
            "sample_rate": self.sample_rate,
            "hop": self.hop,
            "gain": ready.gain,
            "split": split,
            "statistics": self._survey(ready),
            "files": sorted(files, key=lambda file: str(file["name"])),
        }

    def inspect(self, progress: Progress = _silent) -> dict[str, Any]:
        """Return the report with the quality of every usable file, and a verdict in words."""
        ready, cache = self._ready(), Cache(default_folder())
        return inspection.inspect(self.report(), ready.items, self.features, cache, progress)

    def draw_inspection(self, found: Mapping[str, Any], file: Path) -> None:
        """Draw what `inspect` returned as a PNG."""
        from ddspcore.builtin.inspection.picture import draw  # noqa: PLC0415  loads matplotlib

        draw(found, file)

    def fingerprint(self) -> list[dict[str, Any]]:
        """Return what identifies the data: name, size and content of every usable file."""
        return [
            {"name": item.fate.name, "bytes": item.fate.bytes, "sha256": item.fate.sha256}
            for item in self._ready().items
        ]

    def _survey(self, ready: "_Prepared") -> dict[str, Any]:
        """Return how what is trained on is spread in pitch and level."""
        controls = [control for node in self.features for control in node.provides]
        heard = []
        for part in ready.split.train:
            along = {"frame": slice(part.start, part.stop + 1)}
            features = ready.items[part.item].features
            heard.append({c.name: cut(features[c.name], c, along) for c in controls})
        return survey(heard, self.features, self.sample_rate / self.hop)

    def _ready(self) -> "_Prepared":
        self.prepare()
        assert self._prepared is not None
        return self._prepared

    def _stretches(self, split: str) -> tuple[Stretch, ...]:
        if split not in self.splits:
            raise ValueError(f'no split "{split}"; there are {", ".join(self.splits)}')
        return self._ready().stretches[split]

    def _prepare(self, progress: Progress) -> "_Prepared":
        opt = self.opt
        cache = Cache(default_folder())
        limits = Limits(opt.min_seconds, opt.silence_db, opt.max_files, opt.split_seed)
        found, others = take_in(opt.root, self.sample_rate, limits, cache, progress)
        gain = 1.0 if opt.normalise == "none" else opt.peak / max(item.peak for item in found)

        def analysed(item: Item) -> Item:
            hops = max(item.hops(self.hop), self.chunk)
            return analyse(item, hops, self.hop, nodes=self.features, cache=cache)

        def all_analysed(wanted: Sequence[Item]) -> list[Item]:
            def tell(done: int, item: Item | None) -> None:
                progress("analysing", done, len(wanted), item.fate.name if item else "")

            return each(analysed, wanted, tell)

        items = all_analysed([attrs.evolve(item, gain=gain) for item in found])
        if opt.pick == "most-voiced":
            picked = most_voiced(items, self.chunk, self.hop)
            parts = Split("none", (picked,), reason="one chunk is picked")
            if opt.normalise == "chunk":
                item = items[picked.item]
                loudest = item.samples(picked.start * self.hop, picked.stop * self.hop).abs().max()
                gain *= opt.peak / float(loudest)
                items[picked.item] = analysed(attrs.evolve(item, gain=gain))
        else:
            extents = [Extent(i.fate.name, str(i.fate.sha256), i.hops(self.hop)) for i in items]
            parts = (
                split_by_name(extents, opt.val)
                if opt.val
                else split(extents, opt.holdout, self.chunk, opt.split_seed)
            )
        wanted = [
            vary(items[part.item], part, variant, self.sample_rate, self.hop)
            for variant in variants(opt.levels_db, opt.semitones)
            for part in parts.train
        ]
        varied = all_analysed(wanted) if wanted else []
        whole = (
            Stretch(number, 0, item.hops(self.hop))
            for number, item in enumerate(varied, len(items))
        )
        stretches = {
            "train": self._chunks((*parts.train, *whole)),
            "val": self._chunks(parts.val),
            "train-items": parts.train,
            "val-items": parts.val,
        }
        return _Prepared(tuple(items), tuple(varied), others, gain, parts, stretches)

    def _chunks(self, whole: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
        cut = (chunks(stretch, self.chunk, self.stride) for stretch in whole)
        return tuple(c for each in cut for c in spread(each, self.opt.max_chunks_per_file))

    def _hops(self, seconds: float) -> int:
        return max(1, round(seconds * self.sample_rate / self.hop))

    def _seconds(self, hops: int) -> float:
        return hops * self.hop / self.sample_rate


@frozen
class _Prepared:
    """The usable files, variants of what is trained on, the fates of the others, the gain, and
    what every split holds: a stretch counts through `heard`.
    """

    items: tuple[Item, ...]
    variants: tuple[Item, ...]
    others: tuple[Fate, ...]
    gain: float
    split: Split
    stretches: dict[str, tuple[Stretch, ...]]

    @property
    def heard(self) -> tuple[Item, ...]:
        """The files, then the variants."""
        return self.items + self.variants
