import numpy as np
import pytest
import torch

from benchmarks.phrases import ATTACK_S, BEAT_S, FADE_S, MOTIF, Tone, phrase, sound
from ddspcore.dsp.pitch import track
from ddspcore.dsp.scales import cents

RATE = 16_000


def sine(f0_hz=220.0, seconds=3.0, level=0.5):
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * f0_hz * time)).astype(np.float32)


@pytest.mark.parametrize("semitones", [-2.0, 0.0, 1.0])
def test_a_tone_is_at_its_pitch_and_level(semitones):
    tone = Tone(semitones, 1, -6.0, struck=True)
    played = torch.from_numpy(sound(sine(), tone, RATE, RATE))[None]
    f0_hz, _ = track(played, RATE, 256, f0_min=50.0, f0_max=1000.0)
    error = cents(f0_hz[0, 8:-8], torch.tensor(220.0)).median().item() - 100 * semitones
    assert abs(error) < 0.5
    assert played[0, : RATE // 2].abs().max().item() == pytest.approx(0.25, abs=0.01)


def test_a_struck_tone_has_its_attack_and_a_tied_one_fades_in_after_it():
    note = sine()
    note[: RATE // 10] = 0.9
    struck = sound(note, Tone(0, 1, 0.0, struck=True), RATE, RATE)
    tied = sound(note, Tone(0, 1, 0.0), RATE, RATE)
    assert np.array_equal(struck[: RATE // 2], note[: RATE // 2])
    begin, faded = round(ATTACK_S * RATE), round(FADE_S * RATE)
    assert tied[0] == 0
    assert np.array_equal(tied[faded : RATE // 2], note[begin + faded : begin + RATE // 2])
    assert struck[-1] == pytest.approx(0.0, abs=1e-6)


def test_a_phrase_goes_up_and_down_and_keeps_the_level_of_the_notes():
    notes = [sine(220.0), sine(330.0), sine(440.0)]
    played = phrase(notes, RATE)
    beats = sum(tone.beats for tone in MOTIF) * 5
    assert len(played) == round((beats * BEAT_S + FADE_S) * RATE)
    assert np.abs(played).max() == pytest.approx(0.5)
    assert np.isfinite(played).all()


def test_a_note_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="too short"):
        phrase([sine(seconds=0.5)], RATE)
