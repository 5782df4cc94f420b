"""One hop is that hop of the bank, phases bit for bit."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddspcore.dsp.hops import harmonic_hop, integer_phases, phases_after
from ddspcore.dsp.oscillators import harmonic_bank, integer_phase, phase_after

hz = st.floats(0.5, 24_000.0, width=32)
pairs = st.lists(st.tuples(hz, hz), min_size=1, max_size=3)
hops = st.sampled_from([1, 7, 64, 256])
rates = st.sampled_from([16_000, 44_100, 192_000])


def starts(count, rate):
    """Draw phases of the first samples, within a cycle."""
    return torch.randint(2 * rate << 24, (count,))


@given(f0_hz=pairs, hop=hops, rate=rates)
@settings(max_examples=60)
def test_phases_are_those_of_the_bank_bit_for_bit(f0_hz, hop, rate):
    start, known = starts(len(f0_hz), rate), torch.tensor(f0_hz)
    phases = torch.from_numpy(integer_phases(f0_hz, hop, rate, start.tolist()))
    assert phases.equal(integer_phase(known, hop, rate, start)[:, 0])
    after = phases_after(f0_hz, hop, rate, start.tolist())
    assert after == phase_after(known, hop, rate, start).tolist()


@given(f0_hz=pairs, hop=hops, rate=rates, harmonics=st.sampled_from([1, 5, 64]))
@example(f0_hz=[(250.0, 250.0)], hop=64, rate=16_000, harmonics=40)  # the 32nd is at Nyquist
@example(f0_hz=[(8000.0, 9000.0), (9000.0, 100.0)], hop=64, rate=16_000, harmonics=40)
@example(f0_hz=[(0.0, 0.0), (0.0, 440.0)], hop=64, rate=16_000, harmonics=40)
@settings(max_examples=60)
def test_a_hop_is_that_of_the_bank(f0_hz, hop, rate, harmonics):
    start, amplitudes = starts(len(f0_hz), rate), torch.rand(len(f0_hz), 2, harmonics) / harmonics
    bank = harmonic_bank(torch.tensor(f0_hz), amplitudes, hop, rate, start)
    tone = harmonic_hop(f0_hz, amplitudes, hop, rate, start.tolist())
    torch.testing.assert_close(tone, bank, rtol=0, atol=5e-7)


def test_after_an_hour_the_phase_is_still_exact():
    rate, seconds, (f0_hz,) = 16_000, 3600, torch.tensor([440.1]).tolist()
    phases = [0]
    for _ in range(seconds):
        phases = phases_after([(f0_hz, f0_hz)], rate, rate, phases)
    assert phases == [round(f0_hz * 2**24) * 2 * rate * seconds % (2 * rate << 24)]


def test_what_is_above_nyquist_is_silent():
    tone = harmonic_hop([(8000.0, 8000.0)], torch.ones(1, 2, 9), 64, 16_000, [5])
    assert tone.shape == (1, 64)
    assert not tone.any()


def test_as_many_phases_as_pitches():
    with pytest.raises(ValueError, match="shorter"):
        phases_after([(1.0, 1.0)] * 2, 64, 16_000, [0])
