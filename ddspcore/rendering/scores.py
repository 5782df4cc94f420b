"""Notes of a MIDI file: who plays what, from when to when."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from ddspcore.errors import UserError

SUFFIXES = (".mid", ".midi", ".smf")
LONGEST_SECONDS = 24 * 3600.0
DRUMS = 10
INDEPENDENT = 2  # the type of file whose tracks are tunes of their own


@frozen
class Note:
    """A key that is held: seconds, a MIDI number and 1 to 127 for how hard it is struck."""

    start: float
    end: float
    pitch: int
    velocity: int


@frozen
class Part:
    """The notes of one channel in one track, by their start; `number` counts the parts from 1."""

    number: int
    track: int
    channel: int
    name: str
    notes: tuple[Note, ...]

    def __str__(self) -> str:
        """Say which it is: `2 (Violin, channel 3, 120 notes)`."""
        name = f"{self.name}, " if self.name else ""
        notes = "1 note" if len(self.notes) == 1 else f"{len(self.notes)} notes"
        return f"{self.number} ({name}channel {self.channel}, {notes})"


def read_score(path: Path) -> tuple[Part, ...]:
    """Read the parts of a MIDI file that have notes.

    Raises UserError if it is no MIDI file, has no notes, or would last longer than a day.
    """
    try:
        import mido  # noqa: PLC0415  slow to import, and only scores need it
    except ImportError:
        raise UserError(f"{path}: to play MIDI, pip install mido") from None
    try:
        file = mido.MidiFile(path)
        found = list(_parts(file))
    except Exception as failure:  # whatever a decoder trips over in foreign bytes
        raise UserError(f"{path}: is no MIDI file that can be read: {_why(failure)}") from failure
    if not found:
        raise UserError(f"{path}: has no notes")
    last = max(note.end for part in found for note in part.notes)
    if last > LONGEST_SECONDS:
        raise UserError(f"{path}: would last {last / 3600:.0f} hours; more than a day is no tune")
    return tuple(found)


def _why(failure: Exception) -> str:
    if isinstance(failure, EOFError):
        return "it is cut short"
    text = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
    return str(text)


def choose_part(parts: Sequence[Part], number: int | None, path: Path) -> Part:
    """Return the part of that number, or the one with the most notes that is no drum.

    Raises UserError if there is no such part.
    """
    if number is None:
        return max(parts, key=lambda part: (part.channel != DRUMS, len(part.notes)))
    for part in parts:
        if part.number == number:
            return part
    raise UserError(f"{path}: has no part {number}; it has {', '.join(map(str, parts))}")


def _parts(file: Any) -> Iterator[Part]:
    """Yield the parts that have notes, in the order of tracks and channels."""
    tempi = [event for track in file.tracks for event in _tempi(track)]
    number = 0
    for index, track in enumerate(file.tracks):
        own = _tempi(track) if file.type == INDEPENDENT else tempi
        clock = _Clock.of(own, file.ticks_per_beat)
        for channel, notes in sorted(_notes(track, clock).items()):
            if notes:
                number += 1
                name = str(track.name).strip()
                yield Part(number, index + 1, channel + 1, name, tuple(notes))


def _tempi(track: Any) -> list[tuple[int, int]]:
    """Return the tempo changes of a track: ticks, and microseconds a beat from there on."""
    found, tick = [], 0
    for message in track:
        tick += message.time
        if message.type == "set_tempo":
            found.append((tick, message.tempo))
    return found


def _notes(track: Any, clock: "_Clock") -> dict[int, list[Note]]:
    """Return the notes of a track by channel; one that is never released ends with the track."""
    held: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    found: dict[int, list[Note]] = defaultdict(list)
    tick = 0

    def release(channel: int, pitch: int) -> None:
        start, velocity = held[channel, pitch].pop(0)
        begin, end = clock.seconds(start), clock.seconds(tick)
        if end > begin:
            found[channel].append(Note(begin, end, pitch, velocity))

    for message in track:
        tick += message.time
        if message.type == "note_on" and message.velocity:
            held[message.channel, message.note].append((tick, message.velocity))
        elif message.type in ("note_on", "note_off") and held[message.channel, message.note]:
            release(message.channel, message.note)
    for (channel, pitch), waiting in held.items():
        for _ in list(waiting):
            release(channel, pitch)
    return {c: sorted(notes, key=lambda n: (n.start, n.pitch)) for c, notes in found.items()}


@define
class _Clock:
    """Seconds of ticks, from tempo changes that lie in order."""

    _ticks: list[int] = field(factory=list)
    _seconds: list[float] = field(factory=list)
    _per_tick: list[float] = field(factory=list)

    @classmethod
    def of(cls, tempi: Sequence[tuple[int, int]], division: int) -> "_Clock":
        """Return the clock of a division: ticks a beat or, negative, those of film frames."""
        if division == 0:
            raise ValueError("its beat has no ticks")
        if division < 0:
            frames, ticks = -(division >> 8), division & 0xFF
            if not frames * ticks:
                raise ValueError("its second has no ticks")
            rate = 30000 / 1001 if frames == 29 else frames  # 29 stands for 29.97
            return cls([0], [0.0], [1.0 / (rate * ticks)])
        clock = cls([0], [0.0], [0.5 / division])
        for tick, tempo in sorted(tempi, key=lambda each: each[0]):
            at = clock.seconds(tick)
            clock._ticks.append(tick)
            clock._seconds.append(at)
            clock._per_tick.append(tempo * 1e-6 / division)
        return clock

    def seconds(self, tick: int) -> float:
        """Return when a tick is."""
        last = bisect_right(self._ticks, tick) - 1
        return self._seconds[last] + (tick - self._ticks[last]) * self._per_tick[last]
