"""MIDI files for tests."""

from pathlib import Path

import mido

BEAT = 480  # at the tempo that files begin with, half a second


def tune(*notes: tuple[float, float, int, int], channel: int = 0, name: str = "") -> mido.MidiTrack:
    """Return a track of notes: first beat, last beat, pitch and velocity."""
    events = []
    for start, end, pitch, velocity in notes:
        on = mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)
        off = mido.Message("note_off", note=pitch, channel=channel)
        events += [(start, 1, on), (end, 0, off)]
    track = mido.MidiTrack()
    if name:
        track.append(mido.MetaMessage("track_name", name=name))
    at = 0
    for beat, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(beat * BEAT)
        track.append(message.copy(time=tick - at))
        at = tick
    return track


def save(path: Path, *tracks: mido.MidiTrack, kind: int = 1) -> Path:
    file = mido.MidiFile(type=kind, ticks_per_beat=BEAT)
    file.tracks.extend(tracks)
    file.save(path)
    return path
