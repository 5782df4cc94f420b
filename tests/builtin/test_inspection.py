"""What is measured of a file, and what is said about it, on signals of which the truth is known."""

import numpy as np
import pytest
import torch

from ddspcore.builtin.inspection.picture import draw
from ddspcore.builtin.inspection.quality import measure
from ddspcore.builtin.inspection.verdict import judge
from ddspcore.data.fates import Fate
from ddspcore.data.items import Item
from ddspcore.dsp.pitch import track

RATE, HOP = 16_000, 256
RANGE = (50.0, 2000.0)


def tone(hz, seconds=2.0, amplitude=0.5):
    t = np.arange(round(seconds * RATE)) / RATE
    return sum(amplitude / k * np.sin(2 * np.pi * hz * k * t) for k in (1, 2, 3))


def item(signal, f0_range=RANGE, **facts):
    audio = torch.from_numpy(np.asarray(signal, np.float32))[None]
    padded = torch.nn.functional.pad(audio, (0, -audio.shape[1] % HOP))
    f0_hz, voicing = track(padded, RATE, HOP, f0_min=f0_range[0], f0_max=f0_range[1])
    fate = Fate("a.wav", "kept", kept_seconds=len(signal) / RATE, sample_rate=RATE, **facts)
    features = {"f0_hz": f0_hz[..., None], "voicing": voicing[..., None]}
    return Item(fate, "key", audio, 1.0, features=features)


def measured(signal, f0_range=RANGE):
    return measure(item(signal, f0_range), RATE, HOP, f0_range)


def row(signal, f0_range=RANGE, clipped=0, **changed):
    it = item(signal, f0_range, clipped=clipped)
    quality = measure(it, RATE, HOP, f0_range).to_json() | changed
    return it.fate.to_json() | {"split": "train", "quality": quality}


def faults(*rows, f0_range=RANGE, rate=RATE):
    return [finding.text for finding in judge(rows, f0_range, rate) if not finding.good]


def test_a_tone_is_measured():
    found = measured(tone(220.0))
    assert (found.samples, found.frames) == (32_000, 126)
    assert found.rms == pytest.approx(0.5 * np.sqrt((1 + 1 / 4 + 1 / 9) / 2), rel=1e-3)
    assert found.dc == pytest.approx(0.0, abs=1e-4)
    assert found.voiced_seconds == pytest.approx(2.0, abs=0.1)
    assert found.mean_f0_hz == pytest.approx(220.0, rel=1e-3)
    assert max(found.f0_notes, key=found.f0_notes.get) == "57"  # A3
    assert (found.octave_jumps, found.f0_below, found.f0_above) == (0, 0.0, 0.0)
    assert found.second_voice < 0.05
    assert sum(found.loudness_db.values()) == pytest.approx(2.0, abs=0.1)


def test_silence_has_no_pitch_and_no_loudness():
    found = measured(np.zeros(RATE))
    assert (found.silent, found.voiced_seconds, found.mean_f0_hz) == (1.0, 0.0, None)
    assert (found.loudness_db, found.loudness_range_db, found.f0_below) == ({}, 0.0, None)


def test_half_of_it_silent_and_a_mean_that_is_not_zero():
    found = measured(np.concatenate([tone(220.0, 1.0), np.zeros(RATE)]))
    assert found.silent == pytest.approx(0.5, abs=0.05)
    assert measured(tone(220.0) + 0.1).dc == pytest.approx(0.1, rel=0.01)


def test_the_loudness_range_is_that_between_soft_and_loud():
    found = measured(np.concatenate([tone(440.0, 2.0, 0.01), tone(440.0, 2.0, 0.1)]))
    assert found.loudness_range_db == pytest.approx(20.0, abs=1.0)


@pytest.mark.parametrize(("hz", "side"), [(150.0, "f0_below"), (600.0, "f0_above")])
def test_what_the_synth_cannot_play_is_found_beyond_its_range(hz, side):
    found = measured(tone(hz), (200.0, 500.0))
    assert getattr(found, side) > 0.9


def test_an_octave_jump_is_counted_and_a_fifth_is_not():
    fifth = measured(np.concatenate([tone(220.0, 1.0), tone(330.0, 1.0)]))
    assert fifth.octave_jumps == 0
    it = item(tone(220.0))
    it.features["f0_hz"][0, 60:70] *= 2
    assert measure(it, RATE, HOP, RANGE).octave_jumps == 2


def test_without_a_pitch_feature_nothing_is_said_about_pitch():
    it = item(tone(220.0))
    found = measure(it, RATE, HOP, None)
    assert (found.voiced_seconds, found.f0_notes, found.second_voice) == (None, None, None)
    texts = [finding.text for finding in judge([it.fate.to_json() | {
        "clipped": 0, "quality": found.to_json()}], None, RATE)]  # fmt: skip
    assert not any("pitch" in text or "voiced" in text for text in texts)


LONG = {"voiced_seconds": 700.0, "loudness_range_db": 20.0}


def test_good_data_has_no_fault():
    assert faults(row(tone(220.0), **LONG)) == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"voiced_seconds": 12.0}, "12 s are voiced"),
        ({"f0_above": 0.05}, "5.0% of the voiced frames are above the synth's 2000 Hz"),
        ({"f0_below": 0.02}, "2.0% of the voiced frames are below the synth's 50 Hz"),
        ({"octave_jumps": 350}, "the pitch jumps an octave 30 times a voiced minute"),
        ({"second_voice": 0.2}, "more than one note at a time, or a long reverb, in a.wav"),
        ({"dc": -0.05}, "a mean that is not 0 in a.wav"),
        ({"silent": 0.6}, "60% is silence"),
        ({"loudness_range_db": 3.0}, "the loudness moves by 3.0 dB"),
    ],
)
def test_each_fault_is_said(changed, text):
    assert faults(row(tone(220.0), **LONG | changed)) == [text]


def test_what_is_all_below_the_range_counts_although_nothing_in_it_is_voiced():
    low, fine = row(tone(100.0), (200.0, 500.0)), row(tone(300.0), (200.0, 500.0), **LONG)
    assert low["quality"]["voiced_seconds"] < 0.1
    [text] = faults(fine, low | {"quality": low["quality"] | {"loudness_range_db": 20.0}},
                    f0_range=(200.0, 500.0))  # fmt: skip
    assert text.endswith("of the voiced frames are below the synth's 200 Hz")


def test_the_files_levels_and_rates_are_judged_too():
    assert faults(row(tone(220.0), clipped=100, **LONG)) == ["clipped: a.wav"]
    [slow] = faults(row(tone(220.0), **LONG), rate=48_000)
    assert slow == "recorded at a lower rate than it is trained at: a.wav"


def test_mostly_unpitched_sound_is_a_fault():
    noise = np.random.default_rng(0).standard_normal(RATE) * 0.1
    assert "0% of what sounds has a pitch" in faults(row(noise, loudness_range_db=20.0))


def test_a_picture_of_anything_is_drawn(tmp_path):
    files = [row(tone(220.0)), row(np.zeros(RATE)) | {"name": "silence.wav"}]
    verdict = [finding.to_json() for finding in judge(files, RANGE, RATE)]
    found = {"files": files, "root": "here", "f0_range": list(RANGE), "verdict": verdict}
    draw(found, tmp_path / "a.png")
    draw(found, tmp_path / "b.png")
    draw(found | {"f0_range": None}, tmp_path / "c.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
