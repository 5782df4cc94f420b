"""A source that says what its sound was made from: it is, and everything else follows."""

import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.known import KnownTones
from ddspcore.builtin.synths import Harmonic
from ddspcore.dsp.scales import cents

CTX = Context({"sample": 16_000.0, "frame": 62.5})


def source(**options):
    return KnownTones(KnownTones.Options(**options), CTX)


@pytest.mark.parametrize("f0", [147.0, 400.0])  # the second loses harmonics above Nyquist
def test_the_synth_makes_its_sound_of_what_is_known(f0):
    batch = source(f0=f0).batch("train", [0])
    controls = {name: batch[f"known_{name}"] for name in ("f0_hz",)}
    controls |= {n: batch[f"known_{n}"] for n in ("harmonic_amplitude", "harmonic_distribution")}
    played = Harmonic(Harmonic.Options(), CTX)(controls)
    assert (played - batch["audio"]).abs().max() < 2e-6


def test_what_is_told_is_off_by_the_detune():
    batch = source(detune=-35.0).batch("train", [0])
    off = cents(batch["f0_hz"], batch["known_f0_hz"])
    assert off == pytest.approx(torch.full_like(off, -35.0), abs=1e-2)
    assert torch.equal(batch["audio"], source().batch("train", [0])["audio"])


def test_the_pitch_glides_and_swings():
    f0_hz = source(vibrato=0.0, glide=500.0).batch("train", [0])["known_f0_hz"][0, :, 0]
    assert cents(f0_hz[-1], f0_hz[0]).item() == pytest.approx(500.0, abs=0.1)
    f0_hz = source(vibrato=30.0, glide=0.0).batch("train", [0])["known_f0_hz"][0, :, 0]
    assert cents(f0_hz.max(), f0_hz.min()).item() == pytest.approx(60.0, abs=3.0)


def test_tones_differ_by_number_and_seed_and_are_all_to_train_on():
    tones = source(tones=3)
    assert (tones.count("train"), tones.count("val")) == (3, 0)
    first, second = (tones.batch("train", [i])["known_harmonic_amplitude"] for i in (0, 1))
    other = source(seed=1).batch("train", [0])["known_harmonic_amplitude"]
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


def test_levels_move_by_decibels_and_smoothly():
    batch = source(tones=8).batch("train", range(8))
    partials = batch["known_harmonic_amplitude"] * batch["known_harmonic_distribution"]
    level_db = 20 * partials.log10()
    assert 2.0 < (level_db - level_db.mean(1, keepdim=True)).std() < 8.0
    assert level_db.diff(dim=1).abs().max() < 5.0
