"""What a voice does with notes: exact between the transitions, and as set within them."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.data.survey import Spread
from ddspcore.errors import UserError
from ddspcore.rendering.performing import Tone, Voice, one_voice, play_score
from ddspcore.rendering.scores import Note
from ddspcore.rendering.style import Style

TIMES = np.arange(0, 6, 0.016)
STILL = Style(attack=0.0, release=0.0, portamento=0.0)


def played(*notes, legato=0.0):
    return [(t.start, t.end, t.pitch, t.slurred) for t in one_voice(notes, legato)]


def note(start, end, pitch, velocity=64):
    return Note(start, end, pitch, velocity)


def test_the_last_note_has_priority_and_what_is_held_comes_back():
    assert played(note(0, 4, 60), note(1, 2, 64)) == [
        (0, 1, 60, False),
        (1, 2, 64, True),
        (2, 4, 60, True),
    ]


def test_of_a_chord_the_highest_is_played_and_then_what_is_left():
    chord = note(0, 1, 60), note(0, 1, 67), note(0, 2, 64)
    assert played(*chord) == [(0, 1, 67, False), (1, 2, 64, True)]


@pytest.mark.parametrize(
    ("start", "pitch", "legato", "slurred"),
    [
        (1.0, 62, 0.0, True),
        (1.0, 60, 0.0, False),  # the same note again is struck again
        (1.05, 62, 0.0, False),
        (1.05, 62, 0.1, True),
        (1.0, 62, -0.1, False),
        (0.8, 62, -0.1, True),
    ],
)
def test_legato_says_what_is_slurred(start, pitch, legato, slurred):
    first, second = one_voice([note(0, 1, 60), note(start, 2, pitch)], legato)
    assert second.slurred == slurred
    assert first.end == (start if slurred or start < 1 else 1.0)


notes = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(40, 80)), min_size=1, max_size=12
).map(lambda many: [note(start / 8, (start + long) / 8, pitch) for start, long, pitch in many])


@given(notes)
def test_one_voice_plays_one_note_at_a_time_and_whenever_one_is_held(many):
    tones = one_voice(many)
    for before, after in itertools.pairwise(tones):
        assert before.end <= after.start
    for at in np.arange(0, 8, 1 / 16) + 1 / 32:
        held = [each for each in many if each.start <= at < each.end]
        playing = [each for each in tones if each.start <= at < each.end]
        assert len(playing) == bool(held)
        if held:
            latest = max(each.start for each in held)
            assert playing[0].pitch == max(e.pitch for e in held if e.start == latest)


@given(notes)
def test_between_the_transitions_the_pitch_is_exactly_that_of_the_note(many):
    tones = one_voice(many)
    style = Style(attack=0.02, release=0.05, portamento=0.04)
    pitch = Voice(tones, style, TIMES).pitch()
    for tone in tones:
        settled = (tone.start + style.portamento <= TIMES) & (tone.end > TIMES)
        assert (pitch[settled] == tone.pitch).all()


def test_a_slurred_note_glides_and_an_attacked_one_does_not():
    tones = [Tone(0, 1, 60, 64, False), Tone(1, 2, 64, 64, True), Tone(3, 4, 72, 64, False)]
    times = np.array([0.999, 1.0, 1.025, 1.05, 2.5, 2.999, 3.0])
    pitch = Voice(tones, Style(portamento=0.05), times).pitch()
    assert pitch == pytest.approx([60, 60, 62, 64, 64, 64, 72])


def test_vibrato_has_the_rate_depth_and_delay_that_are_set():
    style = Style(vibrato_cents=50, vibrato_hz=5.0, vibrato_delay=0.5)
    times = np.arange(0, 4, 0.001)
    moved = Voice([Tone(0, 4, 60, 64, False)], style, times).pitch() - 60
    assert (moved[times <= 0.5] == 0).all()
    steady = moved[(times >= 1.0) & (times < 3.0)]
    assert np.abs(steady).max() == pytest.approx(0.5, rel=1e-3)
    spectrum = np.abs(np.fft.rfft(steady))
    assert spectrum.argmax() == 10  # in two seconds
    assert np.abs(moved[(times > 0.5) & (times < 0.6)]).max() < 0.3


def test_attack_and_release_are_linear_in_amplitude():
    style = Style(attack=0.2, release=0.4)
    times = np.array([-0.1, 0.1, 0.2, 0.9, 1.0, 1.2, 1.5])
    voice = Voice([Tone(0, 1, 60, 64, False)], style, times)
    level = voice.level_db(np.array([-20.0]))
    half = -20 + 20 * np.log10(0.5)
    assert level[1:6] == pytest.approx([half, -20, -20, -20, half], abs=1e-6)
    assert (level[[0, 6]] < -100).all()
    assert voice.sounds().tolist() == [False, True, True, True, True, True, False]


def test_a_slurred_note_has_no_attack_but_its_own_level():
    tones = [Tone(0, 1, 60, 1, False), Tone(1, 2, 62, 127, True)]
    times = np.array([0.5, 1.0, 1.05, 1.1, 1.5])
    level = Voice(tones, Style(attack=0.1), times).level_db(np.array([-40.0, -20.0]))
    assert level == pytest.approx([-40, -40, -30, -20, -20])


def test_a_note_that_still_rings_is_not_cut_off_by_the_next():
    tones = [Tone(0, 1, 60, 64, False), Tone(1.1, 2, 62, 64, False)]
    times = np.array([1.1, 1.11, 1.15, 1.3])
    level = Voice(tones, Style(attack=0.1, release=0.4), times).level_db(np.array([-20.0, -20.0]))
    assert level[0] == pytest.approx(-20 + 20 * np.log10(0.75), abs=1e-6)
    assert (level > -26.1).all()


def test_a_run_hears_the_score_as_it_would_hear_a_recording(open_shipped):
    run = open_shipped()
    quantiles = tuple(-54.0 + 2.0 * step for step in range(21))
    spread = {"loudness_db": Spread(99, quantiles, -52.0, -16.0, (-34.0, -34.0), (36.0, 36.0))}
    heard = play_score(run, [note(0.5, 1.5, 57, 1), note(2, 3, 69, 127)], STILL, spread)
    frames = heard.features["f0_hz"].shape[1]
    assert frames == -(-heard.samples // 256) + 1
    assert heard.samples == 4 * 16_000
    at = (np.arange(frames) * 256) / 16_000
    f0_hz, level, voicing = (
        heard.features[name].flatten().numpy() for name in ("f0_hz", "loudness_db", "voicing")
    )
    for start, end, hz, db in ((0.5, 1.5, 220.0, -50.0), (2, 3, 440.0, -16.0)):
        within = (at >= start) & (at < end)
        assert (f0_hz[within] == hz).all()
        assert (level[within] == db).all()
        assert (voicing[within] == 1).all()
    rest = (at > 1.52) & (at < 1.98)
    assert (level[rest] == -80).all()
    assert (voicing[rest] == 0).all()
    assert (np.diff(f0_hz[rest]) > 0).all()  # on its way to the next note, as a tracker has it
    assert (f0_hz[at < 0.5] == 220).all()


def test_what_a_score_does_not_have_is_said(open_shipped):
    run = open_shipped("feature=[{use='f0'},{use='loudness'},{use='deltas'}]")
    heard = play_score(run, [note(0, 1, 60)], STILL, {})
    assert heard.features["f0_hz_delta"].abs().max() == 0
    assert torch.isfinite(heard.features["loudness_db_delta"]).all()
    run.features = tuple(n for n in run.features if n.label != "loudness")
    with pytest.raises(UserError, match="a score has no recording, which feature deltas needs"):
        play_score(run, [note(0, 1, 60)], STILL, {})
