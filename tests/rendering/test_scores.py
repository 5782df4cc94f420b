"""MIDI files: when notes are, who plays them, and what is broken."""

from contextlib import suppress

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddspcore.errors import UserError
from ddspcore.rendering.scores import Note, choose_part, read_score
from tests.rendering.midi import BEAT, save, tune


def only(path):
    (part,) = read_score(path)
    return part.notes


def test_notes_are_where_they_are_written(tmp_path):
    path = save(tmp_path / "a.mid", tune((0, 1, 60, 100), (1.5, 3, 62, 1)))
    assert only(path) == (Note(0.0, 0.5, 60, 100), Note(0.75, 1.5, 62, 1))


def test_tempo_changes_hold_for_every_track_from_there_on(tmp_path):
    tempi = mido.MidiTrack()
    tempi.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=2 * BEAT))
    tempi.append(mido.MetaMessage("set_tempo", tempo=250_000, time=2 * BEAT))
    path = save(tmp_path / "a.mid", tempi, tune((1, 3, 60, 64), (3, 5, 61, 64)))
    first, second = only(path)
    assert (first.start, first.end) == pytest.approx((0.5, 2.0))
    assert (second.start, second.end) == pytest.approx((2.0, 3.25))


def test_tracks_of_a_file_of_independent_tunes_have_their_own_tempo(tmp_path):
    slow = tune((0, 1, 60, 64))
    slow.insert(0, mido.MetaMessage("set_tempo", tempo=1_000_000))
    one, two = read_score(save(tmp_path / "a.mid", slow, tune((0, 1, 61, 64)), kind=2))
    assert (one.notes[0].end, two.notes[0].end) == pytest.approx((1.0, 0.5))


def test_time_can_be_that_of_film(tmp_path):
    path = save(tmp_path / "a.mid", tune((0, 100 / BEAT, 60, 64)), kind=0)
    data = bytearray(path.read_bytes())
    data[12:14] = bytes([256 - 25, 40])  # 25 frames a second, 40 ticks each
    path.write_bytes(data)
    assert only(path)[0].end == pytest.approx(0.1)


def test_a_note_without_end_ends_with_the_track(tmp_path):
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=64)])
    track.append(mido.MetaMessage("end_of_track", time=4 * BEAT))
    assert only(save(tmp_path / "a.mid", track)) == (Note(0.0, 2.0, 60, 64),)


def test_a_velocity_of_zero_ends_a_note(tmp_path):
    on = mido.Message("note_on", note=60, velocity=64)
    track = mido.MidiTrack([on, on.copy(velocity=0, time=BEAT)])
    assert only(save(tmp_path / "a.mid", track)) == (Note(0.0, 0.5, 60, 64),)


def test_the_part_with_the_most_notes_plays_unless_another_is_chosen(tmp_path):
    drums = [(beat, beat + 0.5, 36, 99) for beat in range(9)]
    path = save(
        tmp_path / "a.mid",
        tune((0, 1, 60, 64), name="Flute"),
        tune((0, 1, 50, 64), (1, 2, 52, 64), channel=2),
        tune(*drums, channel=9, name="Kit"),
    )
    parts = read_score(path)
    assert [str(part) for part in parts] == [
        "1 (Flute, channel 1, 1 note)",
        "2 (channel 3, 2 notes)",
        "3 (Kit, channel 10, 9 notes)",
    ]
    assert choose_part(parts, None, path).number == 2
    assert choose_part(parts, 3, path).name == "Kit"
    with pytest.raises(UserError, match=r"a\.mid: has no part 4; it has 1 \(Flute, channel 1"):
        choose_part(parts, 4, path)


def test_what_is_no_score_is_said(tmp_path, golden):
    whole = save(tmp_path / "tune.mid", tune((0, 1, 60, 64))).read_bytes()
    no_ticks, no_seconds = bytearray(whole), bytearray(whole)
    no_ticks[12:14] = b"\0\0"
    no_seconds[12:14] = b"\x80\0"
    endless = tune((0, 2**28 / BEAT, 60, 64))
    endless.insert(0, mido.MetaMessage("set_tempo", tempo=2**24 - 1))
    cases = {
        "empty": b"",
        "text": b"Twinkle, twinkle",
        "cut": whole[:30],
        "no-ticks": bytes(no_ticks),
        "no-seconds": bytes(no_seconds),
        "no-notes": save(tmp_path / "x.mid", mido.MidiTrack()).read_bytes(),
        "endless": save(tmp_path / "x.mid", endless).read_bytes(),
    }
    said = []
    for name, data in cases.items():
        path = tmp_path / f"{name}.mid"
        path.write_bytes(data)
        with pytest.raises(UserError) as failure:
            read_score(path)
        said.append(str(failure.value).replace(f"{tmp_path}/", ""))
    with pytest.raises(UserError) as failure:
        read_score(tmp_path / "none.mid")
    said.append(str(failure.value).replace(f"{tmp_path}/", ""))
    golden("broken-scores", "\n".join(said) + "\n")


@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=8),
    st.integers(0, 200),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_are_notes_or_a_sentence(tmp_path, changes, length):
    path = save(tmp_path / "a.mid", tune((0, 1, 60, 64), (1, 2, 62, 64), name="Tune"))
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path.write_bytes(data[: max(length, len(data) - length)])
    with suppress(UserError):
        parts = read_score(path)
        assert all(note.end > note.start >= 0 for part in parts for note in part.notes)


@given(st.binary(max_size=200))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_notes_or_a_sentence(tmp_path, data):
    path = tmp_path / "a.mid"
    path.write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0" + bytes([len(data)]) + data)
    with suppress(UserError):
        read_score(path)
