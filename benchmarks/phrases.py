"""A phrase for an instrument of which only single notes are known: the notes, bent and joined.

No performer played it: every tone is a recorded note, resampled by two semitones at most and
cross-faded into the next, and its level is what a fader does, not what stronger breath does.
"""

from collections.abc import Sequence

import numpy as np
import soxr
from attrs import frozen
from numpy.typing import NDArray

Samples = NDArray[np.float32]

BEAT_S = 0.5
FADE_S = 0.04
ATTACK_S = 0.35
"""What a tone leaves out of its note where it is tied to the one before."""


@frozen
class Tone:
    """How far from the recorded note, how long, how loud, and whether with the note's attack."""

    semitones: float
    beats: float
    level_db: float
    struck: bool = False


MOTIF = (
    Tone(0, 2, -6, struck=True),
    Tone(2, 1, -4),
    Tone(-1, 1, -2),
    Tone(1, 1, 0, struck=True),
    Tone(-2, 1, -3),
    Tone(0, 2, -8),
)


def phrase(notes: Sequence[Samples], rate: int) -> Samples:
    """Play the motif on each of the notes, up and down again, as loud as the loudest note.

    Shape: notes [T] -> [T]. Raises ValueError if a note ends before a tone does.
    """
    tones = [(note, tone) for note in [*notes, *notes[-2::-1]] for tone in MOTIF]
    fade = round(FADE_S * rate)
    lengths = [round(tone.beats * BEAT_S * rate) for _, tone in tones]
    played = np.zeros(sum(lengths) + fade, np.float32)
    start = 0
    for (note, tone), length in zip(tones, lengths, strict=True):
        played[start : start + length + fade] += sound(note, tone, length + fade, rate)
        start += length
    return played * (max(np.abs(note).max() for note in notes) / np.abs(played).max())


def sound(note: Samples, tone: Tone, samples: int, rate: int) -> Samples:
    """Return so much of a note at a tone's pitch and level, fading at the end, and where tied."""
    bent = soxr.resample(note, rate * 2 ** (tone.semitones / 12), rate)
    begin = 0 if tone.struck else round(ATTACK_S * rate)
    played = bent[begin : begin + samples] * np.float32(10 ** (tone.level_db / 20))
    if len(played) < samples:
        raise ValueError(f"a note of {len(note) / rate:.1f} s is too short for the motif")
    rise = np.sin(np.linspace(0, np.pi / 2, round(FADE_S * rate), dtype=np.float32))
    if not tone.struck:
        played[: len(rise)] *= rise
    played[-len(rise) :] *= rise[::-1]
    return played
