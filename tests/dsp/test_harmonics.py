import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import harmonics
from ddspcore.dsp.harmonics import Steps, Waves, blocks

HOPS = st.sampled_from([1, 2, 5, 33])


def random_phase(hops, hop, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**31), 2**31, (hops, hop), generator=generator).to(torch.int32)


def direct(wave, phase, lines, numbers):
    """The definition, in float64, of the sines or cosines with these numbers."""
    angles = phase[:, None].double() * numbers[:, None] * (2 * math.pi * 2.0**-32)
    starts, rises = (lines.double() @ wave(angles)).unbind(1)
    blend = torch.arange(phase.shape[1], dtype=torch.float64) / phase.shape[1]
    return starts + rises * blend


@given(st.integers(1, 9), HOPS, st.integers(1, 110), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_large_and_small_steps_make_every_harmonic(hops, hop, count, seed):
    phase = random_phase(hops, hop, seed)
    lines = torch.rand(hops, 2, count, generator=torch.Generator().manual_seed(seed)) / count
    steps, numbers = Steps(phase, count, torch.float32), torch.arange(1, count + 1)
    for mine, wave in ((steps.sines, torch.sin), (steps.cosines, torch.cos)):
        true = direct(wave, phase, lines, numbers)
        torch.testing.assert_close(mine(lines).double(), true, rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", ["steps", "waves"])
@given(st.integers(1, 9), HOPS, st.integers(1, 40), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_shares_are_the_adjoint_of_sines(kind, hops, hop, count, seed):
    phase = random_phase(hops, hop, seed)
    generator = torch.Generator().manual_seed(seed)
    lines = torch.rand(hops, 2, count, generator=generator, dtype=torch.float64)
    grad = torch.randn(hops, hop, generator=generator, dtype=torch.float64)
    f0 = 100.0 * torch.rand(hops, hop, generator=generator, dtype=torch.float64)
    made = (
        Steps(phase, count, lines.dtype) if kind == "steps" else Waves(phase, f0, 1, count, 800.0)
    )
    there, back = (made.sines(lines) * grad).sum(), (lines * made.shares(grad)).sum()
    torch.testing.assert_close(there, back)


def test_a_wave_is_silent_at_the_samples_where_it_reaches_nyquist():
    phase, f0 = random_phase(1, 4), torch.tensor([[399.0, 400.0, 401.0, 300.0]])
    lines = torch.ones(1, 2, 1)
    waves = Waves(phase, f0, 2, 2, 800.0)
    expected = direct(torch.sin, phase, lines, torch.tensor([2])) * torch.tensor([1, 0, 0, 1])
    torch.testing.assert_close(waves.sines(lines).double(), expected, rtol=0, atol=1e-6)


def test_the_sines_of_a_hop_are_evaluated_one_by_one():
    phase, f0 = random_phase(1, 256), torch.full((1, 2), 101.0)
    ((rows, which, made),) = blocks(phase, f0, 64, 8000.0)
    assert isinstance(made, Waves)
    lines = torch.rand(1, 2, 64) / 64
    expected = direct(torch.sin, phase, lines, torch.arange(1, 65))
    torch.testing.assert_close(
        made.sines(lines[rows, :, which]).double(), expected, rtol=0, atol=1e-6
    )


@given(
    st.lists(st.floats(0.0, 1000.0, width=32), min_size=1, max_size=12),
    st.integers(1, 30),
    st.sampled_from([1, 100, 1 << 20]),
)
@settings(max_examples=60, deadline=None)
def test_each_harmonic_is_summed_once_and_above_nyquist_never(hz, count, block):
    """A row of frequencies a hop: what a block sums without a mask is audible at every sample."""
    f0 = torch.tensor(hz)[:, None].repeat(1, 2)
    phase, nyquist = random_phase(len(hz), 3), 800.0
    audible = torch.arange(1, count + 1) * f0[:, :1] < nyquist
    times = torch.zeros(len(hz), count, dtype=torch.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harmonics, "CPU_FEW", 0)
        patch.setattr(harmonics, "CPU_BLOCK", block)
        for rows, which, made in blocks(phase, f0, count, nyquist):
            times[rows, which] += 1
            assert isinstance(made, Waves) or audible[rows, which].all()
            assert audible[rows, which].any(0).all()
    assert times.max() <= 1
    assert times[audible].eq(1).all()
