"""How many notes at once: known tones, their mixtures, and real recordings."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from ddspcore.data.audio import decode
from ddspcore.dsp.pitch import track
from ddspcore.dsp.polyphony import off_grid

RATE, HOP = 16_000, 256
RECORDINGS = sorted((Path(__file__).parents[1] / "audio").glob("*_16k.*"))


def note(hz, seconds=1.0, partials=6, rate=RATE):
    t = torch.arange(round(seconds * rate)) / rate
    return sum(torch.sin(2 * torch.pi * hz * k * t) / k for k in range(1, partials + 1))[None]


def shares(x, hz, rate=RATE, hop=HOP):
    f0_hz = torch.full((1, x.shape[1] // hop + 1), float(hz))
    return off_grid(x, f0_hz, rate, hop)[0, 4:-4]


@pytest.mark.parametrize("hz", [110.0, 220.5, 441.0, 987.0])
def test_one_note_lies_on_its_grid(hz):
    assert shares(note(hz), hz).max() < 1e-3


def test_a_second_note_shows_with_its_share_of_the_power():
    # A minor third above at half the amplitude: a fifth of the power, no partial of the first.
    mixed = note(400.0, partials=1) + 0.5 * note(475.0, partials=1)
    assert shares(mixed, 400.0).median() == pytest.approx(0.2, abs=0.02)


def test_an_octave_above_cannot_be_told_from_partials():
    assert shares(note(220.0) + note(440.0), 220.0).max() < 1e-3


def test_noise_has_few_peaks_and_silence_none():
    generator = torch.Generator().manual_seed(0)
    noisy = note(220.0) + 0.1 * torch.randn(1, RATE, generator=generator)
    assert shares(noisy, 220.0).mean() < 0.01
    assert shares(torch.zeros(1, RATE), 220.0).max() == 0


def test_any_rate_hears_the_same():
    mixed = [note(400.0, rate=rate) + note(475.0, rate=rate) for rate in (16_000, 48_000)]
    slow, fast = shares(mixed[0], 400.0), shares(mixed[1], 400.0, 48_000, 768)
    assert slow.median() == pytest.approx(float(fast.median()), abs=0.03)


def test_frames_are_as_many_as_the_features():
    x = note(220.0, seconds=0.3)
    assert off_grid(x, torch.full((1, x.shape[1] // HOP + 1), 220.0), RATE, HOP).shape == (1, 19)


def recording(path, seconds=8.0, start=1.0):
    audio = torch.from_numpy(decode(path, RATE).audio)
    part = audio[round(start * RATE) : round((start + seconds) * RATE)]
    return part / part.square().mean().sqrt()


def second_voice(x):
    f0_hz, voicing = track(x[None], RATE, HOP)
    asked = off_grid(x[None], f0_hz, RATE, HOP)[voicing > 0.5]
    return float((asked > 0.1).float().mean())


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_real_instruments_and_a_voice_are_one_at_a_time(path):
    assert second_voice(recording(path)) < 0.08


@pytest.mark.parametrize(("one", "other"), [*pairwise(RECORDINGS)], ids=lambda path: path.stem)
def test_two_of_them_are_not(one, other):
    a, b = recording(one), recording(other, start=2.7)
    length = min(len(a), len(b))
    assert second_voice(a[:length] + b[:length]) > 0.08
