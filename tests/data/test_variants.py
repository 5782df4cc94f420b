import numpy as np
import pytest
import torch

from ddspcore.data.fates import Fate
from ddspcore.data.items import Item
from ddspcore.data.splits import Stretch
from ddspcore.data.variants import Variant, variants, vary
from ddspcore.dsp.pitch import track
from ddspcore.dsp.scales import cents

RATE, HOP = 16_000, 256


def sine(f0_hz=220.0, seconds=2.0):
    time = np.arange(round(seconds * RATE)) / RATE
    audio = torch.from_numpy(np.sin(2 * np.pi * f0_hz * time).astype("f"))[None]
    return Item(Fate("a.wav", "kept"), "key", audio, 1.0, gain=0.5)


def test_every_level_is_heard_at_every_pitch_but_what_was_recorded():
    assert variants((), ()) == ()
    assert variants((-6.0, 0.0), ()) == (Variant(-6.0, 0.0),)
    assert len(variants((-6.0, -12.0), (-1.0, 1.0))) == 3 * 3 - 1


@pytest.mark.parametrize("semitones", [-2.0, 0.0, 0.5, 7.0])
def test_a_variant_is_bent_and_as_loud_as_asked_for(semitones):
    item = sine()
    made = vary(item, Stretch(0, 0, item.hops(HOP)), Variant(-6.0, semitones), RATE, HOP)
    assert made.audio.shape[1] == pytest.approx(2 * RATE / 2 ** (semitones / 12), abs=2)
    x = made.samples(0, made.hops(HOP) * HOP)
    f0_hz, _ = track(x, RATE, HOP, f0_min=50.0, f0_max=1000.0)
    inner = f0_hz[0, 8:-8]
    assert cents(inner, torch.tensor(220.0)).median().item() == pytest.approx(
        100 * semitones, abs=0.5
    )
    rms = x[0, RATE // 4 : RATE].square().mean().sqrt().item()
    assert 20 * np.log10(rms * np.sqrt(2) / item.gain) == pytest.approx(-6.0, abs=0.05)


def test_a_variant_hears_its_part_alone():
    item = sine()
    made = vary(item, Stretch(0, 10, 20), Variant(-6.0, 0.0), RATE, HOP)
    assert torch.equal(made.audio, item.audio[:, 10 * HOP : 20 * HOP])


def test_variants_are_kept_apart_in_the_cache_by_pitch_and_part():
    item, part = sine(), Stretch(0, 0, 40)
    variant = Variant(0.0, 1.0)
    keys = {
        vary(item, part, variant, RATE, HOP).key,
        vary(item, part, Variant(0.0, 2.0), RATE, HOP).key,
        vary(item, Stretch(0, 0, 41), variant, RATE, HOP).key,
        item.key,
    }
    assert len(keys) == 4


def test_a_variant_says_what_it_is():
    made = vary(sine(), Stretch(0, 0, 40), Variant(-6.0, 2.0), RATE, HOP)
    assert made.fate.name == "a.wav, -6 dB, +2 semitones"
