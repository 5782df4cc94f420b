"""Pitch and level of a score, as one voice plays it."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from ddspcore.controls import Control
from ddspcore.data.features import run_features
from ddspcore.data.survey import Spread
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch
from ddspcore.rendering.controls import F0, LEVELS, VOICING, bridged, heard_wires, records
from ddspcore.rendering.hearing import Heard, audio_of
from ddspcore.rendering.scores import Note
from ddspcore.rendering.style import Style
from ddspcore.train.opening import OpenRun

Track = NDArray[np.float64]

TAIL_SECONDS = 1.0
SOFTEST, LOUDEST = 0.1, 0.95
UNKNOWN_DB = (-45.0, -15.0)
"""The levels of the softest and the hardest note, where it is not known what was trained."""
FLOOR_DB = -80.0


@frozen
class Tone:
    """A note, as far as one voice plays it; slurred to the one before it, or with an attack."""

    start: float
    end: float
    pitch: int
    velocity: int
    slurred: bool


def one_voice(notes: Sequence[Note], legato: float = 0.0) -> list[Tone]:
    """Return what one voice plays of notes: the one that began last, and then what is still held.

    Of notes that begin together the highest is played. `legato` is that of `Style`.
    """
    tones: list[Tone] = []
    last: Note | None = None
    for start, end, note in _leading(notes):
        returns = note.start < start  # it was held all the time
        near = last is not None and note.pitch != last.pitch and start - last.end <= legato
        slurred = last is not None and (returns or near)
        if slurred:
            tones[-1] = attrs.evolve(tones[-1], end=start)
        tones.append(Tone(start, end, note.pitch, note.velocity, slurred))
        last = note
    return tones


def _leading(notes: Sequence[Note]) -> Iterator[tuple[float, float, Note]]:
    """Yield from when to when each note is the held one that began last."""
    ordered = sorted(notes, key=lambda note: (note.start, note.pitch))
    held: list[Note] = []
    at = 0.0
    for note, later in itertools.zip_longest(ordered, ordered[1:]):
        held.append(note)
        at, until = note.start, later.start if later else float("inf")
        while held and at < until:
            end = min(held[-1].end, until)
            if end > at:
                yield at, end, held[-1]
                at = end
            if held[-1].end <= at:
                held.pop()


class Voice:
    """One voice at the times of frames. Shape: times [N], and whatever it returns."""

    def __init__(self, tones: Sequence[Tone], style: Style, times: Track):
        self.style, self.times = style, times
        self.starts, self.ends, self.pitches, self.velocities = (
            np.array([getattr(tone, name) for tone in tones], dtype=np.float64)
            for name in ("start", "end", "pitch", "velocity")
        )
        slurred = np.array([tone.slurred for tone in tones])
        self.now = np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)
        """Of each frame, the tone that began last."""
        self.before = np.where(slurred, np.arange(len(tones)) - 1, np.arange(len(tones)))[self.now]
        """The tone that it is slurred to; itself, if to none."""
        first = np.flatnonzero(~slurred)
        last = np.append(first[1:], len(tones)) - 1
        phrase = (np.cumsum(~slurred) - 1)[self.now]
        self.begins, self.stops = self.starts[first][phrase], self.ends[last][phrase]
        self.rings = np.where(phrase > 0, last[np.maximum(phrase - 1, 0)], -1)
        """The tone that the phrase before ended with; -1, if there was none."""

    def pitch(self) -> Track:
        """Return the pitch in MIDI numbers; between phrases that of the last tone is held."""
        since, style = self.times - self.starts[self.now], self.style
        pitch = _glide(self.pitches, self.before, self.now, _ramp(since, style.portamento))
        since = since - style.vibrato_delay
        grows = np.clip(since * style.vibrato_hz, 0.0, 1.0)
        sway = grows * np.sin(2 * np.pi * style.vibrato_hz * since)
        moved: Track = pitch + style.vibrato_cents / 100 * sway
        return moved

    def sounds(self) -> NDArray[np.bool_]:
        """Return where anything is heard."""
        heard: NDArray[np.bool_] = (self.times >= self.begins) & (
            self.times < self.stops + self.style.release
        )
        return heard

    def level_db(self, levels_db: Track) -> Track:
        """Return the level, given that of every tone; attack and release are linear in amplitude.

        That of a slurred tone is reached in the time of an attack. What the phrase before still
        rings when the next begins is not cut off.
        """
        attack, release = self.style.attack, self.style.release
        turned = _ramp(self.times - self.starts[self.now], attack)
        level = _glide(levels_db, self.before, self.now, turned)
        rise, fall = (
            _ramp(self.times - self.begins, attack),
            _ramp(self.times - self.stops, release),
        )
        ringing = 1.0 - _ramp(self.times - self.ends[self.rings], release)
        ringing = np.where(self.rings < 0, 0.0, ringing)
        heard: Track = np.maximum(
            level + _in_db(rise * (1.0 - fall)), levels_db[self.rings] + _in_db(ringing)
        )
        return heard


def _glide(values: Track, before: NDArray[np.intp], now: NDArray[np.intp], done: Track) -> Track:
    """Return what has come so far of the way from the value before to that of now."""
    way: Track = values[before] + done * (values[now] - values[before])
    return np.where(done >= 1.0, values[now], way)


def _ramp(since: Track, seconds: float) -> Track:
    """Return how far something has come that begins at 0 and takes so long."""
    if seconds <= 0:
        return (since >= 0).astype(np.float64)
    return np.clip(since / seconds, 0.0, 1.0)


def _in_db(amplitude: Track) -> Track:
    return 20 * np.log10(np.maximum(amplitude, 1e-9))


def play_score(
    run: OpenRun, notes: Sequence[Note], style: Style, trained: Mapping[str, Spread]
) -> Heard:
    """Return what a run would hear of a score: pitch and level of one voice, as features.

    Velocities 1 to 127 span the levels that the run was trained with. Raises UserError if the run
    needs more of a recording than its pitch and its level.
    """
    audio = audio_of(run)
    tones = one_voice(notes, style.legato)
    seconds = max(tone.end for tone in tones) + style.release + TAIL_SECONDS
    samples = round(seconds * audio.sample_rate)
    hops = -(-samples // audio.hop)
    times: Track = np.arange(hops + 1, dtype=np.float64) * (audio.hop / audio.sample_rate)
    voice = Voice(tones, style, times)
    sounds = _frames(voice.sounds())
    made: Batch = {}
    for name, control in records(run.features).items():
        if name == F0:
            made[name] = bridged(_frames(440.0 * np.exp2((voice.pitch() - 69.0) / 12.0)), sounds)
        elif name == VOICING:
            made[name] = sounds
        elif name in LEVELS:
            level_db = voice.level_db(_levels(voice.velocities, trained.get(name)))
            made[name] = _frames(level_db).clamp(_floor(control), control.hi)
    for node in run.features:
        if not {control.name for control in node.provides} <= made.keys():
            if not set(node.needs) <= made.keys():
                raise UserError(
                    f"{run.folder}: a score has no recording, which feature {node.label} needs"
                )
            made |= run_features([node], made, {"frame": hops + 1})
    for wire in heard_wires(run.pipeline):
        if wire.key not in made:
            raise UserError(
                f"{run.folder}: a score has no {wire.key}, which {wire.node.title} needs"
            )
    return Heard(made, samples)


def _levels(velocities: Track, trained: Spread | None) -> Track:
    """Return how loud notes are, in dB."""
    low, high = (trained.at(SOFTEST), trained.at(LOUDEST)) if trained else UNKNOWN_DB
    return low + (velocities - 1) / 126 * (high - low)


def _floor(control: Control) -> float:
    return FLOOR_DB if control.lo is None else control.lo


def _frames(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values).float().view(1, -1, 1)
