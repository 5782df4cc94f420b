"""What is trained on, heard again at other levels and pitches."""

from collections.abc import Sequence
from itertools import product

import attrs
import soxr
import torch
from attrs import frozen

from ddspcore.data.cache import key_of
from ddspcore.data.items import Item
from ddspcore.data.splits import Stretch

QUALITY = "HQ"


@frozen
class Variant:
    """How far from what was recorded, in level and pitch."""

    level_db: float
    semitones: float

    def __str__(self) -> str:
        """Say it: `-6 dB, +2 semitones`."""
        level = f"{self.level_db:+g} dB" if self.level_db else ""
        pitch = f"{self.semitones:+g} semitones" if self.semitones else ""
        return ", ".join(filter(None, (level, pitch)))


def variants(levels_db: Sequence[float], semitones: Sequence[float]) -> tuple[Variant, ...]:
    """Return every level at every pitch, the recording's own among them, less what was recorded."""
    pairs = product(dict.fromkeys((0.0, *levels_db)), dict.fromkeys((0.0, *semitones)))
    return tuple(Variant(level, pitch) for level, pitch in pairs if level or pitch)


def vary(item: Item, part: Stretch, variant: Variant, rate: int, hop: int) -> Item:
    """Return a part of a file as a variant, an item of its own whose gain includes the level.

    It is bent as a tape is: faster is higher, formants and all.
    """
    audio = item.audio[:, part.start * hop : part.stop * hop]
    if variant.semitones:
        bent = soxr.resample(audio[0].numpy(), rate * 2 ** (variant.semitones / 12), rate, QUALITY)
        audio = torch.from_numpy(bent)[None]
    made = ("variant", soxr.__version__, QUALITY, variant.semitones, part.start, part.stop, hop)
    return attrs.evolve(
        item,
        fate=attrs.evolve(item.fate, name=f"{item.fate.name}, {variant}"),
        key=key_of(item.key, *made),
        audio=audio,
        peak=float(audio.abs().max()),
        gain=item.gain * 10 ** (variant.level_db / 20),
        features={},
    )
